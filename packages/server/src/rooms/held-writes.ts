import type { Duplex } from "node:stream";
import type { RoomClock } from "./outlet.ts";

/**
 * Answers of one turn of the event loop leave as one write for each socket: whoever wins hears his answer and his prize
 * in one, and a write to a socket costs more than everything else an answer needs.
 */
export class HeldWrites {
  readonly #clock: RoomClock;
  #held = new Set<Duplex>();

  constructor(clock: RoomClock) {
    this.#clock = clock;
  }

  /** Holds what is written to the socket until this turn is over. */
  hold(socket: Duplex): void {
    if (this.#held.has(socket)) return;
    socket.cork();
    this.#held.add(socket);
    if (this.#held.size === 1) this.#clock.soon(() => this.#letGo());
  }

  #letGo(): void {
    const held = this.#held;
    this.#held = new Set();
    for (const socket of held) socket.uncork();
  }
}
