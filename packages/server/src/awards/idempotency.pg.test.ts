import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { beginWish, finishWish, KEEP_ANSWER_MS, paramsHashOf, sweepWishes } from "./idempotency.ts";

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
        const wish = { userId: `u${user}`, route: "r", key: `k${key}`, paramsHash: paramsHashOf({ params }) };
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

test("[CL2] the order of a body's fields is not another parameter", () => {
  expect(paramsHashOf({ a: 1, b: { c: "x", d: null } })).toBe(paramsHashOf({ b: { d: null, c: "x" }, a: 1 }));
  expect(paramsHashOf({ a: 1 })).not.toBe(paramsHashOf({ a: 2 }));
});
