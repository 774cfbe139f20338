import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  armedWorld,
  closeOf,
  createWorld,
  enter,
  grab,
  makePool,
  OPENS_AT_MS,
  openGrab,
  POOL,
  reveal,
  userOf,
  type World,
} from "../../testing/world.ts";
import type { AwardId } from "../ids.ts";
import { awardsOfUser, awardView, EXPIRIES_PER_TICK_MAX, nextDueMs, poolView } from "../shard/mod.ts";
import {
  addDeadline,
  createDeadlines,
  type Deadline,
  dueDeadlines,
  nextDeadlineMs,
  trimDeadlines,
} from "../state/deadlines.ts";

const TTL = 5000;

function heldAward(): { world: World; awardId: AwardId } {
  const world = createWorld();
  makePool(world, 3, { grabClaimTtlMs: TTL });
  openGrab(world);
  const answer = grab(world, "a");
  if (!answer.ok || answer.type !== "granted") throw new Error("not granted");
  return { world, awardId: answer.awardId };
}

const commit = (awardId: AwardId, orderId = "o1") => ({ type: "award.commit", awardId, orderId }) as const;
const release = (awardId: AwardId, orderId = "o1") => ({ type: "award.release", awardId, orderId }) as const;
const post = (awardId: AwardId, orderId: string | null = "o1") =>
  ({ type: "award.post", awardId, orderId }) as const;
const forfeit = (awardId: AwardId, reason = "staff") => ({ type: "award.forfeit", awardId, reason }) as const;
const extend = (awardId: AwardId, claimByMs: number) =>
  ({ type: "award.extend", awardId, claimByMs }) as const;
const DONE = { ok: true, type: "done" };

