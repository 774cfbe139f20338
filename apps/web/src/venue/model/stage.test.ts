import type { RoundPhase, ShowView } from "@wanhui/protocol";
import { expect, test } from "vitest";
import { cue, makeShow, rain, round } from "../../../e2e/fake/scenes.ts";
import { RESULT_SHOWN_MS, SOON_MS, type StageInput, stageOf } from "./stage.ts";
import { EMPTY_STATE, lookAt, noteKey, unsettled } from "./state.ts";
import { NO_FACTS, type WindowFacts } from "./windows.ts";

const now = 2_000_000_000_000;
const look = (show: ShowView, nowMs: number, facts: (window: number) => WindowFacts = () => NO_FACTS) =>
  stageOf({
    show,
    nowMs,
    factsOf: (_draw, window) => facts(window),
    lastOwnOf: () => null,
  } satisfies StageInput);

const shake = (phase: RoundPhase, opensAtMs: number) => round(0, opensAtMs, phase, { schedule: [5, 5] });

test("a round goes reserved, soon, open, drawing, result, next on the clock alone", () => {
  const opens = now + 5 * 60_000;
  const show = makeShow(now, { rounds: [shake("armed", opens), round(1, opens + 600_000, "planned")] });
  const closed = makeShow(now, { rounds: [shake("closed", opens), round(1, opens + 600_000, "planned")] });
  expect(look(show, opens - SOON_MS - 1)).toMatchObject({ kind: "waiting", soon: false, first: true });
  expect(look(show, opens - SOON_MS)).toMatchObject({ kind: "waiting", soon: true });
  expect(look(show, opens - 1)).toMatchObject({ kind: "waiting" });
  expect(look(show, opens)).toMatchObject({ kind: "open", window: 0 });
  expect(look(show, opens + 3_000)).toMatchObject({ kind: "open", window: 1 });
  expect(look(closed, opens + 6_000)).toMatchObject({
    kind: "drawing",
    resultAtMs: opens + 10_000,
    entered: false,
  });
  expect(look(closed, opens + 10_000)).toMatchObject({ kind: "result", outcome: "watched" });
  expect(look(closed, opens + 10_000 + RESULT_SHOWN_MS)).toMatchObject({ kind: "waiting", first: false });
});

test("own entries decide what the result says, and late ones keep the stage", () => {
  const opens = now - 20_000;
  const show = makeShow(now, { rounds: [shake("drawing", opens)] });
  const own = (part: Partial<WindowFacts>) => (window: number) =>
    window === 0 ? { entered: true, settled: true, won: false, resultAtMs: null, ...part } : NO_FACTS;
  expect(look(show, opens + 11_000, own({}))).toMatchObject({ kind: "result", outcome: "lost" });
  expect(look(show, opens + 11_000, own({ won: true }))).toMatchObject({ kind: "result", outcome: "won" });
  expect(look(show, opens + 60_000, own({ settled: false }))).toMatchObject({ kind: "drawing", late: true });
});

test("a round nobody armed shows no false countdown", () => {
  expect(look(makeShow(now, { rounds: [shake("planned", now - 1)] }), now).kind).toBe("held");
  expect(look(makeShow(now, { rounds: [shake("held", now + 60_000)] }), now).kind).toBe("held");
});

test("skipped and missed rounds never come on stage", () => {
  const show = makeShow(now, { rounds: [shake("missed", now - 8_000), round(1, now + 60_000, "planned")] });
  expect(look(show, now)).toMatchObject({ kind: "waiting", coming: { round: { index: 1 } } });
});

test("[DR13] a stopped round shows what its open window gave, then its result", () => {
  const opens = now - 4_000;
  const stopped = round(0, opens, "stopped", { schedule: [5, 5, 5], closesAtMs: opens + 3_000 });
  const show = makeShow(now, { rounds: [stopped] });
  expect(look(show, opens + 4_000)).toMatchObject({ kind: "drawing", resultAtMs: opens + 7_000 });
  expect(look(show, opens + 7_000)).toMatchObject({ kind: "result" });
});

test("a rain is on stage while it can be grabbed; a round before it", () => {
  const show = makeShow(now, { rains: [rain(now - 1_000, "open")] });
  expect(look(show, now).kind).toBe("rain");
  const both = makeShow(now, { rains: [rain(now - 1_000, "open")], rounds: [shake("open", now - 1_000)] });
  expect(look(both, now).kind).toBe("open");
  const drawing = makeShow(now, {
    rains: [rain(now - 1_000, "open")],
    rounds: [shake("drawing", now - 8_000)],
  });
  expect(look(drawing, now).kind).toBe("drawing");
});

test("after the last round the show goes on until its end", () => {
  const cues = [cue("song", "segment", now, "live", { zh: "歌", en: "Song" })];
  expect(look(makeShow(now, { cues, rounds: [] }), now)).toMatchObject({
    kind: "between",
    cue: { cue: "song" },
  });
  expect(look(makeShow(now, { cues, rounds: [], endsAtMs: now }), now).kind).toBe("ended");
});

test("[DR12] a view read after a gap holds nobody in the drawing: the countdown to the next round comes", () => {
  const opens = now - 40_000;
  // Window 0 went into a gap, window 1 was drawn; the page was loaded anew since and remembers its entry.
  const rounds = [
    round(0, opens, "closed", { schedule: [5, 5], drawnThrough: 2 }),
    round(1, now + 60_000, "armed"),
  ];
  const show = makeShow(now, { rounds });
  const key = noteKey(rounds[0]?.draw ?? "", 1);
  const note = { entered: true, drawn: false, settled: false, resultAtMs: null };
  const state = { ...EMPTY_STATE, show, notes: { [key]: note } };
  // The view says it is drawn: own awards are read, and that settles it.
  expect(unsettled(state)).toEqual([key]);
  const read = { ...state, notes: { [key]: { ...note, settled: true } } };
  expect(stageOf(lookAt(read, show, now))).toMatchObject({
    kind: "waiting",
    coming: { round: { index: 1 } },
  });
});
