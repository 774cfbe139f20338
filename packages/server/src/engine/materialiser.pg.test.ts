import { type AwardId, type DrawId, gridOpening, type PoolId } from "@wanhui/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { audit } from "./audit.ts";
import { createPostgresJournal } from "./journal-postgres.ts";
import type { JournalStore } from "./journal-store.ts";
import { createMaterialiser, LineStopped, type Materialiser } from "./materialiser.ts";
import { createOutbox } from "./outbox.ts";
import {
  beaconOf,
  chain,
  engineOver,
  keyOf,
  listeningLog,
  poolCommand,
  requestOf,
  rulesOf,
  SetClock,
  sha256,
  userOf,
} from "./testing.ts";
import type { Engine } from "./types.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(async () => {
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query(
    `truncate journal, shards, materialiser_checkpoints, pools, draws, draw_records, draw_windows, draw_entries,
     awards, grabs, grab_waits, outbox, claims, orders cascade`,
  );
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function running(engine: Engine, store: JournalStore): Materialiser {
  const line = createMaterialiser({ url: database.url, store, engine, sha256, log: listeningLog() });
  run(line);
  ends.push(async () => line.stop());
  return line;
}

/** Runs one until `end`; a run that rejects fails the test. */
function run(line: Materialiser): { ran: Promise<void>; ended(): boolean; end(): void } {
  const ended = new AbortController();
  const state = { ended: false };
  const ran = line.run(ended.signal).finally(() => {
    state.ended = true;
  });
  return { ran, ended: () => state.ended, end: () => ended.abort() };
}

/** Why a line stopped, as whoever waits for it hears. */
async function stopOf(line: Materialiser): Promise<LineStopped> {
  await expect.poll(() => line.status().stopped).not.toBeNull();
  const heard: unknown = await line.caughtUp().catch((error: unknown) => error);
  if (!(heard instanceof LineStopped)) throw new Error(`Nobody is told of the stop: ${heard}`);
  expect(heard.message).toBe(line.status().stopped);
  return heard;
}

async function world(): Promise<{ engine: Engine; store: JournalStore; clock: SetClock }> {
  const store = createPostgresJournal({ url: database.url });
  const clock = new SetClock(chain.genesisMs + 1_000);
  const engine = engineOver(store, { clock });
  ends.push(() => store.close());
  ends.push(() => engine.stop());
  return { engine, store, clock };
}

