import type { BeaconChain } from "@wanhui/core";
import type { CueAction, CueKind, CueState } from "@wanhui/protocol";
import { type CueDefinition, cueLengthMs, WINDOW_MS } from "./definition.ts";
import { formatDuration } from "./show-values.ts";

// What a cue does next. Pure: the director carries it out (docs/spec/show-file.md CU1 to CU8).

/** What arming a round was asked for, with the beacon chosen at that moment. `stop` is the reason of a stop asked for. */
export type RoundPlan = {
  readonly kind: "round";
  readonly opensAtMs: number;
  readonly firstRound: number;
  readonly beacon: BeaconChain;
  readonly stop: string | null;
};
/** What opening a rain was asked for. */
export type RainPlan = { readonly kind: "rain"; readonly opensAtMs: number; readonly closesAtMs: number };
/** What giving up a round that was never armed was asked for (CU12). */
export type CancelPlan = { readonly kind: "cancel"; readonly reason: string };
/** Stored before the command goes out, so that after a crash the same command goes out again (CU2). */
export type CuePlan = RoundPlan | RainPlan | CancelPlan;

/** A cue as SQL has it. */
export type CueRow = {
  readonly cue: string;
  readonly kind: CueKind;
  readonly atMs: number;
  readonly state: CueState;
  readonly reason: string | null;
  readonly plan: CuePlan | null;
  readonly firedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly version: number;
};

/** What the journal says of the draw or grab a cue opens; it knows more than SQL after a crash. */
export type CueFacts = {
  /** The draw is armed, or the grab is open or announced. */
  readonly armed: boolean;
  readonly stopped: boolean;
  readonly closed: boolean;
  /** The draw was given up before it was armed (DR20). */
  readonly cancelled: boolean;
};

/** Lead times of the director. */
export type LeadTimes = {
  /** A round is armed this long before its opening (CU2). */
  readonly armLeadMs: number;
  /** Below this a round cannot be armed any more (CU3): the core's 10 s and time for the journal. */
  readonly armLeadMinMs: number;
  /** A rain is opened in its shard this long ahead. */
  readonly rainLeadMs: number;
  /** A rain that is late opens this long after it fires, so that every page hears of it first. */
  readonly rainLateLeadMs: number;
};

/** CU2, CU3. */
export const LEAD_TIMES: LeadTimes = {
  armLeadMs: 20_000,
  armLeadMinMs: 12_000,
  rainLeadMs: 15_000,
  rainLateLeadMs: 2_000,
};

/** The earliest a rearmed round may open: the least lead, one beat of the grid is added by the grid itself (CU5). */
export const REARM_LEAD_MS = 15_000;

/**
 * How long after the show's end a round that never opened may still be rearmed, for a night that overruns; then it is
 * given up (CU12).
 */
export const CANCEL_AFTER_END_MS = 3_600_000;

/** What to do with a cue now. */
export type Step =
  /** Nothing before that moment; null waits for an event or an act. */
  | { readonly do: "wait"; readonly untilMs: number | null }
  | { readonly do: "become"; readonly state: CueState; readonly reason: string | null }
  /** Choose a beacon, store the plan, send `draw.arm`. */
  | { readonly do: "plan-round" }
  | { readonly do: "plan-rain"; readonly opensAtMs: number; readonly closesAtMs: number }
  /** Send the stored plan, perhaps not for the first time. */
  | { readonly do: "send-plan" }
  | { readonly do: "send-stop"; readonly reason: string }
  /** Store that the round is given up; then send it. */
  | { readonly do: "plan-cancel"; readonly reason: string }
  | { readonly do: "send-cancel"; readonly reason: string };

const wait = (untilMs: number | null): Step => ({ do: "wait", untilMs });
const become = (state: CueState, reason: string | null = null): Step => ({ do: "become", state, reason });

/**
 * The next step of a cue. Asked again after each step; ends in `wait`.
 *
 * @param input.nowMs shard time
 * @param input.endsAtMs when the show ends, by its file
 */
export function nextStep(input: {
  readonly cue: CueDefinition;
  readonly row: CueRow;
  readonly facts: CueFacts;
  readonly nowMs: number;
  readonly endsAtMs: number;
  readonly leads: LeadTimes;
}): Step {
  const { row, facts } = input;
  if (row.kind === "round" && facts.cancelled === false) {
    const step = nextCancelStep(row, facts, input);
    if (step !== null) return step;
  }
  if (row.state === "held" || row.state === "done" || row.state === "skipped" || row.state === "missed") {
    return wait(null);
  }
  if (input.cue.kind === "round") return nextRoundStep(row, facts, input);
  if (input.cue.kind === "rain") return nextRainStep(input.cue, row, facts, input);
  return nextPlainStep(input.cue, row, input.nowMs);
}

type Now = { readonly nowMs: number; readonly leads: LeadTimes };

/** A round that was never armed is given up when somebody asked for it, or an hour after the show (CU12). */
function nextCancelStep(
  row: CueRow,
  facts: CueFacts,
  { nowMs, endsAtMs }: { readonly nowMs: number; readonly endsAtMs: number },
): Step | null {
  if (facts.armed) return null;
  if (row.plan?.kind === "cancel") return { do: "send-cancel", reason: row.plan.reason };
  if (row.state !== "held" && row.state !== "skipped" && row.state !== "missed") return null;
  const cancelAtMs = endsAtMs + CANCEL_AFTER_END_MS;
  return nowMs < cancelAtMs ? wait(cancelAtMs) : { do: "plan-cancel", reason: "the show is over" };
}

