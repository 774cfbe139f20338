import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOracle } from "../../testing/oracle.ts";
import {
  beaconOf,
  chain,
  createWorld,
  drawId,
  FIRST_ROUND,
  keyOf,
  OPENS_AT_MS,
  poolId,
  requestOf,
  rulesOf,
  sha256,
  userOf,
  type World,
} from "../../testing/world.ts";
import { decodeEvents, encodeEvents } from "../codec/mod.ts";
import type { Answer, Command } from "../commands.ts";
import type { Event } from "../events.ts";
import type { AwardId } from "../ids.ts";
import { createShardState, freezeShard, type ShardState, thawShard } from "../state/mod.ts";
import { apply } from "./apply.ts";
import { decide } from "./decide.ts";
import { stateDigest } from "./digest.ts";
import { nextDueMs } from "./tick.ts";
import { awardsOfUser, poolView } from "./views.ts";

const POOLS = [poolId("p/a"), poolId("p/b")] as const;
const DRAWS = [drawId("d/1"), drawId("d/2"), drawId("d/3")] as const;

// A wish is a command whose award, window and such are picked when its turn comes.
type Wish = {
  readonly advanceMs: number;
  readonly seen: number;
  readonly make: (world: World, awards: readonly AwardId[]) => Command;
};

const pool = fc.constantFrom(...POOLS);
const draw = fc.constantFrom(...DRAWS);
const who = fc.nat({ max: 6 });
const order = fc.constantFrom("o1", "o2");
const opening = (round: number) => chain.genesisMs + (round - 1) * chain.periodMs - 2000 - 10_000;

