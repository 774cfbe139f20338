import { type DrawId, gridOpening, type PoolId, stateDigest } from "@wanhui/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { migrate, readMigrations, type Service } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { createPostgresJournal } from "./journal-postgres.ts";
import type { JournalStore } from "./journal-store.ts";
import {
  beaconOf,
  chain,
  engineOver,
  gate,
  keyOf,
  listeningLog,
  poolCommand,
  requestOf,
  rulesOf,
  SetClock,
  sha256,
  TroubledStore,
  userOf,
} from "./testing.ts";
import type { DurableBatch, Engine, EngineCommand, EngineFault } from "./types.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let store: TroubledStore;
const engines: Engine[] = [];
const stores: JournalStore[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(async () => {
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query("truncate journal, shards");
  store = newStore();
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop();
  for (const one of stores.splice(0)) await one.close();
});

function newStore(): TroubledStore {
  const one = new TroubledStore(createPostgresJournal({ url: database.url }));
  stores.push(one);
  return one;
}

async function started(over: JournalStore = store, options: Parameters<typeof engineOver>[1] = {}) {
  const engine = engineOver(over, options);
  engines.push(engine);
  await engine.start();
  return engine;
}

const take = (pool: string, user: number, request = user): EngineCommand => ({
  type: "grab.take",
  pool: pool as PoolId,
  user: userOf(user),
  requestId: requestOf(request),
  quantity: 1,
});

/** A pool with an open grab. */
async function openGrab(engine: Engine, pool: string, units: number): Promise<void> {
  await engine.submit(poolCommand(pool, units));
  const opensAtMs = chain.genesisMs;
  await engine.submit({
    type: "grab.open",
    pool: pool as PoolId,
    opensAtMs,
    closesAtMs: opensAtMs + 600_000,
  });
}

/** Ids of pools that live on different shards of this engine. */
function poolsApart(engine: Engine): [string, string] {
  const first = "run/a";
  const home = engine.shardOf({ pool: first as PoolId });
  for (let n = 0; ; n += 1) {
    const other = `run/b${n}`;
    if (engine.shardOf({ pool: other as PoolId }) !== home) return [first, other];
  }
}

function digests(engine: Engine): string[] {
  return engine.status().shards.map(({ shard }) => stateDigest(engine.state(shard), sha256));
}

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    (answer) => answer,
    (fault: EngineFault) => fault.code,
  );

test("[JR1] [JR9] a restart on the same database gives the same shards and, byte for byte, the same state", async () => {
  const first = await started();
  await openGrab(first, "run/a", 5);
  await openGrab(first, "run/b", 3);
  for (let user = 0; user < 9; user += 1) {
    await first.submit(take("run/a", user));
    await first.submit(take("run/b", user));
  }
  const live = digests(first);
  await first.stop();
  const second = await started(newStore(), { shards: 7 });
  expect(second.status().shards.length).toBe(4);
  expect(digests(second)).toEqual(live);
});

test("[JR6] [DR9] every answer given before a restart is given again after it", async () => {
  const first = await started();
  await openGrab(first, "run/a", 3);
  const before = [];
  for (let user = 0; user < 5; user += 1) before.push(await first.submit(take("run/a", user)));
  await first.stop();
  const second = await started(newStore());
  const after = [];
  for (let user = 0; user < 5; user += 1) after.push(await second.submit(take("run/a", user)));
  expect(after).toEqual(before);
  expect(before.filter((answer) => answer.ok).length).toBe(3);
});

test("[JR4] no answer leaves before its append is durable, and listeners hear of the batch before it does", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 3);
  const held = gate();
  const said: string[] = [];
  store.after = (kind) => (kind === "append" ? held.opened : undefined);
  engine.onDurable((batch) => said.push(`batch ${batch.seq}`));
  const answered = new Promise<void>((resolve) => {
    engine.take("run/a" as PoolId, userOf(1), requestOf(1), (answer, where) => {
      said.push(`answer ${"ok" in answer && answer.ok} ${where?.seq}`);
      resolve();
    });
  });
  const shard = engine.shardOf({ pool: "run/a" as PoolId }) ?? -1;
  await expect.poll(async () => (await store.readBatch(shard, 3))?.seq).toBe(3);
  expect(said).toEqual([]);
  held.open();
  await answered;
  expect(said).toEqual(["batch 3", "answer true 3"]);
});

