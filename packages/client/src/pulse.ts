import { CLOCK_PING_EVERY_MS } from "@wanhui/protocol";

/** Quick pings after a greeting, so that the clock stands before the next window. */
const FIRST_PINGS = 5;
const FIRST_PING_EVERY_MS = 300;
/** No answer by then: the socket is dead, whatever the system says. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Asks now and then whether the other side is there; says so when it is not. */
export class Pulse {
  readonly #ping: () => void;
  readonly #dead: () => void;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #deadTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: { ping: () => void; dead: () => void }) {
    this.#ping = parts.ping;
    this.#dead = parts.dead;
  }

  /** A socket was begun: its greeting must come. */
  await(): void {
    clearTimeout(this.#deadTimer);
    this.#deadTimer = setTimeout(this.#dead, ANSWER_TIMEOUT_MS);
  }

  answered(): void {
    clearTimeout(this.#deadTimer);
  }

  begin(quick: number = FIRST_PINGS): void {
    clearTimeout(this.#pingTimer);
    this.#ping();
    this.await();
    const everyMs = quick > 1 ? FIRST_PING_EVERY_MS : CLOCK_PING_EVERY_MS;
    this.#pingTimer = setTimeout(() => this.begin(quick - 1), everyMs);
  }

  stop(): void {
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#deadTimer);
  }
}
