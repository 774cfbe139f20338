import type { Answer, DrawId, PoolId } from "@wanhui/core";
import { shardOfPool } from "@wanhui/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  createEngine,
  createPostgresJournal,
  type DurableBatch,
  type Engine,
  EngineFault,
  type JournalStore,
  nodeScheduler,
} from "../engine/mod.ts";
import { keyOf, listeningLog, poolCommand, requestOf, rulesOf, sha256, userOf } from "../engine/testing.ts";
import {
  type Bus,
  createMemoryBus,
  type Log,
  MemoryHub,
  migrate,
  readMigrations,
  silentLog,
} from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { Cluster } from "./cluster.ts";
import { meetHouse } from "./join.ts";
import { Liveness } from "./liveness.ts";
import { createMemberStore } from "./member-store.ts";
import { CLUSTER_VERSION } from "./messages.ts";
import { placeShards } from "./placement.ts";

const SHARDS = 8;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let hub: MemoryHub;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(async () => {
  await database.drop();
});
beforeEach(async () => {
  hub = new MemoryHub();
  await database.pool.query("truncate journal, shards, processes, house");
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A process of the house without a process: its engine, its cluster, a bus that can be cut, a death without a word. */
type NodeOptions = {
  readonly version?: number;
  readonly bus?: Bus;
  readonly log?: Log;
  /** What its journal is seen through. */
  readonly seen?: (journal: JournalStore) => Partial<JournalStore>;
};
async function startNode(name: string, options: NodeOptions = {}) {
  const bus = options.bus ?? createMemoryBus(hub);
  const dead = new Set<string>();
  const journal = createPostgresJournal({ url: database.url });
  const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
  const self = {
    process: name,
    place: `place of ${name}`,
    pid: 1,
    started: "0",
    version: options.version ?? CLUSTER_VERSION,
    bus: true,
  };
  const members = createMemberStore({ url: database.url, self });
  const cluster = new Cluster({
    self,
    store: members,
    bus,
    clock,
    scheduler: nodeScheduler,
    sha256,
    log: options.log ?? silentLog(),
    house: "test",
    liveness: new Liveness({
      nowMs: clock.monotonicMs,
      isGoneHere: async ({ process }) => dead.has(process),
    }),
  });
  const seen = options.seen?.(journal) ?? {};
  const store = new Proxy(journal, { get: (own, key) => Reflect.get(seen, key) ?? bound(own, key) });
  const engine = createEngine({
    store,
    clock,
    scheduler: nodeScheduler,
    sha256,
    log: listeningLog(),
    holder: name,
    shards: SHARDS,
    neighbours: cluster.neighbours,
  });
  const batches: DurableBatch[] = [];
  engine.onDurable((batch) => void batches.push(batch));
  cluster.open(engine);
  await engine.start();
  await cluster.begin();
  const ended = new AbortController();
  void cluster.run(ended.signal);
  let alive = true;
  /** Stops without a word, as kill -9 does; the others are told by `dead`. */
  const kill = async () => {
    if (!alive) return;
    alive = false;
    ended.abort();
    await bus.close();
    await journal.close();
    await engine.stop();
  };
  ends.push(async () => {
    if (alive) await cluster.stop();
    await kill();
    await members.close();
  });
  const mine = () => engine.status().shards.flatMap(({ shard, mine: isMine }) => (isMine ? [shard] : []));
  return { name, engine, cluster, batches, mine, dead, kill, bus };
}
function bound(journal: JournalStore, key: string | symbol): unknown {
  const value: unknown = Reflect.get(journal, key);
  return typeof value === "function" ? value.bind(journal) : value;
}
type Node = Awaited<ReturnType<typeof startNode>>;

const poolOn = (shard: number): PoolId => {
  for (let n = 0; ; n += 1) {
    const pool = `show-1/pool-${n}` as PoolId;
    if (shardOfPool(pool, SHARDS, sha256) === shard) return pool;
  }
};
const grab = (engine: Engine, pool: PoolId, n: number): Promise<Answer | EngineFault> =>
  new Promise((resolve) => engine.take(pool, userOf(n), requestOf(n), resolve));
const split = async (...nodes: Node[]) => {
  const share = SHARDS / nodes.length;
  await expect
    .poll(() => nodes.map(({ mine }) => mine().length), { timeout: 5_000 })
    .toEqual(nodes.map(() => share));
};
/** As seen by the database somebody has not renewed for long; he himself knows nothing of it. @returns what ends that */
function letLapse(name: string): () => void {
  const lapsed = "update processes set lease_until = clock_timestamp() - interval '1 s' where process = $1";
  // Between two of them he may be renewing: the next one follows at once.
  const timer = setInterval(() => void database.pool.query(lapsed, [name]).catch(() => undefined), 20);
  return () => clearInterval(timer);
}
async function openGrab(engine: Engine, pool: PoolId, units: number): Promise<void> {
  expect(await engine.submit(poolCommand(pool, units))).toMatchObject({ ok: true });
  const opensAtMs = engine.nowMs();
  const closesAtMs = opensAtMs + 3_600_000;
  expect(await engine.submit({ type: "grab.open", pool, opensAtMs, closesAtMs })).toMatchObject({ ok: true });
}

test("[MP4] [MP5] [MP6] one alone has every shard; a second that joins gets half of them, by hand-over", async () => {
  const a = await startNode("a");
  expect(a.mine()).toHaveLength(SHARDS);
  const b = await startNode("b");
  await split(a, b);
  expect([...a.mine(), ...b.mine()].sort()).toEqual([...Array(SHARDS).keys()]);
  // Released and raised once each: nobody was fenced.
  const { rows } = await database.pool.query("select shard, epoch, holder from shards order by shard");
  for (const { shard, epoch, holder } of rows) {
    expect({ shard, epoch: Number(epoch), holder }).toEqual(
      a.mine().includes(shard) ? { shard, epoch: 1, holder: "a" } : { shard, epoch: 2, holder: "b" },
    );
  }
});

test("[MP8] [MP9] [MP10] [MP11] a grab asked at one process wins on a shard of the other, and both know", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  for (const shard of [...Array(SHARDS).keys()]) await openGrab(a.engine, poolOn(shard), 3);
  for (const shard of [...Array(SHARDS).keys()]) {
    for (const [at, engine] of [a.engine, b.engine, a.engine].entries()) {
      expect(await grab(engine, poolOn(shard), at)).toMatchObject({ ok: true, type: "granted" });
    }
    expect(await grab(b.engine, poolOn(shard), 3)).toMatchObject({ ok: false });
    // The same again at the other process gets the same answer.
    expect(await grab(b.engine, poolOn(shard), 0)).toEqual(await grab(a.engine, poolOn(shard), 0));
  }
  const place = ({ engine }: Node) => engine.status().shards.map(({ seq }) => seq);
  await expect.poll(() => place(a)).toEqual(place(b));
  const told = ({ batches }: Node) =>
    batches.map(({ shard, seq, hash }) => `${shard}/${String(seq).padStart(3, "0")} ${hash}`).sort();
  expect(told(a)).toEqual(told(b));
  expect(a.batches.every(({ replay }) => !replay)).toBe(true);
});

test("[MP5] [MP7] [MP10] [M1] one is killed among 400 grabs: each is answered, none twice, exactly the stock is sold", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  const pools = [...Array(SHARDS).keys()].map(poolOn);
  for (const pool of pools) await openGrab(a.engine, pool, 40);
  const answers: Promise<Answer | EngineFault>[] = [];
  for (let n = 0; n < 400; n += 1) {
    answers.push(grab(a.engine, pools[n % SHARDS] as PoolId, n));
    if (n === 200) {
      await new Promise((resolve) => setImmediate(resolve));
      a.dead.add("b");
      await b.kill();
    }
  }
  const got = await Promise.all(answers);
  const granted = got.filter((answer) => !(answer instanceof EngineFault) && answer.ok);
  expect(got.filter((answer) => answer instanceof EngineFault)).toEqual([]);
  expect(granted).toHaveLength(SHARDS * 40);
  expect(new Set(granted.map((answer) => "awardId" in answer && answer.awardId)).size).toBe(SHARDS * 40);
  expect(a.mine()).toHaveLength(SHARDS);
});

