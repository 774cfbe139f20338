import type { Engine } from "@wanhui/server";
import type { MemoryJournal } from "./memory-journal.ts";
import type { VirtualWorld } from "./virtual-world.ts";

/** One process of the simulated server. Dead ones never run again; their last statements may still arrive. */
export type Process = {
  readonly name: string;
  readonly engine: Engine;
  readonly journal: MemoryJournal;
  alive: boolean;
  ready: boolean;
  skewMs: number;
  /** The moment it goes on, while it is stopped; in the past otherwise. */
  pausedUntilMs?: number;
};

/** Runs a process's work in its own time: never if it is dead, later if it is stopped. */
export function inItsTime(process: Process, world: VirtualWorld): (work: () => void) => void {
  const run = (work: () => void): void => {
    if (!process.alive) return;
    const restMs = (process.pausedUntilMs ?? 0) - world.nowMs;
    if (restMs > 0) world.after(restMs, () => run(work));
    else work();
  };
  return run;
}

/**
 * A dead process hears nothing any more: what it asked for may still happen, but nobody there learns of it. One that is
 * stopped hears it when it goes on.
 */
export function mortal<T extends object>(process: Process, store: T, world: VirtualWorld): T {
  const never = new Promise<never>(() => {});
  const awake = async (): Promise<void> => {
    while (process.alive && (process.pausedUntilMs ?? 0) > world.nowMs) {
      await world.sleep((process.pausedUntilMs ?? 0) - world.nowMs);
    }
  };
  const isPaused = () => (process.pausedUntilMs ?? 0) > world.nowMs;
  return new Proxy(store, {
    get(target, name) {
      const method = target[name as keyof T] as (...args: unknown[]) => unknown;
      if (name === "readTail") {
        return async function* (...args: unknown[]) {
          for await (const batch of method.apply(target, args) as AsyncIterable<unknown>) {
            if (isPaused()) await awake();
            if (!process.alive) await never;
            yield batch;
          }
          if (!process.alive) await never;
        };
      }
      return async (...args: unknown[]) => {
        if (!process.alive) return never;
        const outcome = await Promise.allSettled([method.apply(target, args)]);
        if (isPaused()) await awake();
        if (!process.alive) return never;
        if (outcome[0].status === "rejected") throw outcome[0].reason;
        return outcome[0].value;
      };
    },
  });
}
