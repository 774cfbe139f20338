import type { ShowClock } from "./director-port.ts";

/** Timers longer than this overflow in Node and fire at once; whoever waits looks again. */
const TIMER_MS_MAX = 2_147_483_647;

/** Shard time with the platform's timers; an abort ends a wait early and is no error. */
export function showClock(nowMs: () => number): ShowClock {
  return {
    nowMs,
    wait: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, Math.min(Math.max(delayMs, 0), TIMER_MS_MAX));
        signal.addEventListener("abort", end, { once: true });
      }),
  };
}