test("[MP2] [MP5] [MP7] a lease runs out: the shards move; the one who stalled goes on as a follower and gets some back", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  const shard = b.mine()[0] ?? 0;
  const pool = poolOn(shard);
  await openGrab(b.engine, pool, 10);
  const goOn = letLapse("b");
  await expect.poll(() => a.mine().length, { timeout: 10_000 }).toBe(SHARDS);
  goOn();
  // Whatever b believes, what it answers was decided by the owner.
  const answers = await Promise.all([0, 1, 2].map((n) => grab(b.engine, pool, n)));
  expect(answers.every((answer) => !(answer instanceof EngineFault) && answer.ok)).toBe(true);
  await split(a, b);
  expect(await grab(a.engine, pool, 1)).toEqual(answers[1]);
});

/** A journal whose readings can be held up, and are counted. */
function gate() {
  let held: Promise<void> | null = null;
  let open: () => void = () => undefined;
  const seen = (journal: JournalStore) => ({
    async *readTail(shard: number, fromSeq: number) {
      readings.push(shard);
      await held;
      yield* journal.readTail(shard, fromSeq);
    },
  });
  const readings: number[] = [];
  return {
    seen,
    readings,
    hold: () => {
      held = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => {
      held = null;
      open();
    },
  };
}

test("[MP4] [MP7] one who comes back reads first: until he has, his shards stay with those who answer", async () => {
  const a = await startNode("a");
  const journal = gate();
  const b = await startNode("b", { seen: journal.seen });
  await split(a, b);
  const pool = poolOn(b.mine()[0] ?? 0);
  await openGrab(b.engine, pool, 10);
  journal.hold();
  const goOn = letLapse("b");
  await expect.poll(() => a.mine().length, { timeout: 10_000 }).toBe(SHARDS);
  goOn();
  // He lives and serves again, and reads for longer than a lease.
  await expect.poll(() => b.cluster.others().length).toBe(1);
  for (let n = 0; n < 8; n += 1) {
    const begunMs = performance.now();
    expect(await grab(a.engine, pool, n)).toMatchObject({ ok: true });
    expect(performance.now() - begunMs).toBeLessThan(1_500);
    await new Promise((resolve) => setTimeout(resolve, 450));
  }
  expect(a.mine().length).toBe(SHARDS);
  journal.open();
  await split(a, b);
  expect(await grab(b.engine, pool, 9)).toMatchObject({ ok: true });
}, 30_000);

test("[MP4] [JR8] a shard whose copy does not add up at one process goes to another", async () => {
  const a = await startNode("a");
  // One that would be placed with b, if b could have it.
  const ill = placeShards({ shards: SHARDS, processes: ["b", "c"], sha256 }).indexOf("b");
  await openGrab(a.engine, poolOn(ill), 5);
  const flipped = (journal: JournalStore) => ({
    async *readTail(shard: number, fromSeq: number) {
      for await (const batch of journal.readTail(shard, fromSeq))
        yield shard === ill ? { ...batch, payload: batch.payload.map((byte) => byte ^ 1) } : batch;
    },
  });
  const b = await startNode("b", { seen: flipped });
  expect(b.engine.status().shards[ill]?.state).toBe("broken");
  const c = await startNode("c");
  const all = () => [a, b, c].flatMap(({ mine }) => mine()).sort();
  await expect.poll(all, { timeout: 5_000 }).toEqual([...Array(SHARDS).keys()]);
  await a.cluster.leave();
  await a.cluster.stop();
  await expect.poll(() => [...b.mine(), ...c.mine()].sort()).toEqual([...Array(SHARDS).keys()]);
  expect(c.mine()).toContain(ill);
  expect(await grab(c.engine, poolOn(ill), 1)).toMatchObject({ ok: true });
});

test("[MP8] what is heard while a journal is read slowly is kept, and does not queue up readings", async () => {
  const a = await startNode("a");
  const journal = gate();
  const b = await startNode("b", { seen: journal.seen });
  await split(a, b);
  const shard = a.mine()[0] ?? 0;
  const pool = poolOn(shard);
  await openGrab(a.engine, pool, 1_000);
  const before = journal.readings.length;
  journal.hold();
  const reading = b.engine.shards.catchUp(shard);
  for (let n = 0; n < 300; n += 1) expect(await grab(a.engine, pool, n)).toMatchObject({ ok: true });
  journal.open();
  await reading;
  const seq = ({ engine }: Node) => engine.status().shards[shard]?.seq;
  await expect.poll(() => seq(b)).toBe(seq(a));
  // Behind whatever else was lined up.
  await b.engine.shards.catchUp(shard);
  expect(journal.readings.length - before).toBeLessThan(6);
  expect(b.batches.filter((batch) => batch.shard === shard).map((batch) => batch.seq)).toEqual(
    a.batches.filter((batch) => batch.shard === shard).map((batch) => batch.seq),
  );
}, 20_000);

test("[MP10] [JR11] a shard that broke at its owner is said at once to whoever asks from elsewhere", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  const pool = poolOn(a.mine()[0] ?? 0);
  await openGrab(a.engine, pool, 5);
  // What no door lets in: an assertion fails.
  await new Promise((resolve) => a.engine.take(pool, "nobody" as never, requestOf(1), resolve));
  const begunMs = performance.now();
  const asked = await grab(b.engine, pool, 2);
  expect((asked as EngineFault).code).toBe("engine.broken");
  expect(performance.now() - begunMs).toBeLessThan(2_000);
});

