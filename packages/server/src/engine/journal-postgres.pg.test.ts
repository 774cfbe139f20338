import type { Hash } from "@wanhui/core";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { type JournalUnderTest, journalStoreContract } from "./journal-contract.ts";
import { createPostgresJournal } from "./journal-postgres.ts";
import type { Batch, JournalStore } from "./journal-store.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let store: JournalStore;
let other: JournalStore;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(async () => {
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query("truncate journal, shards");
  store = createPostgresJournal({ url: database.url });
  other = createPostgresJournal({ url: database.url });
  await store.prepare(3);
});
afterEach(async () => {
  await store.close();
  await other.close();
});

/** Waits until so many wait for a lock: the only honest way to know that a statement has come that far. */
async function untilWaiting(sessions: number): Promise<void> {
  for (;;) {
    const { rows } = await database.pool.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rows.length >= sessions) return;
  }
}

/** An append whose commit waits: a lock on the journal's key index row is held by a second session inserting the same key. */
async function held(rows: readonly Batch[]) {
  const row = rows[0] as Batch;
  const blocker = new pg.Client({ connectionString: database.url });
  await blocker.connect();
  await blocker.query("begin");
  await blocker.query(
    "insert into journal (shard, seq, epoch, previous_hash, hash, at_ms, payload) values ($1, $2, 0, $3, $3, 0, '')",
    [row.shard, row.seq, Buffer.alloc(32)],
  );
  const flying = store.append(rows);
  flying.catch(() => undefined);
  await untilWaiting(1);
  return {
    contended: () => untilWaiting(2),
    async release() {
      await blocker.query("rollback");
      await blocker.end();
      return flying;
    },
  };
}

for (const rule of journalStoreContract) {
  test(rule.name, async () => {
    const journal: JournalUnderTest = { store, other, held };
    await rule.run(journal);
  });
}

test("[JR2] [JR3] a payload of 4 MiB and one of no bytes come back as they went", async () => {
  const epoch = await store.raiseEpoch(0, "a");
  const hashes = ["11", "22"].map((byte) => byte.repeat(32) as Hash);
  const [first, second] = hashes as [Hash, Hash];
  const payload = Buffer.alloc(4 * 1024 * 1024, 7);
  const base = { shard: 0, epoch, atMs: 5 };
  const start = "00".repeat(32) as Hash;
  await store.append([{ ...base, seq: 1, previousHash: start, hash: first, payload }]);
  await store.append([{ ...base, seq: 2, previousHash: first, hash: second, payload: new Uint8Array() }]);
  expect(Buffer.compare((await store.readBatch(0, 1))?.payload ?? Buffer.alloc(0), payload)).toBe(0);
  expect((await store.readBatch(0, 2))?.payload.length).toBe(0);
});

test("[JR7] a connection killed under the store rejects the append, and the next call works on a new one", async () => {
  const epoch = await store.raiseEpoch(0, "a");
  const row = { shard: 0, seq: 1, epoch, atMs: 1, payload: Buffer.from("x") };
  const start = "00".repeat(32) as Hash;
  const flying = await held([{ ...row, previousHash: start, hash: "11".repeat(32) as Hash }]);
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'wanhui journal'",
  );
  await expect(flying.release()).rejects.toThrow();
  expect(await store.readBatch(0, 1)).toBeNull();
  const again = await store.append([{ ...row, previousHash: start, hash: "11".repeat(32) as Hash }]);
  expect(again).toEqual(new Set([0]));
});
