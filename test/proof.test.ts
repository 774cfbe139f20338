// The real rules and the real writer against the independent checker: random nights with late seals, stops, lost
// beacons, caps, forfeits. The two sides share no code, so agreement means the spec says enough.

import { createHash, generateKeyPairSync } from "node:crypto";
import {
  type BeaconChain,
  type Command,
  type Context,
  createShardState,
  type DrawId,
  decideAndApply,
  type Event,
  gridOpening,
  type Hash,
  nextDueMs,
  type PoolId,
  roundDueMs,
  type UserId,
  type UserKey,
} from "@wanhui/core";
import { verifyProof } from "@wanhui/verify";
import { nodeSha256 } from "@wanhui/verify/node";
import { expect, test } from "vitest";
import { createShowSigner, writeProof } from "../packages/server/src/proofs/mod.ts";
import { seeded, testBeacon } from "../packages/verify/src/testing.ts";

const beacon = testBeacon("night");
const chain = beacon.chain as BeaconChain;
const { privateKey } = generateKeyPairSync("ed25519");
const signer = createShowSigner(privateKey);
const campaigns = Number(process.env.WANHUI_PROOF_CAMPAIGNS ?? 100);
const head = { show: "night", run: "night-1", software: "test" };

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const hex = (word: string, bytes: number) =>
  createHash("sha256")
    .update(word)
    .digest("hex")
    .slice(0, bytes * 2);

/** One shard under a clock and a beacon of the test; every answer is kept. */
class Night {
  readonly state = createShardState(0);
  readonly events: Event[] = [];
  nowMs: number;
  newestRoundSeen = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  ask(command: Command) {
    const context: Context = { nowMs: this.nowMs, newestRoundSeen: this.newestRoundSeen, sha256 };
    return decideAndApply(this.state, command, context, (event) => void this.events.push(event));
  }

  tick(): void {
    for (let due = nextDueMs(this.state); due !== null && due <= this.nowMs; due = nextDueMs(this.state)) {
      const before = this.events.length;
      this.ask({ type: "tick", taps: new Map() });
      if (this.events.length === before) return;
    }
  }
}

type Round = {
  readonly draw: DrawId;
  readonly firstRound: number;
  readonly windows: number;
  readonly opensAtMs: number;
};

function arm(night: Night, seed: number, random: (bound: number) => number): Round {
  const windows = 1 + random(6);
  const schedule = Array.from({ length: windows }, () => random(4));
  if (!schedule.some((units) => units > 0)) schedule[0] = 2;
  const pool = "night-1/pool" as PoolId;
  const draw = `night-1/round-${seed}` as DrawId;
  const firstWindowMs = 1_000 + random(20_000);
  night.ask({ type: "pool.create", pool, units: 100, capPerUser: null, grabClaimTtlMs: null });
  const rules = {
    version: "wanhui/rules/1",
    draw,
    pool,
    title: "摇一摇",
    schedule,
    firstWindowMs,
    capPerUser: 1 + random(2),
    enter: "guest",
    excludedRoles: [],
    leftoversTo: null,
    claimTtlMs: 600_000,
    showKey: signer.publicKey,
    witnesses: [],
  } as const;
  expect(night.ask({ type: "draw.plan", rules })).toMatchObject({ ok: true });
  const { opensAtMs, firstRound } = gridOpening({ chain, wishedAtMs: night.nowMs + 12_000, firstWindowMs });
  const armed = night.ask({ type: "draw.arm", draw, opensAtMs, firstRound, beacon: chain });
  expect(armed).toMatchObject({ ok: true });
  return { draw, firstRound, windows, opensAtMs };
}