test("[JR4] [MP7] a process that lost a shard without knowing refuses nothing in its name: a restock at the other is sold", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  const pools = a.mine().map((shard) => ({ shard, pool: poolOn(shard) }));
  for (const { pool } of pools) {
    await openGrab(a.engine, pool, 1);
    expect(await grab(a.engine, pool, 1)).toMatchObject({ ok: true });
    expect(await grab(a.engine, pool, 2)).toMatchObject({ ok: false, code: "pool.sold_out" });
  }
  for (const { shard, pool } of pools) {
    expect(await b.engine.shards.takeOver(shard, "a")).toBe(true);
    // Asked in the same moment in which the other knows that there is one more.
    const asked = new Promise<Answer | EngineFault>((resolve) => {
      const stock = { type: "pool.change", pool, delta: 1, commandId: "one more" } as const;
      void b.engine.submit(stock).then(() => a.engine.take(pool, userOf(2), requestOf(2), resolve));
    });
    expect(await asked).toMatchObject({ ok: true, type: "granted" });
  }
});

test("[JR3] [MP7] an append that is fenced in part: the shard that was kept grants, the lost one is answered by who has it", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  const [kept, lost] = a.mine().map(poolOn) as [PoolId, PoolId];
  await openGrab(a.engine, kept, 1);
  await openGrab(a.engine, lost, 1);
  expect(await b.engine.shards.takeOver(a.engine.shardOf({ pool: lost }) ?? -1, "a")).toBe(true);
  const sold = grab(b.engine, lost, 1);
  // Both in one append, in the moment the unit is gone at the other.
  const answers = await sold.then(() => Promise.all([grab(a.engine, kept, 2), grab(a.engine, lost, 2)]));
  expect(await sold).toMatchObject({ ok: true, type: "granted" });
  expect(answers).toMatchObject([
    { ok: true, type: "granted" },
    { ok: false, code: "pool.sold_out" },
  ]);
});

