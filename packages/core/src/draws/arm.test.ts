import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arm,
  armedWorld,
  chain,
  createWorld,
  DRAW,
  drawId,
  enter,
  FIRST_ROUND,
  makePool,
  OPENS_AT_MS,
  POOL,
  plan,
  poolId,
  rulesOf,
  sha256,
} from "../../testing/world.ts";
import { hashJson } from "../bytes/mod.ts";
import { drawView, listDraws, poolView } from "../shard/mod.ts";
import { firstSealableWindow, gridOpening, roundDueMs, windowAt, windowTimes } from "./grid.ts";

describe("rules", () => {
  it("[DR1] are hashed as published; planning the same again changes nothing, other rules conflict", () => {
    const world = createWorld();
    makePool(world, 10);
    expect(plan(world)).toEqual({ ok: true, type: "done" });
    expect(plan(world)).toEqual({ ok: true, type: "done" });
    expect(plan(world, { title: "another" })).toMatchObject({ code: "draw.conflict" });
    expect(world.events.filter((event) => event.type === "draw.planned")).toHaveLength(1);
    expect(drawView(world.state, DRAW)).toMatchObject({
      phase: "planned",
      rules: rulesOf(),
      rulesHash: hashJson(rulesOf(), sha256),
    });
  });

  it("[DR1] of another shape are refused by field", () => {
    const world = createWorld();
    makePool(world, 10);
    const bad: [Parameters<typeof plan>[1], string][] = [
      [{ draw: drawId("Bad") }, "draw"],
      [{ title: "" }, "title"],
      [{ title: "\ud800" }, "title"],
      [{ schedule: [1.5] }, "schedule.0"],
      [{ firstWindowMs: 0 }, "firstWindowMs"],
      [{ firstWindowMs: 604_800_001 }, "firstWindowMs"],
      [{ capPerUser: 0 }, "capPerUser"],
      [{ enter: "anyone" as "guest" }, "enter"],
      [{ leftoversTo: DRAW }, "leftoversTo"],
      [{ claimTtlMs: 0 }, "claimTtlMs"],
      [{ showKey: "AA".repeat(32) }, "showKey"],
      [{ witnesses: [{ name: "w", publicKey: "aa" }] }, "witnesses.0.publicKey"],
      [{ more: 1 } as Parameters<typeof plan>[1], "more"],
    ];
    for (const [changes, field] of bad)
      expect(plan(world, changes)).toMatchObject({ code: "draw.bad_rules", field });
    expect(plan(world, { pool: poolId("nobody") })).toMatchObject({ code: "pool.unknown" });
    expect(listDraws(world.state)).toEqual([]);
  });
});

describe("arming", () => {
  it("[DR2] [M21] without a window, with a bad schedule, without or with too many units nothing arms", () => {
    const cases: [readonly number[], string][] = [
      [[], "draw.no_window"],
      [[3, -1], "draw.bad_schedule"],
      [[2 ** 53 - 1, 2 ** 53 - 1], "draw.bad_schedule"],
      [[0, 0], "draw.insufficient_units"],
      [[3, 3], "draw.insufficient_units"],
    ];
    for (const [schedule, code] of cases) {
      const world = createWorld();
      makePool(world, 5);
      plan(world, { schedule });
      const before = poolView(world.state, POOL);
      expect(arm(world)).toMatchObject({ ok: false, code });
      expect(poolView(world.state, POOL)).toEqual(before);
      expect(drawView(world.state, DRAW)).toMatchObject({ phase: "planned", arm: null });
      expect(enter(world, "a", OPENS_AT_MS)).toMatchObject({ code: "draw.not_open" });
    }
  });

  it("[DR2] as many units as the pool has free arm", () => {
    const world = createWorld();
    makePool(world, 5);
    plan(world, { schedule: [3, 2] });
    expect(arm(world)).toMatchObject({ ok: true });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 0, held: 5, heldByDraw: 5, liveDraw: DRAW });
  });

  it("[DR4] is at least ten seconds ahead, and irrevocable", () => {
    const world = createWorld();
    makePool(world, 10);
    expect(arm(world)).toMatchObject({ code: "draw.unknown" });
    plan(world);
    world.nowMs = OPENS_AT_MS - 9999;
    expect(arm(world)).toMatchObject({ code: "draw.arm_too_late" });
    world.nowMs = OPENS_AT_MS - 10_000;
    const first = arm(world);
    expect(first).toMatchObject({ ok: true, type: "armed" });
    world.nowMs += 5000;
    expect(arm(world)).toEqual(first);
    expect(arm(world, DRAW, FIRST_ROUND + 1)).toMatchObject({ code: "draw.already_armed" });
    expect(world.events.filter((event) => event.type === "draw.armed")).toHaveLength(1);
  });

  it("[DR4] a beacon round that has been seen cannot be armed for", () => {
    const world = createWorld();
    makePool(world, 10);
    plan(world);
    world.newestRoundSeen = FIRST_ROUND;
    expect(arm(world)).toMatchObject({ code: "draw.arm_too_late" });
    world.newestRoundSeen = FIRST_ROUND - 1;
    expect(arm(world)).toMatchObject({ ok: true });
  });

  it("[DR4] the arm record is hashed with its effective schedule", () => {
    const world = armedWorld(10);
    const view = drawView(world.state, DRAW);
    expect(view?.arm).toEqual({
      version: "wanhui/arm/1",
      draw: DRAW,
      rulesHash: hashJson(rulesOf(), sha256),
      armedAtMs: 1000,
      opensAtMs: OPENS_AT_MS,
      beacon: chain,
      firstRound: FIRST_ROUND,
      schedule: [2, 1, 1],
    });
    expect(view?.armHash).toBe(hashJson(view?.arm ?? { version: "" }, sha256));
    expect(view?.chainHead).toBe(view?.armHash);
  });

  it("[DR5] [M10] two draws of one pool are never armed at once; other pools do not care", () => {
    const world = createWorld();
    makePool(world, 10);
    makePool(world, 10, { pool: poolId("gala/other") });
    plan(world);
    plan(world, { draw: drawId("gala/shake-2") });
    plan(world, { draw: drawId("gala/other-1"), pool: poolId("gala/other") });
    arm(world);
    expect(arm(world, drawId("gala/shake-2"))).toMatchObject({
      code: "draw.pool_busy",
      detail: { draw: DRAW },
    });
    expect(arm(world, drawId("gala/other-1"))).toMatchObject({ ok: true });
  });

  it("[DR3] an opening off the grid or a wrong beacon is refused", () => {
    const world = createWorld();
    makePool(world, 10);
    plan(world);
    const command = { type: "draw.arm", draw: DRAW, firstRound: FIRST_ROUND, beacon: chain } as const;
    expect(world.run({ ...command, opensAtMs: OPENS_AT_MS + 1 })).toMatchObject({ code: "draw.off_grid" });
    expect(world.run({ ...command, firstRound: 1.5, opensAtMs: OPENS_AT_MS })).toMatchObject({
      field: "firstRound",
    });
    expect(
      world.run({ ...command, opensAtMs: OPENS_AT_MS, beacon: { ...chain, periodMs: 0 } }),
    ).toMatchObject({ code: "draw.bad_beacon", field: "beacon.periodMs" });
  });
});