const make: fc.Arbitrary<Wish["make"]> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.tuple(pool, fc.nat({ max: 3 })).map(([id, units]) => () => ({
      type: "pool.create" as const,
      pool: id,
      units,
      capPerUser: 1,
      grabClaimTtlMs: null,
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(pool, fc.integer({ min: -3, max: 3 }), fc.nat({ max: 20 }))
      .map(([id, delta, n]) => () => ({ type: "pool.change" as const, pool: id, delta, commandId: `c${n}` })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(pool, fc.nat({ max: 40_000 }), fc.nat({ max: 60_000 }))
      .map(([id, at, length]) => () => ({
        type: "grab.open" as const,
        pool: id,
        opensAtMs: OPENS_AT_MS - 20_000 + at,
        closesAtMs: OPENS_AT_MS - 20_000 + at + length,
      })),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(pool, who, fc.nat({ max: 2 }), fc.constantFrom(1, 1, 1, 1, 2))
      .map(([id, user, request, quantity]) => () => ({
        type: "grab.take" as const,
        pool: id,
        user: userOf(user),
        requestId: requestOf(request),
        quantity,
      })),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.nat(), order, fc.nat({ max: 5 })).map(
      ([pick, orderId, kind]) =>
        (_: World, awards: readonly AwardId[]) =>
          awardCommand(
            awards[pick % Math.max(1, awards.length)] ?? ("00".repeat(16) as AwardId),
            orderId,
            kind,
          ),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(draw, fc.nat({ max: 3 })).map(([id, pick]) => () => ({
      type: "draw.arm" as const,
      draw: id,
      firstRound: FIRST_ROUND + pick * 6,
      opensAtMs: opening(FIRST_ROUND + pick * 6),
      beacon: chain,
    })),
  },
  {
    weight: 30,
    arbitrary: fc
      .tuple(draw, who, fc.constantFrom(0, 0, 0, 0, 0, 0, 1), fc.nat({ max: 7 }))
      .map(([id, user, shift, luck]) => (world: World) => {
        const [live] = world.state.liveDraws;
        const target = live === undefined || luck === 0 ? id : live.rules.draw;
        return {
          type: "draw.enter" as const,
          draw: target,
          user: userOf(user),
          userKey: keyOf(user + shift),
        };
      }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(draw, fc.nat({ max: 2 })).map(([id, luck]) => (world: World) => {
      // Mostly a draw that still waits for arming: cancelling early would leave nothing to draw.
      const waits = [...world.state.draws.values()].findLast(({ arm: armed }) => armed === null);
      return {
        type: "draw.cancel" as const,
        draw: luck === 0 || waits === undefined ? id : waits.rules.draw,
        reason: "called off",
      };
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(draw, fc.constantFrom("r1", "r2")).map(([id, reason]) => () => ({
      type: "draw.stop" as const,
      draw: id,
      reason,
    })),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(draw, fc.nat({ max: 5 }), fc.nat({ max: 3 })).map(([id, window, pick]) => () => ({
      type: "draw.reveal" as const,
      draw: id,
      window,
      round: FIRST_ROUND + pick * 6 + window,
      ...beaconOf(FIRST_ROUND + pick * 6 + window),
    })),
  },
  {
    weight: 10,
    arbitrary: fc.nat({ max: 5 }).map((pick) => (world: World) => {
      for (const live of world.state.liveDraws) {
        const header = live.sealed[pick === 5 ? 1 : 0]?.header;
        if (header === undefined) continue;
        const { draw: id, window, round } = header;
        return { type: "draw.reveal" as const, draw: id, window, round, ...beaconOf(round) };
      }
      return { type: "tick" as const, taps: new Map() };
    }),
  },
  { weight: 12, arbitrary: fc.constant(() => ({ type: "tick" as const, taps: new Map() })) },
);

function awardCommand(awardId: AwardId, orderId: string, kind: number): Command {
  if (kind === 0) return { type: "award.commit", awardId, orderId };
  if (kind === 1) return { type: "award.release", awardId, orderId };
  if (kind === 2) return { type: "award.post", awardId, orderId };
  if (kind === 3) return { type: "award.post", awardId, orderId: null };
  if (kind === 4) return { type: "award.forfeit", awardId, reason: orderId };
  return { type: "award.extend", awardId, claimByMs: OPENS_AT_MS + 60_000 };
}

const wish: fc.Arbitrary<Wish> = fc.record({
  advanceMs: fc.constantFrom(0, 0, 0, 0, 1, 50, 200, 500, 500, 1000, 1000, 1500, 2500, 9000),
  // How far the newest beacon seen is from the one the clock says is due: mostly on time, at times late or early.
  seen: fc.constantFrom(0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -2, -2, -2, 1),
  make,
});

const start = fc.record({
  units: fc.tuple(fc.nat({ max: 14 }), fc.integer({ min: 6, max: 14 })),
  caps: fc.tuple(fc.constantFrom(null, 1, 2), fc.constantFrom(null, 1, 3)),
  ttls: fc.tuple(fc.constantFrom(null, 4000), fc.constantFrom(null, 9000)),
  draws: fc.array(
    fc.record({
      pool: fc.nat({ max: 1 }),
      schedule: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 4 }),
      capPerUser: fc.integer({ min: 1, max: 2 }),
      leftoversTo: fc.constantFrom(null, 0, 1, 2),
      claimTtlMs: fc.constantFrom(null, 5000),
    }),
    { minLength: 3, maxLength: 3 },
  ),
  armed: fc.nat({ max: 2 }),
});

function startOf(setting: typeof start extends fc.Arbitrary<infer Setting> ? Setting : never): Command[] {
  const commands: Command[] = POOLS.map((id, index) => ({
    type: "pool.create",
    pool: id,
    units: setting.units[index as 0 | 1],
    capPerUser: setting.caps[index as 0 | 1],
    grabClaimTtlMs: setting.ttls[index as 0 | 1],
  }));
  setting.draws.forEach((one, index) => {
    const target =
      one.leftoversTo === null || one.leftoversTo === index ? null : (DRAWS[one.leftoversTo] ?? null);
    const id = DRAWS[index as 0 | 1 | 2];
    const rules = rulesOf({ ...one, draw: id, pool: POOLS[one.pool as 0 | 1], leftoversTo: target });
    commands.push({ type: "draw.plan", rules });
  });
  for (const id of POOLS) {
    commands.push({
      type: "grab.open",
      pool: id,
      opensAtMs: OPENS_AT_MS - 15_000,
      closesAtMs: OPENS_AT_MS + 20_000,
    });
  }
  for (const id of DRAWS.slice(setting.armed)) {
    commands.push({
      type: "draw.arm",
      draw: id,
      firstRound: FIRST_ROUND,
      opensAtMs: OPENS_AT_MS,
      beacon: chain,
    });
  }
  return commands;
}

/** The part of an answer that the rules fix. */
function kindOf(answer: Answer): string {
  if (!answer.ok) {
    return answer.code === "award.wrong_state" ? `${answer.code} ${answer.detail?.state}` : answer.code;
  }
  if (answer.type === "granted") return `granted ${answer.awardId} ${answer.grantedAtMs}`;
  if (answer.type === "waiting") return `waiting ${answer.place}`;
  if (answer.type === "entered") return `entered ${answer.window} ${answer.fresh} ${answer.fixedKey}`;
  return answer.type === "drawn" ? `drawn ${answer.winners}` : answer.type;
}

const RUNS = 400;

function play(setting: Parameters<typeof startOf>[0], wishes: readonly Wish[], isChecked: boolean) {
  const world = createWorld();
  const oracle = createOracle();
  const awards: AwardId[] = [];
  world.nowMs = OPENS_AT_MS - 15_000;
  const step = (command: Command): void => {
    const context = { nowMs: world.nowMs, newestRoundSeen: world.newestRoundSeen, sha256 };
    const foreseen = isChecked ? decide(world.state, command, context) : null;
    const before = world.events.length;
    const answer = world.run(command);
    const events = world.events.slice(before);
    if (foreseen !== null) expect({ events, answer }).toEqual(foreseen);
    if (!answer.ok) expect(events).toEqual([]);
    const expected = oracle.decide(command, world.nowMs, world.newestRoundSeen);
    expect(kindOf(answer), JSON.stringify(command)).toBe(expected);
    for (const event of events) {
      if (event.type === "granted") awards.push(event.awardId);
      if (event.type === "window.drawn") awards.push(...event.winners.map((winner) => winner.awardId));
      if (event.type === "window.sealed") {
        oracle.learnSealHash(event.header.draw, event.header.window, event.sealHash);
        const sealed = oracle
          .sealedWindows(event.header.draw)
          .find((one) => one.window === event.header.window);
        expect(event.header).toMatchObject({
          units: sealed?.units,
          parts: [{ count: sealed?.entries.size }],
        });
      }
      if (event.type === "window.drawn") {
        const sealed = oracle.sealedWindows(event.draw).find((one) => one.window === event.window);
        expect(event.winners.map((winner) => winner.user)).toEqual(sealed?.winners);
      }
    }
    for (const id of oracle.pools()) {
      expect(poolView(world.state, poolId(id)), JSON.stringify(command)).toMatchObject(oracle.numbers(id));
    }
  };
  for (const command of startOf(setting)) step(command);
  world.nowMs = OPENS_AT_MS - 1500;
  for (const { advanceMs, seen, make: makeCommand } of wishes) {
    world.nowMs += advanceMs;
    const due = Math.floor((world.nowMs - chain.genesisMs) / chain.periodMs) + 1;
    world.newestRoundSeen = Math.max(world.newestRoundSeen, due + seen);
    step(makeCommand(world, awards));
  }
  return { world, oracle, step };
}

describe("the shard against the oracle", () => {
  it("[PL1] [PL6] [GR2] [GR4] [GR5] [AW1] [DR12] [DR13] [DR14] [DR17] any commands: same answers, numbers and winners", () => {
    fc.assert(
      fc.property(
        start,
        fc.array(wish, { minLength: 20, maxLength: 120, size: "max" }),
        (setting, wishes) => {
          const { oracle } = play(setting, wishes, true);
          for (const id of oracle.pools()) {
            const cap = setting.caps[POOLS.indexOf(poolId(id)) as 0 | 1];
            if (cap === null) continue;
            const taken = new Map<string, number>();
            for (const award of oracle.awards()) {
              if (award.pool === id) taken.set(award.user, (taken.get(award.user) ?? 0) + 1);
            }
            expect(Math.max(0, ...taken.values())).toBeLessThanOrEqual(cap);
          }
        },
      ),
      { numRuns: RUNS },
    );
  }, 120_000);

  it("[DR16] once every beacon is out and every tick done, no unit is stranded in a draw", () => {
    fc.assert(
      fc.property(start, fc.array(wish, { maxLength: 60, size: "max" }), (setting, wishes) => {
        const { world, step } = play(setting, wishes, false);
        for (let i = 0; i < 40; i++) {
          world.nowMs += 3000;
          step({ type: "tick", taps: new Map() });
          for (const live of [...world.state.liveDraws]) {
            const sealed = live.sealed[0];
            if (sealed === undefined) continue;
            const { draw: id, window, round } = sealed.header;
            step({ type: "draw.reveal", draw: id, window, round, ...beaconOf(round) });
          }
        }
        expect(world.state.liveDraws.size).toBe(0);
        for (const id of POOLS)
          expect(poolView(world.state, id)).toMatchObject({ heldByDraw: 0, liveDraw: null });
        const due = nextDueMs(world.state);
        expect(due === null || due > world.nowMs).toBe(true);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it("[JR9] [JR8] replaying the journal's bytes gives the live state, expiries included, without a clock", () => {
    fc.assert(
      fc.property(
        start,
        fc.array(wish, { maxLength: 100, size: "max" }),
        fc.nat({ max: 9 }),
        (setting, wishes, cut) => {
          const { world } = play(setting, wishes, false);
          const replayed = createShardState(0);
          const size = cut + 1;
          for (let from = 0; from < world.events.length; from += size) {
            const batch: Event[] = world.events.slice(from, from + size);
            for (const event of decodeEvents(encodeEvents(batch))) apply(replayed, event);
          }
          expect(stateDigest(replayed, sha256)).toBe(stateDigest(world.state, sha256));
          expect(nextDueMs(replayed)).toBe(nextDueMs(world.state));
          // The replayed state goes on as the live one would.
          const context = { nowMs: world.nowMs + 20_000, newestRoundSeen: world.newestRoundSeen, sha256 };
          const command = { type: "tick", taps: new Map() } as const;
          expect(decide(replayed, command, context)).toEqual(decide(world.state, command, context));
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it("[JR14] a state frozen anywhere, copied and thawed goes on like the one it was taken from", () => {
    fc.assert(
      fc.property(
        start,
        fc.array(wish, { minLength: 10, maxLength: 100, size: "max" }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (setting, wishes, share) => {
          const { world } = play(setting, wishes, false);
          const cut = Math.floor(world.events.length * share);
          const before = createShardState(0);
          for (const event of world.events.slice(0, cut)) apply(before, event);
          const thawed = thawShard(structuredClone(freezeShard(before)));
          expect(stateDigest(thawed, sha256)).toBe(stateDigest(before, sha256));
          for (const event of world.events.slice(cut)) apply(thawed, event);
          expect(stateDigest(thawed, sha256)).toBe(stateDigest(world.state, sha256));
          expect(nextDueMs(thawed)).toBe(nextDueMs(world.state));
          for (const who of [0, 1, 2, 3, 4, 5, 6].map(userOf))
            expect(awardsOfUser(thawed, who)).toEqual(awardsOfUser(world.state, who));
          const context = { nowMs: world.nowMs + 20_000, newestRoundSeen: world.newestRoundSeen, sha256 };
          const command = { type: "tick", taps: new Map() } as const;
          expect(decide(thawed, command, context)).toEqual(decide(world.state, command, context));
          // Nothing of the copy is the original's.
          expect(stateDigest(before, sha256)).toBe(stateDigest(replayOf(world.events.slice(0, cut)), sha256));
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it("[JR9] the digest tells states apart that one event separates, and decide() does not change it", () => {
    fc.assert(
      fc.property(start, fc.array(wish, { minLength: 10, maxLength: 60, size: "max" }), (setting, wishes) => {
        const { world } = play(setting, wishes, false);
        const replayed = createShardState(0);
        const digests = new Set([stateDigest(replayed, sha256)]);
        for (const event of world.events) {
          apply(replayed, event);
          digests.add(stateDigest(replayed, sha256));
        }
        expect(digests.size).toBe(world.events.length + 1);
        const before = stateDigest(world.state, sha256);
        const context = { nowMs: world.nowMs + 50_000, newestRoundSeen: 0, sha256 };
        decide(world.state, { type: "tick", taps: new Map() }, context);
        expect(stateDigest(world.state, sha256)).toBe(before);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it("[JR10] [JR11] shard time that goes back is a bug, in a command and in an event", () => {
    const world = createWorld();
    world.run(
      { type: "pool.create", pool: POOLS[0], units: 1, capPerUser: null, grabClaimTtlMs: null },
      5000,
    );
    expect(() => world.tick(4999)).toThrow("JR10");
    const change = { type: "pool.changed", pool: POOLS[0], delta: 1, commandId: "c" } as const;
    expect(() => apply(world.state, { ...change, atMs: 4999 })).toThrow("JR10");
    apply(world.state, { ...change, atMs: 5000 });
  });
});

function replayOf(events: readonly Event[]): ShardState {
  const state = createShardState(0);
  for (const event of events) apply(state, event);
  return state;
}