test("[JR4] a refusal too waits for a statement that checked the fence after it was decided", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 0);
  const asked = gate();
  const held = gate();
  store.before = (kind) => {
    if (kind === "fence") asked.open();
    return kind === "fence" ? held.opened : undefined;
  };
  let answer: unknown;
  const waiting = engine.submit(take("run/a", 1)).then((value) => {
    answer = value;
  });
  await asked.opened;
  expect(answer).toBeUndefined();
  held.open();
  await waiting;
  expect(answer).toEqual({ ok: false, code: "pool.sold_out" });
});

test("[JR3] [JR4] after a takeover the old process answers nothing: no grant, no refusal, no retry", async () => {
  const zombie = await started(store, { holder: "old" });
  await openGrab(zombie, "run/a", 2);
  await openGrab(zombie, "run/empty", 0);
  const granted = await zombie.submit(take("run/a", 1));
  const heir = await started(newStore(), { holder: "new" });
  const zombieRun = outcome(zombie.run(new AbortController().signal));
  expect(await outcome(zombie.submit(take("run/a", 2)))).toBe("engine.fenced");
  const refused = ["engine.fenced", "engine.stopped"];
  expect(refused).toContain(await outcome(zombie.submit(take("run/a", 1))));
  expect(refused).toContain(await outcome(zombie.submit(take("run/empty", 3))));
  expect(await heir.submit(take("run/a", 1))).toEqual(granted);
  expect(await heir.submit(take("run/a", 4))).toMatchObject({ ok: true, type: "granted" });
  expect(await heir.submit(take("run/a", 2))).toEqual({ ok: false, code: "pool.sold_out" });
  expect(await zombieRun).toBe("engine.fenced");
});

test("[JR4] a refusal decided after a takeover never leaves: the fence is checked, and its answer counts", async () => {
  const zombie = await started(store, { holder: "old" });
  await openGrab(zombie, "run/empty", 0);
  const heir = await started(newStore(), { holder: "new" });
  await heir.submit({ type: "pool.change", pool: "run/empty" as PoolId, delta: 1, commandId: "restock" });
  expect(await outcome(zombie.submit(take("run/empty", 1)))).toBe("engine.fenced");
  expect(await heir.submit(take("run/empty", 1))).toMatchObject({ ok: true, type: "granted" });
});

test("[JR4] behind a standby that lacks the last batch not even an old answer is repeated", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 2);
  expect(await engine.submit(take("run/a", 1))).toMatchObject({ ok: true, type: "granted" });
  const shard = engine.shardOf({ pool: "run/a" as PoolId });
  // The epoch is the one known: only the batch of the grant is gone.
  await database.pool.query("delete from journal where shard = $1 and seq = 3", [shard]);
  expect(await outcome(engine.submit(take("run/a", 1)))).toBe("engine.fenced");
  expect(["engine.fenced", "engine.stopped"]).toContain(await outcome(engine.submit(take("run/a", 2))));
});

test("[JR6] a takeover sees the batch of an append that was in flight when it began", async () => {
  const old = await started(store, { holder: "old" });
  await openGrab(old, "run/a", 2);
  const shard = old.shardOf({ pool: "run/a" as PoolId }) ?? -1;
  // Somebody holds the key the append wants: the append holds its fence and waits.
  const blocker = await database.pool.connect();
  await blocker.query("begin");
  await blocker.query(
    "insert into journal (shard, seq, epoch, previous_hash, hash, at_ms, payload) values ($1, 3, 0, $2, $2, 0, '')",
    [shard, Buffer.alloc(32)],
  );
  const granted = outcome(old.submit(take("run/a", 1)));
  await expect.poll(locksWaitedFor).toBe(1);
  const heir = engineOver(newStore(), { holder: "new" });
  engines.push(heir);
  const starting = heir.start();
  await expect.poll(locksWaitedFor).toBe(2);
  await blocker.query("rollback");
  blocker.release();
  await starting;
  expect(await granted).toMatchObject({ ok: true, type: "granted" });
  expect(heir.status().shards[shard]?.seq).toBe(3);
  expect(await heir.submit(take("run/a", 1))).toEqual(await granted);
});

