import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "../log.ts";
import { lockDataFolder, startEmbeddedPostgres } from "../postgres/mod.ts";
import { createTestDatabase, createTestFolder, removeTestFolder } from "../testing.ts";
import { checkDatabase, inspectDatabase } from "./check.ts";
import { startTransactionPooler } from "./transaction-pooler.fixture.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

test("the embedded database with our settings has nothing unsafe and nothing doubtful", async () => {
  const report = await checkDatabase(database.url);
  expect(report).toMatchObject({ unsafe: [], doubtful: [] });
  expect(report.version).toMatch(/^18/);
});

test("unsafe settings are refused, each by its name", async () => {
  const path = await createTestFolder();
  const folder = await lockDataFolder(path);
  const settings = { fsync: "off", full_page_writes: "off", synchronous_commit: "off" };
  const unsafe = await startEmbeddedPostgres({ folder, log: silentLog(), settings });
  try {
    const refusal = await checkDatabase(unsafe.url).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "database.unsafe_setting", retryable: false });
    for (const name of Object.keys(settings)) expect(String(refusal)).toContain(`${name} = off`);
  } finally {
    await unsafe.stop();
    await folder.release();
    await removeTestFolder(path);
  }
});

test("synchronous_commit switched off for our role alone is seen too", async () => {
  const { rows } = await database.pool.query<{ name: string }>("select current_database() as name");
  const role = `alter role wanhui in database ${rows[0]?.name}`;
  await database.pool.query(`${role} set synchronous_commit = off`);
  const report = await inspectDatabase(database.url);
  expect(report.unsafe.map(({ setting }) => setting)).toEqual(["synchronous_commit"]);
  await database.pool.query(`${role} reset synchronous_commit`);
});

test.each(["lifo", "fifo"] as const)("a transaction pooler in between is refused (%s)", async (order) => {
  const pooler = await startTransactionPooler(database.url, order);
  try {
    await expect(checkDatabase(pooler.url)).rejects.toMatchObject({
      code: "database.unsafe_setting",
      message: expect.stringContaining("transaction pooler"),
    });
  } finally {
    await pooler.stop();
  }
});

test("a database that is not there is a retryable fault without the password in it", async () => {
  const url = "postgres://someone:hunter2@127.0.0.1:1/nothing";
  const fault = await checkDatabase(url).catch((error: unknown) => error);
  expect(fault).toMatchObject({ code: "database.unreachable", retryable: true });
  expect(String(fault)).toContain("127.0.0.1:1/nothing");
  expect(String(fault)).not.toContain("hunter2");
});
