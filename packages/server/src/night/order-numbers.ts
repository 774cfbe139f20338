import type pg from "pg";
import { errorMessage, type Log, type Service } from "../platform/mod.ts";
import { pause } from "./ground.ts";

/** The studio asks about once a second; counting more often would tell nobody anything. */
const COUNT_EVERY_MS = 2_000;

/** Orders of the run for the studio's numbers, counted in SQL every two seconds. */
export type OrderNumbers = Service & { now(): { readonly orders: number; readonly paid: number } };

/** Counts the orders of one run. A count that fails keeps the last one. */
export function createOrderNumbers(parts: { pool: pg.Pool; run: string; log: Log }): OrderNumbers {
  const ended = new AbortController();
  let numbers = { orders: 0, paid: 0 };
  async function count(): Promise<void> {
    const { rows } = await parts.pool.query<{ orders: bigint; paid: bigint }>(
      "select count(*) as orders, count(*) filter (where state = 'paid') as paid from orders where pool like $1",
      [`${parts.run}/%`],
    );
    numbers = { orders: Number(rows[0]?.orders ?? 0), paid: Number(rows[0]?.paid ?? 0) };
  }
  return {
    name: "order numbers",
    now: () => numbers,
    async run(signal) {
      const end = AbortSignal.any([signal, ended.signal]);
      while (!end.aborted) {
        await count().catch((error: unknown) =>
          parts.log.debug({ part: "studio", reason: errorMessage(error) }, "Orders could not be counted"),
        );
        await pause(COUNT_EVERY_MS, end);
      }
    },
    async stop() {
      ended.abort();
    },
  };
}