async function locksWaitedFor(): Promise<number> {
  const { rows } = await database.pool.query(
    "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0].n;
}

test("[JR3] of a partly fenced append only the shards written are answered, the others stop", async () => {
  const engine = await started();
  const [mine, lost] = poolsApart(engine);
  await openGrab(engine, mine, 9);
  await openGrab(engine, lost, 9);
  const shard = engine.shardOf({ pool: lost as PoolId }) ?? -1;
  await newStore().raiseEpoch(shard, "thief");
  const before = store.appends;
  const [kept, gone] = await Promise.all([
    outcome(engine.submit(take(mine, 1))),
    outcome(engine.submit(take(lost, 1))),
  ]);
  expect(store.appends).toBe(before + 1);
  expect(kept).toMatchObject({ ok: true, type: "granted" });
  expect(gone).toBe("engine.fenced");
  expect(engine.status().shards[shard]?.state).toBe("fenced");
  expect(await engine.submit(take(mine, 2))).toMatchObject({ ok: true });
  expect(await outcome(engine.submit(take(lost, 1)))).toBe("engine.fenced");
});

test("[JR7] an append that happened although its answer was lost is acknowledged after a look", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 1);
  let lose = true;
  store.after = (kind) => {
    if (kind !== "append" || !lose) return;
    lose = false;
    throw Object.assign(new Error("the line broke"), { code: "08006" });
  };
  const answer = await engine.submit(take("run/a", 1));
  expect(answer).toMatchObject({ ok: true, type: "granted" });
  expect(lose).toBe(false);
  expect(await engine.submit(take("run/a", 1))).toEqual(answer);
  expect(await engine.submit(take("run/a", 2))).toEqual({ ok: false, code: "pool.sold_out" });
});

test("[JR7] an append that did not happen is no answer: everything decided on it is unknown, and asking again works", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 1);
  const behind: Promise<unknown>[] = [];
  let lose = true;
  store.before = (kind) => {
    if (kind !== "append" || !lose) return;
    lose = false;
    // Decided while the lost append is in flight: a refusal that stands on a grant nobody has.
    behind.push(outcome(engine.submit(take("run/a", 2))));
    throw Object.assign(new Error("the line broke"), { code: "08006" });
  };
  expect(await outcome(engine.submit(take("run/a", 1)))).toBe("engine.unknown");
  expect(await Promise.all(behind)).toEqual(["engine.unknown"]);
  expect(await engine.submit(take("run/a", 2))).toMatchObject({ ok: true, type: "granted" });
  expect(await engine.submit(take("run/a", 1))).toEqual({ ok: false, code: "pool.sold_out" });
});

test("[JR7] an unknown outcome is not looked up at the cost of another process that has taken over since", async () => {
  const engine = await started(store, { holder: "old" });
  await openGrab(engine, "run/a", 1);
  const heirs = newStore();
  let heir: Engine | undefined;
  store.before = async (kind) => {
    if (kind !== "append" || heir !== undefined) return;
    heir = await started(heirs, { holder: "new" });
    throw Object.assign(new Error("the line broke"), { code: "08006" });
  };
  expect(await outcome(engine.submit(take("run/a", 1)))).toBe("engine.fenced");
  expect(await heir?.submit(take("run/a", 2))).toMatchObject({ ok: true, type: "granted" });
});

