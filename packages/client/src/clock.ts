/** Round trips kept; a phone's network changes within minutes. */
const SAMPLES_MAX = 16;
/** The quickest round trips are the most symmetric ones: the median of these is the clock. */
const BEST = 5;

/** The server's clock as seen from here: local time plus the median offset of the best round trips (WR9). */
export class ServerClock {
  readonly #localNowMs: () => number;
  readonly #samples: { rttMs: number; offsetMs: number }[] = [];
  #offsetMs = 0;
  #rough = true;

  /** @param localNowMs a clock that only goes forward */
  constructor(localNowMs: () => number) {
    this.#localNowMs = localNowMs;
  }

  nowMs(): number {
    return this.#localNowMs() + this.#offsetMs;
  }

  /** A first guess, from a message that names the server's time; measured round trips replace it. */
  guess(serverMs: number): void {
    if (this.#rough) this.#offsetMs = serverMs - this.#localNowMs();
  }

  /** One round trip: sent and received by the local clock, answered at `serverMs`. */
  add(sentMs: number, serverMs: number, receivedMs: number): void {
    const rttMs = receivedMs - sentMs;
    if (rttMs < 0) return;
    this.#samples.push({ rttMs, offsetMs: serverMs - (sentMs + receivedMs) / 2 });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    const best = [...this.#samples].sort((a, b) => a.rttMs - b.rttMs).slice(0, BEST);
    const offsets = best.map(({ offsetMs }) => offsetMs).sort((a, b) => a - b);
    const middle = offsets.length >> 1;
    const upper = offsets[middle] ?? 0;
    this.#offsetMs = offsets.length % 2 === 1 ? upper : ((offsets[middle - 1] ?? upper) + upper) / 2;
    this.#rough = false;
  }
}
