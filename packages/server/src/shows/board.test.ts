import type { DrawId, Event, PoolId } from "@wanhui/core";
import { type CtlMessage, openWindow } from "@wanhui/protocol";
import { afterEach, expect, test } from "vitest";
import { refusalAt } from "./admit.ts";
import { goodShow } from "./testing.ts";
import { anna, NIGHT_MS, Stage } from "./testing-stage.ts";

const stages: Stage[] = [];
const stageOf = (options: { rehearsal?: boolean } = {}): Stage => {
  const stage = new Stage(goodShow(), options);
  stages.push(stage);
  return stage;
};
afterEach(() => {
  for (const stage of stages.splice(0)) stage.kill();
});

const kettle = "small-1/kettle" as PoolId;
const session = {
  userId: "",
  device: "",
  level: "guest",
  roles: ["viewer"],
  synthetic: false,
  run: null,
  address: "",
  expiresAtMs: null,
  staff: null,
};
const engineNumbers = { journalAppendMs: 0, materialiserLagBatches: 0 };
const asSession = (changes: object) =>
  ({ ...session, ...changes }) as unknown as Parameters<Stage["board"]["admit"]>[0]["session"];
const phases = (messages: readonly CtlMessage[]) =>
  messages.flatMap((message) =>
    message.t === "round" ? [`${message.round.slug} ${message.round.phase}`] : [],
  );
const firsts = (items: readonly string[]) => items.filter((item, index) => item !== items[index - 1]);

test("[DR19] the window that takes entries, by the clock alone, is the one the pages count", async () => {
  const stage = stageOf();
  await stage.boot();
  expect(stage.board.openWindow(0, stage.clock.ms)).toBe(null);
  await stage.passTo(62_000);
  const round = stage.board.view({ stream: "", offset: 0, nowMs: stage.clock.ms, viewers: 0 }).rounds[0];
  if (round === undefined) throw new Error("There is a round");
  for (let ms = round.opensAtMs - 100; ms < round.closesAtMs + 200; ms += 50)
    expect([ms, stage.board.openWindow(0, ms)]).toEqual([ms, openWindow(round, ms)]);
  expect(stage.board.openWindow(99, round.opensAtMs)).toBe(null);
  await stage.passTo(120_000);
  expect(stage.board.openWindow(0, round.opensAtMs)).toBe(null);
});

test("[CU9] the room is told of every phase, seal and result once, records before the phase", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(62_000);
  for (let person = 0; person < 5; person++) await stage.enter("round-1", person);
  await stage.passTo(120_000);
  expect(firsts(phases(stage.published))).toEqual([
    "round-1 planned",
    "round-1 armed",
    "round-1 open",
    "round-1 drawing",
    "round-1 closed",
  ]);
  const seals = stage.published.filter((message) => message.t === "seal");
  expect(seals.map(({ window, entries }) => [window, entries])).toEqual([
    [0, 5],
    [1, 0],
    [2, 0],
  ]);
  const [sealed] = stage.events("window.sealed");
  expect(seals[0]).toMatchObject({
    header: sealed?.header,
    hash: sealed?.sealHash,
    signature: expect.stringMatching(/^[0-9a-f]{128}$/),
  });
  expect(seals[0]?.resultAtMs).toBe((sealed?.header.sealedAtMs ?? 0) + 4_000);
  const drawn = stage.published.filter((message) => message.t === "drawn");
  expect(drawn.map(({ window, winners, entries }) => [window, winners, entries])).toEqual([
    [0, 5, 5],
    [1, 0, 0],
    [2, 0, 0],
  ]);
  // The result is stated once: a beacon that comes early does not move it.
  expect(drawn.map(({ resultAtMs }) => resultAtMs)).toEqual(seals.map(({ resultAtMs }) => resultAtMs));
  const chain = stage.published.findIndex((message) => message.t === "chain");
  const closed = stage.published.findIndex(
    (message) => message.t === "round" && message.round.phase === "closed",
  );
  expect(chain).toBeGreaterThan(0);
  expect(closed).toBeGreaterThan(chain);
});

