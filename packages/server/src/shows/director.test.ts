import { windowTimes } from "@wanhui/core";
import { afterEach, expect, test } from "vitest";
import { baseShow, goodShow } from "./testing.ts";
import { anna, NIGHT_MS, Stage, testChain } from "./testing-stage.ts";

const stages: Stage[] = [];
function stageOf(text: string = baseShow): Stage {
  const stage = new Stage(goodShow(text));
  stages.push(stage);
  return stage;
}
afterEach(() => {
  for (const stage of stages.splice(0)) stage.kill();
});

const states = (stage: Stage) =>
  Object.fromEntries([...stage.rows.values()].map(({ cue, state }) => [cue, state]));

test("[CU1] [CU2] [SH23] a whole night plays by itself", async () => {
  const stage = stageOf();
  await stage.boot();
  expect(stage.events("pool.created").map(({ units }) => units)).toEqual([100, 10]);
  expect(stage.events("draw.planned")).toHaveLength(2);
  expect(states(stage)).toMatchObject({ hello: "live", "round-1": "pending" });
  await stage.passTo(39_999);
  expect(states(stage)).toMatchObject({ hello: "done", "round-1": "pending" });
  await stage.passTo(40_000);
  expect(states(stage)["round-1"]).toBe("armed");
  const [armed] = stage.events("draw.armed");
  expect(armed?.record).toMatchObject({ armedAtMs: NIGHT_MS + 40_000, schedule: [20, 20, 20] });
  const opensAtMs = armed?.record.opensAtMs ?? 0;
  expect([...stage.board.liveChains()]).toEqual([testChain.chainHash]);
  expect([...stage.newBoard().liveChains()]).toEqual([]);
  await stage.passTo(opensAtMs - NIGHT_MS);
  expect(states(stage)["round-1"]).toBe("live");
  for (let person = 0; person < 30; person++)
    expect(await stage.enter("round-1", person)).toMatchObject({ ok: true });
  await stage.passTo(120_000);
  expect(states(stage)["round-1"]).toBe("done");
  expect([...stage.board.liveChains()]).toEqual([]);
  expect(stage.events("window.drawn").map(({ winners }) => winners.length)).toEqual([20, 0, 0]);
  await stage.passTo(1_800_000);
  expect(states(stage)).toEqual({
    hello: "done",
    "round-1": "done",
    "round-2": "done",
    shower: "done",
    dance: "done",
  });
  expect(stage.events("grab.opened")).toMatchObject([
    { opensAtMs: NIGHT_MS + 600_000, closesAtMs: NIGHT_MS + 660_000 },
  ]);
});

test("[SH22] a round opens at its time or at the next moment on the grid, less than 3 s later", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(45_000);
  const [armed] = stage.events("draw.armed");
  const opensAtMs = armed?.record.opensAtMs ?? 0;
  expect(opensAtMs - NIGHT_MS).toBeGreaterThanOrEqual(60_000);
  expect(opensAtMs - NIGHT_MS).toBeLessThan(63_000);
  const grid = { chain: testChain, firstRound: armed?.record.firstRound ?? 0, firstWindowMs: 3_000 };
  expect(windowTimes(grid, 0).opensAtMs).toBe(opensAtMs);
});

test("[SH14] [DR16] what round one does not give out is added to round two", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(330_000);
  expect(stage.events("draw.closed")[0]?.record).toMatchObject({
    leftUnits: 60,
    leftoversTo: stage.draw("round-2"),
  });
  expect(stage.events("draw.armed")[1]?.record.schedule).toEqual([70, 10, 10, 10]);
});

test("[CU3] a night that starts late misses what is over and plays the rest", async () => {
  const stage = stageOf();
  stage.clock.ms = NIGHT_MS + 55_000;
  await stage.boot();
  expect(states(stage)).toMatchObject({ hello: "missed", "round-1": "missed", "round-2": "pending" });
  expect(stage.row("hello").reason).toBe("overdue by 55s, at most 10s");
  expect(stage.row("round-1").reason).toMatch(/too late/);
  await stage.passTo(1_800_000);
  expect(states(stage)).toMatchObject({ "round-2": "done", shower: "done", dance: "done" });
  // Nobody armed round one: its units are still in the pool.
  expect(stage.events("draw.armed").map(({ record }) => record.draw)).toEqual([stage.draw("round-2")]);
});

