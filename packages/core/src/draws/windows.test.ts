import { describe, expect, it } from "vitest";
import {
  arm,
  armedWorld,
  closeOf,
  createWorld,
  DRAW,
  drawId,
  enter,
  FIRST_ROUND,
  keyOf,
  makePool,
  OPENS_AT_MS,
  POOL,
  plan,
  reveal,
  sha256,
  userOf,
  type World,
} from "../../testing/world.ts";
import { fromHex, hashJson, merkleRoot } from "../bytes/mod.ts";
import type { Event, WindowGap, WindowSealed } from "../events.ts";
import type { UserKey } from "../ids.ts";
import { apply, decide, drawView, nextDueMs, poolView, sealedKeys } from "../shard/mod.ts";

const sealsOf = (world: World) =>
  world.events.filter((event): event is WindowSealed => event.type === "window.sealed");
const gapsOf = (world: World) =>
  world.events.filter((event): event is WindowGap => event.type === "window.gap");
const rootOf = (...names: (string | number)[]) => merkleRoot(names.map(keyOf).sort().map(fromHex), sha256);
const dueOf = (window: number) => closeOf(window) + 2000;
const stop = (world: World, atMs: number, reason = "fire alarm") =>
  world.run({ type: "draw.stop", draw: DRAW, reason }, atMs);

