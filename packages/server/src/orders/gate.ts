import { EngineFault } from "../engine/mod.ts";

/** More askers than this gain nothing: the engine answers a whole tick of them at once. */
const ASKING_UNDER_LOCK_MAX = 16;

/**
 * Transactions that may hold a row's lock while the engine is asked, at once: half of the pool's connections, so that
 * an engine that hangs never takes the last one from everybody else. Each of them needs its own connection and no
 * second one. Claims and orders share one gate, because they share one pool.
 */
export function askingUnderLockMax(connectionsMax: number): number {
  return Math.min(ASKING_UNDER_LOCK_MAX, Math.max(1, Math.floor(connectionsMax / 2)));
}

/** People waiting for such a turn; at a few milliseconds each this is some seconds, then `engine.busy` is the truth. */
const WAITING_MAX = 2_000;

/** Lets a fixed number in at once; the others wait in order. */
export type Gate = { run<T>(work: () => Promise<T>): Promise<T> };

/** Makes a gate. @param atOnceMax how many may be inside */
export function createGate(atOnceMax: number): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async run(work) {
      if (inside >= atOnceMax) {
        if (waiting.length >= WAITING_MAX) throw new EngineFault("engine.busy", "Too many claims wait");
        // Whoever leaves hands his place over, so `inside` does not change here.
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else {
        inside += 1;
      }
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) inside -= 1;
        else next();
      }
    },
  };
}