test("[CU3] a round is armed down to 12 s before its opening, and not after", async () => {
  const times: string[] = [];
  for (const offsetMs of [46_000, 49_000, 49_001]) {
    const stage = stageOf();
    stage.clock.ms = NIGHT_MS + offsetMs;
    await stage.boot();
    times.push(stage.row("round-1").state);
    for (const { record } of stage.events("draw.armed")) {
      expect(record.opensAtMs - record.armedAtMs).toBeGreaterThanOrEqual(12_000);
    }
  }
  expect(times).toEqual(["armed", "armed", "missed"]);
});

test("[CU3] a rain that is a little late keeps its whole length; a later one is missed", async () => {
  const stage = stageOf();
  stage.clock.ms = NIGHT_MS + 605_000;
  await stage.boot();
  const [opened] = stage.events("grab.opened");
  expect(opened).toMatchObject({ opensAtMs: NIGHT_MS + 607_000, closesAtMs: NIGHT_MS + 667_000 });
  const other = stageOf();
  other.clock.ms = NIGHT_MS + 611_000;
  await other.boot();
  expect(other.row("shower")).toMatchObject({ state: "missed", reason: "overdue by 11s, at most 10s" });
});

test("[CU5] [CU6] [CU7] hold, release, skip: who, when and why are kept, and units stay in the pool", async () => {
  const stage = stageOf();
  await stage.boot();
  const act = (action: "hold" | "release" | "skip", cue: string) =>
    stage.director.act({ cue, action, by: anna, reason: "the band is late" });
  await stage.passTo(10_000);
  expect(await act("hold", "round-1")).toEqual({ ok: true });
  expect(await act("hold", "round-1")).toEqual({ ok: false, code: "cue.wrong_state", rule: "CU5" });
  await stage.passTo(45_000);
  expect(stage.row("round-1").state).toBe("held");
  expect(await act("release", "round-1")).toEqual({ ok: true });
  await stage.passTo(46_000);
  expect(stage.row("round-1").state).toBe("armed");
  expect(await act("skip", "round-1")).toMatchObject({ code: "cue.wrong_state" });
  expect(await act("skip", "shower")).toEqual({ ok: true });
  expect(await act("skip", "nothing")).toEqual({ ok: false, code: "cue.unknown" });
  await stage.passTo(1_800_000);
  expect(states(stage)).toMatchObject({ "round-1": "done", shower: "skipped" });
  expect(stage.events("grab.opened")).toEqual([]);
  expect(stage.acts).toEqual([
    {
      act: 1,
      atMs: NIGHT_MS + 10_000,
      who: "anna",
      role: "operator",
      action: "hold",
      target: "round-1",
      reason: "the band is late",
    },
    {
      act: 2,
      atMs: NIGHT_MS + 45_000,
      who: "anna",
      role: "operator",
      action: "release",
      target: "round-1",
      reason: "the band is late",
    },
    {
      act: 3,
      atMs: NIGHT_MS + 46_000,
      who: "anna",
      role: "operator",
      action: "skip",
      target: "shower",
      reason: "the band is late",
    },
  ]);
});

test("[CU7] a round held past its time is missed when it is released", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.director.act({ cue: "round-1", action: "hold", by: anna, reason: null });
  await stage.passTo(90_000);
  await stage.director.act({ cue: "round-1", action: "release", by: anna, reason: null });
  await stage.passTo(91_000);
  expect(stage.row("round-1")).toMatchObject({ state: "missed", reason: "overdue by 30s" });
});