/** A night in small: a grab with a line and claims that post and expire, a draw of two windows with a stop. */
async function night(engine: Engine, clock: SetClock): Promise<{ awards: AwardId[]; draw: DrawId }> {
  const pool = "run/cups" as PoolId;
  await engine.submit(poolCommand(pool, 2, { ttlMs: 30_000 }));
  await engine.submit({ type: "grab.open", pool, opensAtMs: clock.ms, closesAtMs: clock.ms + 120_000 });
  const awards: AwardId[] = [];
  for (let user = 0; user < 4; user += 1) {
    const asked = { pool, user: userOf(user), requestId: requestOf(user), quantity: 1 };
    const answer = await engine.submit({ type: "grab.take", ...asked });
    if (answer.ok && answer.type === "granted") awards.push(answer.awardId);
  }
  const [first] = awards;
  if (first === undefined) throw new Error("nothing granted");
  await engine.submit({ type: "award.commit", awardId: first, orderId: "order-1" });
  await database.pool.query(
    `insert into claims (claim_id, award_id, attempt, user_id, pool, kind, state, params_hash, intended_at_ms, settled_at_ms)
     values ('claim-1', $1, 1, $2, $3, 'goods', 'done', '', 1, 1)`,
    [first, userOf(0), pool],
  );
  await database.pool.query(
    `insert into orders (order_id, award_id, attempt, user_id, pool, title, state, amount_minor, currency, ship_to,
       placed_at_ms, pay_by_ms, paid_at_ms, next_check_at_ms)
     values ('order-1', $1, 1, $2, $3, '{}', 'paid', 1, 'CNY', '', 1, 1, 1, 1)`,
    [first, userOf(0), pool],
  );
  await engine.submit({ type: "award.post", awardId: first, orderId: "order-1" });
  const draw = "run/round" as DrawId;
  await engine.submit(poolCommand("run/prizes", 3));
  await engine.submit({ type: "draw.plan", rules: rulesOf(draw, "run/prizes", [1, 1, 1]) });
  const opening = gridOpening({ chain, wishedAtMs: clock.ms + 12_000, firstWindowMs: 3_000 });
  await engine.submit({ type: "draw.arm", draw, beacon: chain, ...opening });
  clock.ms = opening.opensAtMs;
  for (const window of [0, 1]) {
    for (let user = 10; user < 16; user += 1) {
      await engine.submit({ type: "draw.enter", draw, user: userOf(user), userKey: keyOf(user) });
    }
    if (window === 1) await engine.submit({ type: "draw.stop", draw, reason: "rain" });
    clock.ms += 3_000;
  }
  // Any command runs what is due before it is decided: the seal of window 1 among it.
  await engine.submit({ type: "draw.enter", draw, user: userOf(10), userKey: keyOf(10) });
  for (const window of [0, 1]) {
    await engine.submit({ type: "draw.reveal", draw, window, ...beaconOf(opening.firstRound + window) });
  }
  clock.ms += 40_000;
  await engine.submit({ type: "pool.change", pool, delta: 1, commandId: "more" });
  await engine.submit({ type: "pool.change", pool: "run/prizes" as PoolId, delta: 1, commandId: "more" });
  return { awards, draw };
}

const rows = async (sql: string) => (await database.pool.query(sql)).rows;

test("[MT1] the journal of a night is in the tables, row by row, and the audit finds both to agree", async () => {
  const { engine, store, clock } = await world();
  const line = running(engine, store);
  await engine.start();
  const { awards, draw } = await night(engine, clock);
  await line.caughtUp();
  expect(await rows("select state from awards where draw is null order by won_at_ms, state")).toMatchObject([
    { state: "expired" },
    { state: "posted" },
    { state: "held" },
    { state: "held" },
  ]);
  expect(await rows(`select order_id from awards where award_id = '${awards[0]}'`)).toEqual([
    { order_id: "order-1" },
  ]);
  expect(await rows("select window_index, count, winners, units_drawn from draw_windows order by 1")).toEqual(
    [
      { window_index: 0, count: 6n, winners: 1n, units_drawn: 1n },
      { window_index: 1, count: 6n, winners: 1n, units_drawn: 1n },
    ],
  );
  expect(await rows("select kind from draw_records order by position")).toEqual(
    ["seal", "stop", "seal", "close"].map((kind) => ({ kind })),
  );
  expect(
    await rows("select count(*)::int as n, count(distinct user_key)::int as keys from draw_entries"),
  ).toEqual([{ n: 12, keys: 6 }]);
  expect(
    await rows(`select state, arm->>'firstRound' is not null as armed from draws where draw = '${draw}'`),
  ).toEqual([{ state: "closed", armed: true }]);
  expect(await rows("select units, withdrawn from pools where pool = 'run/cups'")).toEqual([
    { units: 3n, withdrawn: 0n },
  ]);
  expect(await rows("select count(*)::int as n from grabs")).toEqual([{ n: 4 }]);
  expect(await rows("select count(*)::int as n from grab_waits")).toEqual([{ n: 2 }]);
  expect(await audit(database.pool)).toMatchObject({
    ok: true,
    counts: { entries: 12, windows: 2, awards: 6 },
  });
});