describe("entries", () => {
  it("[DR6] [M14] count for the window open in shard time, and for none outside", () => {
    const world = armedWorld(10);
    expect(enter(world, "a", OPENS_AT_MS - 1)).toMatchObject({ code: "draw.not_open" });
    expect(enter(world, "a", OPENS_AT_MS)).toMatchObject({ type: "entered", window: 0, fresh: true });
    expect(enter(world, "b", closeOf(0) - 1)).toMatchObject({ window: 0 });
    expect(enter(world, "c", closeOf(0))).toMatchObject({ window: 1 });
    expect(enter(world, "d", closeOf(2) - 1)).toMatchObject({ window: 2 });
    expect(enter(world, "e", closeOf(2))).toMatchObject({ code: "draw.closed" });
    expect(enter(world, "e", closeOf(2), drawId("nothing"))).toMatchObject({ code: "draw.unknown" });
  });

  it("[DR6] [M19] taps make one entry per user and window; further ones hear the same", () => {
    const world = armedWorld(10);
    enter(world, "a", OPENS_AT_MS);
    const events = world.events.length;
    for (let i = 0; i < 20; i++) {
      expect(enter(world, "a", OPENS_AT_MS + i)).toEqual({
        ok: true,
        type: "entered",
        window: 0,
        fresh: false,
        fixedKey: null,
      });
    }
    expect(world.events).toHaveLength(events);
    expect(enter(world, "a", closeOf(0))).toMatchObject({ window: 1, fresh: true });
  });

  it("[DR6] an entry that arrives before the due seal is written goes to its own window, not the closed one", () => {
    const world = armedWorld(10);
    enter(world, "a", OPENS_AT_MS);
    expect(enter(world, "b", closeOf(0))).toMatchObject({ window: 1 });
    world.tick(closeOf(0) + 1);
    expect(sealsOf(world)[0]?.header.parts).toEqual([{ count: 1, root: rootOf("a") }]);
    world.tick(closeOf(1));
    expect(sealsOf(world)[1]?.header.parts).toEqual([{ count: 1, root: rootOf("b") }]);
  });

  it("[DR6] an entry event behind a seal throws", () => {
    const world = armedWorld(10);
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    const late: Event = {
      type: "entered",
      atMs: world.nowMs,
      draw: DRAW,
      window: 0,
      userKey: keyOf("b"),
      user: userOf("b"),
    };
    expect(() => apply(world.state, late)).toThrow("DR6");
  });

  it("[DR7] a user keeps his first key, and a key belongs to one user", () => {
    const world = armedWorld(10);
    const send = (user: string, key: string, atMs: number) =>
      world.run({ type: "draw.enter", draw: DRAW, user: userOf(user), userKey: keyOf(key) }, atMs);
    expect(send("a", "k1", OPENS_AT_MS)).toMatchObject({ fresh: true, fixedKey: null });
    expect(send("a", "k2", OPENS_AT_MS)).toMatchObject({ fresh: false, fixedKey: keyOf("k1") });
    expect(send("a", "k2", closeOf(0))).toMatchObject({ fresh: true, window: 1, fixedKey: keyOf("k1") });
    expect(send("b", "k1", closeOf(0))).toMatchObject({ ok: false, code: "draw.key_clash" });
    expect(send("b", "k2", closeOf(0))).toMatchObject({ fresh: true });
    world.tick(closeOf(1));
    expect(sealedKeys(world.state, DRAW, 1)).toEqual([keyOf("k1"), keyOf("k2")].sort());
  });

  it("[DR7] an event that gives two people one key throws", () => {
    const world = armedWorld(10);
    enter(world, "a", OPENS_AT_MS);
    const clash: Event = {
      type: "entered",
      atMs: world.nowMs,
      draw: DRAW,
      window: 0,
      userKey: keyOf("a"),
      user: userOf("b"),
    };
    expect(() => apply(world.state, clash)).toThrow("DR7");
  });

  it("[DR8] who has used up the pool's cap is refused before the acknowledgement", () => {
    const world = createWorld();
    const second = drawId("gala/shake-2");
    makePool(world, 10, { capPerUser: 1 });
    plan(world, { schedule: [1] });
    plan(world, { draw: second, schedule: [1] });
    arm(world);
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    reveal(world, 0, dueOf(0));
    world.tick();
    expect(arm(world, second, FIRST_ROUND + 20)).toMatchObject({ ok: true });
    expect(enter(world, "a", OPENS_AT_MS + 60_000, second)).toMatchObject({ code: "draw.cap_reached" });
    expect(enter(world, "b", OPENS_AT_MS + 60_000, second)).toMatchObject({ ok: true });
  });

  it("[DR8] [PL6] no entry is taken that could win a user more than the pool's cap", () => {
    const world = armedWorld(10, { capPerUser: 2, schedule: [1, 1, 1] }, 1);
    expect(enter(world, "a", OPENS_AT_MS)).toMatchObject({ ok: true });
    // Window 0 is not drawn: with a second entry he could come to two.
    expect(enter(world, "a", closeOf(0))).toMatchObject({ code: "draw.cap_reached" });
    enter(world, "b", closeOf(0));
    world.tick(closeOf(0) + 1);
    reveal(world, 0, dueOf(0));
    expect(enter(world, "a", closeOf(1))).toMatchObject({ code: "draw.cap_reached" });
  });

  it("[DR9] an entry is an event before it is an answer", () => {
    const world = armedWorld(10);
    const before = world.events.length;
    enter(world, "a", OPENS_AT_MS);
    expect(world.events.slice(before)).toEqual([
      { type: "entered", atMs: OPENS_AT_MS, draw: DRAW, window: 0, userKey: keyOf("a"), user: userOf("a") },
    ]);
  });
});

