// Snapshots of the real engine over the real journal: a cache that is believed only when it can be (JR14).

import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gridOpening, type PoolId, stateDigest } from "@wanhui/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { createPostgresJournal } from "./journal-postgres.ts";
import type { JournalStore } from "./journal-store.ts";
import type { ListenerMemory } from "./snapshot.ts";
import { createSnapshotFile } from "./snapshot-file.ts";
import {
  chain,
  engineOver,
  listeningLog,
  poolCommand,
  requestOf,
  rulesOf,
  SetClock,
  sha256,
  TroubledStore,
  userOf,
} from "./testing.ts";
import type { DurableBatch, Engine, EngineCommand } from "./types.ts";

const KEPT = "A snapshot of the journal was kept";
const POOL = "run/a" as PoolId;
/** Kept at every end, never at a start. */
const AT_ENDS = { afterEvents: 1, afterReplayMs: Number.POSITIVE_INFINITY };
const AT_STARTS = { afterEvents: Number.POSITIVE_INFINITY, afterReplayMs: -1 };
const NEVER = { afterEvents: Number.POSITIVE_INFINITY, afterReplayMs: Number.POSITIVE_INFINITY };

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;
const engines: Engine[] = [];
const stores: JournalStore[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(() => database.drop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-test-snapshot-"));
  await database.pool.query("truncate journal, shards");
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop();
  for (const one of stores.splice(0)) await one.close();
  await rm(folder, { recursive: true, force: true });
});

/** A listener that counts, and remembers what it counted. */
function counter(name = "counter") {
  const counted = { events: 0, heard: 0 };
  const memory: ListenerMemory = {
    name,
    save: () => counted.events,
    load: (saved) => {
      counted.events = saved as number;
    },
  };
  const onBatch = ({ events }: DurableBatch) => {
    counted.events += events.length;
    counted.heard += events.length;
  };
  return { counted, memory, onBatch };
}

/** An engine with a counting listener, started; `read` are the batches its start read from the journal. */
async function opened(
  options: {
    build?: string;
    after?: typeof AT_ENDS;
    clock?: SetClock;
    memory?: null;
    isOurs?: () => boolean;
  } = {},
) {
  const { build = "this", after = AT_ENDS, clock = new SetClock(chain.genesisMs), isOurs } = options;
  const store = new TroubledStore(createPostgresJournal({ url: database.url }));
  stores.push(store);
  const read: number[] = [];
  const { readTail } = store;
  store.readTail = async function* (shard, from) {
    for await (const batch of readTail(shard, from)) {
      read.push(batch.seq);
      yield batch;
    }
  };
  const log = listeningLog();
  const file = createSnapshotFile({ path: join(folder, "snapshot"), build: async () => build });
  const snapshots = { store: file, ...after, ...(isOurs && { isOurs }) };
  const engine = engineOver(store, { log, snapshots, clock });
  engines.push(engine);
  const { counted, memory, onBatch } = counter();
  if (options.memory === null) engine.onDurable(onBatch);
  else engine.onDurable(onBatch, memory);
  await engine.start();
  return { engine, store, log, counted, read };
}

const take = (user: number, request = user): EngineCommand => ({
  type: "grab.take",
  pool: POOL,
  user: userOf(user),
  requestId: requestOf(request),
  quantity: 1,
});

/** Twelve wishes for nine units, one of them twice. */
async function play(engine: Engine) {
  await engine.submit(poolCommand(POOL, 9, { ttlMs: 60_000 }));
  const times = { opensAtMs: chain.genesisMs, closesAtMs: chain.genesisMs + 600_000 };
  await engine.submit({ type: "grab.open", pool: POOL, ...times });
  const answers = [];
  for (const user of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 3]) answers.push(await engine.submit(take(user)));
  return answers;
}

const digests = (engine: Engine) =>
  engine.status().shards.map(({ shard }) => stateDigest(engine.state(shard), sha256));

test("[JR14] an end in order keeps a snapshot; the next start reads nothing before it and answers as before", async () => {
  const first = await opened();
  const answers = await play(first.engine);
  await first.engine.stop();
  expect(first.log.lines).toContain(KEPT);
  const live = digests(first.engine);
  const second = await opened();
  expect(second.read).toEqual([]);
  expect(digests(second.engine)).toEqual(live);
  expect(second.counted).toEqual({ events: first.counted.events, heard: 0 });
  const again = [];
  for (const user of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 3])
    again.push(await second.engine.submit(take(user)));
  expect(again).toEqual(answers);
  await second.engine.submit({ type: "pool.change", pool: POOL, delta: 2, commandId: "more" });
  // The chain goes on: the journal alone, and the snapshot with what came behind it, are the same.
  await second.engine.stop();
  const third = await opened();
  await rm(join(folder, "snapshot"));
  const whole = await opened();
  expect(digests(third.engine)).toEqual(digests(whole.engine));
  expect(third.counted.events).toBe(whole.counted.events);
  expect(whole.counted.heard).toBe(whole.counted.events);
});

