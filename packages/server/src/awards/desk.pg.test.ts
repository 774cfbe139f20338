import type { AwardId, DrawId, Event, Hash, PoolId, RequestId, UserId, UserKey } from "@wanhui/core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DurableBatch } from "../engine/mod.ts";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { AwardDesk, type MeNews } from "./desk.ts";
import { prizeOf, userOf } from "./night.fixture.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let desk: AwardDesk;
let sent: { userId: string; message: MeNews }[];
let materialised = 0;
let nowMs = 1_000_000;
let seq = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(async () => {
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query("truncate awards");
  sent = [];
  materialised = 0;
  seq = 0;
  desk = newDesk();
});

function newDesk(): AwardDesk {
  return new AwardDesk({
    pool: database.pool,
    sendMe: (userId, message) => sent.push({ userId, message }),
    prize: prizeOf,
    materialisedSeq: () => materialised,
    coupon: ({ awardId }) => ({ code: `code-${awardId}`, validUntilMs: 1 }),
    nowMs: () => nowMs,
  });
}

function batch(events: readonly Event[], replay = false): DurableBatch {
  seq += 1;
  return { shard: 0, seq, epoch: 1, atMs: nowMs, hash: "00" as Hash, events, replay };
}

const awardOf = (n: number) => n.toString(16).padStart(32, "0") as AwardId;

const pool: Event = {
  type: "pool.created",
  atMs: 1,
  grantTag: "0".repeat(20),
  pool: "run/goods" as PoolId,
  units: 9,
  capPerUser: null,
  grabClaimTtlMs: 60_000,
};
const granted = (n: number, user: UserId): Event => ({
  type: "granted",
  atMs: 100 + n,
  pool: "run/goods" as PoolId,
  number: n,
  awardId: awardOf(n),
  user,
  requestId: awardOf(n) as unknown as RequestId,
});
const moved = (n: number, to: "committing" | "held" | "posted"): Event => ({
  type: "award.moved",
  atMs: 500,
  awardId: awardOf(n),
  to,
  orderId: null,
  claimByMs: to === "held" ? 99_999 : null,
  reason: null,
});

async function materialise(n: number, user: UserId, state = "held"): Promise<void> {
  await database.pool.query(
    `insert into awards (award_id, pool, user_id, state, claim_by_ms, won_at_ms, moved_at_ms, shard)
     values ($1, 'run/goods', $2, $3, 60100, $4, $4, 0)
     on conflict (award_id) do update set state = excluded.state`,
    [awardOf(n), user, state, 100 + n],
  );
}

test("[CL11] a winner sees his award before, while and after it is materialised", async () => {
  const user = userOf(1);
  const expected = [expect.objectContaining({ awardId: awardOf(1), state: "held", claimByMs: 60_101 })];
  desk.onBatch(batch([pool, granted(1, user)]));
  expect(await desk.listOf(user)).toEqual(expected);
  await materialise(1, user);
  expect(await desk.listOf(user)).toHaveLength(1);
  materialised = seq;
  nowMs += 61_000;
  desk.onBatch(batch([]));
  expect(desk.kept).toBe(0);
  expect(await desk.listOf(user)).toEqual([
    expect.objectContaining({ awardId: awardOf(1), claimByMs: 60_100 }),
  ]);
});

test("[CL11] what the table says late is not believed: the newest move counts", async () => {
  const user = userOf(1);
  await materialise(1, user);
  desk.onBatch(batch([moved(1, "committing")]));
  expect(await desk.find(awardOf(1))).toMatchObject({ state: "committing", claimByMs: 60_100 });
  desk.onBatch(batch([moved(1, "held")]));
  expect(await desk.find(awardOf(1))).toMatchObject({ state: "held", claimByMs: 99_999 });
  desk.onBatch(batch([moved(1, "posted")]));
  expect(await desk.listOf(user)).toEqual([expect.objectContaining({ state: "posted", claimByMs: null })]);
  desk.onBatch(batch([pool, granted(2, user), moved(2, "committing")]));
  await materialise(2, user);
  expect((await desk.listOf(user))[0]).toMatchObject({ state: "committing", claimByMs: 60_102 });
});

test("[CL11] [WR3] a live batch tells its winners before it is handed on, a replayed one tells nobody", () => {
  const rules = { draw: "run/d" as DrawId, pool: "run/goods" as PoolId, claimTtlMs: 60_000 };
  const planned = { type: "draw.planned", atMs: 1, rules, rulesHash: "" } as unknown as Event;
  const drawn: Event = {
    type: "window.drawn",
    atMs: 200,
    draw: rules.draw,
    window: 3,
    round: 9,
    randomness: "" as Hash,
    signature: "",
    units: 2,
    winners: [7, 8].map((n) => ({
      userKey: "" as UserKey,
      user: userOf(n),
      ticket: "" as Hash,
      awardId: awardOf(n),
    })),
  };
  desk.onBatch(batch([planned], true));
  desk.onBatch(batch([drawn]));
  expect(sent.map(({ userId, message }) => [userId, message.t])).toEqual([
    [userOf(7), "won"],
    [userOf(8), "won"],
  ]);
  expect(sent[0]?.message).toMatchObject({
    award: { draw: "run/d", window: 3, state: "held", claimByMs: 60_200 },
  });
  sent = [];
  const heir = newDesk();
  seq = 0;
  for (const events of [[planned], [drawn], [moved(7, "posted")]]) heir.onBatch(batch(events, true));
  expect(sent).toEqual([]);
  expect(heir.takeChanged()).toEqual([]);
  expect(heir.kept).toBe(2);
});

test("[CL11] replay keeps what the table does not have, and nothing else", async () => {
  materialised = 2;
  desk.onBatch(batch([pool], true));
  desk.onBatch(batch([granted(1, userOf(1))], true));
  desk.onBatch(batch([granted(2, userOf(2))], true));
  expect(desk.kept).toBe(1);
  expect(await desk.listOf(userOf(2))).toHaveLength(1);
});

test("[CL11] memory is what the table lacks: a long night does not grow it", async () => {
  desk.onBatch(batch([pool]));
  for (let n = 0; n < 50; n += 1) {
    desk.onBatch(batch(Array.from({ length: 100 }, (_, at) => granted(n * 100 + at, userOf(at)))));
    materialised = seq;
    nowMs += 10_000;
  }
  expect(desk.kept).toBeLessThanOrEqual(800);
});

test("[CL1] an award is found for its owner alone, and once", async () => {
  await materialise(1, userOf(1));
  desk.onBatch(batch([pool, granted(2, userOf(1)), granted(3, userOf(2))]));
  expect((await desk.listOf(userOf(1))).map(({ awardId }) => awardId)).toEqual([awardOf(2), awardOf(1)]);
  expect(await desk.findAll([awardOf(1), awardOf(3), awardOf(4)])).toHaveLength(2);
});