test("[CU5] a missed round is rearmed for another time, not sooner than it can be armed", async () => {
  const stage = stageOf();
  stage.clock.ms = NIGHT_MS + 70_000;
  await stage.boot();
  const rearm = (opensAtMs?: number) =>
    stage.director.act({ cue: "round-1", action: "rearm", by: anna, reason: "again", opensAtMs });
  const soon = { ok: false, code: "body.invalid", field: "opensAtMs", rule: "CU5" };
  expect(await rearm(NIGHT_MS + 84_999)).toEqual(soon);
  expect(await rearm(Number.NaN)).toEqual(soon);
  expect(await rearm(NIGHT_MS + 100_000)).toEqual({ ok: true });
  await stage.passTo(101_000 + 3_000);
  expect(stage.row("round-1").state).toBe("live");
  expect(stage.events("draw.armed")[0]?.record.opensAtMs).toBeGreaterThanOrEqual(NIGHT_MS + 100_000);
  await stage.passTo(200_000);
  expect(stage.row("round-1").state).toBe("done");
});

test("[CU5] arm now keeps the announced opening and is irrevocable", async () => {
  const stage = stageOf();
  await stage.boot();
  expect(await stage.director.act({ cue: "round-2", action: "arm", by: anna, reason: null })).toEqual({
    ok: true,
  });
  await stage.passTo(1_000);
  expect(stage.row("round-2").state).toBe("armed");
  expect(stage.events("draw.armed")[0]?.record).toMatchObject({
    draw: stage.draw("round-2"),
    armedAtMs: NIGHT_MS,
  });
  for (const action of ["hold", "skip", "rearm", "arm", "release"] as const) {
    const result = await stage.director.act({ cue: "round-2", action, by: anna, reason: null });
    expect(result).toMatchObject({ code: "cue.wrong_state" });
  }
});

test("[CU3] [DR5] while another round of the pool is armed a round waits, and is missed in the end", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.director.act({ cue: "round-2", action: "arm", by: anna, reason: null });
  await stage.passTo(70_000);
  expect(stage.row("round-1")).toMatchObject({ state: "missed", plan: null });
  await stage.passTo(400_000);
  expect(stage.row("round-2").state).toBe("done");
});

test("[CU3] [DR5] a round waits for the one before it that is drawn late, and is armed while there is time", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(62_000);
  stage.roundsLate = true;
  await stage.passTo(282_000);
  expect(stage.row("round-2")).toMatchObject({ state: "pending", plan: null, reason: "draw.pool_busy" });
  stage.roundsLate = false;
  await stage.passTo(289_000);
  expect(stage.row("round-2")).toMatchObject({ state: "armed", reason: null });
  await stage.passTo(400_000);
  expect(states(stage)).toMatchObject({ "round-1": "done", "round-2": "done" });
});

test("[CU5] while arming is under way nothing else can be done: the round may be armed already", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(39_900);
  stage.unknownAnswers = 1;
  await stage.passTo(40_100);
  expect(stage.row("round-1").state).toBe("pending");
  expect(stage.events("draw.armed")).toHaveLength(1);
  for (const action of ["arm", "hold", "skip", "rearm"] as const) {
    const result = await stage.director.act({ cue: "round-1", action, by: anna, reason: null });
    expect(result).toMatchObject({ code: "cue.wrong_state" });
  }
  await stage.passTo(41_000);
  expect(stage.row("round-1").state).toBe("armed");
  expect(stage.acts).toEqual([]);
});

test("[CU5] [DR13] a stop spares the open window; the rest goes to the later round", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(64_000);
  await stage.enter("round-1", 1);
  const draw = stage.draw("round-1");
  const stopped = await stage.director.stopDraw({ draw, by: anna, reason: "a lamp fell" });
  expect(stopped).toEqual({ ok: true });
  expect(await stage.director.stopDraw({ draw, by: anna, reason: "twice" })).toMatchObject({
    code: "cue.wrong_state",
  });
  expect(await stage.director.stopDraw({ draw: "small-1/round-9", by: anna, reason: "?" })).toMatchObject({
    code: "draw.unknown",
  });
  await stage.passTo(90_000);
  expect(stage.events("draw.stopped")).toMatchObject([{ record: { reason: "a lamp fell" } }]);
  expect(stage.events("window.drawn").flatMap(({ winners }) => winners)).toHaveLength(1);
  expect(stage.events("draw.closed")[0]?.record).toMatchObject({ leftUnits: 59 });
  expect(stage.row("round-1").state).toBe("done");
  expect(stage.board.round(draw, stage.clock.ms)).toMatchObject({ phase: "stopped", reason: "a lamp fell" });
  expect(stage.acts).toMatchObject([{ action: "stop", target: draw, who: "anna" }]);
});

