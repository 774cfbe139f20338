import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { PoolId, RequestId, UserId } from "@wanhui/core";
import { createSnapshotFile, type Engine, type SnapshotParts } from "@wanhui/server";
import { type JournalUnderTest, openJournal, openPool, play } from "./grabs-engine.ts";
import { type BenchRow, median, spreadOf } from "./rows.ts";

const GRANTS = 1_000_000;
const ROUNDS = 5;
const IN_FLIGHT = 4_096;
/** What a replay of a shard may take before there has to be a snapshot. */
const BOUND_MS = 2_000;

/** Starts of an engine over a million grants of one shard, by turns from a snapshot and from the whole journal. */
export async function benchSnapshot(options: { readonly say: (text: string) => void }): Promise<BenchRow[]> {
  const { say } = options;
  const journal = await openJournal();
  try {
    say(`snapshot: ${GRANTS.toLocaleString("en")} grants are made`);
    const made = await makeGrants(journal);
    const recalled: number[] = [];
    const replayed: number[] = [];
    // Round 0 warms up and is not counted.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const whole = await timed(journal, {}, made);
      const fromFile = await timed(journal, { snapshots: snapshotsOf(journal) }, made);
      if (round > 0) {
        replayed.push(whole);
        recalled.push(fromFile);
      }
      const turn = round === 0 ? "warm-up" : `${round}/${ROUNDS}`;
      say(`snapshot ${turn}: ${Math.round(fromFile)} ms, the whole journal ${Math.round(whole)} ms`);
    }
    const ours = median(recalled);
    const spread = spreadOf(recalled);
    const note = `the whole journal: ${Math.round(median(replayed))} ms`;
    const work = `engine started over ${GRANTS} grants of one shard, from a snapshot`;
    return [{ work, unit: "ms", ours, bound: BOUND_MS, ok: ours <= BOUND_MS, spread, note }];
  } finally {
    await journal.stop();
  }
}

const snapshotsOf = ({ folder }: JournalUnderTest): SnapshotParts => ({
  store: createSnapshotFile({ path: join(folder, "snapshot"), build: async () => "bench" }),
  afterEvents: GRANTS,
  afterReplayMs: Number.POSITIVE_INFINITY,
});

/** Everything one pool has, and the snapshot that the end in order keeps. @returns the pool */
async function makeGrants(journal: JournalUnderTest): Promise<PoolId> {
  const id = "bench/snapshot" as PoolId;
  await rm(join(journal.folder, "snapshot"), { force: true });
  const engine = journal.engine({ snapshots: snapshotsOf(journal) });
  await engine.start();
  await openPool(engine, { id, units: GRANTS, nowMs: Math.floor(journal.clock.nowMs()) });
  const named = (kind: string) =>
    Array.from({ length: GRANTS }, (_, n) =>
      createHash("sha256").update(`${kind} ${n}`).digest("hex").slice(0, 32),
    );
  const users = named("user") as UserId[];
  const requests = named("request") as RequestId[];
  await play(engine, { id, users, requests, inFlight: IN_FLIGHT });
  await engine.stop();
  return id;
}

/** @returns how long the start took, once it is checked that nothing is missing */
async function timed(
  journal: JournalUnderTest,
  options: { readonly snapshots?: SnapshotParts },
  pool: PoolId,
): Promise<number> {
  const engine = journal.engine(options);
  const begun = performance.now();
  await engine.start();
  const ms = performance.now() - begun;
  check(engine, pool);
  await engine.stop();
  return ms;
}

function check(engine: Engine, pool: PoolId): void {
  const shard = engine.shardOf({ pool }) ?? 0;
  const known = engine.state(shard).pools.get(pool);
  if (known?.posted !== GRANTS || known.grants.count !== GRANTS || known.free !== 0)
    throw new Error(`${known?.posted} grants are known after a start, not ${GRANTS}`);
}