test("[CU9] [CU11] made anew from the journal and the cues the board is the same", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(62_000);
  for (let person = 0; person < 30; person++) await stage.enter("round-1", person);
  await stage.passTo(300_000);
  const at = { stream: "s", offset: 7, nowMs: stage.clock.ms, viewers: 3 };
  const again = stage.newBoard();
  expect(again.fold({ events: stage.journal, atMs: stage.clock.ms, replay: true })).toEqual([]);
  for (const row of stage.rows.values()) again.setCue(row, stage.clock.ms);
  expect(again.view(at)).toEqual(stage.board.view(at));
  expect(again.view(at)).toMatchObject({
    run: "small-1",
    counts: { entries: 30, awards: 20, claims: 0, left: { [kettle]: 80, "small-1/voucher": 10 } },
  });
  expect(again.sealedUndrawn()).toEqual([]);
});

test("[CU11] awards that end are left again, claims are counted, events of other runs are not", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(62_000);
  for (let person = 0; person < 4; person++) await stage.enter("round-1", person);
  await stage.passTo(80_000);
  const [drawn] = stage.events("window.drawn");
  const ids = drawn?.winners.map(({ awardId }) => awardId) ?? [];
  const move = (awardId: string, to: string): Event =>
    ({
      type: "award.moved",
      atMs: stage.clock.ms,
      awardId,
      to,
      orderId: null,
      claimByMs: null,
      reason: null,
    }) as Event;
  const fold = (events: Event[]) => stage.board.fold({ events, atMs: stage.clock.ms, replay: false });
  fold([
    move(ids[0] ?? "", "committing"),
    move(ids[0] ?? "", "posted"),
    move(ids[1] ?? "", "expired"),
    move(ids[2] ?? "", "forfeited"),
  ]);
  expect(stage.board.counts(0)).toMatchObject({
    awards: 4,
    claims: 1,
    left: { [kettle]: 98 },
    open: { [kettle]: 1 },
  });
  const before = stage.board.counts(0);
  const other = {
    type: "entered",
    atMs: stage.clock.ms,
    draw: "other-1/round-1" as DrawId,
    window: 0,
  } as Event;
  fold([
    other,
    move("00".repeat(16), "posted"),
    { type: "pool.changed", atMs: 0, pool: "other-1/x" as PoolId, delta: 5, commandId: "c" },
  ]);
  expect(stage.board.counts(0)).toEqual(before);
  fold([{ type: "pool.changed", atMs: stage.clock.ms, pool: kettle, delta: 5, commandId: "c" }]);
  expect(stage.board.prize(kettle)).toMatchObject({
    promised: 105,
    left: 103,
    worth: { amountMinor: 9900, currency: "CNY" },
  });
});

test("[DR19] [CU11] taps are shown at once and counted once when the seal brings its own number", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(62_000);
  const draw = stage.draw("round-1");
  stage.board.addTaps(draw, 40, stage.clock.ms);
  expect(stage.board.counts(0).taps).toBe(40);
  expect(stage.board.rates(stage.clock.ms).tapsPerSecond).toBe(4);
  await stage.passTo(66_000);
  const [sealed] = stage.events("window.sealed");
  if (sealed === undefined) throw new Error("not sealed");
  // The stage's engine counts no taps; the same seal with 38 of the 40 in it:
  stage.board.fold({ events: [{ ...sealed, taps: 38 }], atMs: stage.clock.ms, replay: false });
  expect(stage.board.counts(0).taps).toBe(40);
  expect(stage.board.rates(stage.clock.ms + 60_000).tapsPerSecond).toBe(0);
});