test("[CU5] a stop that comes after the last window says so and changes nothing", async () => {
  const stage = stageOf();
  await stage.boot();
  stage.beaconGone = false;
  await stage.passTo(60_000);
  const closesAtMs = stage.board.round(stage.draw("round-1"), stage.clock.ms)?.closesAtMs ?? 0;
  await stage.passTo(closesAtMs - NIGHT_MS);
  await stage.director.stopDraw({ draw: stage.draw("round-1"), by: anna, reason: "too late" });
  await stage.passTo(closesAtMs - NIGHT_MS + 1_000);
  expect(stage.events("draw.stopped")).toEqual([]);
  expect(stage.row("round-1").reason).toBe("stop refused: draw.closed");
  await stage.passTo(120_000);
  expect(stage.row("round-1").state).toBe("done");
});

test("[CU4] [DR14] beacons may be an hour late: windows are drawn in order, each with its own", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(62_000);
  stage.beaconGone = true;
  await stage.enter("round-1", 1);
  await stage.passTo(180_000);
  expect(stage.events("window.sealed")).toHaveLength(3);
  expect(stage.events("window.drawn")).toEqual([]);
  expect(stage.board.round(stage.draw("round-1"), stage.clock.ms)?.phase).toBe("drawing");
  stage.kill();
  await stage.passTo(3_600_000);
  await stage.boot();
  stage.beaconGone = false;
  await stage.passTo(3_610_000);
  const drawn = stage.events("window.drawn");
  expect(drawn.map(({ window }) => window)).toEqual([0, 1, 2]);
  const sealed = stage.events("window.sealed");
  expect(drawn.map(({ round }) => round)).toEqual(sealed.map(({ header }) => header.round));
  expect(stage.row("round-1").state).toBe("done");
});

test("[CU4] each sealed window is asked for once when its beacon is there, and no window before its turn", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.passTo(120_000);
  const rounds = stage.events("window.sealed").map(({ header }) => header.round);
  expect(stage.fetched).toEqual(rounds);
});

test("[CU3] a round whose beacon could never be chosen is missed, not forgotten", async () => {
  const stage = stageOf();
  await stage.boot();
  stage.beaconGone = true;
  await stage.passTo(120_000);
  expect(stage.row("round-1")).toMatchObject({ state: "missed", plan: null });
});

test("[CU2] a beacon that cannot be chosen is asked for again while there is time", async () => {
  const stage = stageOf();
  await stage.boot();
  stage.beaconGone = true;
  await stage.passTo(45_000);
  expect(stage.row("round-1").state).toBe("pending");
  stage.beaconGone = false;
  await stage.passTo(47_000);
  expect(stage.row("round-1").state).toBe("armed");
});

test("[CU8] answers that are lost are asked for again with the same ids", async () => {
  const stage = stageOf();
  stage.unknownAnswers = 6;
  await stage.boot();
  await stage.passTo(39_000);
  stage.unknownAnswers = 3;
  await stage.passTo(45_000);
  expect(stage.events("pool.created")).toHaveLength(2);
  expect(stage.events("draw.planned")).toHaveLength(2);
  expect(stage.events("draw.armed")).toHaveLength(1);
  expect(stage.row("round-1").state).toBe("armed");
});

