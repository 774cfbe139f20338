import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arm,
  armedWorld,
  beaconOf,
  closeOf,
  createWorld,
  DRAW,
  drawId,
  enter,
  FIRST_ROUND,
  grab,
  keyOf,
  makePool,
  OPENS_AT_MS,
  POOL,
  plan,
  readVectors,
  reveal,
  sha256,
  userOf,
  type World,
} from "../../testing/world.ts";
import { hashJson } from "../bytes/mod.ts";
import type { Command } from "../commands.ts";
import type { Event, WindowDrawn } from "../events.ts";
import type { Hash } from "../ids.ts";
import { apply, awardView, drawView, nextDueMs, poolView, sealedKeys } from "../shard/mod.ts";
import { pickWinners } from "./lottery.ts";

const vectors = readVectors();
const dueOf = (window: number) => closeOf(window) + 2000;
const drawsOf = (world: World) =>
  world.events.filter((event): event is WindowDrawn => event.type === "window.drawn");
const winnersIn = (world: World, window: number) =>
  drawsOf(world)
    .find((event) => event.window === window)
    ?.winners.map((winner) => winner.user);
const sealHashOf = (world: World, window: number): Hash => {
  const sealed = world.events.find(
    (event) => event.type === "window.sealed" && event.header.window === window,
  );
  if (sealed?.type !== "window.sealed") throw new Error("not sealed");
  return sealed.sealHash;
};

/** Ranks names by ticket with nothing but node:crypto. */
function ranked(sealHash: Hash, round: number, names: readonly (string | number)[]) {
  const { randomness } = beaconOf(round);
  const ticket = (name: string | number) =>
    createHash("sha256")
      .update("wanhui/ticket/1")
      .update(Buffer.from(sealHash + randomness + keyOf(name), "hex"))
      .digest("hex");
  return names
    .map((name) => ({ user: userOf(name), ticket: ticket(name) }))
    .sort((a, b) => (a.ticket < b.ticket ? -1 : 1));
}

