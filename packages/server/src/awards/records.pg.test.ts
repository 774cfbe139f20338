import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { AWARDS_PAGE_MAX, type AwardPlace, readNewestAwards, readUnsettled } from "./records.ts";

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

/** A pool that also says how the database would find the answer. */
function explaining(): { on: pg.Pool; plan: () => string } {
  let plan = "";
  const on = {
    async query(text: string, values: unknown[]) {
      const { rows } = await database.pool.query(`explain ${text}`, values);
      plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      return database.pool.query(text, values);
    },
  };
  return { on: on as unknown as pg.Pool, plan: () => plan };
}

test("[CL10] posted awards without anything to show are found by when they moved, not by reading all of them", async () => {
  const { on, plan } = explaining();
  const found = await readUnsettled(on, { sinceMs: 19_981, limit: 1_000 });
  expect(found.map(({ wonAtMs }) => wonAtMs).sort()).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19].map((n) => 19_980 + n),
  );
  expect(plan()).toContain("awards_posted");
  expect(plan()).not.toContain("Seq Scan on awards");
});

test("[AW6] everybody's awards are read newest first, each once, by the index whatever their number", async () => {
  const { on, plan } = explaining();
  const seen: string[] = [];
  let before: AwardPlace | null = null;
  for (let page = 0; page < 4; page += 1) {
    const read = await readNewestAwards(on, { state: null, before });
    expect(read.records).toHaveLength(AWARDS_PAGE_MAX);
    expect(plan()).toContain("awards_by_state");
    expect(plan()).not.toMatch(/Seq Scan on awards/);
    seen.push(...read.records.map(({ awardId }) => awardId));
    before = read.next;
  }
  expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => `award-${20_000 - n}`));
  const held = await readNewestAwards(on, { state: "held", before: null });
  expect(held.records.map(({ awardId }) => awardId).slice(0, 3)).toEqual([
    "award-20000",
    "award-19990",
    "award-19980",
  ]);
  const none = await readNewestAwards(on, { state: "forfeited", before: null });
  expect(none).toEqual({ records: [], next: null });
});

test("[AW6] awards of one moment are paged through by their ids, and the last page says so", async () => {
  const count = AWARDS_PAGE_MAX + 2;
  await database.pool.query(
    `insert into awards (award_id, pool, user_id, state, won_at_ms, moved_at_ms, shard)
     select 'same-' || lpad(n::text, 3, '0'), 'run/coupon', 'user', 'expired', 5, 5, 0
     from generate_series(1, ${count}) as n`,
  );
  const first = await readNewestAwards(database.pool, { state: "expired", before: null });
  const second = await readNewestAwards(database.pool, { state: "expired", before: first.next });
  expect(second.next).toBeNull();
  const ids = [...first.records, ...second.records].map(({ awardId }) => awardId);
  expect(ids).toHaveLength(count);
  expect([...ids].sort().reverse()).toEqual(ids);
  expect(new Set(ids).size).toBe(count);
});