test("[JR14] after a kill only what came behind the snapshot is read, draws and beacons with it", async () => {
  const clock = new SetClock(chain.genesisMs);
  const first = await opened({ clock });
  await play(first.engine);
  await first.engine.submit({ type: "draw.plan", rules: rulesOf("run/d", "run/a", [1, 1]) });
  await first.engine.submit({ type: "pool.change", pool: POOL, delta: 4, commandId: "for the draw" });
  await first.engine.stop();
  const second = await opened({ clock, after: NEVER });
  const { engine } = second;
  const draw = rulesOf("run/d", "run/a", [1, 1]).draw;
  expect(engine.shardOf({ draw })).toBe(engine.shardOf({ pool: POOL }));
  const opening = gridOpening({ chain, firstWindowMs: 3_000, wishedAtMs: clock.ms + 30_000 });
  expect(await engine.submit({ type: "draw.arm", draw, beacon: chain, ...opening })).toMatchObject({
    ok: true,
  });
  const behind = second.counted.heard;
  expect(behind).toBeGreaterThan(0);
  // Killed: nobody says goodbye.
  const third = await opened({ clock });
  expect(third.counted.heard).toBe(behind);
  expect(digests(third.engine)).toEqual(digests(engine));
});

test("[JR14] a start that took long keeps one for the next", async () => {
  const first = await opened({ after: AT_STARTS });
  await play(first.engine);
  await first.engine.stop();
  const second = await opened({ after: AT_STARTS });
  expect(second.log.lines).toContain(KEPT);
  expect(second.read.length).toBeGreaterThan(0);
  const third = await opened();
  expect(third.read).toEqual([]);
  expect(digests(third.engine)).toEqual(digests(second.engine));
});

test("[JR14] [JR7] a shard rebuilt because an append was lost begins from the snapshot", async () => {
  const first = await opened();
  await play(first.engine);
  await first.engine.stop();
  const { engine, store, read, counted } = await opened();
  store.before = (kind) => {
    if (kind !== "append") return;
    store.before = () => {};
    throw new Error("the line is cut before the statement");
  };
  const change = { type: "pool.change", pool: POOL, delta: 3, commandId: "lost once" } as const;
  await expect(engine.submit(change)).rejects.toMatchObject({ code: "engine.unknown" });
  expect(await engine.submit(change)).toMatchObject({ ok: true });
  expect(read).toEqual([]);
  // The change, and the two who waited for it.
  expect(counted.heard).toBe(3);
});

test("[JR14] another build, a damaged file, another journal, a listener without a memory: the whole journal is read", async () => {
  const first = await opened();
  await play(first.engine);
  await first.engine.stop();
  const live = digests(first.engine);
  const path = join(folder, "snapshot");
  const good = await readFile(path);
  const check = async (why: string, options: Parameters<typeof opened>[0] = {}) => {
    const next = await opened({ after: NEVER, ...options });
    expect(next.counted.heard, why).toBe(first.counted.events);
    expect(digests(next.engine), why).toEqual(live);
    await next.engine.stop();
    await next.store.close();
    return next.log.lines.join("\n");
  };
  await check("another build", { build: "another" });
  expect(await check("silent", { memory: null })).toContain("cannot begin from it");
  // One bit anywhere, and every length it may be cut to in steps.
  for (let at = 0; at < good.length; at += Math.ceil(good.length / 16)) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 1;
    await writeFile(path, bad);
    await check(`a bit at ${at}`);
    await writeFile(path, good.subarray(0, at));
    await check(`cut at ${at}`);
  }
  await writeFile(path, good);
  await database.pool.query("truncate journal, shards");
  const other = await opened({ after: NEVER });
  expect(other.log.lines.join("\n")).toContain("has not its batch");
  expect(other.counted.events).toBe(0);
});

test("[JR14] whether the file is this process's is asked each time: who is not its owner neither reads nor keeps one", async () => {
  const path = join(folder, "snapshot");
  const guest = await opened({ isOurs: () => false });
  await play(guest.engine);
  await guest.engine.stop();
  await expect(stat(path)).rejects.toThrow("ENOENT");
  // A guest at its start, the owner at its end.
  let owns = false;
  const heir = await opened({ isOurs: () => owns });
  owns = true;
  await heir.engine.stop();
  expect(heir.log.lines).toContain(KEPT);
  const after = await opened({ after: NEVER });
  expect(after.counted).toEqual({ events: heir.counted.events, heard: 0 });
  const other = await opened({ after: NEVER, isOurs: () => false });
  expect(other.counted).toEqual({ events: heir.counted.events, heard: heir.counted.events });
});

test("[JR14] none is kept while a listener says that this is no moment, and a full disk costs nothing but the snapshot", async () => {
  const store = createPostgresJournal({ url: database.url });
  stores.push(store);
  const log = listeningLog();
  // A file stands where its folder should: no write can succeed.
  const nowhere = createSnapshotFile({ path: join(folder, "is", "there"), build: async () => "this" });
  await writeFile(join(folder, "is"), "a file");
  const engine = engineOver(store, { log, snapshots: { store: nowhere, ...AT_ENDS } });
  engines.push(engine);
  await engine.start();
  await play(engine);
  await engine.stop();
  expect(log.lines.join("\n")).toContain("No snapshot could be kept");
  const next = createPostgresJournal({ url: database.url });
  stores.push(next);
  const unready = engineOver(next, {
    snapshots: {
      store: createSnapshotFile({ path: join(folder, "snapshot"), build: async () => "this" }),
      ...AT_ENDS,
    },
  });
  engines.push(unready);
  unready.onDurable(() => {}, { name: "unready", save: () => null, load: () => {} });
  await unready.start();
  await unready.stop();
  await expect(stat(join(folder, "snapshot"))).rejects.toThrow("ENOENT");
});
