import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createVault } from "../orders/mod.ts";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { beginWish, finishWish, KEEP_ANSWER_MS, paramsHashOf, sweepWishes } from "./idempotency.ts";

const vault = createVault(Buffer.alloc(32, 7));

let database: Awaited<ReturnType<typeof createTestDatabase>>;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(async () => {
  await database.drop();
});

const small = (max: number) => fc.integer({ min: 0, max });
const step = fc.record({
  user: small(1),
  key: small(1),
  params: small(1),
  finish: fc.boolean(),
  waitMs: small(2),
});

test("[CL2] any sequence of wishes is answered as a table in memory would", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await database.pool.query("truncate idempotency_keys");
      const model = new Map<string, { params: number; atMs: number; body: string | null }>();
      let nowMs = 1_000;
      for (const [at, { user, key, params, finish, waitMs }] of steps.entries()) {
        nowMs += (waitMs * KEEP_ANSWER_MS) / 2 + 1;
        const wish = {
          userId: `u${user}`,
          route: "r",
          key: `k${key}`,
          paramsHash: paramsHashOf({ params }, vault),
        };
        const name = `${user}/${key}`;
        let known = model.get(name);
        if (known === undefined || known.atMs < nowMs - KEEP_ANSWER_MS) {
          known = { params, atMs: nowMs, body: null };
          model.set(name, known);
        }
        const begun = await beginWish(database.pool, wish, nowMs);
        if (known.params !== params) expect(begun).toEqual({ type: "conflict" });
        else if (known.body !== null)
          expect(begun).toEqual({ type: "replay", answer: { status: 200, body: known.body } });
        else {
          expect(begun).toEqual({ type: "go" });
          if (finish)
            known.body = (await finishWish(database.pool, wish, { status: 200, body: `b${at}` })).body;
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("[CL2] of answers finished at once the first stands for all; what is older than a day is swept", async () => {
  await database.pool.query("truncate idempotency_keys");
  const wish = { userId: "u", route: "r", key: "k", paramsHash: "h" };
  await beginWish(database.pool, wish, 5_000);
  const all = await Promise.all(
    Array.from({ length: 10 }, (_, n) => finishWish(database.pool, wish, { status: 200, body: `b${n}` })),
  );
  expect(new Set(all.map(({ body }) => body)).size).toBe(1);
  expect(await sweepWishes(database.pool, 5_000 + KEEP_ANSWER_MS)).toBe(0);
  await sweepWishes(database.pool, 5_001 + KEEP_ANSWER_MS);
  expect((await beginWish(database.pool, wish, 5_002)).type).toBe("go");
});

test("[CL2] [CL6] the order of a body's fields is not another parameter; without the secret no hash can be tried out", () => {
  const hash = (params: unknown) => paramsHashOf(params, vault);
  expect(hash({ a: 1, b: { c: "x", d: null } })).toBe(hash({ b: { d: null, c: "x" }, a: 1 }));
  expect(hash({ a: 1 })).not.toBe(hash({ a: 2 }));
  expect(hash({ a: 1 })).not.toBe(paramsHashOf({ a: 1 }, createVault(Buffer.alloc(32, 8))));
  expect(hash({ a: 1 })).not.toBe(createHash("sha256").update('{"a":1}').digest("hex"));
});

test("[CL6] plain hashes of an older release are gone after the migration, and what they belonged to stands", async () => {
  const old = await createTestDatabase();
  try {
    const migrations = await readMigrations();
    await migrate(
      old.pool,
      migrations.filter(({ name }) => name < "0076"),
    );
    const plain = createHash("sha256").update("somebody").digest("hex");
    await old.pool.query(
      "insert into idempotency_keys (user_id, route, key, params_hash, created_at_ms) values ('u', 'r', 'k', $1, 1)",
      [plain],
    );
    await old.pool.query(
      `insert into claims (claim_id, award_id, attempt, user_id, pool, kind, state, params_hash, intended_at_ms, settled_at_ms)
       values ('c', 'a', 1, 'u', 'p', 'goods', 'done', $1, 1, 1)`,
      [plain],
    );
    await migrate(old.pool, migrations);
    expect((await old.pool.query("select from idempotency_keys")).rowCount).toBe(0);
    const { rows } = await old.pool.query("select claim_id, state, params_hash from claims");
    expect(rows).toEqual([{ claim_id: "c", state: "done", params_hash: "" }]);
    const wish = { userId: "u", route: "r", key: "k", paramsHash: paramsHashOf({}, vault) };
    expect(await beginWish(old.pool, wish, 2)).toEqual({ type: "go" });
  } finally {
    await old.drop();
  }
});
