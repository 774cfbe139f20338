import type { DrawId, UserId } from "@wanhui/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "../http/mod.ts";
import { createLimits, createPeople, peopleRoutes, requireSession, type Secret } from "../people/mod.ts";
import { migrate, readMigrations, silentLog } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { createEntryFinder, type ProofRoutesDeps, proofRoutes } from "./mod.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
  // One window of 20,000 entries: what a popular draw has.
  await database.pool.query(
    `insert into draw_entries select 'run/round', 0, sha256(int4send(n)), substr(sha256(int4send(n + 1000000)), 1, 16), 1, 2, n
     from generate_series(1, 20000) as n`,
  );
  await database.pool.query("analyze draw_entries");
});
afterAll(() => database.drop());

const draw = "run/round" as DrawId;

test("[RC3] a person's entry is found by the person, not by reading the window", async () => {
  const { rows } = await database.pool.query(
    "select encode(user_id, 'hex') as id from draw_entries where seq = 77",
  );
  const user = rows[0].id as UserId;
  let plan = "";
  const explaining = {
    async query(text: string, values: unknown[]) {
      const explained = await database.pool.query(`explain ${text}`, values);
      plan = explained.rows.map((row) => row["QUERY PLAN"]).join("\n");
      return database.pool.query(text, values);
    },
  };
  const find = createEntryFinder(explaining as Parameters<typeof createEntryFinder>[0]);
  expect(await find({ draw, window: 0, user })).toEqual({ shard: 2, seq: 77 });
  expect(plan).toMatch(/Index Cond: .*user_id/);
  expect(await find({ draw, window: 1, user })).toBeNull();
});

test("[LM7] receipts are asked for at a pace, each person by himself", async () => {
  let now = 1_000_000;
  const nowMs = () => now;
  const people = createPeople({
    secret: Buffer.alloc(32, 9) as unknown as Secret,
    nowMs,
    staff: { roleOf: async () => null } as never,
    limits: createLimits({ nowMs }),
    platform: null,
    rehearsalRun: () => null,
    drawIds: () => [],
  });
  const app = await createApp({ log: silentLog(), version: "test" });
  peopleRoutes(app, { people, secure: false });
  let asked = 0;
  const receipts: ProofRoutesDeps["receipts"] = {
    async receipt() {
      asked += 1;
      return null;
    },
  };
  const userOf: ProofRoutesDeps["userOf"] = (request) => requireSession(request).userId;
  proofRoutes(app, { archive: {} as never, witnesses: {} as never, receipts, userOf });
  const ask = (user: string, device: string) => {
    const token = people.signUser(people.guest(device, user as UserId));
    const url = "/api/draws/run%2Fround/receipt?window=0";
    return app.inject({ url, headers: { authorization: `Bearer ${token}` } });
  };
  const one = () => ask("01".repeat(16), "ab".repeat(16));
  for (let n = 0; n < 20; n += 1) expect((await one()).json().code).toBe("entry.unknown");
  expect((await one()).json().code).toBe("rate.limited");
  expect(asked).toBe(20);
  expect((await ask("01".repeat(15).concat("02"), "cd".repeat(16))).json().code).toBe("entry.unknown");
  now += 1_000;
  expect((await one()).json().code).toBe("entry.unknown");
  await app.close();
});
