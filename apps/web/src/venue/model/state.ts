// What the page knows. One plain object, replaced on change; the store (store.ts) is its only writer.

import type { CheckState } from "@wanhui/client";
import type { AwardView, RoundView, SessionView, ShowView } from "@wanhui/protocol";
import type { LinkState } from "../source/source.ts";
import type { DrawnWindow } from "./prizes.ts";
import type { StageInput } from "./stage.ts";
import { resultAtMs, statedResultMs, type WindowFacts } from "./windows.ts";

/** What was heard of one window. */
export type WindowNote = {
  readonly entered: boolean;
  readonly drawn: boolean;
  /** Whatever was won in it is known. */
  readonly settled: boolean;
  readonly resultAtMs: number | null;
};

export type RainNote = {
  readonly request: string;
  readonly phase: "asking" | "got" | "wait" | "refused";
  readonly place: number | null;
  readonly code: string | null;
};

/** Something to be read aloud once; `id` rises so that the same words are read again. */
export type Saying = { readonly id: number } & (
  | { readonly what: "opened" | "soon" | "won" | "got" | "paid"; readonly draw: string }
  | { readonly what: "received"; readonly atMs: number }
  | { readonly what: "lost" }
);

export type VenueState = {
  readonly boot: "loading" | "ready" | "unknown" | "unreachable";
  readonly show: ShowView | null;
  readonly link: LinkState;
  /** How well one is known here; null before one is. */
  readonly level: SessionView["level"] | null;
  readonly awards: readonly AwardView[];
  readonly notes: Readonly<Record<string, WindowNote>>;
  readonly lastDrawn: Readonly<Record<string, DrawnWindow>>;
  /** Draws whose newest entry was carried over a gap. */
  readonly carried: readonly string[];
  readonly taps: Readonly<Record<string, number>>;
  /** Draw whose first tap of this window is on its way. */
  readonly sending: string | null;
  readonly rains: Readonly<Record<string, RainNote>>;
  /** Bot checks by what they are for: a draw, or a rain's pool. */
  readonly checks: Readonly<Record<string, CheckState>>;
  readonly refusal: { readonly code: string; readonly atMs: number } | null;
  readonly uncounted: number;
  /** What this device has heard for the checker. */
  readonly heard: { readonly count: number; readonly lasting: boolean };
  /** Won just now, to be shown on the whole screen once. */
  readonly celebrate: AwardView | null;
  readonly saying: Saying | null;
};

/** The state before anything is known. */
export const EMPTY_STATE: VenueState = {
  boot: "loading",
  show: null,
  link: "connecting",
  level: null,
  awards: [],
  notes: {},
  lastDrawn: {},
  carried: [],
  taps: {},
  sending: null,
  rains: {},
  checks: {},
  refusal: null,
  uncounted: 0,
  heard: { count: 0, lasting: true },
  celebrate: null,
  saying: null,
};

const RANK = { guest: 0, contact: 1, identity: 2 };

/** Whether a round asks for a better known person than this one; false while nobody knows. */
export function lacksLevel(state: Pick<VenueState, "level">, round: Pick<RoundView, "enter">): boolean {
  return state.level !== null && RANK[state.level] < RANK[round.enter];
}

/** Whether gestures for this draw, or grabs from this rain's pool, are held back until a bot check is done (AB8). */
export function isHeldBack(state: Pick<VenueState, "checks">, what: string): boolean {
  const check = state.checks[what];
  return check !== undefined && check.phase !== "passed";
}

/** Key of a window's note. */
export function noteKey(draw: string, window: number): string {
  return `${draw}#${window}`;
}

/** The facts of a window, from what was heard and own awards. */
export function factsIn(state: VenueState): (draw: string, window: number) => WindowFacts {
  return (draw, window) => {
    const note = state.notes[noteKey(draw, window)];
    const won = state.awards.some((award) => award.draw === draw && award.window === window);
    return {
      // A win without a remembered entry was entered on another visit or device.
      entered: note?.entered === true || won,
      settled: note?.settled === true,
      won,
      resultAtMs: note?.resultAtMs ?? null,
    };
  };
}

/** When an award may be shown: at its window's stated time, a grabbed one at once. */
export function revealAtMs(state: VenueState, award: AwardView): number {
  if (award.draw === null || award.window === null) return award.wonAtMs;
  const round = state.show?.rounds.find((each) => each.draw === award.draw);
  if (round === undefined) return award.wonAtMs;
  return resultAtMs(round, award.window, factsIn(state)(award.draw, award.window));
}

/** Own awards that may be seen at a moment. */
export function visibleAwards(state: VenueState, nowMs: number): readonly AwardView[] {
  return state.awards.filter((award) => revealAtMs(state, award) <= nowMs);
}

/** Windows of a draw one is known to have entered, ascending. */
export function enteredWindows(state: VenueState, draw: string): readonly number[] {
  return Object.entries(state.notes)
    .filter(([key, note]) => note.entered && key.startsWith(`${draw}#`))
    .map(([key]) => Number(key.slice(draw.length + 1)))
    .sort((left, right) => left - right);
}

/** The last window of a draw that holds an own entry, or an own win. */
function lastOwnIn(state: VenueState): (draw: string) => number | null {
  return (draw) => {
    const won = state.awards.flatMap((award) =>
      award.draw === draw && award.window !== null ? [award.window] : [],
    );
    const own = [...enteredWindows(state, draw), ...won];
    return own.length === 0 ? null : Math.max(...own);
  };
}

/** What the hero is made from at a moment. */
export function lookAt(state: VenueState, show: ShowView, nowMs: number): StageInput {
  return { show, factsOf: factsIn(state), lastOwnOf: lastOwnIn(state), nowMs };
}

/** Keys of entered windows that are drawn, without it being known here whether one won: own awards are to be read. */
export function unsettled(state: VenueState): readonly string[] {
  return Object.entries(state.notes)
    .filter(([key, note]) => note.entered && !note.settled && (note.drawn || isPast(state, key)))
    .map(([key]) => key);
}

/** Whether the show counts the window of a note as drawn. */
function isPast(state: VenueState, key: string): boolean {
  const place = key.lastIndexOf("#");
  const round = state.show?.rounds.find((each) => each.draw === key.slice(0, place));
  return round !== undefined && round.drawnThrough > Number(key.slice(place + 1));
}

/** The stated result of a window when nothing but the schedule is known. */
export function statedIn(state: VenueState, draw: string, window: number): number | null {
  const round = state.show?.rounds.find((each) => each.draw === draw);
  return round === undefined ? null : statedResultMs(round, window);
}
