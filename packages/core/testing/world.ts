// A shard under test: commands at chosen times, every event kept, a made-up beacon.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type Answer,
  type AwardId,
  type BeaconChain,
  type Command,
  createShardState,
  type DrawId,
  type DrawRules,
  decideAndApply,
  type Event,
  type Hash,
  type PoolId,
  type RequestId,
  type Sha256,
  type ShardState,
  type UserId,
  type UserKey,
} from "../src/mod.ts";

export const sha256: Sha256 = (bytes) => createHash("sha256").update(bytes).digest();

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex");

export const poolId = (id: string) => id as PoolId;
export const drawId = (id: string) => id as DrawId;
export const userOf = (name: string | number) => sha256Hex(`user ${name}`).slice(0, 32) as UserId;
export const keyOf = (name: string | number) => sha256Hex(`key ${name}`) as UserKey;
export const requestOf = (name: string | number) => sha256Hex(`request ${name}`).slice(0, 32) as RequestId;
export const awardOf = (id: string) => id as AwardId;

/** A chain like drand's quicknet: 3 s, on seconds divisible by 3. */
export const chain: BeaconChain = {
  chainHash: "cc".repeat(32),
  publicKey: "ab".repeat(96),
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 3_000_000,
  periodMs: 3000,
};

/** The made-up beacon: unique per round, as BLS signatures are. */
export function beaconOf(round: number): { signature: string; randomness: Hash } {
  const signature = sha256Hex(`signature ${round}`).repeat(2).slice(0, 96);
  const randomness = hexOf(sha256(Buffer.from(signature, "hex"))) as Hash;
  return { signature, randomness };
}

export const POOL = poolId("gala/phones");
export const DRAW = drawId("gala/shake-1");

/** Round 1001 is due at 6,000,000; with a first window of 10 s, window 0 is [5,988,000, 5,998,000). */
export const FIRST_ROUND = 1001;
export const OPENS_AT_MS = 5_988_000;

export function rulesOf(changes: Partial<DrawRules> = {}): DrawRules {
  return {
    version: "wanhui/rules/1",
    draw: DRAW,
    pool: POOL,
    title: "摇一摇",
    schedule: [2, 1, 1],
    firstWindowMs: 10_000,
    capPerUser: 1,
    enter: "guest",
    excludedRoles: [],
    leftoversTo: null,
    claimTtlMs: 600_000,
    showKey: "aa".repeat(32),
    witnesses: [],
    ...changes,
  };
}

export type World = {
  readonly state: ShardState;
  readonly events: Event[];
  nowMs: number;
  newestRoundSeen: number;
  /** Decides at the world's time, or moves it there first. */
  run(command: Command, atMs?: number): Answer;
  tick(atMs?: number, taps?: ReadonlyMap<DrawId, number>): Event[];
};

export function createWorld(): World {
  const world: World = {
    state: createShardState(0),
    events: [],
    nowMs: 1000,
    newestRoundSeen: 0,
    run(command, atMs = world.nowMs) {
      world.nowMs = atMs;
      const { nowMs, newestRoundSeen } = world;
      return decideAndApply(world.state, command, { nowMs, newestRoundSeen, sha256 }, (event) => {
        world.events.push(event);
      });
    },
    tick(atMs = world.nowMs, taps = new Map()) {
      const before = world.events.length;
      world.run({ type: "tick", taps }, atMs);
      return world.events.slice(before);
    },
  };
  return world;
}

export function makePool(
  world: World,
  units: number,
  more: { pool?: PoolId; capPerUser?: number | null; grabClaimTtlMs?: number | null } = {},
): Answer {
  const { pool = POOL, capPerUser = null, grabClaimTtlMs = null } = more;
  return world.run({ type: "pool.create", pool, units, capPerUser, grabClaimTtlMs });
}

export function openGrab(world: World, opensAtMs = 1000, closesAtMs = 1_000_000, pool = POOL): Answer {
  return world.run({ type: "grab.open", pool, opensAtMs, closesAtMs });
}

export function grab(
  world: World,
  name: string | number,
  more: { request?: string | number; pool?: PoolId; quantity?: number } = {},
): Answer {
  const { request = name, pool = POOL, quantity = 1 } = more;
  return world.run({ type: "grab.take", pool, user: userOf(name), requestId: requestOf(request), quantity });
}

export function plan(world: World, changes: Partial<DrawRules> = {}): Answer {
  return world.run({ type: "draw.plan", rules: rulesOf(changes) });
}

export function arm(world: World, draw = DRAW, firstRound = FIRST_ROUND, firstWindowMs = 10_000): Answer {
  const opensAtMs = chain.genesisMs + (firstRound - 1) * chain.periodMs - 2000 - firstWindowMs;
  return world.run({ type: "draw.arm", draw, opensAtMs, firstRound, beacon: chain });
}

export function enter(world: World, name: string | number, atMs = world.nowMs, draw = DRAW): Answer {
  return world.run({ type: "draw.enter", draw, user: userOf(name), userKey: keyOf(name) }, atMs);
}

export function reveal(
  world: World,
  window: number,
  atMs = world.nowMs,
  draw = DRAW,
  first = FIRST_ROUND,
): Answer {
  const round = first + window;
  return world.run({ type: "draw.reveal", draw, window, round, ...beaconOf(round) }, atMs);
}

/** When window `window` of the standard draw closes. */
export function closeOf(window: number): number {
  return OPENS_AT_MS + 10_000 + window * chain.periodMs;
}

/** A pool of `units` and one armed draw on it. */
export function armedWorld(
  units: number,
  changes: Partial<DrawRules> = {},
  capPerUser: number | null = null,
): World {
  const world = createWorld();
  makePool(world, units, { capPerUser });
  plan(world, changes);
  const answer = arm(world, changes.draw ?? DRAW, FIRST_ROUND, changes.firstWindowMs ?? 10_000);
  if (!answer.ok) throw new Error(`not armed: ${answer.code}`);
  return world;
}

export function readVectors() {
  return JSON.parse(readFileSync(new URL("../../../docs/spec/vectors.json", import.meta.url), "utf8"));
}
