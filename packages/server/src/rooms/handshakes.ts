import type { RoomClock } from "./outlet.ts";

/** A handshake with its greeting is about a millisecond of one core: half of it is left for taps (AB15). */
const PER_SECOND = 400;
/** Taken at once after a rest: the fifth of a second in which a crowd's first come in. */
const BURST = 400;
/** 5 s of waiting at that rate; a raw socket that waits is some 20 KB. */
const WAITING_MAX = 2_000;
/** How often those who wait are looked at. */
const TURN_MS = 20;

/** Somebody at the door. */
export type Wish = {
  readonly take: () => void;
  readonly refuse: () => void;
  /** Gone by himself: takes no turn. */
  readonly isGone: () => boolean;
};

export type HandshakesOptions = {
  readonly clock: RoomClock;
  /** For tests of the bounds. */
  readonly perSecond?: number;
  readonly burst?: number;
  readonly waitingMax?: number;
};

/** Lets sockets in at a rate, one address after the other in turn (AB15). */
export class Handshakes {
  readonly #clock: RoomClock;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #waitingMax: number;
  /** Those who wait, by address; addresses in the order of their turn. */
  readonly #lines = new Map<string, Wish[]>();
  #waiting = 0;
  #tokens: number;
  #tokensAtMs: number;
  #cancel: (() => void) | null = null;

  constructor(options: HandshakesOptions) {
    this.#clock = options.clock;
    this.#perSecond = options.perSecond ?? PER_SECOND;
    this.#burst = options.burst ?? BURST;
    this.#waitingMax = options.waitingMax ?? WAITING_MAX;
    this.#tokens = this.#burst;
    this.#tokensAtMs = this.#clock.nowMs();
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Takes up at once, later in turn, or refuses whoever's address has the longest line. */
  admit(address: string, wish: Wish): void {
    this.#refill();
    if (this.#waiting === 0 && this.#tokens >= 1) {
      this.#tokens -= 1;
      wish.take();
      return;
    }
    const line = this.#lines.get(address) ?? [];
    if (this.#waiting >= this.#waitingMax) {
      const longest = this.#longest();
      // Whoever pushes the line over the edge goes, not whoever happens to come then.
      if (longest === undefined || longest.length <= line.length + 1) {
        wish.refuse();
        return;
      }
      longest.pop()?.refuse();
      this.#waiting -= 1;
    }
    line.push(wish);
    this.#lines.set(address, line);
    this.#waiting += 1;
    this.#plan();
  }

  /** Refuses all who wait. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    for (const line of this.#lines.values()) for (const wish of line) wish.refuse();
    this.#lines.clear();
    this.#waiting = 0;
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    const more = (Math.max(0, nowMs - this.#tokensAtMs) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#burst, this.#tokens + more);
    this.#tokensAtMs = nowMs;
  }

  #longest(): Wish[] | undefined {
    let longest: Wish[] | undefined;
    for (const line of this.#lines.values()) {
      if (longest === undefined || line.length > longest.length) longest = line;
    }
    return longest;
  }

  #plan(): void {
    if (this.#cancel !== null || this.#waiting === 0) return;
    this.#cancel = this.#clock.after(TURN_MS, () => {
      this.#cancel = null;
      this.#turn();
      this.#plan();
    });
  }

  #turn(): void {
    this.#refill();
    while (this.#tokens >= 1 && this.#waiting > 0) {
      const next = this.#lines.entries().next();
      if (next.done === true) return;
      const [address, line] = next.value;
      // To the end of the addresses: each gives one at a time.
      this.#lines.delete(address);
      const wish = line.shift();
      if (line.length > 0) this.#lines.set(address, line);
      if (wish === undefined) continue;
      this.#waiting -= 1;
      if (wish.isGone()) continue;
      this.#tokens -= 1;
      wish.take();
    }
  }
}
