import type { DrawId } from "@wanhui/core";
import { expect, test } from "vitest";
import { QUICKNET } from "../beacons/mod.ts";
import type { ClusterStatus } from "../cluster/mod.ts";
import { type HealthParts, healthOf, publicHealthOf } from "./health.ts";

const shard = {
  shard: 3,
  epoch: 1,
  seq: 1,
  state: "broken",
  mine: true,
  reason: "user 4f… was counted twice",
} as const;

const house: ClusterStatus = {
  self: "a",
  members: [],
  bus: null,
  dropped: 0,
  asks: 0,
  unowned: [],
  leaving: false,
};

function partsOf(change: {
  ill?: boolean;
  dueAtMs?: number;
  stopped?: string;
  database?: string;
  house?: Partial<ClusterStatus>;
}): HealthParts {
  const engine = { shards: change.ill ? [shard] : [], pending: 0, tickMs: 0, appends: 0, events: 0 };
  const window = {
    draw: "night/round-1" as DrawId,
    window: 7,
    round: 1,
    beacon: QUICKNET,
    dueAtMs: change.dueAtMs ?? 0,
  };
  return {
    engine: { status: () => engine },
    cluster: { status: () => ({ ...house, ...change.house }) },
    materialiser: { status: () => ({ checkpoints: [], stopped: change.stopped ?? null }) },
    databaseWatch: { now: () => change.database ?? null },
    board: { sealedUndrawn: () => (change.dueAtMs === undefined ? [] : [window]) },
    nowMs: () => 100_000,
  };
}

const illOf = (parts: HealthParts) => healthOf(parts).parts.filter(({ ok }) => !ok);

test("[JR13] a beacon that is late is told to the studio and sends nobody away", () => {
  expect(illOf(partsOf({ dueAtMs: 86_000 }))).toEqual([]);
  const late = partsOf({ dueAtMs: 84_000 });
  const reason = "window 7 of night/round-1 waits for its beacon, due 16 s ago";
  expect(healthOf(late).ok).toBe(false);
  expect(illOf(late)).toEqual([{ name: "beacon", ok: false, reason }]);
  expect(publicHealthOf(late)).toMatchObject({ ok: true, parts: { beacon: reason, engine: "running" } });
});

test("[JR13] the reason of a bug and the database's words are for the studio alone", () => {
  const parts = partsOf({ ill: true, database: "connect ECONNREFUSED 10.1.2.3:5432" });
  expect(illOf(parts).map(({ reason }) => reason)).toEqual([
    "shard 3 broken: user 4f… was counted twice",
    "connect ECONNREFUSED 10.1.2.3:5432",
  ]);
  const open = publicHealthOf(parts);
  expect(open).toMatchObject({ ok: false, parts: { engine: "shard 3 broken", database: "does not answer" } });
  expect(JSON.stringify(open)).not.toMatch(/twice|10\.1\.2\.3/);
});

test("[JR13] a materialiser that stopped is not well; whose row it met is for the studio alone", () => {
  const reason = "The materialiser stops at shard 1, batch 9: Key (user_id)=(4f…) already exists.";
  const parts = partsOf({ stopped: reason });
  expect(illOf(parts)).toEqual([{ name: "materialiser", ok: false, reason }]);
  expect(publicHealthOf(parts)).toMatchObject({ ok: false, parts: { materialiser: "stopped" } });
});

test("[MP13] a bus that is gone is shown where there are others, and sends nobody away", () => {
  const members = ["a", "b"].map((process) => ({ process, address: `http://${process}`, serves: true }));
  const gone = { bus: "NATS cannot be reached", asks: 3 };
  expect(illOf(partsOf({ house: gone }))).toEqual([]);
  const reason =
    "NATS cannot be reached: the other processes are followed by the journal alone, 3 commands wait for them";
  expect(illOf(partsOf({ house: { ...gone, members } }))).toEqual([{ name: "bus", ok: false, reason }]);
  expect(publicHealthOf(partsOf({ house: { ...gone, members } }))).toMatchObject({
    ok: true,
    parts: { bus: reason },
  });
});

test("[MP13] [JR13] a shard that another process writes is well, one that nobody writes is named", () => {
  const followed = { ...shard, state: "following", mine: false, reason: null } as const;
  const parts = (unowned: number[]): HealthParts => ({
    ...partsOf({ house: { unowned } }),
    engine: {
      status: () => ({ shards: [{ ...followed, shard: 0 }], pending: 0, tickMs: 0, appends: 0, events: 0 }),
    },
  });
  expect(healthOf(parts([])).ok).toBe(true);
  expect(publicHealthOf(parts([0]))).toMatchObject({
    ok: false,
    parts: { engine: "shard 0 waits for a process" },
  });
});

test("[MP17] [JR13] a process that is ending takes no more viewers", () => {
  expect(publicHealthOf(partsOf({ house: { leaving: true } }))).toMatchObject({
    ok: false,
    parts: { engine: "this process is ending" },
  });
});
