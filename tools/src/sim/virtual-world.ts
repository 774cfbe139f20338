import type { EngineClock, Scheduler, TimerHandle } from "@wanhui/server";

type Entry = { readonly atMs: number; readonly order: number; run: (() => void) | null };

/**
 * Time that moves only from one event to the next. Events of one moment run in the order they were asked for; after
 * each, every promise that can go on does so before the next event: the same seed is the same history.
 */
export class VirtualWorld {
  #nowMs: number;
  #order = 0;
  readonly #heap: Entry[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs something after so many milliseconds of this world. Returns what cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(entry);
    return () => {
      entry.run = null;
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** A clock for one process: this world's time, wrong by what `skewMs` says. */
  clock(skewMs: () => number): EngineClock {
    return { nowMs: () => this.#nowMs + skewMs(), monotonicMs: () => this.#nowMs };
  }

  /** Timers for one process. @param run runs its work, or not, or later */
  scheduler(run: (work: () => void) => void): Scheduler {
    const guarded = (work: () => void) => () => run(work);
    return {
      setTimer: (delayMs, work) => ({ cancel: this.after(delayMs, guarded(work)) }) as TimerHandle,
      clear: (timer) => (timer as { cancel(): void }).cancel(),
      soon: (work) => void this.after(0, guarded(work)),
    };
  }

  /** Runs until nothing is left, `until` says stop, or the time is over. Returns the events run. */
  async run(options: { untilMs: number; until?: () => boolean }): Promise<number> {
    let events = 0;
    for (;;) {
      if (options.until?.()) return events;
      const next = this.#heap[0];
      if (next === undefined || next.atMs > options.untilMs) {
        this.#nowMs = Math.max(this.#nowMs, options.untilMs);
        return events;
      }
      this.#pop();
      if (next.run === null) continue;
      this.#nowMs = next.atMs;
      next.run();
      events += 1;
      await settled();
    }
  }

  #before(left: number, right: number): boolean {
    const a = this.#heap[left];
    const b = this.#heap[right];
    if (a === undefined || b === undefined) return false;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    const a = this.#heap[left];
    const b = this.#heap[right];
    if (a === undefined || b === undefined) return;
    this.#heap[left] = b;
    this.#heap[right] = a;
  }

  #push(entry: Entry): void {
    let at = this.#heap.push(entry) - 1;
    while (at > 0 && this.#before(at, (at - 1) >> 1)) {
      this.#swap(at, (at - 1) >> 1);
      at = (at - 1) >> 1;
    }
  }

  #pop(): void {
    this.#swap(0, this.#heap.length - 1);
    this.#heap.pop();
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child + 1 < this.#heap.length && this.#before(child + 1, child)) child += 1;
      if (!this.#before(child, at)) return;
      this.#swap(child, at);
      at = child;
    }
  }
}

/**
 * Resolves after every promise that could go on has gone on: Node takes the next tick only when its queue of settled
 * promises is empty. Nothing here waits for the world outside, so that no turn of the event loop is needed, which would
 * cost a tenth of a night.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
