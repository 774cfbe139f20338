import type { Counts, CtlMessage } from "@wanhui/protocol";

const POLL_EVERY_MS = 3_000;

/** What `GET /api/room/poll` answers (WR13). */
export type Polled = {
  readonly stream: string;
  readonly offset: number;
  readonly resumed: boolean;
  readonly at: number;
  readonly ctl: readonly CtlMessage[];
  readonly cnt: Counts;
};

type PollerParts = {
  readonly read: () => Promise<Polled>;
  readonly onRead: (polled: Polled) => void;
  readonly onFailed: (retryAtMs: number) => void;
  readonly random: () => number;
};

/** Reads the room every few seconds while no socket gets through; an answer that comes after `stop` is dropped. */
export class Poller {
  readonly #parts: PollerParts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts the times it was begun or stopped: an answer belongs to one of them. */
  #life = 0;

  constructor(parts: PollerParts) {
    this.#parts = parts;
  }

  begin(): void {
    this.stop();
    void this.#poll(this.#life);
  }

  stop(): void {
    this.#life += 1;
    clearTimeout(this.#timer);
  }

  async #poll(life: number): Promise<void> {
    try {
      const polled = await this.#parts.read();
      if (life === this.#life) this.#parts.onRead(polled);
    } catch {
      // Whatever it was, HTTP does not get through either: the page says so and goes on trying.
      if (life === this.#life) this.#parts.onFailed(Date.now() + POLL_EVERY_MS);
    }
    if (life !== this.#life) return;
    const waitMs = POLL_EVERY_MS * (0.75 + this.#parts.random() / 2);
    this.#timer = setTimeout(() => void this.#poll(life), waitMs);
  }
}
