import type { Engine } from "@wanhui/server";
import type { MemoryJournal } from "./memory-journal.ts";

/** One process of the simulated server. Dead ones never run again; their last statements may still arrive. */
export type Process = {
  readonly name: string;
  readonly engine: Engine;
  readonly journal: MemoryJournal;
  alive: boolean;
  ready: boolean;
  readonly skewMs: number;
};

/** A dead process hears nothing any more: what it asked for may still happen, but nobody there learns of it. */
export function mortal(process: Process): MemoryJournal {
  const never = new Promise<never>(() => {});
  return new Proxy(process.journal, {
    get(journal, name: keyof MemoryJournal) {
      const method = journal[name] as (...args: unknown[]) => unknown;
      if (name === "readTail") {
        return async function* (...args: unknown[]) {
          for await (const batch of method.apply(journal, args) as AsyncIterable<unknown>) {
            if (!process.alive) await never;
            yield batch;
          }
          if (!process.alive) await never;
        };
      }
      return async (...args: unknown[]) => {
        if (!process.alive) return never;
        const outcome = await Promise.allSettled([method.apply(journal, args)]);
        if (!process.alive) return never;
        if (outcome[0].status === "rejected") throw outcome[0].reason;
        return outcome[0].value;
      };
    },
  });
}
