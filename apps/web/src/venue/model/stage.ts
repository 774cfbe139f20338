// The one state machine of the hero: what the most important thing is at this second. Pure: the show, what is known
// of one's own windows, and the server's clock go in.

import type { CueView, RainView, RoundView, ShowView, Text } from "@wanhui/protocol";
import {
  NO_FACTS,
  resultAtMs,
  type WindowFacts,
  type WindowState,
  windowAt,
  windowCount,
  windowState,
} from "./windows.ts";

/** From here on "about to start": assets are there, the phone is asked for its motion. */
export const SOON_MS = 60_000;
/** What opens this soon takes the stage from a result that is still shown. */
export const NEXT_TAKES_STAGE_MS = 5_000;
/** How long the result of a round stays on the stage before the next one is announced. */
export const RESULT_SHOWN_MS = 15_000;

export type Coming =
  | { readonly type: "round"; readonly round: RoundView }
  | { readonly type: "rain"; readonly rain: RainView };

export type Stage =
  | { readonly kind: "waiting"; readonly coming: Coming; readonly soon: boolean; readonly first: boolean }
  | { readonly kind: "held"; readonly coming: Coming }
  | { readonly kind: "open"; readonly round: RoundView; readonly window: number; readonly state: WindowState }
  | { readonly kind: "rain"; readonly rain: RainView }
  | {
      readonly kind: "drawing";
      readonly round: RoundView;
      readonly resultAtMs: number;
      readonly entered: boolean;
      readonly late: boolean;
    }
  | {
      readonly kind: "result";
      readonly round: RoundView;
      readonly outcome: "won" | "lost" | "watched";
      readonly next: Coming | null;
    }
  | { readonly kind: "between"; readonly cue: CueView | null }
  | { readonly kind: "ended" };

/** Facts of a window by draw and window. */
export type FactsOf = (draw: string, window: number) => WindowFacts;

/** What is known of one's own windows. */
export type OwnWindows = {
  readonly factsOf: FactsOf;
  /** The last window of a draw that holds an own entry; null when none does. */
  readonly lastOwnOf: (draw: string) => number | null;
};

export type StageInput = OwnWindows & {
  readonly show: ShowView;
  readonly nowMs: number;
};

const OPENABLE = new Set(["armed", "open"]);
const AHEAD = new Set(["planned", "held", "armed"]);

/** When a thing of the show is announced to open. */
export function opensAtMs(coming: Coming): number {
  return coming.type === "round" ? coming.round.opensAtMs : coming.rain.opensAtMs;
}

/** Its name. */
export function titleOf(coming: Coming): Text {
  return coming.type === "round" ? coming.round.title : coming.rain.title;
}

/** Whether a round takes entries at a moment. */
export function isOpen(round: RoundView, nowMs: number): boolean {
  return OPENABLE.has(round.phase) && windowAt(round, nowMs) !== null;
}

/** Whether a rain can be grabbed at a moment. */
export function isRaining(rain: RainView, nowMs: number): boolean {
  return (
    (rain.phase === "open" || rain.phase === "planned") && nowMs >= rain.opensAtMs && nowMs < rain.closesAtMs
  );
}

/**
 * The last window there is for the person looking. A stopped round ends with the last that closed before the stop took
 * effect; an own entry that was carried over a gap may wait in an extension behind all of them (DR12).
 */
function lastWindow(own: OwnWindows, round: RoundView): number {
  return Math.max(lastScheduled(round), own.lastOwnOf(round.draw) ?? 0);
}

function lastScheduled(round: RoundView): number {
  if (round.phase !== "stopped") return windowCount(round) - 1;
  const reached = windowAt(round, round.closesAtMs - 1) ?? windowCount(round) - 1;
  return Math.max(0, Math.min(reached, windowCount(round) - 1));
}

/** When everything of a round is stated to be known. */
export function roundResultMs(own: OwnWindows, round: RoundView): number {
  const last = lastWindow(own, round);
  return resultAtMs(round, last, own.factsOf(round.draw, last));
}

/** Own windows of a round, as states at a moment: all of the schedule, and an extension that holds an own entry. */
export function roundStates(input: StageInput, round: RoundView): readonly WindowState[] {
  const length = Math.max(windowCount(round), (input.lastOwnOf(round.draw) ?? 0) + 1);
  return Array.from({ length }, (_, window) =>
    windowState(round, window, input.factsOf(round.draw, window) ?? NO_FACTS, input.nowMs),
  );
}

