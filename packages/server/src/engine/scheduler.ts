import type { Scheduler, TimerHandle } from "./types.ts";

/** Node's own timers. `soon` runs after the input that is already here has been read, so that it shares one tick. */
export const nodeScheduler: Scheduler = {
  setTimer: (delayMs, run) => setTimeout(run, delayMs) as unknown as TimerHandle,
  clear: (timer) => clearTimeout(timer as unknown as NodeJS.Timeout),
  soon: (run) => void setImmediate(run),
};