test("[JR7] while the outcome is unknown nothing is answered, and a look that fails is repeated", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 2);
  const looks = gate();
  let failures = 0;
  store.before = (kind) => {
    if (kind === "append" && failures === 0) throw new Error("Connection terminated unexpectedly");
    if (kind === "raise" && failures < 2) {
      failures += 1;
      if (failures === 2) looks.open();
      throw new Error("Connection refused");
    }
  };
  const answers: unknown[] = [];
  const first = outcome(engine.submit(take("run/a", 1))).then((value) => answers.push(value));
  await expect.poll(() => failures).toBeGreaterThan(0);
  const second = outcome(engine.submit(take("run/a", 2))).then((value) => answers.push(value));
  expect(answers).toEqual([]);
  await looks.opened;
  await Promise.all([first, second]);
  expect(answers).toEqual(["engine.unknown", expect.objectContaining({ ok: true, type: "granted" })]);
});

test("[JR7] the server kills the connections again and again under load: no acknowledged grant is lost or doubled", async () => {
  const engine = await started();
  const units = 400;
  await openGrab(engine, "run/a", units);
  const granted = new Map<number, string>();
  let answers = 0;
  let kills = 0;
  const kill = async () => {
    const { rowCount } = await database.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'wanhui journal'",
    );
    kills += rowCount ?? 0;
  };
  const user = async (n: number) => {
    for (let tries = 0; tries < 1_000; tries += 1) {
      const answer = await engine.submit(take("run/a", n)).catch((fault: EngineFault) => fault);
      if ("code" in answer && answer.code === "engine.unknown") continue;
      if (!("ok" in answer)) throw answer;
      if (answer.ok && answer.type === "granted") granted.set(n, answer.awardId);
      answers += 1;
      if (answers % 60 === 30) void kill();
      return;
    }
    throw new Error("never answered");
  };
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 25 }, (_, i) => user(round * 25 + i)));
  }
  expect(kills).toBeGreaterThan(3);
  expect(granted.size).toBe(units);
  const live = digests(engine);
  const heir = await started(newStore());
  expect(digests(heir)).toEqual(live);
  for (const [n, awardId] of granted) expect(await heir.submit(take("run/a", n))).toMatchObject({ awardId });
});

test("[JR11] a failed assertion stops its shard loudly and acknowledges nothing of that tick; the others go on", async () => {
  const log = listeningLog();
  const engine = await started(store, { log });
  const [mine, lost] = poolsApart(engine);
  await openGrab(engine, mine, 9);
  await openGrab(engine, lost, 9);
  const good = outcome(engine.submit(take(lost, 1)));
  const bad = outcome(engine.submit({ ...take(lost, 2), user: "nobody" as never } as EngineCommand));
  expect(await Promise.all([good, bad])).toEqual(["engine.broken", "engine.broken"]);
  const shard = engine.shardOf({ pool: lost as PoolId }) ?? -1;
  expect(engine.status().shards[shard]).toMatchObject({
    state: "broken",
    reason: expect.stringContaining("16 bytes"),
  });
  expect(log.lines.some((line) => line.includes(`Shard ${shard} stops`))).toBe(true);
  expect(await engine.submit(take(mine, 1))).toMatchObject({ ok: true });
  await engine.stop();
  const heir = await started(newStore());
  expect(await heir.submit(take(lost, 1))).toMatchObject({ ok: true, type: "granted" });
  expect(heir.status().shards[shard]?.seq).toBe(3);
});