test("[CU10] [DR8] level, roles and synthetic people are decided at the door", async () => {
  const door = { enter: "contact", excludedRoles: ["host", "operator"] } as const;
  const refusal = (changes: object, rehearsal = false) =>
    refusalAt(door, { ...asSession({ level: "contact" }), ...changes }, rehearsal);
  expect(refusal({})).toBeNull();
  expect(refusal({ level: "guest" })).toBe("auth.level");
  expect(refusal({ level: "identity" })).toBeNull();
  expect(refusal({ roles: ["viewer", "host"] })).toBe("draw.not_eligible");
  expect(refusal({ roles: ["viewer", "auditor"] })).toBeNull();
  expect(refusal({ synthetic: true })).toBe("draw.not_eligible");
  expect(refusal({ synthetic: true }, true)).toBeNull();
  // Signing in would not help them: nobody is sent to do so.
  expect(refusal({ level: "guest", roles: ["viewer", "host"] })).toBe("draw.not_eligible");
  expect(refusal({ level: "guest", synthetic: true })).toBe("draw.not_eligible");
  const real = stageOf();
  await real.boot();
  const rehearsal = stageOf({ rehearsal: true });
  await rehearsal.boot();
  const entry = { drawIndex: 0, session: asSession({ synthetic: true }) };
  expect(real.board.admit(entry)).toEqual({ ok: false, code: "draw.not_eligible" });
  expect(rehearsal.board.admit(entry)).toEqual({ ok: true, draw: "small-1/round-1", botCheck: false });
  expect(real.board.admit({ drawIndex: 2, session: asSession({}) })).toEqual({
    ok: false,
    code: "draw.unknown",
  });
  expect(real.board.drawIndexOf("small-1/round-2")).toBe(1);
  expect(real.board.drawIndexOf("other-1/round-2")).toBeNull();
  const take = { pool: "small-1/voucher", session: asSession({}) };
  expect(real.board.admitTake(take)).toEqual({ ok: true, pool: "small-1/voucher", botCheck: false });
  expect(real.board.admitTake({ ...take, session: entry.session })).toEqual({
    ok: false,
    code: "draw.not_eligible",
  });
  expect(real.board.admitTake({ ...take, pool: kettle })).toEqual({ ok: false, code: "pool.unknown" });
});

test("[CU5] the studio shows what can be done, the current and the next cue", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(5_000);
  const at = { stream: "s", offset: 0, nowMs: stage.clock.ms, viewers: 2 };
  const numbers = {
    ...stage.board.counts(2),
    ...stage.board.rates(stage.clock.ms),
    orders: 0,
    paid: 0,
    ...engineNumbers,
  };
  const studio = await stage.director.studio({ show: stage.board.view(at), numbers });
  expect(studio).toMatchObject({ currentCue: "hello", nextCue: "round-1", acts: [] });
  expect(studio.cues.map(({ cue, actions, lateMaxMs }) => [cue, actions, lateMaxMs])).toEqual([
    ["hello", ["skip"], 10_000],
    ["round-1", ["arm", "hold", "skip", "rearm"], 0],
    ["round-2", ["arm", "hold", "skip", "rearm"], 0],
    ["shower", ["arm", "hold", "skip", "rearm"], 10_000],
    ["dance", ["hold", "skip", "rearm"], 30_000],
  ]);
  await stage.director.act({ cue: "hello", action: "skip", by: anna, reason: "enough" });
  expect(stage.row("hello")).toMatchObject({ state: "skipped", endedAtMs: NIGHT_MS + 5_000 });
});

test("a witness lifts a round's level, once", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(50_000);
  const draw = stage.draw("round-1");
  expect(stage.board.round(draw, stage.clock.ms)?.level).toBe("beacon");
  expect(stage.board.setLevel(draw, "beacon+witness", stage.clock.ms)).toMatchObject([
    { round: { level: "beacon+witness" } },
  ]);
  expect(stage.board.setLevel(draw, "beacon+witness", stage.clock.ms)).toEqual([]);
});