function nextRoundStep(row: CueRow, facts: CueFacts, { nowMs, leads }: Now): Step {
  if (facts.closed) return become("done", row.reason);
  if (row.state === "pending") {
    if (facts.armed) return become("armed");
    if (row.plan !== null) return { do: "send-plan" };
    // The grid moves an opening by less than one window; the director looks again once it knows the grid.
    if (row.atMs + WINDOW_MS - nowMs < leads.armLeadMinMs) return become("missed", missedRound(row, nowMs));
    const armAtMs = row.atMs - leads.armLeadMs;
    return nowMs >= armAtMs ? { do: "plan-round" } : wait(armAtMs);
  }
  if (row.plan?.kind === "round" && row.plan.stop !== null && !facts.stopped) {
    return { do: "send-stop", reason: row.plan.stop };
  }
  const opensAtMs = cueOpensAtMs(row);
  if (row.state === "armed") return nowMs >= opensAtMs ? become("live", row.reason) : wait(opensAtMs);
  return wait(null);
}

/** The reason of a round nobody could arm in time (CU3), and what kept it from being armed where that is known. */
export function missedRound(row: CueRow, nowMs: number): string {
  const late = nowMs - row.atMs;
  const what =
    late < 0
      ? "too late to arm it for its opening"
      : `overdue by ${formatDuration(Math.floor(late / 1_000) * 1_000)}`;
  return row.reason === null ? what : `${what}: ${row.reason}`;
}

function nextRainStep(cue: CueDefinition, row: CueRow, facts: CueFacts, { nowMs, leads }: Now): Step {
  if (row.state === "pending") {
    if (facts.armed) return become("armed");
    if (row.plan !== null) return { do: "send-plan" };
    if (nowMs - row.atMs > cue.lateMaxMs) return become("missed", overdue(cue, row, nowMs));
    const openAtMs = row.atMs - leads.rainLeadMs;
    if (nowMs < openAtMs) return wait(openAtMs);
    const opensAtMs = Math.max(row.atMs, nowMs + leads.rainLateLeadMs);
    return { do: "plan-rain", opensAtMs, closesAtMs: opensAtMs + cueLengthMs(cue) };
  }
  const plan = row.plan?.kind === "rain" ? row.plan : null;
  const opensAtMs = plan?.opensAtMs ?? row.atMs;
  const closesAtMs = plan?.closesAtMs ?? opensAtMs + cueLengthMs(cue);
  if (row.state === "armed") return nowMs >= opensAtMs ? become("live") : wait(opensAtMs);
  return nowMs >= closesAtMs ? become("done") : wait(closesAtMs);
}

function nextPlainStep(cue: CueDefinition, row: CueRow, nowMs: number): Step {
  if (row.state === "pending") {
    if (nowMs < row.atMs) return wait(row.atMs);
    if (nowMs - row.atMs > cue.lateMaxMs) return become("missed", overdue(cue, row, nowMs));
    return become("live");
  }
  const endsAtMs = cueEndsAtMs(cue, row);
  return nowMs >= endsAtMs ? become("done") : wait(endsAtMs);
}

function overdue(cue: CueDefinition, row: CueRow, nowMs: number): string {
  const late = Math.floor((nowMs - row.atMs) / 1_000) * 1_000;
  return `overdue by ${formatDuration(late)}, at most ${formatDuration(cue.lateMaxMs)}`;
}

/** The moment a cue begins: as planned once there is a plan, as announced before. */
export function cueOpensAtMs(row: CueRow): number {
  return row.plan === null || row.plan.kind === "cancel" ? row.atMs : row.plan.opensAtMs;
}

/** The moment a cue ends. A line read late stays readable for its whole length; a segment ends when it was to end. */
export function cueEndsAtMs(cue: CueDefinition, row: CueRow): number {
  if (row.plan?.kind === "rain") return row.plan.closesAtMs;
  const fromMs = cue.kind === "say" ? Math.max(row.atMs, row.firedAtMs ?? 0) : cueOpensAtMs(row);
  return fromMs + cueLengthMs(cue);
}

/** What a director may do to a cue now (CU5). */
export function actionsOf(row: CueRow): CueAction[] {
  const opens = row.kind === "round" || row.kind === "rain";
  switch (row.state) {
    case "pending":
      // With a plan the command may be on its way: from here on it is armed, whatever SQL says (CU2).
      if (row.plan !== null) return [];
      return opens ? ["arm", "hold", "skip", "rearm"] : ["hold", "skip", "rearm"];
    case "held":
      return ["release", "skip", "rearm"];
    case "missed":
    case "skipped": {
      // What is given up stays given up (DR20).
      if (row.plan?.kind === "cancel") return [];
      const moves: CueAction[] = row.state === "missed" ? ["skip", "rearm"] : ["rearm"];
      return row.kind === "round" ? [...moves, "cancel"] : moves;
    }
    case "live":
      return opens ? [] : ["skip"];
    case "armed":
    case "done":
      return [];
  }
}

/** Whether a round can be stopped now (CU5, DR13). */
export function canStop(row: CueRow): boolean {
  const armed = row.state === "armed" || row.state === "live";
  return armed && row.plan?.kind === "round" && row.plan.stop === null;
}