test("[JR12] a listener that throws ends the engine loudly; nobody behind it is told, nothing more acknowledged; a restart tells all", async () => {
  const log = listeningLog();
  const engine = await started(store, { log });
  const [here, there] = poolsApart(engine);
  await openGrab(engine, here, 9);
  await openGrab(engine, there, 9);
  const shard = engine.shardOf({ pool: here as PoolId }) ?? -1;
  const first: number[] = [];
  const behind: number[] = [];
  const mineOnly = (heard: number[]) => (batch: DurableBatch) =>
    void (batch.shard === shard && heard.push(batch.seq));
  engine.onDurable(mineOnly(first));
  engine.onDurable((batch) => {
    if (batch.shard === shard && batch.seq === 3) throw new Error("cannot count");
  });
  engine.onDurable(mineOnly(behind));
  const run = (engine as Engine & Service).run(new AbortController().signal);
  run.catch(() => undefined);
  expect(await outcome(engine.submit(take(here, 1)))).toBe("engine.stopped");
  await expect(run).rejects.toThrow(`shard ${shard}, batch 3: cannot count`);
  expect([first, behind]).toEqual([[3], []]);
  expect(log.lines.some((line) => line.includes("cannot count"))).toBe(true);
  // The other shard too: what missed the batch speaks of the whole night.
  expect(await outcome(engine.submit(take(there, 1)))).toBe("engine.stopped");
  const heir = engineOver(newStore());
  engines.push(heir);
  const again: number[] = [];
  heir.onDurable(mineOnly(again));
  await heir.start();
  expect(again).toEqual([1, 2, 3]);
  expect(await heir.submit(take(here, 1))).toMatchObject({ ok: true, type: "granted" });
});

test("[JR12] a listener that throws on a replayed batch keeps the engine from starting", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 9);
  await engine.stop();
  const heir = engineOver(newStore());
  engines.push(heir);
  heir.onDurable(() => {
    throw new Error("cannot count");
  });
  await expect(heir.start()).rejects.toThrow("cannot count");
  expect(await outcome(heir.submit(take("run/a", 1)))).toBe("engine.stopped");
});

test.each([
  [
    "a flipped byte",
    "update journal set payload = set_byte(payload, 7, get_byte(payload, 7) # 1) where shard = $1 and seq = 2",
  ],
  ["a batch taken out", "delete from journal where shard = $1 and seq = 2"],
  ["an epoch that falls", "update journal set epoch = 9 where shard = $1 and seq = 2"],
])("[JR8] %s keeps the shard down and is named; the other shards serve", async (_, damage) => {
  const first = await started();
  const [mine, lost] = poolsApart(first);
  await openGrab(first, mine, 9);
  await openGrab(first, lost, 9);
  await first.submit(take(lost, 1));
  const shard = first.shardOf({ pool: lost as PoolId }) ?? -1;
  await first.stop();
  await database.pool.query(damage, [shard]);
  const log = listeningLog();
  const second = await started(newStore(), { log });
  expect(second.status().shards[shard]?.state).toBe("broken");
  expect(log.lines.join("\n")).toMatch(new RegExp(`shard ${shard}, batch [23]`));
  expect(await outcome(second.submit(take(lost, 1)))).toBe("engine.broken");
  expect(await second.submit(take(mine, 1))).toMatchObject({ ok: true });
});

test("[JR5] commands that arrive together share an append, and too many are refused at once", async () => {
  const engine = await started();
  await openGrab(engine, "run/a", 50_000);
  const pool = "run/a" as PoolId;
  const held = gate();
  const first = gate();
  store.before = (kind) => (kind === "append" ? held.opened : undefined);
  const before = store.appends;
  engine.take(pool, userOf(0), requestOf(0), () => first.open());
  await expect.poll(() => store.appends).toBe(before + 1);
  let busy = 0;
  let answered = 0;
  const offered = 140_000;
  const all = gate();
  const [user, request] = [userOf(1), requestOf(1)];
  for (let n = 1; n <= offered; n += 1) {
    engine.take(pool, user, request, (answer) => {
      if (answer instanceof Error) busy += answer.code === "engine.busy" ? 1 : 0;
      else answered += 1;
      if (busy + answered === offered) all.open();
    });
  }
  expect(busy).toBe(offered - 2 * 65_536);
  held.open();
  await first.opened;
  await all.opened;
  expect(answered).toBe(2 * 65_536);
  expect(store.appends).toBeLessThanOrEqual(before + 3);
});

