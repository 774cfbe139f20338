import type { RoomClock } from "./outlet.ts";

/**
 * What pollers are answered, as bytes: made once for each place they ask from and kept for a tick, so that a crowd of
 * them costs the one thread a write each and no JSON (WR16). Caches before us keep an answer longer than that.
 */
export class Polls {
  readonly #clock: RoomClock;
  readonly #bodies = new Map<number | null, Buffer>();
  #sinceMs = Number.NEGATIVE_INFINITY;
  #built = 0;

  constructor(clock: RoomClock) {
    this.#clock = clock;
  }

  /** Bodies made so far. */
  get built(): number {
    return this.#built;
  }

  /**
   * @param place offset asked from, or null for every place that has to begin anew; the caller lets only places near
   * the newest message through, which bounds how many are kept
   * @param keptMs how long a body serves
   */
  body(place: number | null, keptMs: number, build: () => string): Buffer {
    const ageMs = this.#clock.nowMs() - this.#sinceMs;
    // A clock set back must not keep a body for ever.
    if (ageMs >= keptMs || ageMs < 0) {
      this.#bodies.clear();
      this.#sinceMs = this.#clock.nowMs();
    }
    const known = this.#bodies.get(place);
    if (known !== undefined) return known;
    this.#built += 1;
    const body = Buffer.from(build());
    this.#bodies.set(place, body);
    return body;
  }
}