test("[MP13] without a bus the journal still tells; commands for others' shards end as busy or unknown, own ones go on", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  const own = poolOn(a.mine()[0] ?? 0);
  const others = poolOn(b.mine()[0] ?? 0);
  await openGrab(a.engine, own, 5);
  await openGrab(a.engine, others, 5);
  await b.bus.close();
  expect(await grab(a.engine, own, 1)).toMatchObject({ ok: true });
  const seq = () => b.engine.status().shards[a.mine()[0] ?? 0]?.seq;
  await expect.poll(seq).toBe(a.engine.status().shards[a.mine()[0] ?? 0]?.seq);
  const asked = await grab(a.engine, others, 2);
  expect(asked).toBeInstanceOf(EngineFault);
  expect((asked as EngineFault).code).toBe("engine.unknown");
}, 20_000);

test("[MP15] the process that began first leads; when it goes the next does", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  expect([a.cluster.leads(), b.cluster.leads()]).toEqual([true, false]);
  await a.cluster.leave();
  expect(b.mine()).toHaveLength(SHARDS);
  await a.cluster.stop();
  await expect.poll(() => b.cluster.leads()).toBe(true);
});

test("[MP8] a draw planned at one process is entered at the other, first tap and clash alike", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await split(a, b);
  const pool = poolOn(b.mine()[0] ?? 0);
  const draw = "show-1/round" as DrawId;
  await a.engine.submit(poolCommand(pool, 3));
  expect(await a.engine.submit({ type: "draw.plan", rules: rulesOf(draw, pool, [1]) })).toMatchObject({
    ok: true,
  });
  await expect.poll(() => a.engine.shardOf({ draw })).toBe(b.engine.shardOf({ draw }));
  const enter = (engine: Engine) =>
    new Promise((resolve) => engine.enter(draw, userOf(1), keyOf(1), (answer) => resolve(answer)));
  const [first, second] = [await enter(a.engine), await enter(b.engine)];
  expect(first).toEqual(second);
});

