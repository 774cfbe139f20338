/** Rates in the studio are over this long: short enough to see a window, long enough to read. */
export const RATE_OVER_MS = 10_000;

/** Counts things per second over the last `RATE_OVER_MS`, in ten buckets: memory does not grow with the rate. */
export type RateMeter = { add(atMs: number, count: number): void; perSecond(nowMs: number): number };

/** Makes an empty meter. */
export function createRateMeter(): RateMeter {
  const buckets = new Map<number, number>();
  const seconds = RATE_OVER_MS / 1_000;
  const forget = (second: number) => {
    for (const kept of buckets.keys()) if (kept <= second - seconds) buckets.delete(kept);
  };
  return {
    add: (atMs, count) => {
      const second = Math.floor(atMs / 1_000);
      buckets.set(second, (buckets.get(second) ?? 0) + count);
      if (buckets.size > seconds + 1) forget(second);
    },
    perSecond: (nowMs) => {
      forget(Math.floor(nowMs / 1_000));
      let sum = 0;
      for (const count of buckets.values()) sum += count;
      return Math.round((sum * 10) / seconds) / 10;
    },
  };
}