describe("the draw of a window", () => {
  it("[DR1] [DR4] [DR10] [DR13] [DR14] [DR15] [DR16] plays the vectors' tiny draw byte for byte", () => {
    const {
      rules,
      arm: armRecord,
      entries,
      stop,
      seal,
      beacon,
      close,
      winners,
      drawnAtMs,
      ...hashes
    } = vectors.draw;
    const world = createWorld();
    makePool(world, 10, { pool: rules.pool });
    world.run({ type: "draw.plan", rules });
    const { draw, opensAtMs, firstRound } = armRecord;
    world.run(
      { type: "draw.arm", draw, opensAtMs, firstRound, beacon: armRecord.beacon },
      armRecord.armedAtMs,
    );
    let isStopped = false;
    for (const { user, userKey, atMs } of entries) {
      if (!isStopped && atMs >= stop.atMs) {
        world.run({ type: "draw.stop", draw, reason: stop.reason }, stop.atMs);
        isStopped = true;
      }
      world.run({ type: "draw.enter", draw, user, userKey }, atMs);
    }
    if (!isStopped) world.run({ type: "draw.stop", draw, reason: stop.reason }, stop.atMs);
    world.newestRoundSeen = seal.newestRoundSeen;
    world.tick(seal.sealedAtMs);
    expect(sealedKeys(world.state, draw, 0)).toEqual(hashes.keys);
    world.run({ type: "draw.reveal", draw, window: 0, ...beacon }, drawnAtMs);
    world.tick(close.atMs);
    const others = world.events.filter((event) => event.type !== "entered" && event.type !== "pool.created");
    expect(others).toEqual([
      { type: "draw.planned", atMs: 1000, rules, rulesHash: hashes.rulesHash },
      { type: "draw.armed", atMs: armRecord.armedAtMs, record: armRecord, armHash: hashes.armHash },
      { type: "draw.stopped", atMs: stop.atMs, record: stop, hash: hashes.stopHash },
      { type: "window.sealed", atMs: seal.sealedAtMs, header: seal, sealHash: hashes.sealHash, taps: 0 },
      { type: "window.drawn", atMs: drawnAtMs, draw, window: 0, ...beacon, units: 2, winners },
      { type: "draw.closed", atMs: close.atMs, record: close, hash: hashes.closeHash },
    ]);
    const candidates = hashes.keys;
    const all = pickWinners(
      { sealHash: hashes.sealHash, randomness: beacon.randomness, units: 9, candidates },
      sha256,
    );
    expect(all).toEqual(hashes.tickets);
  });

  it("[DR12] the gap record of the vectors has its hash", () => {
    expect(hashJson(vectors.gap.record, sha256)).toBe(vectors.gap.hash);
  });

  it("[DR14] the smallest tickets win, in ticket order, for any entrants and units", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat({ max: 200 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        (names, units) => {
          const world = armedWorld(50, { schedule: [units], capPerUser: 1 });
          for (const name of names) enter(world, name, OPENS_AT_MS);
          world.tick(closeOf(0));
          reveal(world, 0, dueOf(0));
          const expected = ranked(sealHashOf(world, 0), FIRST_ROUND, names).slice(0, units);
          expect(drawsOf(world)[0]?.winners.map(({ user, ticket }) => ({ user, ticket }))).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("[DR14] picks as a full sort would, also with a thousand candidates", () => {
    const candidates = Array.from({ length: 1000 }, (_, i) => keyOf(i));
    const input = { sealHash: "01".repeat(32) as Hash, randomness: "02".repeat(32) as Hash, candidates };
    const all = pickWinners({ ...input, units: 1000 }, sha256);
    expect(all).toHaveLength(1000);
    expect([...all].sort((a, b) => (a.ticket < b.ticket ? -1 : 1))).toEqual(all);
    for (const units of [0, 1, 2, 500, 999, 5000]) {
      expect(pickWinners({ ...input, units }, sha256)).toEqual(all.slice(0, units));
    }
  });

  it("[DR14] unwon units of earlier windows join later ones, and nothing else does", () => {
    const world = armedWorld(20, { schedule: [3, 1, 2] });
    const entries = [["a"], ["a", "b", "c"], ["d", "e"]];
    entries.forEach((names, window) => {
      for (const name of names) enter(world, name, window === 0 ? OPENS_AT_MS : closeOf(window - 1));
      world.tick(closeOf(window));
    });
    for (const window of [0, 1, 2]) reveal(world, window, dueOf(2));
    expect(drawsOf(world).map((event) => [event.units, event.winners.length])).toEqual([
      [3, 1],
      [3, 2],
      [3, 2],
    ]);
  });

  it("[DR14] [M10] who has won the draw's cap is no candidate in a later window", () => {
    const world = armedWorld(20, { schedule: [1, 1, 1], capPerUser: 1 });
    for (const window of [0, 1, 2]) {
      for (const name of ["a", "b", "c"])
        enter(world, name, window === 0 ? OPENS_AT_MS : closeOf(window - 1));
      // Not drawn before the next window has entries: the cap is applied at the draw.
      world.tick(closeOf(window));
    }
    for (const window of [0, 1, 2]) {
      reveal(world, window, dueOf(2));
      const before = [0, 1, 2].filter((one) => one < window).flatMap((one) => winnersIn(world, one) ?? []);
      const candidates = ["a", "b", "c"].filter((name) => !before.includes(userOf(name)));
      const expected = ranked(sealHashOf(world, window), FIRST_ROUND + window, candidates)[0]?.user;
      expect(winnersIn(world, window)).toEqual([expected]);
    }
    expect(new Set([0, 1, 2].flatMap((window) => winnersIn(world, window))).size).toBe(3);
  });

  it("[DR14] late beacons are drawn late, each with its own round and in window order", () => {
    const world = armedWorld(20);
    for (const window of [0, 1, 2]) {
      enter(world, window, window === 0 ? OPENS_AT_MS : closeOf(window - 1));
      world.tick(closeOf(window));
    }
    world.newestRoundSeen = FIRST_ROUND + 100;
    expect(reveal(world, 1, dueOf(50))).toMatchObject({ code: "draw.out_of_order", detail: { window: 0 } });
    expect(reveal(world, 3)).toMatchObject({ code: "draw.not_sealed" });
    for (const window of [0, 1, 2])
      expect(reveal(world, window)).toMatchObject({ type: "drawn", winners: 1 });
    expect(drawsOf(world).map((event) => event.round)).toEqual(
      [0, 1, 2].map((window) => FIRST_ROUND + window),
    );
  });

  it("[DR15] [M11] a window is drawn once: the same beacon is the same answer, another is a bug", () => {
    const world = armedWorld(20);
    for (const name of ["a", "b", "c"]) enter(world, name, OPENS_AT_MS);
    world.tick(closeOf(0));
    const first = reveal(world, 0, dueOf(0));
    expect(first).toEqual({ ok: true, type: "drawn", winners: 2 });
    for (let i = 0; i < 5; i++) expect(reveal(world, 0)).toEqual(first);
    expect(drawsOf(world)).toHaveLength(1);
    expect(poolView(world.state, POOL)).toMatchObject({ openAwards: 2 });
    const other = beaconOf(1);
    expect(() =>
      world.run({ type: "draw.reveal", draw: DRAW, window: 0, round: FIRST_ROUND, ...other }),
    ).toThrow("DR15");
    const again = drawsOf(world)[0] as Event;
    expect(() => apply(world.state, { ...again, atMs: world.nowMs } as Event)).toThrow("DR14");
  });

  it("[DR15] [DR18] randomness that is not the signature's hash, or another round, is refused", () => {
    const world = armedWorld(20);
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    type Reveal = Extract<Command, { type: "draw.reveal" }>;
    const command: Reveal = {
      type: "draw.reveal",
      draw: DRAW,
      window: 0,
      round: FIRST_ROUND,
      ...beaconOf(FIRST_ROUND),
    };
    const refusals: [Partial<Reveal>, string][] = [
      [{ round: FIRST_ROUND + 1 }, "round"],
      [{ window: 1 }, "round"],
      [{ window: -1 }, "window"],
      [{ randomness: "00".repeat(32) as Hash }, "randomness"],
      [{ signature: "00" }, "randomness"],
      [{ signature: "zz" }, "signature"],
      [{ signature: "" }, "signature"],
    ];
    for (const [changes, field] of refusals) {
      expect(world.run({ ...command, ...changes })).toMatchObject({ code: "draw.bad_beacon", field });
    }
    expect(world.run({ ...command, draw: drawId("x") })).toMatchObject({ code: "draw.unknown" });
    expect(world.run(command)).toMatchObject({ ok: true });
  });

  it("[DR17] [DR18] events with a winner beyond the released units, a stranger or another round throw", () => {
    const fresh = () => {
      const world = armedWorld(20, { schedule: [1, 1] });
      for (const name of ["a", "b", "c"]) enter(world, name, OPENS_AT_MS);
      world.tick(closeOf(0));
      return world;
    };
    const played = fresh();
    reveal(played, 0, dueOf(0));
    const good = drawsOf(played)[0];
    const winner = good?.winners[0];
    if (good === undefined || winner === undefined) throw new Error("not drawn");
    apply(fresh().state, good);
    const name = ["a", "b", "c"].find((one) => userOf(one) !== winner.user) ?? "";
    const second = {
      ...winner,
      user: userOf(name),
      userKey: keyOf(name),
      awardId: "01".repeat(16) as typeof winner.awardId,
    };
    const stranger = { ...winner, user: userOf("x"), userKey: keyOf("x") };
    const bad: [Partial<WindowDrawn>, string][] = [
      [{ winners: [winner, second] }, "DR17"],
      [{ winners: [winner, second], units: 2 }, "DR14"],
      [{ winners: [stranger] }, "DR14"],
      [{ round: FIRST_ROUND + 1 }, "DR18"],
      [{ window: 1 }, "DR14"],
    ];
    for (const [changes, rule] of bad) {
      expect(() => apply(fresh().state, { ...good, ...changes })).toThrow(rule);
    }
  });
});

describe("the close", () => {
  it("[DR16] comes after the last window is drawn, and gives left units back", () => {
    const world = armedWorld(10, { schedule: [3, 2] });
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    world.tick(closeOf(1));
    expect(nextDueMs(world.state)).toBeNull();
    reveal(world, 0, dueOf(1));
    expect(drawView(world.state, DRAW)).toMatchObject({ phase: "closing", heldUnits: 4 });
    reveal(world, 1);
    expect(nextDueMs(world.state)).toBeLessThanOrEqual(world.nowMs);
    world.tick();
    const closed = world.events.at(-1);
    if (closed?.type !== "draw.closed") throw new Error("not closed");
    expect(closed.record).toMatchObject({
      leftUnits: 4,
      leftoversTo: null,
      previousHash: sealHashOf(world, 1),
    });
    expect(closed.hash).toBe(hashJson(closed.record, sha256));
    expect(poolView(world.state, POOL)).toMatchObject({
      free: 9,
      held: 1,
      openAwards: 1,
      heldByDraw: 0,
      liveDraw: null,
    });
    expect(enter(world, "b")).toMatchObject({ code: "draw.closed" });
    expect(arm(world)).toMatchObject({ type: "armed" });
    expect(reveal(world, 1)).toMatchObject({ type: "drawn", winners: 0 });
  });

  it("[DR4] [DR16] promised units wait for the named draw and join its window 0", () => {
    const later = drawId("gala/shake-2");
    const world = createWorld();
    makePool(world, 10);
    plan(world, { schedule: [4], leftoversTo: later });
    plan(world, { draw: later, schedule: [3, 1] });
    arm(world);
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    reveal(world, 0, dueOf(0));
    world.tick();
    expect(poolView(world.state, POOL)).toMatchObject({
      free: 6,
      held: 4,
      promised: [{ draw: later, units: 3 }],
    });
    expect(world.events.at(-1)).toMatchObject({ record: { leftUnits: 3, leftoversTo: later } });
    expect(arm(world, later, FIRST_ROUND + 10)).toMatchObject({ ok: true, record: { schedule: [6, 1] } });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 2, heldByDraw: 7, promised: [] });
  });

  it("[DR4] a draw with nothing but promised units can arm; promised units do not count as free", () => {
    const later = drawId("gala/shake-2");
    const world = createWorld();
    makePool(world, 4);
    plan(world, { schedule: [4], leftoversTo: later });
    plan(world, { draw: later, schedule: [0] });
    plan(world, { draw: drawId("gala/shake-3"), schedule: [1] });
    arm(world);
    world.run({ type: "draw.stop", draw: DRAW, reason: "rain" });
    world.tick();
    expect(arm(world, drawId("gala/shake-3"), FIRST_ROUND + 10)).toMatchObject({
      code: "draw.insufficient_units",
      detail: { asked: 1, free: 0, promised: 0 },
    });
    expect(arm(world, later, FIRST_ROUND + 10)).toMatchObject({ ok: true, record: { schedule: [4] } });
  });

  it("[DR16] a draw that was never planned, or is armed already, gets no promise: the units are free", () => {
    const world = createWorld();
    makePool(world, 4);
    plan(world, { schedule: [4], leftoversTo: drawId("gala/never") });
    arm(world);
    world.run({ type: "draw.stop", draw: DRAW, reason: "rain" });
    world.tick();
    expect(world.events.at(-1)).toMatchObject({ record: { leftUnits: 4, leftoversTo: null } });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 4, promised: [] });
    const back = drawId("gala/shake-2");
    plan(world, { draw: back, schedule: [2], leftoversTo: DRAW });
    arm(world, back, FIRST_ROUND + 10);
    world.run({ type: "draw.stop", draw: back, reason: "rain" });
    world.tick();
    expect(poolView(world.state, POOL)).toMatchObject({ free: 4, promised: [] });
  });

  it("[DR20] a cancelled draw gives back what was promised to it, the line first, and is never armed", () => {
    const later = drawId("gala/shake-2");
    const world = createWorld();
    makePool(world, 4, { grabClaimTtlMs: null });
    world.run({ type: "grab.open", pool: POOL, opensAtMs: 1000, closesAtMs: 10_000_000 });
    plan(world, { schedule: [4], leftoversTo: later });
    plan(world, { draw: later, schedule: [1] });
    arm(world);
    expect(grab(world, "x")).toMatchObject({ type: "waiting" });
    world.run({ type: "draw.stop", draw: DRAW, reason: "rain" });
    world.tick();
    expect(poolView(world.state, POOL)).toMatchObject({ free: 0, held: 4, waiting: 1 });
    const cancel = { type: "draw.cancel", draw: later, reason: "the show is over" } as const;
    const before = world.events.length;
    expect(world.run(cancel)).toEqual({ ok: true, type: "done" });
    expect(world.events.slice(before)).toMatchObject([
      { type: "draw.cancelled", draw: later, reason: "the show is over" },
      { type: "granted", user: userOf("x") },
    ]);
    expect(poolView(world.state, POOL)).toMatchObject({ free: 3, held: 0, posted: 1, promised: [] });
    expect(world.run({ ...cancel, reason: "again" })).toEqual({ ok: true, type: "done" });
    expect(world.events).toHaveLength(before + 2);
    expect(arm(world, later, FIRST_ROUND + 10)).toMatchObject({ code: "draw.cancelled" });
    expect(enter(world, "a", OPENS_AT_MS, later)).toMatchObject({ code: "draw.cancelled" });
    expect(drawView(world.state, later)).toMatchObject({ phase: "cancelled", arm: null });
  });

  it("[DR20] an armed draw cannot be cancelled; a cancelled one gets no leftovers", () => {
    const later = drawId("gala/shake-2");
    const world = createWorld();
    makePool(world, 4);
    plan(world, { schedule: [4], leftoversTo: later });
    plan(world, { draw: later, schedule: [1] });
    arm(world);
    expect(world.run({ type: "draw.cancel", draw: DRAW, reason: "no" })).toMatchObject({
      code: "draw.already_armed",
    });
    expect(world.run({ type: "draw.cancel", draw: drawId("gala/never"), reason: "no" })).toMatchObject({
      code: "draw.unknown",
    });
    world.run({ type: "draw.cancel", draw: later, reason: "no time" });
    world.run({ type: "draw.stop", draw: DRAW, reason: "rain" });
    world.tick();
    expect(world.events.at(-1)).toMatchObject({ record: { leftUnits: 4, leftoversTo: null } });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 4, held: 0, promised: [] });
  });

  it("[DR16] left units go to the pool's line first", () => {
    const world = createWorld();
    makePool(world, 3, { grabClaimTtlMs: null });
    world.run({ type: "grab.open", pool: POOL, opensAtMs: 1000, closesAtMs: 10_000_000 });
    plan(world, { schedule: [3] });
    arm(world);
    for (const name of ["x", "y"]) {
      const answer = grab(world, name);
      expect(answer).toMatchObject({ type: "waiting" });
    }
    world.run({ type: "draw.stop", draw: DRAW, reason: "rain" });
    expect(world.tick()).toMatchObject([
      { type: "draw.closed", record: { leftUnits: 3 } },
      { type: "granted", user: userOf("x") },
      { type: "granted", user: userOf("y") },
    ]);
    expect(poolView(world.state, POOL)).toMatchObject({ free: 1, posted: 2, waiting: 0 });
  });

  it("[DR16] awards of a draw outlive it", () => {
    const world = armedWorld(10, { schedule: [1], claimTtlMs: null });
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    reveal(world, 0, dueOf(0));
    world.tick();
    const awardId = drawsOf(world)[0]?.winners[0]?.awardId;
    if (awardId === undefined) throw new Error("nobody won");
    expect(awardView(world.state, awardId)).toMatchObject({
      state: "posted",
      draw: DRAW,
      window: 0,
      userKey: keyOf("a"),
    });
  });
});