/** Draws what is sealed and due; a lost beacon holds up every window behind it. */
function reveal(night: Night, round: Round): void {
  const sealed = night.events.filter((event) => event.type === "window.sealed");
  const drawn = new Set(
    night.events.flatMap((event) => (event.type === "window.drawn" ? [event.window] : [])),
  );
  for (const { header } of sealed) {
    if (drawn.has(header.window) || night.nowMs < roundDueMs(chain, header.round)) continue;
    const signature = beacon.signature(header.round);
    const randomness = hashOf(signature);
    night.newestRoundSeen = Math.max(night.newestRoundSeen, header.round);
    const { draw } = round;
    const window = header.window;
    expect(
      night.ask({ type: "draw.reveal", draw, window, round: header.round, randomness, signature }),
    ).toMatchObject({
      ok: true,
    });
  }
  night.tick();
}

function hashOf(signature: string): Hash {
  return createHash("sha256").update(Buffer.from(signature, "hex")).digest("hex") as Hash;
}

/** A night: people tap all along, the server sometimes sleeps through a close, a beacon is late, somebody stops. */
function play(seed: number): { night: Night; round: Round } {
  const random = seeded(seed);
  const night = new Night(chain.genesisMs + random(3_000));
  const round = arm(night, seed, random);
  const stopAt = random(5) === 0 ? random(round.windows * 3_000) : null;
  let stopped = false;
  for (let steps = 0; steps < 400; steps++) {
    night.nowMs += random(12) === 0 ? 2_500 + random(6_000) : 100 + random(900);
    night.tick();
    const user = random(25);
    const command = { type: "draw.enter", draw: round.draw, user: hex(`u${user}`, 16) as UserId } as const;
    night.ask({ ...command, userKey: hex(`k${seed}/${user}`, 32) as UserKey });
    if (random(3) > 0) reveal(night, round);
    if (stopAt !== null && !stopped && night.nowMs > round.opensAtMs + stopAt) {
      stopped = night.ask({ type: "draw.stop", draw: round.draw, reason: "power lost" }).ok;
    }
    if (night.events.some(({ type }) => type === "draw.closed")) break;
  }
  const awards = night.events.flatMap((event) => (event.type === "window.drawn" ? event.winners : []));
  for (const { awardId } of awards.slice(0, random(3))) {
    night.nowMs += 1_000;
    night.ask({ type: "award.forfeit", awardId, reason: "works for the host" });
  }
  return { night, round };
}

async function proofOf(events: readonly Event[], draw: DrawId): Promise<Buffer> {
  const parts: Buffer[] = [];
  const written = await writeProof({
    draw,
    events,
    signer,
    head,
    witnesses: [],
    isPublicChain: () => false,
    madeMs: 1,
    out: (bytes) => void parts.push(bytes),
  });
  expect(written).toBe(true);
  return Buffer.concat(parts);
}

async function* chunksOf(file: Buffer): AsyncGenerator<Uint8Array, void> {
  yield file;
}

test("[PF2][VF1][DR12][DR13][DR14] nights played by the real rules are accepted by the checker, whole and growing", async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= campaigns; seed++) {
    const { night, round } = play(seed);
    for (const { type } of night.events) seen.add(type);
    const whole = await verifyProof(chunksOf(await proofOf(night.events, round.draw)), {
      sha256: nodeSha256,
    });
    expect({ seed, failure: whole.failure, final: whole.final }).toEqual({
      seed,
      failure: null,
      final: true,
    });
    const winners = night.events.flatMap((event) => (event.type === "window.drawn" ? event.winners : []));
    expect(whole.counts.winners).toBe(winners.length);
    const armedAt = night.events.findIndex(({ type }) => type === "draw.armed");
    const cut = armedAt + 1 + (seed % (night.events.length - armedAt));
    const growing = await verifyProof(chunksOf(await proofOf(night.events.slice(0, cut), round.draw)), {
      sha256: nodeSha256,
    });
    expect({ seed, cut, failure: growing.failure }).toEqual({ seed, cut, failure: null });
  }
  for (const type of ["window.gap", "draw.stopped", "draw.closed", "award.moved"])
    expect(seen).toContain(type);
}, 300_000);
