import { TIMER_MS_MAX } from "./limits.ts";
import type { EngineClock, Scheduler, TimerHandle } from "./types.ts";

/** One timer for whatever falls due first in any shard. */
export class DueTimer {
  readonly #clock: EngineClock;
  readonly #scheduler: Scheduler;
  readonly #onDue: () => void;
  #timer: TimerHandle | null = null;
  #dueMs = 0;

  /** @param parts.onDue is called when the moment has come, or sooner: timers are short, the clock may be slewed */
  constructor(parts: { clock: EngineClock; scheduler: Scheduler; onDue: () => void }) {
    this.#clock = parts.clock;
    this.#scheduler = parts.scheduler;
    this.#onDue = parts.onDue;
  }

  /** @param dueMs shard time; null for nothing to wait for */
  arm(dueMs: number | null): void {
    if (this.#timer !== null && dueMs === this.#dueMs) return;
    this.stop();
    if (dueMs === null) return;
    this.#dueMs = dueMs;
    const waitMs = Math.min(TIMER_MS_MAX, Math.max(1, dueMs - this.#clock.nowMs()));
    this.#timer = this.#scheduler.setTimer(waitMs, () => {
      this.#timer = null;
      this.#onDue();
    });
  }

  stop(): void {
    if (this.#timer !== null) this.#scheduler.clear(this.#timer);
    this.#timer = null;
  }
}