test("[MT1] a materialiser that comes late, or anew, reads the journal from its checkpoint", async () => {
  const { engine, store, clock } = await world();
  await engine.start();
  await night(engine, clock);
  await engine.stop();
  const heir = engineOver(store, { clock });
  ends.push(() => heir.stop());
  const line = running(heir, store);
  await heir.start();
  await line.caughtUp();
  await line.stop();
  await heir.submit(poolCommand("run/late", 1));
  const again = createMaterialiser({ url: database.url, store, engine: heir, sha256, log: listeningLog() });
  ends.push(() => again.stop());
  // Subscribed after the batch: it hears of a newer one and finds the older in the journal.
  await heir.submit({ type: "pool.change", pool: "run/late" as PoolId, delta: 4, commandId: "x" });
  void again.run(new AbortController().signal);
  await again.caughtUp();
  expect(await rows("select units from pools where pool = 'run/late'")).toEqual([{ units: 5n }]);
  expect(await audit(database.pool)).toMatchObject({ ok: true });
});

test("[MT1] of two materialisers on one journal each batch is carried by exactly one", async () => {
  const { engine, store, clock } = await world();
  const lines = [running(engine, store), running(engine, store)];
  await engine.start();
  await night(engine, clock);
  // Changes have no key of their own to clash with: carried twice they would count twice.
  for (let n = 0; n < 5; n += 1) {
    const commandId = `change-${n}`;
    await engine.submit({ type: "pool.change", pool: "run/prizes" as PoolId, delta: 1, commandId });
    await Promise.all(lines.map((line) => line.caughtUp()));
  }
  expect(await audit(database.pool)).toMatchObject({ ok: true });
  expect(await rows("select units from pools where pool = 'run/prizes'")).toEqual([{ units: 9n }]);
});

test("[MT2] a row that stands there with other content stops the line, naming shard, batch and key", async () => {
  const { engine, store, clock } = await world();
  const log = listeningLog();
  const line = createMaterialiser({ url: database.url, store, engine, sha256, log });
  ends.push(() => line.stop());
  await engine.start();
  const user = userOf(0);
  await database.pool.query(
    "insert into grabs (pool, user_id, request_id, award_id, granted_at_ms) values ('run/cups', $1, $2, 'another', 1)",
    [user, requestOf(0)],
  );
  const { ran, ended, end } = run(line);
  await night(engine, clock);
  const shard = engine.shardOf({ pool: "run/cups" as PoolId }) ?? -1;
  const stop = await stopOf(line);
  expect(stop).toMatchObject({ code: "materialiser.conflict", shard, seq: 3 });
  expect(stop.message).toContain(user);
  expect(stop.message).toContain(`shard ${shard}, batch 3`);
  // What came before it is there, nothing behind it.
  expect(await rows("select count(*)::int as n from awards where draw is null")).toEqual([{ n: 0 }]);
  expect(await rows(`select seq from materialiser_checkpoints where shard = ${shard}`)).toEqual([
    { seq: 2n },
  ]);
  // Said once, and it stays: what needs no table goes on.
  await engine.submit(poolCommand("run/more", 1));
  expect(await stopOf(line)).toBe(stop);
  expect(log.lines.filter((text) => text === stop.message)).toHaveLength(1);
  expect(ended()).toBe(false);
  end();
  await ran;
});

test("[MT2] of two materialisers none goes past a row that stands there with other content", async () => {
  const { engine, store, clock } = await world();
  const lines = [1, 2].map(() => {
    const line = createMaterialiser({ url: database.url, store, engine, sha256, log: listeningLog() });
    ends.push(() => line.stop());
    return line;
  });
  await engine.start();
  await database.pool.query(
    "insert into grabs (pool, user_id, request_id, award_id, granted_at_ms) values ('run/cups', $1, $2, 'another', 1)",
    [userOf(0), requestOf(0)],
  );
  for (const line of lines) run(line);
  await night(engine, clock);
  const shard = engine.shardOf({ pool: "run/cups" as PoolId }) ?? -1;
  for (const line of lines)
    expect(await stopOf(line)).toMatchObject({ code: "materialiser.conflict", shard, seq: 3 });
  expect(await rows("select award_id from grabs")).toEqual([{ award_id: "another" }]);
  expect(await rows(`select seq from materialiser_checkpoints where shard = ${shard}`)).toEqual([
    { seq: 2n },
  ]);
});

