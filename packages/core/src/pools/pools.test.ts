import { describe, expect, it } from "vitest";
import {
  arm,
  createWorld,
  grab,
  keyOf,
  makePool,
  openGrab,
  POOL,
  plan,
  poolId,
  requestOf,
  rulesOf,
  userOf,
} from "../../testing/world.ts";
import { InvariantError } from "../invariant.ts";
import { apply, awardView, poolView } from "../shard/mod.ts";
import { assertBalance } from "./balance.ts";

const change = (delta: number, commandId: string, pool = POOL) =>
  ({ type: "pool.change", pool, delta, commandId }) as const;

describe("pools", () => {
  it("[PL1] a withdrawal beyond what is free is refused and changes nothing", () => {
    const world = createWorld();
    makePool(world, 5);
    openGrab(world);
    grab(world, "a");
    const before = poolView(world.state, POOL);
    expect(world.run(change(-5, "c1"))).toMatchObject({ ok: false, code: "pool.insufficient" });
    expect(poolView(world.state, POOL)).toEqual(before);
    expect(world.run(change(-4, "c1"))).toEqual({ ok: true, type: "done" });
    expect(poolView(world.state, POOL)).toMatchObject({ units: 5, free: 0, posted: 1, withdrawn: 4 });
  });

  it("[PL1] an event that breaks the balance throws", () => {
    const world = createWorld();
    makePool(world, 1);
    const pool = world.state.pools.get(POOL);
    expect(() => apply(world.state, { ...change(-2, "c"), type: "pool.changed", atMs: 5000 })).toThrow(
      InvariantError,
    );
    if (pool !== undefined) {
      pool.free = 2;
      expect(() => assertBalance(pool)).toThrow("PL1");
    }
  });

  it("[PL2] [M3] [M10] making a pool again changes nothing, and never refills it", () => {
    const world = createWorld();
    expect(makePool(world, 2)).toEqual({ ok: true, type: "done" });
    openGrab(world);
    grab(world, "a");
    const events = world.events.length;
    expect(makePool(world, 2)).toEqual({ ok: true, type: "done" });
    expect(makePool(world, 3)).toMatchObject({ code: "pool.conflict" });
    expect(makePool(world, 2, { capPerUser: 1 })).toMatchObject({ code: "pool.conflict" });
    expect(makePool(world, 2, { grabClaimTtlMs: 1 })).toMatchObject({ code: "pool.conflict" });
    expect(world.events).toHaveLength(events);
    expect(poolView(world.state, POOL)).toMatchObject({ units: 2, free: 1, posted: 1 });
  });

  it("[PL2] bad parameters are refused by field", () => {
    const world = createWorld();
    expect(makePool(world, -1)).toMatchObject({ code: "pool.bad_parameters", field: "units" });
    expect(makePool(world, 1.5)).toMatchObject({ code: "pool.bad_parameters", field: "units" });
    expect(makePool(world, 1, { capPerUser: 0 })).toMatchObject({ field: "capPerUser" });
    expect(makePool(world, 1, { pool: poolId("No") })).toMatchObject({ field: "pool" });
    expect(world.run(change(1, "c"))).toMatchObject({ code: "pool.unknown" });
    makePool(world, 1);
    expect(world.run(change(0, "c"))).toMatchObject({ code: "pool.bad_parameters", field: "delta" });
    expect(world.run(change(1, ""))).toMatchObject({ code: "pool.bad_parameters", field: "commandId" });
    expect(world.run(change(2 ** 53 - 1, "c"))).toMatchObject({
      code: "pool.bad_parameters",
      field: "delta",
    });
  });

  it("[PL3] a change happens once per command id", () => {
    const world = createWorld();
    makePool(world, 5);
    for (let i = 0; i < 3; i++) expect(world.run(change(2, "restock"))).toEqual({ ok: true, type: "done" });
    for (let i = 0; i < 3; i++) expect(world.run(change(-1, "take"))).toEqual({ ok: true, type: "done" });
    expect(world.run(change(3, "restock"))).toMatchObject({ code: "request.conflict" });
    expect(poolView(world.state, POOL)).toMatchObject({ units: 7, free: 6, withdrawn: 1 });
  });

  it("[PL5] [M12] an exhausted pool refuses only itself", () => {
    const world = createWorld();
    const other = poolId("gala/coupons");
    makePool(world, 1);
    makePool(world, 1, { pool: other });
    openGrab(world);
    openGrab(world, 1000, 1_000_000, other);
    grab(world, "a");
    expect(grab(world, "b")).toMatchObject({ code: "pool.sold_out" });
    expect(grab(world, "b", { pool: other })).toMatchObject({ ok: true, type: "granted" });
  });

  it("[PL6] the cap counts units over the pool's life, forfeited and expired ones too", () => {
    const world = createWorld();
    makePool(world, 10, { capPerUser: 2, grabClaimTtlMs: 1000 });
    openGrab(world);
    const first = grab(world, "a", { request: 1 });
    if (!first.ok || first.type !== "granted") throw new Error("not granted");
    expect(world.run({ type: "award.forfeit", awardId: first.awardId, reason: "staff" })).toMatchObject({
      ok: true,
    });
    grab(world, "a", { request: 2 });
    expect(grab(world, "a", { request: 3 })).toMatchObject({ code: "grab.cap_reached" });
    world.tick(5000);
    expect(poolView(world.state, POOL)).toMatchObject({ free: 10 });
    expect(grab(world, "a", { request: 3 })).toMatchObject({ code: "grab.cap_reached" });
    expect(grab(world, "b")).toMatchObject({ ok: true });
  });

  it("[PL6] a place in line and undrawn entries count as what they can still bring", () => {
    const world = createWorld();
    makePool(world, 3, { capPerUser: 1, grabClaimTtlMs: 1000 });
    openGrab(world, 1000, 10_000_000);
    plan(world, { schedule: [2] });
    arm(world);
    grab(world, "x");
    expect(grab(world, "waiter")).toMatchObject({ type: "waiting", place: 1 });
    const enter = (name: string) =>
      world.run(
        { type: "draw.enter", draw: rulesOf().draw, user: userOf(name), userKey: keyOf(name) },
        5_990_000,
      );
    expect(enter("waiter")).toMatchObject({ code: "draw.cap_reached" });
    expect(enter("player")).toMatchObject({ type: "entered" });
    expect(grab(world, "player")).toMatchObject({ code: "grab.cap_reached" });
  });
});