describe("the grid", () => {
  it("[DR3] has windows without gaps, each closing two seconds before its own round is due", () => {
    const grid = { chain, firstRound: FIRST_ROUND, firstWindowMs: 10_000 };
    expect(windowTimes(grid, 0)).toEqual({
      opensAtMs: 5_988_000,
      closesAtMs: 5_998_000,
      drawDueMs: 6_000_000,
    });
    for (let window = 1; window < 50; window++) {
      const { opensAtMs, closesAtMs, drawDueMs } = windowTimes(grid, window);
      expect(opensAtMs).toBe(windowTimes(grid, window - 1).closesAtMs);
      expect(closesAtMs).toBe(drawDueMs - 2000);
      expect(drawDueMs).toBe(roundDueMs(chain, FIRST_ROUND + window));
      expect(windowAt(grid, opensAtMs - 1)).toBe(window - 1);
      expect(windowAt(grid, opensAtMs)).toBe(window);
      expect(windowAt(grid, closesAtMs - 1)).toBe(window);
    }
    expect(windowAt(grid, 5_987_999)).toBe(-1);
  });

  it("[DR3] a wished opening moves to the next one on the grid", () => {
    const quicknet = { genesisMs: 1_692_803_367_000, periodMs: 3000 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_800_000_000_000 }),
        fc.integer({ min: 1, max: 604_800_000 }),
        fc.constantFrom(quicknet, { genesisMs: 1_234_567, periodMs: 777 }),
        (wishedAtMs, firstWindowMs, of) => {
          const { opensAtMs, firstRound } = gridOpening({ chain: of, wishedAtMs, firstWindowMs });
          expect(windowTimes({ chain: of, firstRound, firstWindowMs }, 0).opensAtMs).toBe(opensAtMs);
          expect(opensAtMs).toBeGreaterThanOrEqual(wishedAtMs);
          expect(firstRound === 1 || opensAtMs - of.periodMs < wishedAtMs).toBe(true);
        },
      ),
    );
  });

  it("[DR12] an extension is the first window still to close whose beacon is newer than any seen", () => {
    const grid = { chain, firstRound: FIRST_ROUND, firstWindowMs: 10_000 };
    fc.assert(
      fc.property(
        fc.nat({ max: 20 }),
        fc.integer({ min: 5_900_000, max: 6_100_000 }),
        fc.integer({ min: 900, max: 1040 }),
        (from, atMs, newestRoundSeen) => {
          let expected = from;
          while (windowTimes(grid, expected).closesAtMs < atMs || FIRST_ROUND + expected <= newestRoundSeen)
            expected++;
          expect(firstSealableWindow(grid, { from, atMs, newestRoundSeen })).toBe(expected);
        },
      ),
    );
  });
});