/** One round, a stop asked for, a rain and lines: everything a director does. */
async function playNight(stage: Stage): Promise<void> {
  await stage.boot();
  await stage.passTo(62_000);
  await stage.enter("round-1", 1);
  const stop = () => stage.director.stopDraw({ draw: stage.draw("round-1"), by: anna, reason: "enough" });
  void stop();
  await stage.passTo(63_000);
  // A director whose click was lost clicks again.
  if (stage.acts.length === 0) await stop();
  await stage.passTo(700_000);
  await stage.passTo(1_260_000);
}

test("[CU8] [CU2] [CU4] killed at any step, before or after it happened, the night ends the same", async () => {
  const calm = stageOf();
  await playNight(calm);
  const steps = calm.steps;
  expect(steps).toBeGreaterThan(30);
  const essence = (stage: Stage) => ({
    states: states(stage),
    armed: stage.events("draw.armed").map(({ record }) => [record.draw, record.opensAtMs, record.firstRound]),
    stops: stage.events("draw.stopped").map(({ record }) => record.reason),
    drawn: stage.events("window.drawn").map(({ window, winners }) => [window, winners.length]),
    closed: stage.events("draw.closed").map(({ record }) => record.leftUnits),
    rains: stage.events("grab.opened").map(({ opensAtMs }) => opensAtMs),
    acts: stage.acts.map(({ action, target }) => [action, target]),
  });
  const wanted = essence(calm);
  for (let at = 1; at <= steps; at++) {
    for (const after of [false, true]) {
      const stage = stageOf();
      stage.death = { at, after };
      await playNight(stage);
      expect(essence(stage), `killed ${after ? "after" : "before"} step ${at}`).toEqual(wanted);
      stage.kill();
    }
  }
}, 120_000);

test("[CU12] [DR20] a skipped round that is given up returns what earlier rounds left for it, for good", async () => {
  const stage = stageOf();
  await stage.boot();
  const act = (action: "skip" | "cancel" | "rearm") =>
    stage.director.act({ cue: "round-2", action, by: anna, reason: "no time" });
  expect(await act("cancel")).toMatchObject({ code: "cue.wrong_state" });
  expect(await act("skip")).toEqual({ ok: true });
  await stage.passTo(120_000);
  // Nobody entered round-1: all of it is promised to round-2, which nobody opens any more.
  expect(stage.pool("kettle")).toMatchObject({ free: 40, held: 60, promised: [{ units: 60 }] });
  expect(await act("cancel")).toEqual({ ok: true });
  await stage.passTo(121_000);
  expect(stage.pool("kettle")).toMatchObject({ free: 100, held: 0, promised: [] });
  expect(stage.board.pools()[0]).toMatchObject({ free: 100, held: 0, promised: 0 });
  expect(stage.row("round-2")).toMatchObject({
    state: "skipped",
    plan: { kind: "cancel", reason: "no time" },
  });
  expect(await act("rearm")).toMatchObject({ code: "cue.wrong_state" });
  expect(stage.events("draw.cancelled")).toMatchObject([{ draw: stage.draw("round-2"), reason: "no time" }]);
  expect(stage.acts.map(({ action }) => action)).toEqual(["skip", "cancel"]);
});

test("[CU12] an hour after the show rounds that never opened are given up by themselves, once", async () => {
  const stage = stageOf();
  await stage.boot();
  await stage.director.act({ cue: "round-2", action: "hold", by: anna, reason: "later perhaps" });
  const overMs = 1_800_000 + 3_600_000;
  await stage.passTo(overMs - 1_000);
  expect(stage.row("round-2")).toMatchObject({ state: "held", plan: null });
  expect(stage.pool("kettle")).toMatchObject({ free: 40, held: 60 });
  stage.unknownAnswers = 1;
  await stage.passTo(overMs + 100);
  stage.kill();
  await stage.boot();
  await stage.passTo(overMs + 5_000);
  expect(stage.row("round-2")).toMatchObject({ state: "missed", plan: { kind: "cancel" } });
  expect(stage.pool("kettle")).toMatchObject({ free: 100, held: 0, promised: [] });
  expect(stage.events("draw.cancelled")).toHaveLength(1);
});
