import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { readUnsettled } from "./records.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
  // What a night leaves behind: most awards posted long ago, a few just now.
  await database.pool.query(
    `insert into awards (award_id, pool, user_id, state, won_at_ms, moved_at_ms, shard)
     select 'award-' || n, 'run/coupon', 'user', case when n % 10 = 0 then 'held' else 'posted' end, n, n, 0
     from generate_series(1, 20000) as n`,
  );
  await database.pool.query("analyze awards");
});
afterAll(() => database.drop());

test("[CL10] posted awards without anything to show are found by when they moved, not by reading all of them", async () => {
  let plan = "";
  const explaining = {
    async query(text: string, values: unknown[]) {
      const { rows } = await database.pool.query(`explain ${text}`, values);
      plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      return database.pool.query(text, values);
    },
  };
  const found = await readUnsettled(explaining as unknown as pg.Pool, { sinceMs: 19_981, limit: 1_000 });
  expect(found.map(({ wonAtMs }) => wonAtMs).sort()).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19].map((n) => 19_980 + n),
  );
  expect(plan).toContain("awards_posted");
  expect(plan).not.toContain("Seq Scan on awards");
});