test("[JR5] [JR10] seals, draws and expiries happen on time by themselves, and shard time never goes back", async () => {
  const clock = new SetClock(chain.genesisMs + 1_000);
  const engine = await started(store, { clock });
  const draw = "run/d" as DrawId;
  await engine.submit(poolCommand("run/a", 2));
  await engine.submit({ type: "draw.plan", rules: rulesOf(draw, "run/a", [1, 1]) });
  const opening = gridOpening({ chain, wishedAtMs: clock.ms + 12_000, firstWindowMs: 3_000 });
  await engine.submit({ type: "draw.arm", draw, beacon: chain, ...opening });
  const batches: DurableBatch[] = [];
  engine.onDurable((batch) => batches.push(batch));
  const seen = (type: string) =>
    batches.flatMap((batch) => batch.events).filter((event) => event.type === type);
  clock.ms = opening.opensAtMs;
  const entered = await engine.submit({ type: "draw.enter", draw, user: userOf(1), userKey: keyOf(1) });
  expect(entered).toMatchObject({ ok: true, window: 0, fresh: true });
  engine.addTaps(draw, 41);
  clock.ms += 3_001;
  await engine.submit({ type: "draw.enter", draw, user: userOf(2), userKey: keyOf(2) });
  expect(seen("window.sealed")).toMatchObject([{ taps: 41, header: { window: 0, parts: [{ count: 1 }] } }]);
  clock.ms += 2_999;
  clock.ms -= 600_000;
  expect(engine.nowMs()).toBeGreaterThan(clock.ms);
  clock.ms += 600_000 + 1;
  await expect.poll(() => seen("window.sealed").length, { timeout: 10_000 }).toBe(2);
  for (const window of [0, 1]) {
    await engine.submit({ type: "draw.reveal", draw, window, ...beaconOf(opening.firstRound + window) });
  }
  await expect.poll(() => seen("draw.closed").length).toBe(1);
  clock.ms += 60_001;
  await engine.submit(poolCommand("run/other", 1));
  await engine.submit({ type: "pool.change", pool: "run/a" as PoolId, delta: 1, commandId: "wake" });
  expect(seen("award.moved").map((event) => "to" in event && event.to)).toEqual(["expired", "expired"]);
  const times = batches.filter(({ shard }) => shard === engine.shardOf({ draw })).map(({ atMs }) => atMs);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test("[DR11] a beacon round the journal knows of is not forgotten by a restart", async () => {
  const clock = new SetClock(chain.genesisMs + 1_000);
  const first = await started(store, { clock });
  const [heard, silent] = poolsApart(first);
  const plan = async (draw: string, pool: string) => {
    await first.submit(poolCommand(pool, 1));
    await first.submit({ type: "draw.plan", rules: rulesOf(draw, pool, [1]) });
    const opening = gridOpening({ chain, wishedAtMs: clock.ms + 12_000, firstWindowMs: 3_000 });
    await first.submit({ type: "draw.arm", draw: draw as DrawId, beacon: chain, ...opening });
    return opening;
  };
  const x = await plan("run/x", heard);
  const y = await plan("run/y", silent);
  expect(y).toEqual(x);
  clock.ms = x.opensAtMs;
  await first.submit({ type: "draw.enter", draw: "run/y" as DrawId, user: userOf(1), userKey: keyOf(1) });
  // Only the shard of x can still write that the beacon was seen: the other one's epoch is not ours any more.
  await newStore().raiseEpoch(first.shardOf({ pool: silent as PoolId }) ?? -1, "thief");
  first.sawBeacon(x.firstRound, chain.chainHash);
  clock.ms = x.opensAtMs + 3_000;
  await first.submit({ type: "draw.enter", draw: "run/x" as DrawId, user: userOf(2), userKey: keyOf(2) });
  await first.stop();
  const log: DurableBatch[] = [];
  const second = engineOver(newStore(), { clock });
  second.onDurable((batch) => log.push(batch));
  engines.push(second);
  await second.start();
  await second.submit({ type: "draw.enter", draw: "run/y" as DrawId, user: userOf(3), userKey: keyOf(3) });
  const events = log.flatMap((batch) => batch.events);
  expect(events.filter((event) => event.type === "window.sealed" && event.header.window === 0)).toEqual([]);
  expect(events.filter((event) => event.type === "window.gap").length).toBe(2);
});
