/** Buckets grow by 5 %: a percentile is right within that, and a night of any length takes 4 KB. */
const GROWTH = Math.log(1.05);
const BUCKETS = 512;

export type Percentiles = {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

/** Collects times and says their percentiles, in bounded memory. */
export class Latencies {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  add(ms: number): void {
    // From 0.1 ms on; anything quicker is 0.1 ms.
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(Math.log(Math.max(0.1, ms) / 0.1) / GROWTH)));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  percentile(share: number): number {
    if (this.#count === 0) return 0;
    let seen = 0;
    for (const [bucket, count] of this.#buckets.entries()) {
      seen += count;
      if (seen >= share * this.#count) return Math.min(this.#maxMs, 0.1 * Math.exp((bucket + 1) * GROWTH));
    }
    return this.#maxMs;
  }

  percentiles(): Percentiles {
    return {
      count: this.#count,
      p50Ms: this.percentile(0.5),
      p90Ms: this.percentile(0.9),
      p99Ms: this.percentile(0.99),
      maxMs: this.#maxMs,
    };
  }
}
