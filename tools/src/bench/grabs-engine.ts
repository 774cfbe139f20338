import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PoolId, type RequestId, shardOfPool, type UserId } from "@wanhui/core";
import {
  AnchoredClock,
  createEngine,
  createPool,
  createPostgresJournal,
  type Engine,
  EngineFault,
  type JournalStore,
  lockDataFolder,
  migrate,
  nodeScheduler,
  readDatabaseClock,
  readMigrations,
  replayShard,
  type SnapshotParts,
  sha256,
  silentLog,
  startEmbeddedPostgres,
} from "@wanhui/server";

/** How long a round's grab is open: longer than any round. */
const OPEN_MS = 3_600_000;

/** The real engine over the real embedded PostgreSQL, in a folder of its own. */
export type EngineUnderTest = {
  /** The PostgreSQL it writes to, for others to be measured on the same. */
  readonly url: string;
  /** One round: as for Redis, one unit per user, all of them from one pool. */
  grabs(input: {
    readonly users: readonly UserId[];
    readonly requests: readonly RequestId[];
    readonly inFlight: number;
  }): Promise<{ readonly perSecond: number }>;
  /** Reads every pool of every round again from the journal alone, and compares. */
  checkJournal(): Promise<{ readonly grants: number }>;
  stop(): Promise<void>;
};

/** A PostgreSQL of its own with an empty journal, and engines on it. */
export type JournalUnderTest = {
  readonly folder: string;
  readonly url: string;
  readonly clock: AnchoredClock;
  readonly store: JournalStore;
  /** Made as `wanhui start` makes it, without gateway and materialiser; started by its user. */
  engine(options?: { readonly snapshots?: SnapshotParts }): Engine;
  stop(): Promise<void>;
};

/** Starts PostgreSQL as `wanhui start` does. */
export async function openJournal(): Promise<JournalUnderTest> {
  const path = await mkdtemp(join(tmpdir(), "wanhui-bench-"));
  const folder = await lockDataFolder(path);
  const server = await startEmbeddedPostgres({ folder, log: silentLog() });
  const pool = createPool({ url: server.url, applicationName: "wanhui bench", connectionsMax: 2 });
  await migrate(pool, await readMigrations());
  const clock = new AnchoredClock({ reading: await readDatabaseClock(pool) });
  const store = createPostgresJournal({ url: server.url });
  const log = silentLog();
  return {
    folder: path,
    url: server.url,
    clock,
    store,
    engine: ({ snapshots } = {}) =>
      createEngine({
        ...{ store, clock, scheduler: nodeScheduler, sha256, log, holder: "bench" },
        ...(snapshots && { snapshots }),
      }),
    async stop() {
      await store.close();
      await pool.end();
      await server.stop();
      await folder.release();
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Starts PostgreSQL and the engine as `wanhui start` does, without gateway and materialiser. */
export async function startEngine(): Promise<EngineUnderTest> {
  const journal = await openJournal();
  const { clock, store } = journal;
  const engine = journal.engine();
  await engine.start();
  const sold = new Map<PoolId, number>();
  return {
    url: journal.url,
    async grabs({ users, requests, inFlight }) {
      const id = `bench/round-${sold.size + 1}` as PoolId;
      await openPool(engine, { id, units: users.length, nowMs: Math.floor(clock.nowMs()) });
      const begun = performance.now();
      const awards = await play(engine, { id, users, requests, inFlight });
      const perSecond = (users.length / (performance.now() - begun)) * 1_000;
      const wins = new Set(awards);
      checkConservation(engine, { id, wins, users });
      sold.set(id, users.length);
      return { perSecond };
    },
    async checkJournal() {
      let grants = 0;
      for (const { shard } of engine.status().shards) {
        const { state } = await replayShard({ store, shard, sha256 });
        for (const [id, { posted, free }] of state.pools) {
          if (posted !== sold.get(id) || free !== 0)
            throw new Error(`${id}: the journal says ${posted} sold`);
          grants += posted;
        }
      }
      return { grants };
    },
    async stop() {
      await engine.stop();
      await journal.stop();
    },
  };
}

/** Makes a pool and opens its grab. */
export async function openPool(
  engine: Engine,
  pool: { id: PoolId; units: number; nowMs: number },
): Promise<void> {
  const { id, units, nowMs } = pool;
  const made = await engine.submit({
    type: "pool.create",
    pool: id,
    units,
    capPerUser: 1,
    grabClaimTtlMs: null,
  });
  const opened = await engine.submit({
    type: "grab.open",
    pool: id,
    opensAtMs: nowMs - 1,
    closesAtMs: nowMs + OPEN_MS,
  });
  if (!made.ok || !opened.ok) throw new Error(`${id} could not be opened`);
}

/** Wishes one after the other, never more than `inFlight` unanswered; resolves to the awards won. */
export function play(
  engine: Engine,
  round: { id: PoolId; users: readonly UserId[]; requests: readonly RequestId[]; inFlight: number },
): Promise<string[]> {
  const { id, users, requests, inFlight } = round;
  return new Promise((resolve, reject) => {
    const awards: string[] = [];
    let sent = 0;
    const next = () => {
      const user = users[sent];
      const request = requests[sent];
      if (user === undefined || request === undefined) return;
      sent += 1;
      engine.take(id, user, request, (answer) => {
        if (answer instanceof EngineFault || !answer.ok || answer.type !== "granted") {
          return reject(new Error(`A grab was answered ${JSON.stringify(answer)}`));
        }
        awards.push(answer.awardId);
        if (awards.length === users.length) setImmediate(() => resolve(awards));
        else next();
      });
    };
    for (let n = 0; n < inFlight; n += 1) next();
  });
}

function checkConservation(
  engine: Engine,
  round: { id: PoolId; wins: Set<string>; users: readonly UserId[] },
): void {
  const { id, wins, users } = round;
  const shard = shardOfPool(id, engine.status().shards.length, sha256);
  const pool = engine.state(shard).pools.get(id);
  if (pool === undefined || wins.size !== users.length || pool.posted !== users.length || pool.free !== 0) {
    throw new Error(`${id}: ${wins.size} wins, ${pool?.posted} sold, ${pool?.free} left of ${users.length}`);
  }
  if (new Set(users).size !== users.length) throw new Error(`${id}: a user came twice`);
}
