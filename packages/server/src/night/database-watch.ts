import type pg from "pg";
import { errorMessage, type Service, withSignal } from "../platform/mod.ts";
import { pause } from "./ground.ts";

/** A director sees within two seconds that nothing is being stored. */
const LOOK_EVERY_MS = 1_000;
/** A database that takes this long for nothing at all is as good as gone. */
const ANSWER_WITHIN_MS = 3_000;

/** Asks the database for nothing, again and again, so that its silence is known without anybody needing it. */
export type DatabaseWatch = Service & {
  /** Why it does not answer, or null while it does. */
  now(): string | null;
};

/** Makes the watch; it takes the database for well until it has looked. */
export function createDatabaseWatch(parts: { readonly pool: Pick<pg.Pool, "query"> }): DatabaseWatch {
  const ended = new AbortController();
  let trouble: string | null = null;
  async function look(end: AbortSignal): Promise<void> {
    await withSignal([end], async (waiting) => {
      void pause(ANSWER_WITHIN_MS, waiting).then(() => {
        if (!waiting.aborted) trouble = `it has not answered for ${ANSWER_WITHIN_MS} ms`;
      });
      await parts.pool.query("select 1").then(
        () => {
          trouble = null;
        },
        (error: unknown) => {
          trouble = errorMessage(error) || "it cannot be reached";
        },
      );
    });
  }
  return {
    name: "database watch",
    now: () => trouble,
    async run(signal) {
      const end = AbortSignal.any([signal, ended.signal]);
      while (!end.aborted) {
        await look(end);
        await pause(LOOK_EVERY_MS, end);
      }
    },
    async stop() {
      ended.abort();
    },
  };
}