test("[DR12] windows that went into a gap count as past: the last ones too, once the round is closed", async () => {
  const at = () => ({ stream: "s", offset: 0, nowMs: stage.clock.ms, viewers: 0 });
  const through = () => stage.board.view(at()).rounds[0]?.drawnThrough;
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(62_000);
  for (let person = 0; person < 5; person++) await stage.enter("round-1", person);
  // The window's own beacon is seen before it closes: it may not be sealed, its entries go on.
  stage.newestRoundSeen = stage.events("draw.armed")[0]?.record.firstRound ?? 0;
  await stage.passTo(120_000);
  expect(stage.events("window.gap").map(({ record }) => [record.fromWindow, record.toWindow])).toEqual([
    [0, 0],
  ]);
  expect(stage.events("window.drawn").map(({ window }) => window)).toEqual([1, 2]);
  const told = stage.published.flatMap((message) => (message.t === "round" ? [message.round] : []));
  // While the last window is still to come, the gap and the window behind it are past.
  const ways = told.filter(({ index }) => index === 0).map(({ drawnThrough }) => drawnThrough);
  expect(ways.filter((each, index) => each !== ways[index - 1])).toEqual([0, 2, 3]);
  expect(through()).toBe(3);
  const drawn = stage.published.filter((message) => message.t === "drawn");
  expect(drawn.map(({ window, winners }) => [window, winners])).toEqual([
    [1, 5],
    [2, 0],
  ]);
  // All of them, with nobody waiting: no result ever comes, the close alone says it is over.
  const down = stageOf();
  await down.boot();
  await down.passTo(62_000);
  down.newestRoundSeen = (down.events("draw.armed")[0]?.record.firstRound ?? 0) + 2;
  await down.passTo(120_000);
  expect(down.events("draw.closed")).toHaveLength(1);
  expect(down.events("window.drawn")).toEqual([]);
  expect(down.board.view(at()).rounds[0]?.drawnThrough).toBe(3);
});

test("[CU14] why a cue is held, missed, late or refused stands in the studio alone; a stop's reason is everybody's", async () => {
  const stage = stageOf();
  const publicText = () => {
    const at = { stream: "s", offset: 0, nowMs: stage.clock.ms, viewers: 0 };
    return JSON.stringify([stage.board.view(at), stage.published]);
  };
  const studioReason = async (cue: string) => {
    const view = stage.board.view({ stream: "s", offset: 0, nowMs: stage.clock.ms, viewers: 0 });
    const rates = stage.board.rates(stage.clock.ms);
    const numbers = { ...view.counts, ...rates, orders: 0, paid: 0, ...engineNumbers };
    return (await stage.director.studio({ show: view, numbers })).cues.find((each) => each.cue === cue)
      ?.reason;
  };
  const isPrivate = async (cue: string, reason: string) => {
    expect(await studioReason(cue)).toBe(reason);
    expect(publicText()).not.toContain(reason);
  };
  stage.clock.ms = NIGHT_MS + 11_000;
  await stage.boot();
  await isPrivate("hello", "overdue by 11s, at most 10s");
  await stage.director.act({ cue: "round-2", action: "hold", by: anna, reason: "the band is drunk" });
  await isPrivate("round-2", "the band is drunk");
  await stage.director.act({ cue: "round-2", action: "release", by: anna, reason: null });
  await stage.passTo(64_000);
  const draw = stage.draw("round-1");
  const closesAtMs = stage.board.round(draw, stage.clock.ms)?.closesAtMs ?? 0;
  stage.roundsLate = true;
  await stage.passTo(closesAtMs - NIGHT_MS);
  await stage.director.stopDraw({ draw, by: anna, reason: "a word too late" });
  await stage.passTo(closesAtMs - NIGHT_MS + 1_000);
  await isPrivate("round-1", "stop refused: draw.closed");
  await stage.passTo(282_000);
  await isPrivate("round-2", "draw.pool_busy");
  stage.roundsLate = false;
  await stage.passTo(304_000);
  const stop = { draw: stage.draw("round-2"), by: anna, reason: "a lamp fell" };
  expect(await stage.director.stopDraw(stop)).toEqual({ ok: true });
  await stage.passTo(340_000);
  expect(stage.board.round(stop.draw, stage.clock.ms)?.reason).toBe("a lamp fell");
  expect(publicText()).toContain("a lamp fell");
});