describe("awards", () => {
  it("[AW1] takes the steps there are, refuses all others and names the state", () => {
    const { world, awardId } = heldAward();
    expect(world.run(commit("ff".repeat(16) as AwardId))).toMatchObject({ code: "award.unknown" });
    expect(world.run(release(awardId))).toMatchObject({
      code: "award.wrong_state",
      detail: { state: "held" },
    });
    expect(world.run(post(awardId))).toMatchObject({ code: "award.wrong_state", detail: { state: "held" } });
    expect(world.run(commit(awardId))).toEqual(DONE);
    expect(world.run(forfeit(awardId))).toMatchObject({
      code: "award.wrong_state",
      detail: { state: "committing" },
    });
    expect(world.run(extend(awardId, 99_999))).toMatchObject({ code: "award.wrong_state" });
    expect(world.run(post(awardId, null))).toMatchObject({ code: "award.wrong_state" });
    expect(world.run(post(awardId))).toEqual(DONE);
    expect(world.run(post(awardId))).toEqual(DONE);
    expect(world.run(commit(awardId))).toEqual(DONE);
    for (const command of [release(awardId), forfeit(awardId), extend(awardId, 99_999)]) {
      expect(world.run(command)).toMatchObject({ code: "award.wrong_state", detail: { state: "posted" } });
    }
    expect(poolView(world.state, POOL)).toMatchObject({ free: 2, held: 0, posted: 1 });
    expect(world.events.filter((event) => event.type === "award.moved")).toHaveLength(2);
  });

  it("[AW1] a claim without an order posts straight from held", () => {
    const { world, awardId } = heldAward();
    expect(world.run(post(awardId, null))).toEqual(DONE);
    expect(world.run(post(awardId, null))).toEqual(DONE);
    expect(world.run(post(awardId, "o1"))).toMatchObject({ code: "award.wrong_state" });
    expect(awardView(world.state, awardId)).toMatchObject({ state: "posted", orderId: null });
  });

  it("[AW2] a committing award cannot expire, and belongs to one order", () => {
    const { world, awardId } = heldAward();
    world.run(commit(awardId));
    expect(world.run(commit(awardId))).toEqual(DONE);
    const elsewhere = { code: "award.committed_elsewhere", detail: { orderId: "o1" } };
    expect(world.run(commit(awardId, "o2"))).toMatchObject(elsewhere);
    expect(world.run(release(awardId, "o2"))).toMatchObject(elsewhere);
    expect(world.run(post(awardId, "o2"))).toMatchObject(elsewhere);
    expect(nextDueMs(world.state)).toBeNull();
    expect(world.tick(1000 + TTL * 10)).toEqual([]);
    world.run(post(awardId));
    expect(world.run(post(awardId, "o2"))).toMatchObject(elsewhere);
    expect(world.run(commit(awardId, "o2"))).toMatchObject(elsewhere);
  });

  it("[AW3] a release keeps the later of the old deadline and ten minutes from now", () => {
    const { world, awardId } = heldAward();
    world.run(commit(awardId));
    expect(world.run(release(awardId), 50_000)).toEqual(DONE);
    expect(world.run(release(awardId), 60_000)).toEqual(DONE);
    expect(awardView(world.state, awardId)).toMatchObject({ state: "held", claimByMs: 650_000 });
    world.run(commit(awardId, "o2"));
    world.run(release(awardId, "o2"), 60_001);
    expect(awardView(world.state, awardId)).toMatchObject({ claimByMs: 660_001 });
    const late = createWorld();
    makePool(late, 1, { grabClaimTtlMs: 900_000 });
    openGrab(late);
    const answer = grab(late, "a");
    if (!answer.ok || answer.type !== "granted") throw new Error("not granted");
    late.run(commit(answer.awardId));
    late.run(release(answer.awardId));
    expect(awardView(late.state, answer.awardId)).toMatchObject({ claimByMs: 901_000 });
  });

  it("[AW4] expires by an event at a tick from the deadline on, not before, and the unit is free again", () => {
    const { world, awardId } = heldAward();
    expect(nextDueMs(world.state)).toBe(1000 + TTL);
    expect(world.tick(999 + TTL)).toEqual([]);
    expect(world.tick(1000 + TTL)).toMatchObject([
      { type: "award.moved", awardId, to: "expired", atMs: 1000 + TTL },
    ]);
    expect(world.run(commit(awardId))).toMatchObject({
      code: "award.wrong_state",
      detail: { state: "expired" },
    });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 3, held: 0 });
    expect(nextDueMs(world.state)).toBeNull();
  });

  it("[AW4] until its tick an award past its deadline is still held: only the event ends it", () => {
    const { world, awardId } = heldAward();
    expect(world.run(commit(awardId), 1000 + TTL + 1)).toEqual(DONE);
    expect(world.tick()).toEqual([]);
  });

  it("[AW4] a tick expires a bounded number, the rest stay due", () => {
    const world = createWorld();
    makePool(world, 3000, { grabClaimTtlMs: TTL });
    openGrab(world);
    for (let i = 0; i < 2500; i++) grab(world, i);
    const counts = [];
    while (nextDueMs(world.state) !== null) counts.push(world.tick(1000 + TTL).length);
    expect(counts).toEqual([EXPIRIES_PER_TICK_MAX, EXPIRIES_PER_TICK_MAX, 2500 - 2 * EXPIRIES_PER_TICK_MAX]);
  });

  it("[AW4] [DR14] a forfeit has a reason, nobody moves up, and the unit waits for a later draw", () => {
    const world = armedWorld(5, { schedule: [1, 1] });
    for (const name of ["a", "b", "c"]) enter(world, name, OPENS_AT_MS);
    world.tick(closeOf(0));
    reveal(world, 0, closeOf(0) + 2500);
    const drawn = world.events.find((event) => event.type === "window.drawn");
    const winner = drawn?.type === "window.drawn" ? drawn.winners[0] : undefined;
    if (winner === undefined) throw new Error("nobody won");
    const before = world.events.length;
    expect(world.run(forfeit(winner.awardId, "under age"))).toEqual(DONE);
    expect(world.run(forfeit(winner.awardId, "under age"))).toEqual(DONE);
    expect(world.run(forfeit(winner.awardId, "other"))).toMatchObject({ code: "award.wrong_state" });
    expect(world.events.slice(before)).toMatchObject([{ to: "forfeited", reason: "under age" }]);
    expect(poolView(world.state, POOL)).toMatchObject({ free: 4, heldByDraw: 1, openAwards: 0 });
    expect(awardsOfUser(world.state, winner.user)).toMatchObject([
      { state: "forfeited", reason: "under age" },
    ]);
    for (const name of ["a", "b", "c"]) enter(world, name, closeOf(0) + 2600);
    world.tick(closeOf(1));
    reveal(world, 1, closeOf(1) + 2500);
    const second = world.events.filter((event) => event.type === "window.drawn")[1];
    expect(second).toMatchObject({ units: 1 });
    expect(second?.type === "window.drawn" && second.winners.some(({ user }) => user === winner.user)).toBe(
      false,
    );
  });

  it("[AW5] is extended once, forward only", () => {
    const { world, awardId } = heldAward();
    for (const claimByMs of [1000 + TTL, 1, 2.5, Number.NaN]) {
      expect(world.run(extend(awardId, claimByMs))).toMatchObject({ code: "award.bad_deadline" });
    }
    expect(world.run(extend(awardId, 20_000))).toEqual(DONE);
    expect(world.run(extend(awardId, 20_000))).toEqual(DONE);
    expect(world.run(extend(awardId, 30_000))).toMatchObject({ code: "award.bad_deadline" });
    expect(world.tick(1000 + TTL)).toEqual([]);
    expect(nextDueMs(world.state)).toBe(20_000);
    expect(world.tick(20_000)).toMatchObject([{ to: "expired" }]);
  });

  it("[AW1] a user's awards are listed newest first", () => {
    const { world } = heldAward();
    world.nowMs += 1;
    grab(world, "a", { request: 2 });
    expect(awardsOfUser(world.state, userOf("a")).map((award) => award.atMs)).toEqual([1001, 1000]);
    expect(awardsOfUser(world.state, userOf("b"))).toEqual([]);
  });
});

describe("deadlines", () => {
  it("[AW4] come in order of time, the dead ones never", () => {
    const awardId = (value: number) => value.toString(16).padStart(32, "0") as AwardId;
    fc.assert(
      fc.property(
        fc.array(fc.record({ dueMs: fc.nat({ max: 50 }), isDead: fc.boolean() }), { maxLength: 60 }),
        fc.nat({ max: 50 }),
        fc.nat({ max: 20 }),
        (items, nowMs, limit) => {
          const all = items.map((item, index) => ({ ...item, awardId: awardId(index) }));
          const dead = new Set(all.filter((item) => item.isDead).map((item) => item.awardId));
          const isLive = (deadline: Deadline) => !dead.has(deadline.awardId);
          const deadlines = createDeadlines();
          for (const { dueMs, awardId: id } of all) addDeadline(deadlines, { dueMs, awardId: id });
          const live = all
            .filter((item) => !item.isDead)
            .sort((a, b) => a.dueMs - b.dueMs || (a.awardId < b.awardId ? -1 : 1));
          const expected = live.filter((item) => item.dueMs <= nowMs).map((item) => item.awardId);
          const due = dueDeadlines(deadlines, { nowMs, limit, isLive }).map((each) => each.awardId);
          expect(due).toEqual(expected.slice(0, limit));
          trimDeadlines(deadlines, isLive);
          expect(nextDeadlineMs(deadlines)).toBe(live[0]?.dueMs ?? null);
        },
      ),
    );
  });
});