test("[MP14] messages of strangers are dropped, said once, and the night goes on", async () => {
  const said: string[] = [];
  const log: Log = Object.assign(silentLog(), {
    warn: (_fields: object, message?: string) => void said.push(message ?? ""),
  });
  const a = await startNode("a", { log });
  const b = await startNode("b");
  await split(a, b);
  const stranger = createMemoryBus(hub);
  const far = Buffer.from(JSON.stringify({ v: CLUSTER_VERSION + 2, from: "z", t: "members" }));
  for (const topic of ["all", "journal", "p.a"]) {
    for (const bytes of [far, Buffer.from("nonsense"), Buffer.alloc(3)]) {
      stranger.publish(`wanhui.test.${topic}`, bytes);
    }
  }
  const pool = poolOn(b.mine()[0] ?? 0);
  await openGrab(a.engine, pool, 2);
  expect(await grab(a.engine, pool, 1)).toMatchObject({ ok: true });
  expect(said.filter((message) => message.includes("dropped"))).toHaveLength(1);
  await stranger.close();
});

test("[MP14] two versions one step apart share one house: a grab at each wins at the other, a leaver hands over", async () => {
  const old = await startNode("old", { version: CLUSTER_VERSION });
  const next = await startNode("next", { version: CLUSTER_VERSION + 1 });
  await split(old, next);
  for (const [at, other] of [
    [old, next],
    [next, old],
  ] as const) {
    const pool = poolOn(other.mine()[1] ?? 0);
    await openGrab(at.engine, pool, 2);
    expect(await grab(at.engine, pool, 1)).toMatchObject({ ok: true });
    // What the other wrote came by the bus, to be told to viewers here.
    await expect
      .poll(() => at.batches.some(({ events }) => events.some(({ type }) => type === "granted")))
      .toBe(true);
  }
  const shard = old.mine()[0] ?? 0;
  await openGrab(next.engine, poolOn(shard), 2);
  await old.cluster.leave();
  await expect.poll(() => next.mine().length).toBe(SHARDS);
  expect(await grab(old.engine, poolOn(shard), 2)).toMatchObject({ ok: true });
});

test("[MP3] [MP14] who is more than a step apart may not come in; one step apart may", async () => {
  const a = await startNode("a");
  await expect.poll(() => a.mine()).toHaveLength(SHARDS);
  const meet = (version: number, more: object = {}) =>
    meetHouse({ url: database.url, join: true, keys: "k", bus: true, version, ...more });
  const before = await database.pool.query("select process from processes");
  await expect(meet(CLUSTER_VERSION + 2)).rejects.toMatchObject({ code: "server.too_far_apart" });
  await expect(meet(CLUSTER_VERSION, { join: false })).rejects.toMatchObject({ code: "server.not_alone" });
  await database.pool.query("update processes set bus = false");
  await expect(meet(CLUSTER_VERSION)).rejects.toMatchObject({ code: "server.no_common_bus" });
  expect((await database.pool.query("select process from processes")).rows).toEqual(before.rows);
  await database.pool.query("update processes set bus = true");
  for (const version of [CLUSTER_VERSION - 1, CLUSTER_VERSION + 1]) {
    const joined = await (await meet(version)).enter();
    expect(joined.others.map(({ process }) => process)).toEqual(["a"]);
    await joined.begun();
    await joined.store.leave();
    await joined.store.close();
  }
});