function byOpening(left: Coming, right: Coming): number {
  return opensAtMs(left) - opensAtMs(right);
}

function everything(show: ShowView): readonly Coming[] {
  return [
    ...show.rounds.map((round): Coming => ({ type: "round", round })),
    ...show.rains.map((rain): Coming => ({ type: "rain", rain })),
  ].sort(byOpening);
}

/** What comes next at a moment: the earliest round or rain that has not begun. */
export function nextComing(show: ShowView, nowMs: number): Coming | null {
  return (
    everything(show).find((coming) =>
      coming.type === "round"
        ? AHEAD.has(coming.round.phase) && (nowMs < coming.round.opensAtMs || coming.round.phase !== "armed")
        : (coming.rain.phase === "planned" && nowMs < coming.rain.opensAtMs) || coming.rain.phase === "held",
    ) ?? null
  );
}

/** The cue that is on stage: the newest live one of the kinds people watch. */
export function onStage(show: ShowView): CueView | null {
  const live = show.cues.filter((cue) => cue.state === "live" && cue.kind === "segment");
  return live.at(-1) ?? null;
}

/** The presenter's newest words. */
export function spoken(show: ShowView): CueView | null {
  return show.cues.filter((cue) => cue.kind === "say" && cue.state === "live").at(-1) ?? null;
}

function afterClose(input: StageInput, round: RoundView): Stage | null {
  const { nowMs } = input;
  const stated = roundResultMs(input, round);
  const states = roundStates(input, round);
  const entered = states.some((state) => state !== "none" && state !== "open" && state !== "ahead");
  const pending = states.some((state) => state === "received" || state === "late");
  if (nowMs < stated || pending) {
    // Whoever entered nothing has nothing to wait for beyond the stated time.
    return { kind: "drawing", round, resultAtMs: stated, entered, late: nowMs >= stated };
  }
  if (nowMs >= stated + RESULT_SHOWN_MS) return null;
  const outcome = states.includes("won") ? "won" : entered ? "lost" : "watched";
  return { kind: "result", round, outcome, next: nextComing(input.show, nowMs) };
}

function justClosed(input: StageInput): Stage | null {
  const closed = input.show.rounds
    .filter((round) => !AHEAD.has(round.phase) || round.phase === "armed")
    .filter((round) => round.phase !== "missed" && round.phase !== "skipped")
    .filter((round) => round.closesAtMs <= input.nowMs)
    .sort((left, right) => right.closesAtMs - left.closesAtMs);
  const newest = closed[0];
  return newest === undefined ? null : afterClose(input, newest);
}

/** What the hero shows now. */
export function stageOf(input: StageInput): Stage {
  const { show, nowMs } = input;
  for (const round of show.rounds) {
    const window = windowAt(round, nowMs);
    if (window === null || !OPENABLE.has(round.phase)) continue;
    return { kind: "open", round, window, state: roundStates(input, round)[window] ?? "open" };
  }
  const next = nextComing(show, nowMs);
  const closed = justClosed(input);
  // A result gives way once the next thing is about to start; a draw still running never does.
  const crowded = next !== null && opensAtMs(next) - nowMs < NEXT_TAKES_STAGE_MS;
  if (closed !== null && (closed.kind === "drawing" || !crowded)) return closed;
  // After a round's own people have learned their result; until then a rain stands beside the stage.
  const rain = show.rains.find((each) => isRaining(each, nowMs));
  if (rain !== undefined) return { kind: "rain", rain };
  if (next !== null) return waitingFor(next, show, nowMs);
  if (nowMs >= show.endsAtMs || show.cues.every((cue) => !["pending", "live", "held"].includes(cue.state))) {
    return { kind: "ended" };
  }
  return { kind: "between", cue: onStage(show) };
}

function waitingFor(coming: Coming, show: ShowView, nowMs: number): Stage {
  const phase = coming.type === "round" ? coming.round.phase : coming.rain.phase;
  const left = opensAtMs(coming) - nowMs;
  // Held by the director, or its second has passed without an arm: there is no honest countdown to show.
  if (phase === "held" || left <= 0) return { kind: "held", coming };
  const first = coming.type === "round" && show.rounds.every((round) => AHEAD.has(round.phase));
  return { kind: "waiting", coming, soon: left <= SOON_MS, first };
}