describe("seals", () => {
  it("[DR10] come at the close, over the sorted keys, chained to the record before", () => {
    const world = armedWorld(10);
    for (const name of ["c", "a", "b"]) enter(world, name, OPENS_AT_MS);
    expect(nextDueMs(world.state)).toBe(closeOf(0));
    expect(world.tick(closeOf(0) - 1)).toEqual([]);
    world.newestRoundSeen = FIRST_ROUND - 1;
    world.tick(closeOf(0), new Map([[DRAW, 77]]));
    world.tick(closeOf(1));
    const [first, second] = sealsOf(world);
    const armHash = drawView(world.state, DRAW)?.armHash;
    expect(first?.header).toEqual({
      version: "wanhui/seal/1",
      draw: DRAW,
      window: 0,
      armHash,
      previousHash: armHash,
      round: FIRST_ROUND,
      units: 2,
      parts: [{ count: 3, root: rootOf("a", "b", "c") }],
      sealedAtMs: closeOf(0),
      newestRoundSeen: FIRST_ROUND - 1,
    });
    expect(first?.sealHash).toBe(hashJson(first?.header ?? { version: "" }, sha256));
    expect(second?.header).toMatchObject({
      window: 1,
      previousHash: first?.sealHash,
      round: FIRST_ROUND + 1,
      units: 1,
    });
    expect(second?.header.parts).toEqual([{ count: 0, root: rootOf() }]);
    expect(sealedKeys(world.state, DRAW, 0)).toEqual(["a", "b", "c"].map(keyOf).sort());
  });

  it("[DR10] sorts entries by key whatever their order and however equal their beginnings", () => {
    const keys = Array.from({ length: 300 }, (_, i) => {
      const tail = keyOf(i).slice(16);
      return `${"ab12".repeat(4)}${tail}` as UserKey;
    });
    keys.push(...Array.from({ length: 300 }, (_, i) => keyOf(`x${i}`)));
    for (const order of [keys, [...keys].reverse()]) {
      const world = armedWorld(10);
      order.forEach((userKey, index) => {
        world.run({ type: "draw.enter", draw: DRAW, user: userOf(index), userKey }, OPENS_AT_MS);
      });
      world.tick(closeOf(0));
      expect(sealedKeys(world.state, DRAW, 0)).toEqual([...keys].sort());
      expect(sealsOf(world)[0]?.header.parts[0]?.root).toBe(
        merkleRoot([...keys].sort().map(fromHex), sha256),
      );
    }
  });

  it("[DR11] seed known before the seal: a window is sealed only while its beacon is neither due nor seen", () => {
    const atLast = armedWorld(10);
    atLast.newestRoundSeen = FIRST_ROUND - 1;
    atLast.tick(dueOf(0) - 1);
    expect(sealsOf(atLast)).toHaveLength(1);
    const late = armedWorld(10);
    late.tick(dueOf(0));
    expect(sealsOf(late)).toHaveLength(0);
    expect(gapsOf(late)).toHaveLength(1);
    const seen = armedWorld(10);
    seen.newestRoundSeen = FIRST_ROUND;
    seen.tick(closeOf(0));
    expect(sealsOf(seen)).toHaveLength(0);
    expect(gapsOf(seen)[0]?.record).toMatchObject({
      fromWindow: 0,
      toWindow: 0,
      newestRoundSeen: FIRST_ROUND,
    });
  });

  it("[DR11] rounds of another chain say nothing about this one", () => {
    const world = armedWorld(10);
    world.nowMs = closeOf(0);
    const context = { nowMs: closeOf(0), newestRoundSeen: 34_000_000, newestRoundSeenOf: () => 5, sha256 };
    const { events } = decide(world.state, { type: "tick", taps: new Map() }, context);
    expect(events).toMatchObject([{ type: "window.sealed", header: { newestRoundSeen: 5 } }]);
  });

  it("[DR12] entries and units of a gap go to the next window, and the gap stays in the chain", () => {
    const world = armedWorld(10, { schedule: [2, 3, 1, 1] });
    enter(world, "a", OPENS_AT_MS);
    enter(world, "b", OPENS_AT_MS);
    enter(world, "b", closeOf(0));
    enter(world, "c", closeOf(1));
    // Windows 0 and 1 are missed, 2 is open.
    world.tick(closeOf(1) + 500);
    expect(sealsOf(world).map((event) => event.header.window)).toEqual([1]);
    expect(sealsOf(world)[0]?.header).toMatchObject({
      units: 5,
      parts: [{ count: 2, root: rootOf("a", "b") }],
    });
    const gap = gapsOf(world)[0];
    expect(gap?.record).toMatchObject({
      fromWindow: 0,
      toWindow: 0,
      previousHash: drawView(world.state, DRAW)?.armHash,
    });
    expect(gap?.hash).toBe(hashJson(gap?.record ?? { version: "" }, sha256));
    expect(sealsOf(world)[0]?.header.previousHash).toBe(gap?.hash);
    reveal(world, 1, dueOf(1));
    expect(world.events.at(-1)).toMatchObject({ type: "window.drawn", window: 1, units: 5 });
    expect(reveal(world, 0)).toMatchObject({ code: "draw.not_sealed" });
  });

  it("[DR12] two gaps may follow each other before the next seal", () => {
    const world = armedWorld(10, { schedule: [2, 3, 1, 1] });
    enter(world, "a", OPENS_AT_MS);
    world.tick(dueOf(0));
    world.tick(dueOf(1) + 100);
    enter(world, "d", dueOf(1) + 100);
    world.tick(closeOf(2));
    expect(gapsOf(world).map(({ record }) => [record.fromWindow, record.toWindow])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(sealsOf(world)[0]?.header).toMatchObject({
      window: 2,
      units: 6,
      parts: [{ count: 2, root: rootOf("a", "d") }],
    });
  });

  it("[DR12] entries of a missed last window get an extension, sealed at once, and no hole in the chain", () => {
    const world = armedWorld(10, { schedule: [2, 1] });
    enter(world, "a", closeOf(0));
    const longAfter = closeOf(7) + 1;
    const events = world.tick(longAfter);
    expect(events.map((event) => event.type)).toEqual(["window.gap", "window.sealed"]);
    expect(gapsOf(world)[0]?.record).toMatchObject({ fromWindow: 0, toWindow: 7 });
    expect(sealsOf(world)[0]?.header).toMatchObject({
      window: 8,
      round: FIRST_ROUND + 8,
      units: 3,
      sealedAtMs: longAfter,
      parts: [{ count: 1, root: rootOf("a") }],
    });
    expect(enter(world, "b")).toMatchObject({ code: "draw.closed" });
    reveal(world, 8, dueOf(8));
    world.tick();
    expect(drawView(world.state, DRAW)).toMatchObject({
      phase: "closed",
      winners: 1,
      closed: { leftUnits: 2 },
    });
  });

  it("[DR12] a missed end that nobody waits in closes with all units left", () => {
    const world = armedWorld(10, { schedule: [2, 1] });
    world.tick(closeOf(9));
    expect(nextDueMs(world.state)).not.toBeNull();
    world.tick();
    expect(world.events.map((event) => event.type).slice(-2)).toEqual(["window.gap", "draw.closed"]);
    expect(gapsOf(world)[0]?.record).toMatchObject({ fromWindow: 0, toWindow: 1 });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 10, held: 0 });
  });

  it("[DR12] a sealed window is never voided: no gap and no second seal covers it", () => {
    const world = armedWorld(10);
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    world.newestRoundSeen = FIRST_ROUND;
    world.tick(dueOf(0) + 900);
    world.tick(closeOf(1));
    expect(sealsOf(world).map((event) => event.header.window)).toEqual([0, 1]);
    const seal = sealsOf(world)[0];
    const gap = {
      type: "window.gap",
      atMs: world.nowMs,
      hash: "00".repeat(32),
      record: {
        version: "wanhui/gap/1",
        draw: DRAW,
        fromWindow: 0,
        toWindow: 0,
        armHash: drawView(world.state, DRAW)?.armHash,
        previousHash: drawView(world.state, DRAW)?.chainHead,
        atMs: world.nowMs,
        newestRoundSeen: 0,
      },
    } as Event;
    expect(() => apply(world.state, gap)).toThrow("DR12");
    const again = armedWorld(10);
    again.tick(closeOf(0));
    const previousHash = drawView(again.state, DRAW)?.chainHead;
    if (seal === undefined || previousHash === undefined || previousHash === null) throw new Error("no seal");
    expect(() => apply(again.state, { ...seal, header: { ...seal.header, previousHash } })).toThrow("DR10");
  });

  it("[DR19] taps travel with the seal and decide nothing", () => {
    const quiet = armedWorld(10);
    const loud = armedWorld(10);
    for (const world of [quiet, loud]) enter(world, "a", OPENS_AT_MS);
    quiet.tick(closeOf(0));
    loud.tick(closeOf(0), new Map([[DRAW, 1_000_000]]));
    expect(sealsOf(loud)[0]?.taps).toBe(1_000_000);
    expect(sealsOf(loud)[0]?.sealHash).toBe(sealsOf(quiet)[0]?.sealHash);
  });
});

