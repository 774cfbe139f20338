import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase } from "../testing.ts";
import { migrate } from "./migrations.ts";
import { createPool } from "./pool.ts";

const first = {
  name: "0001_first.sql",
  sql: "create table a (id bigint primary key); insert into a values (7);",
};
const second = { name: "0002_second.sql", sql: "alter table a add column note text" };

let database: Awaited<ReturnType<typeof createTestDatabase>>;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

test("ten processes migrating at once apply each migration once", async () => {
  const pools = Array.from({ length: 10 }, () => createPool({ url: database.url, connectionsMax: 2 }));
  const applied = await Promise.all(pools.map((pool) => migrate(pool, [first, second])));
  expect(applied.flat().sort()).toEqual(["0001_first.sql", "0002_second.sql"]);
  for (const pool of pools) await pool.end();
});

test("a migrated database migrates to nothing, and bigint columns arrive as bigint", async () => {
  expect(await migrate(database.pool, [first, second])).toEqual([]);
  const { rows } = await database.pool.query("select id from a");
  expect(rows).toEqual([{ id: 7n }]);
});

test("a migration edited after its release is refused by name", async () => {
  const edited = { ...first, sql: `${first.sql} -- better` };
  await expect(migrate(database.pool, [edited, second])).rejects.toMatchObject({
    code: "database.migration_changed",
    message: expect.stringContaining("0001_first.sql"),
  });
});

test("a database made by a newer release is refused by name", async () => {
  await expect(migrate(database.pool, [first])).rejects.toMatchObject({
    code: "database.migration_unknown",
    message: expect.stringContaining("0002_second.sql"),
  });
});

test("a failing migration leaves nothing behind and lets go of the lock", async () => {
  const third = { name: "0003_third.sql", sql: "create table b (id int); select 1 / 0" };
  await expect(migrate(database.pool, [first, second, third])).rejects.toMatchObject({
    code: "database.migration_failed",
  });
  const { rows } = await database.pool.query("select to_regclass('b') as b");
  expect(rows).toEqual([{ b: null }]);
  const fixed = { name: "0003_third.sql", sql: "create table b (id int)" };
  expect(await migrate(database.pool, [first, second, fixed])).toEqual(["0003_third.sql"]);
});

test("a migration slipped in before an applied one is refused by name", async () => {
  const applied = ["0001_first.sql", "0002_second.sql", "0003_third.sql"];
  const between = { name: "0000_zero.sql", sql: "select 1" };
  const third = { name: "0003_third.sql", sql: "create table b (id int)" };
  await expect(migrate(database.pool, [between, first, second, third])).rejects.toMatchObject({
    code: "database.migration_order",
    message: expect.stringContaining(applied[2] ?? ""),
  });
});