test("[MT2] a checkpoint that the journal does not know stops the line", async () => {
  const { engine, store, clock } = await world();
  await engine.start();
  await night(engine, clock);
  await database.pool.query("insert into materialiser_checkpoints values (0, 1, $1)", [Buffer.alloc(32, 7)]);
  const line = createMaterialiser({ url: database.url, store, engine, sha256, log: listeningLog() });
  ends.push(() => line.stop());
  run(line);
  expect((await stopOf(line)).message).toContain("does not have");
});

test.each([
  [
    "an award lost in SQL",
    "delete from awards where draw is not null",
    /award .* is in the journal and not in SQL/,
  ],
  [
    "an award invented in SQL",
    "update awards set award_id = repeat('0', 32) where draw is not null and window_index = 0",
    /award/,
  ],
  [
    "an award moved in SQL",
    "update awards set state = 'forfeited' where draw is null and state = 'posted'",
    /state/,
  ],
  [
    "an entry lost in SQL",
    "delete from draw_entries where window_index = 1 and user_key = (select min(user_key) from draw_entries)",
    /entries/,
  ],
  [
    "an award given to somebody else in SQL",
    "update awards set user_id = repeat('0', 32) where draw is not null and window_index = 0",
    /^award [0-9a-f]+: user is 0{32} in SQL/,
  ],
  [
    "a grab's award given to somebody else in SQL",
    "update awards set user_id = repeat('0', 32) where draw is null and state = 'posted'",
    /^award [0-9a-f]+: user is 0{32} in SQL/,
  ],
  [
    "an award of another pool in SQL",
    "update awards set pool = 'run/x' where draw is not null",
    /: pool is run\/x/,
  ],
  [
    "an award of another draw in SQL",
    "update awards set draw = 'run/x' where draw is not null",
    /: draw is run\/x/,
  ],
  [
    "an award of another window in SQL",
    "update awards set window_index = 7 where draw is not null and window_index = 1",
    /: window is 7 in SQL, 1 in the journal/,
  ],
  [
    "another ticket in SQL",
    "update awards set ticket = repeat('f', 64) where draw is not null",
    /: ticket is f+ in SQL/,
  ],
  [
    "an entry of somebody else in SQL",
    `update draw_entries set user_id = decode(repeat('00', 16), 'hex')
     where window_index = 1 and user_key = (select max(user_key) from draw_entries)`,
    /window 1: the entries in SQL are not those of the journal \(6 in SQL, 6 in the journal\)/,
  ],
  [
    "an entry with another key in SQL",
    `update draw_entries set user_key = decode(repeat('00', 32), 'hex')
     where window_index = 0 and user_key = (select max(user_key) from draw_entries)`,
    /window 0: the entries in SQL/,
  ],
  [
    "two entries that changed places in SQL",
    `update draw_entries e set user_id = o.user_id from draw_entries o where e.window_index = 0 and o.window_index = 0
     and e.user_key in ((select min(user_key) from draw_entries), (select max(user_key) from draw_entries))
     and o.user_key in ((select min(user_key) from draw_entries), (select max(user_key) from draw_entries))
     and o.user_key <> e.user_key`,
    /window 0: the entries in SQL/,
  ],
  [
    "an entry in another batch in SQL",
    "update draw_entries set seq = seq + 1 where window_index = 0 and user_key = (select min(user_key) from draw_entries)",
    /window 0: the entries in SQL/,
  ],
  [
    "a grab of somebody else in SQL",
    "update grabs set user_id = repeat('0', 32) where request_id = (select min(request_id) from grabs)",
    /^grab run\/cups of 0{32}, .* user is 0{32} in SQL/,
  ],
  [
    "a grab lost in SQL",
    "delete from grabs where request_id = (select min(request_id) from grabs)",
    /3 grabs in SQL, 4 grants/,
  ],
  [
    "a grab of a pool nobody made",
    "insert into grabs select 'run/x', user_id, request_id, award_id, granted_at_ms from grabs limit 1",
    /run\/x/,
  ],
  ["another root in SQL", "update draw_windows set root = repeat('0', 64) where window_index = 0", /root/],
  ["a posted award without a claim", "delete from claims", /has no claim/],
  [
    "a posted award whose order is not paid",
    "update orders set state = 'expired', paid_at_ms = null",
    /not paid/,
  ],
  [
    "a paid order whose award has gone another way",
    "insert into orders select 'order-2', (select award_id from awards where state = 'expired'), 1, user_id, pool, title, state, amount_minor, currency, ship_to, placed_at_ms, pay_by_ms, paid_at_ms, expired_at_ms, refund_due, next_check_at_ms, checks from orders",
    /order-2 is paid in SQL, its award .* is expired/,
  ],
  [
    "a changed journal",
    "update journal set payload = set_byte(payload, 9, get_byte(payload, 9) # 1) where seq = 3",
    /batch 3/,
  ],
])("[MT4] the audit finds %s", async (_, damage, message) => {
  const { engine, store, clock } = await world();
  const line = running(engine, store);
  await engine.start();
  await night(engine, clock);
  await line.caughtUp();
  expect(await audit(database.pool)).toMatchObject({ ok: true });
  await database.pool.query(damage);
  const result = await audit(database.pool);
  expect(result).toMatchObject({ ok: false, difference: expect.stringMatching(message) });
});