describe("grabs", () => {
  it("[GR1] [M14] open at the opening, closed at the close; neither side takes anything", () => {
    const world = createWorld();
    makePool(world, 5);
    expect(grab(world, "a")).toMatchObject({ code: "grab.not_open" });
    openGrab(world, 2000, 3000);
    world.nowMs = 1999;
    expect(grab(world, "a")).toMatchObject({ code: "grab.not_open", detail: { opensAtMs: 2000 } });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 5 });
    world.nowMs = 2000;
    expect(grab(world, "a")).toMatchObject({ type: "granted" });
    world.nowMs = 2999;
    expect(grab(world, "b")).toMatchObject({ type: "granted" });
    world.nowMs = 3000;
    expect(grab(world, "c")).toMatchObject({ code: "grab.closed" });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 3, posted: 2 });
  });

  it("[GR1] a schedule is kept; another can follow only behind it", () => {
    const world = createWorld();
    expect(openGrab(world)).toMatchObject({ code: "pool.unknown" });
    makePool(world, 5);
    expect(openGrab(world, 2000, 2000)).toMatchObject({ code: "grab.bad_schedule" });
    expect(openGrab(world, 500, 900)).toMatchObject({ code: "grab.bad_schedule" });
    expect(openGrab(world, 2000, 3000)).toMatchObject({ ok: true });
    expect(openGrab(world, 2000, 3000)).toMatchObject({ ok: true });
    expect(openGrab(world, 2000, 4000)).toMatchObject({ code: "grab.bad_schedule" });
    expect(openGrab(world, 3000, 4000)).toMatchObject({ code: "grab.bad_schedule" });
    world.nowMs = 3000;
    expect(openGrab(world, 3000, 4000)).toMatchObject({ ok: true });
  });

  it("[GR2] [M2] [M19] a double tap takes one unit and hears the same answer", () => {
    const world = createWorld();
    makePool(world, 1);
    openGrab(world);
    const first = grab(world, "a");
    world.nowMs += 500;
    const events = world.events.length;
    // The pool is empty by now: the duplicate check stands before the stock.
    expect(JSON.stringify(grab(world, "a"))).toBe(JSON.stringify(first));
    expect(world.events).toHaveLength(events);
    expect(poolView(world.state, POOL)).toMatchObject({ free: 0, posted: 1 });
    expect(grab(world, "b")).toMatchObject({ code: "pool.sold_out" });
  });

  it("[GR2] the cap is checked before the stock, and the opening before the cap", () => {
    const world = createWorld();
    makePool(world, 1, { capPerUser: 1 });
    openGrab(world, 1000, 2000);
    grab(world, "a");
    expect(grab(world, "a", { request: 2 })).toMatchObject({ code: "grab.cap_reached" });
    world.nowMs = 2000;
    expect(grab(world, "a", { request: 2 })).toMatchObject({ code: "grab.closed" });
  });

  it("[GR3] a grant is remembered until 24 h behind the close; another quantity under its id conflicts", () => {
    const world = createWorld();
    makePool(world, 3);
    openGrab(world, 1000, 2000);
    expect(grab(world, "a", { quantity: 2 })).toMatchObject({
      code: "pool.bad_parameters",
      field: "quantity",
    });
    const first = grab(world, "a");
    expect(grab(world, "a", { quantity: 2 })).toMatchObject({ code: "request.conflict" });
    world.nowMs = 2000 + 24 * 3_600_000 - 1;
    expect(grab(world, "a")).toEqual(first);
    world.nowMs += 1;
    expect(grab(world, "a")).toMatchObject({ code: "grab.closed" });
  });

  it("[GR3] the same request id of two users, and in two pools, are three requests", () => {
    const world = createWorld();
    const other = poolId("gala/coupons");
    makePool(world, 3);
    makePool(world, 3, { pool: other });
    openGrab(world);
    openGrab(world, 1000, 1_000_000, other);
    const answers = [grab(world, "a", { request: 1 }), grab(world, "b", { request: 1 })];
    answers.push(grab(world, "a", { request: 1, pool: other }));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(3);
    expect(poolView(world.state, POOL)).toMatchObject({ posted: 2 });
  });

  it("[GR4] [M1] [M13] [M15] five units go to five of ten people in the same instant, never a sixth", () => {
    const world = createWorld();
    makePool(world, 5);
    openGrab(world);
    const answers = Array.from({ length: 10 }, (_, i) => grab(world, i));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(5);
    const awards = answers.flatMap((answer) =>
      answer.ok && answer.type === "granted" ? [answer.awardId] : [],
    );
    expect(new Set(awards).size).toBe(5);
    for (const answer of answers.slice(5)) expect(answer).toMatchObject({ code: "pool.sold_out" });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 0, posted: 5 });
  });

  it("[GR4] [M4] sold out is said only while it is true: a restock sells again", () => {
    const world = createWorld();
    makePool(world, 1);
    openGrab(world);
    grab(world, "a");
    expect(grab(world, "b")).toMatchObject({ code: "pool.sold_out" });
    world.run(change(1, "restock"));
    expect(grab(world, "b")).toMatchObject({ type: "granted" });
    expect(grab(world, "c")).toMatchObject({ code: "pool.sold_out" });
  });

  it("[GR4] while a unit may come back the answer is a place in line", () => {
    const world = createWorld();
    makePool(world, 1, { grabClaimTtlMs: 1000 });
    openGrab(world);
    grab(world, "a");
    expect(grab(world, "b")).toMatchObject({ type: "waiting", place: 1 });
    expect(grab(world, "c")).toMatchObject({ type: "waiting", place: 2 });
  });

  it("[GR4] [GR5] when the last held unit is posted it is sold out for everybody, and those in line keep their places", () => {
    const world = createWorld();
    makePool(world, 1, { grabClaimTtlMs: 1000 });
    openGrab(world);
    const first = grab(world, "a");
    if (!first.ok || first.type !== "granted") throw new Error("not granted");
    expect(grab(world, "b")).toMatchObject({ type: "waiting", place: 1 });
    world.run({ type: "award.commit", awardId: first.awardId, orderId: "o1" });
    expect(grab(world, "b")).toMatchObject({ type: "waiting", place: 1 });
    world.run({ type: "award.post", awardId: first.awardId, orderId: "o1" });
    const before = world.events.length;
    expect(grab(world, "b")).toEqual({ ok: false, code: "pool.sold_out", detail: { place: 1 } });
    expect(grab(world, "b", { request: "again" })).toMatchObject({ code: "pool.sold_out" });
    expect(grab(world, "c")).toEqual({ ok: false, code: "pool.sold_out" });
    expect(world.events).toHaveLength(before);
    world.run(change(1, "restock"));
    expect(grab(world, "b")).toMatchObject({ type: "granted" });
    expect(grab(world, "c")).toMatchObject({ type: "waiting", place: 1 });
  });

  it("[GR5] the line is first in, first out, one place per user, served in the batch that freed the unit", () => {
    const world = createWorld();
    makePool(world, 2, { grabClaimTtlMs: 1000 });
    openGrab(world, 1000, 1500);
    const first = grab(world, "a");
    grab(world, "b");
    for (const name of ["c", "d", "e"]) grab(world, name);
    expect(grab(world, "c", { request: "again" })).toMatchObject({ type: "waiting", place: 1 });
    expect(grab(world, "e")).toMatchObject({ type: "waiting", place: 3 });
    if (!first.ok || first.type !== "granted") throw new Error("not granted");
    const before = world.events.length;
    world.run({ type: "award.forfeit", awardId: first.awardId, reason: "staff" });
    expect(world.events.slice(before)).toMatchObject([
      { type: "award.moved", to: "forfeited" },
      { type: "granted", user: userOf("c"), requestId: requestOf("c") },
    ]);
    expect(grab(world, "c")).toMatchObject({ type: "granted", grantedAtMs: 1000 });
    expect(grab(world, "d")).toMatchObject({ type: "waiting", place: 1 });
    // By time, behind the grab's close: b's and then c's unit come back and go to d and e.
    expect(world.tick(2000)).toMatchObject([
      { type: "award.moved", to: "expired" },
      { type: "granted", user: userOf("d") },
      { type: "award.moved", to: "expired" },
      { type: "granted", user: userOf("e") },
    ]);
  });

  it("[GR5] a restock serves the line before anybody else", () => {
    const world = createWorld();
    makePool(world, 1, { grabClaimTtlMs: 100_000 });
    openGrab(world);
    for (const name of ["a", "b", "c"]) grab(world, name);
    const before = world.events.length;
    world.run(change(3, "restock"));
    expect(world.events.slice(before).map((event) => event.type)).toEqual([
      "pool.changed",
      "granted",
      "granted",
    ]);
    expect(poolView(world.state, POOL)).toMatchObject({ free: 1, waiting: 0 });
    expect(grab(world, "d")).toMatchObject({ type: "granted" });
  });

  it("[GR5] the line ends at 100,000", () => {
    const world = createWorld();
    makePool(world, 1, { grabClaimTtlMs: 1000 });
    openGrab(world);
    grab(world, "holder");
    const hex = (value: number) => value.toString(16).padStart(32, "0");
    const wait = (value: number) =>
      world.run({
        type: "grab.take",
        pool: POOL,
        user: hex(value) as ReturnType<typeof userOf>,
        requestId: hex(value) as ReturnType<typeof requestOf>,
        quantity: 1,
      });
    for (let i = 1; i <= 100_000; i++) wait(i);
    expect(wait(100_001)).toMatchObject({ code: "grab.line_full" });
    expect(wait(100_000)).toMatchObject({ type: "waiting", place: 100_000 });
    world.tick(2000);
    expect(wait(100_001)).toMatchObject({ type: "waiting", place: 100_000 });
  });

  it("[GR5] an event that serves somebody else than the head throws", () => {
    const world = createWorld();
    makePool(world, 1, { grabClaimTtlMs: 1000 });
    openGrab(world);
    for (const name of ["a", "b", "c"]) grab(world, name);
    apply(world.state, { ...change(1, "restock"), type: "pool.changed", atMs: 1000 });
    const awardId = "00".repeat(16) as Parameters<typeof awardView>[1];
    const jump = {
      type: "granted",
      atMs: 1000,
      pool: POOL,
      awardId,
      user: userOf("c"),
      requestId: requestOf("c"),
    };
    expect(() => apply(world.state, jump as Parameters<typeof apply>[1])).toThrow("GR5");
  });

  it("[GR6] a grant without a claim is posted at once, another is held until its deadline", () => {
    const world = createWorld();
    makePool(world, 1);
    makePool(world, 1, { pool: poolId("gala/b"), grabClaimTtlMs: 700 });
    openGrab(world);
    openGrab(world, 1000, 9000, poolId("gala/b"));
    const answers = [grab(world, "a"), grab(world, "a", { pool: poolId("gala/b") })];
    const views = answers.map((answer) =>
      answer.ok && answer.type === "granted" ? awardView(world.state, answer.awardId) : null,
    );
    expect(views).toMatchObject([
      { state: "posted", claimByMs: null },
      { state: "held", claimByMs: 1700 },
    ]);
    expect(poolView(world.state, poolId("gala/b"))).toMatchObject({ held: 1, posted: 0 });
  });
});
