import type { MeMessage } from "@wanhui/protocol";

/** Own messages missed come with the greeting; later than this they are read, at a moment within the spread. */
const STALE_AFTER_MS = 1_000;
const STALE_SPREAD_MS = 5_000;

export type OwnLaneParts = {
  readonly random: () => number;
  /** Each own message once, in order. */
  readonly onMessage: (message: MeMessage) => void;
  /** Own messages may have been missed: awards are to be read. */
  readonly onStale: () => void;
};

/** The lane of own messages: what has come, and what is owed before a `drawn` without a win means "not won" (WR3). */
export class OwnLane {
  readonly #parts: OwnLaneParts;
  /** Newest own message seen in this stream. */
  #seen = 0;
  /** The newest own message there is, as the greeting said. */
  #newest = 0;
  /** Own messages that must be here before a `drawn` without a win means "not won"; infinite: awards must be read. */
  #owed = Number.POSITIVE_INFINITY;
  /** A `drawn` came without a socket: its winners are told nowhere. */
  #drawnUntold = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: OwnLaneParts) {
    this.#parts = parts;
  }

  get seen(): number {
    return this.#seen;
  }
  get complete(): boolean {
    return this.#seen >= this.#owed;
  }

  /** Messages are counted anew: another stream, another person. */
  restart(): void {
    this.#seen = 0;
  }

  greeted(hello: { readonly resumed: boolean; readonly newest: number; readonly first: boolean }): void {
    const { resumed, newest, first } = hello;
    this.#newest = newest;
    // Without a count of ours nobody can say whether those that come are all of them.
    const uncounted = !resumed || (newest > 0 && this.#seen === 0);
    this.#owed = uncounted ? Number.POSITIVE_INFINITY : newest;
    if (first) this.#read();
    else if (resumed && !this.complete) this.#planRead();
  }

  /** A view that was read anew may count windows as drawn whose winners were told elsewhere. */
  renewed(greeted: boolean): void {
    if (!greeted) {
      this.#read();
      return;
    }
    this.#owed = Number.POSITIVE_INFINITY;
    this.#planRead();
  }

  drawnUntold(): void {
    this.#drawnUntold = true;
  }

  /** Without a socket nobody tells us of a win first: the page reads its awards instead of believing it lost. */
  polled(): void {
    if (this.#drawnUntold) this.#read();
  }

  take(messages: readonly MeMessage[]): void {
    for (const message of messages) {
      if (message.n <= this.#seen) continue;
      const gap = this.#seen !== 0 && message.n > this.#seen + 1;
      this.#seen = message.n;
      this.#parts.onMessage(message);
      if (gap) this.#read();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Own messages are owed. When they do not come by themselves the page reads its awards, at a moment spread over
   * seconds: a whole audience may have lost its sockets at once.
   */
  #planRead(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        if (this.complete) return;
        this.#seen = Math.max(this.#seen, this.#newest);
        this.#read();
      },
      STALE_AFTER_MS + this.#parts.random() * STALE_SPREAD_MS,
    );
  }

  /** The page reads its awards; what is won from here on is told on the socket. */
  #read(): void {
    this.#owed = 0;
    this.#drawnUntold = false;
    this.#parts.onStale();
  }
}