test("[MT3] a command in the outbox is delivered until answered, once, in order; its hook writes in the same transaction", async () => {
  const { engine } = await world();
  const pool = database.pool;
  const outbox = createOutbox({ pool, engine, log: listeningLog() });
  const answered: string[] = [];
  outbox.onAnswered("pool/", async (tx, row, answer) => {
    await tx.query("update outbox set last_error = 'hooked' where id = $1", [row.id]);
    answered.push(`${row.id} ${answer.ok}`);
  });
  const id = "run/a" as PoolId;
  const client = await pool.connect();
  await client.query("begin");
  await outbox.enqueue(client, "pool/lost", poolCommand("run/lost", 9));
  await client.query("rollback");
  await client.query("begin");
  await outbox.enqueue(client, "pool/1", poolCommand(id, 9));
  await outbox.enqueue(client, "pool/2", { type: "pool.change", pool: id, delta: 4, commandId: "pool/2" });
  await outbox.enqueue(client, "pool/3", { type: "pool.change", pool: id, delta: -100, commandId: "pool/3" });
  await outbox.enqueue(client, "pool/2", { type: "pool.change", pool: id, delta: 4, commandId: "pool/2" });
  await client.query("commit");
  client.release();
  const other = { type: "pool.change", pool: id, delta: 5, commandId: "pool/2" } as const;
  await expect(outbox.enqueue(pool, "pool/2", other)).rejects.toMatchObject({ code: "outbox.conflict" });
  void outbox.run(new AbortController().signal);
  ends.push(() => outbox.stop());
  // The engine has not started: it is asked, cannot answer, and is asked again.
  await expect
    .poll(async () => (await rows("select max(attempts) as n from outbox"))[0].n)
    .toBeGreaterThan(0);
  await engine.start();
  await outbox.drained();
  expect(answered).toEqual(["pool/1 true", "pool/2 true", "pool/3 false"]);
  const state = engine.state(engine.shardOf({ pool: id }) ?? -1);
  expect(state.pools.get(id)?.units).toBe(13);
  expect(await rows("select id, answer->>'code' as code, last_error from outbox order by number")).toEqual([
    { id: "pool/1", code: null, last_error: "hooked" },
    { id: "pool/2", code: null, last_error: "hooked" },
    { id: "pool/3", code: "pool.insufficient", last_error: "hooked" },
  ]);
});