describe("stops", () => {
  it("[DR13] before the opening: at once, no window, all units left", () => {
    const world = armedWorld(10);
    expect(stop(world, OPENS_AT_MS - 1)).toEqual({ ok: true, type: "done" });
    expect(drawView(world.state, DRAW)).toMatchObject({
      phase: "stopped",
      stop: { fromWindow: 0, reason: "fire alarm" },
    });
    expect(enter(world, "a", OPENS_AT_MS)).toMatchObject({ code: "draw.closed" });
    world.tick();
    expect(sealsOf(world)).toEqual([]);
    expect(drawView(world.state, DRAW)).toMatchObject({ phase: "closed", closed: { leftUnits: 4 } });
    expect(poolView(world.state, POOL)).toMatchObject({ free: 10, held: 0 });
  });

  it("[DR13] during a window: it is still sealed and drawn, later ones do not exist", () => {
    const world = armedWorld(10, { schedule: [2, 3, 5] });
    enter(world, "a", OPENS_AT_MS);
    world.tick(closeOf(0));
    enter(world, "b", closeOf(0) + 10);
    stop(world, closeOf(0) + 20);
    expect(stop(world, closeOf(0) + 30)).toEqual({ ok: true, type: "done" });
    expect(stop(world, closeOf(0) + 30, "another")).toMatchObject({ code: "draw.closed" });
    expect(enter(world, "c", closeOf(1) - 1)).toMatchObject({ window: 1 });
    expect(enter(world, "d", closeOf(1))).toMatchObject({ code: "draw.closed" });
    world.tick(closeOf(1));
    const stopped = world.events.find((event) => event.type === "draw.stopped");
    expect(sealsOf(world)[1]?.header).toMatchObject({ window: 1, units: 3 });
    expect(sealsOf(world)[1]?.header.previousHash).toBe(stopped?.type === "draw.stopped" ? stopped.hash : "");
    reveal(world, 0, dueOf(1));
    reveal(world, 1);
    world.tick();
    expect(drawView(world.state, DRAW)).toMatchObject({
      phase: "closed",
      winners: 3,
      closed: { leftUnits: 7 },
    });
    expect(sealsOf(world)).toHaveLength(2);
  });

  it("[DR13] behind the last close there is nothing to stop, nor before arming", () => {
    const world = armedWorld(10, { schedule: [1] });
    expect(stop(world, closeOf(0))).toMatchObject({ code: "draw.closed" });
    const planned = createWorld();
    makePool(planned, 10);
    plan(planned);
    expect(stop(planned, 2000)).toMatchObject({ code: "draw.not_armed" });
    expect(planned.run({ type: "draw.stop", draw: drawId("x"), reason: "r" })).toMatchObject({
      code: "draw.unknown",
    });
  });

  it("[DR12] [DR13] a stop whose last window is missed: the entries still get their draw", () => {
    const world = armedWorld(10, { schedule: [2, 3, 5] });
    enter(world, "a", OPENS_AT_MS);
    stop(world, OPENS_AT_MS + 1);
    world.tick(dueOf(0) + 100);
    expect(gapsOf(world)[0]?.record).toMatchObject({ fromWindow: 0, toWindow: 0 });
    expect(sealsOf(world)[0]?.header).toMatchObject({
      window: 1,
      units: 2,
      parts: [{ count: 1, root: rootOf("a") }],
    });
    reveal(world, 1, dueOf(1));
    world.tick();
    expect(drawView(world.state, DRAW)).toMatchObject({
      phase: "closed",
      winners: 1,
      closed: { leftUnits: 9 },
    });
  });

  it("[DR13] a stop decided before a due seal stands before it in the chain", () => {
    const world = armedWorld(10);
    enter(world, "a", OPENS_AT_MS);
    stop(world, closeOf(0) + 1);
    world.tick();
    expect(drawView(world.state, DRAW)?.stop?.fromWindow).toBe(2);
    expect(sealsOf(world)[0]?.header.window).toBe(0);
  });
});
