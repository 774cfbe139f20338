import type {
  ArmRecord,
  BeaconChain,
  DrawId,
  DrawRules,
  Hash,
  SealHeader,
  WindowDrawn,
  WindowSealed,
} from "@wanhui/core";
import { roundDueMs, windowAt, windowTimes } from "@wanhui/core";
import type { RoundPhase, RoundView } from "@wanhui/protocol";
import { type CueFacts, type CueRow, cueOpensAtMs } from "./cue-rules.ts";
import { cueLengthMs, type RoundCue, WINDOW_MS } from "./definition.ts";
import { poolIdOf } from "./run-plan.ts";

// One round of the board: what the journal has said of its draw.

/** A window that is sealed and waits for its beacon. */
export type SealedWindow = {
  readonly draw: DrawId;
  readonly window: number;
  readonly round: number;
  readonly beacon: BeaconChain;
  /** When the beacon round is due. */
  readonly dueAtMs: number;
};

/** How far anybody can trust the seeds of a round. */
export type RoundLevel = NonNullable<RoundView["level"]>;

/** A round as the durable events left it. */
export type BoardRound = {
  readonly cue: RoundCue;
  readonly draw: DrawId;
  readonly index: number;
  readonly rules: DrawRules;
  readonly rulesHash: Hash;
  arm: ArmRecord | null;
  armHash: Hash | null;
  level: RoundLevel | null;
  entries: number;
  winners: number;
  /** Every window below it is drawn or went into a gap. */
  drawnThrough: number;
  /** Headers of windows that are sealed and not drawn, in window order. */
  readonly sealed: SealHeader[];
  /** Entries of each sealed window, for its result. */
  readonly entriesOf: Map<number, number>;
  sealedTaps: number;
  /** Taps counted here since the last seal. */
  openTaps: number;
  stopFrom: number | null;
  stopReason: string | null;
  closed: boolean;
  /** Given up before it was armed (DR20). */
  cancelled: boolean;
};

/** A round nobody has armed. */
export function newRound(
  parts: Pick<BoardRound, "cue" | "draw" | "index" | "rules" | "rulesHash">,
): BoardRound {
  return {
    ...parts,
    arm: null,
    armHash: null,
    level: null,
    entries: 0,
    winners: 0,
    drawnThrough: 0,
    sealed: [],
    entriesOf: new Map(),
    sealedTaps: 0,
    openTaps: 0,
    stopFrom: null,
    stopReason: null,
    closed: false,
    cancelled: false,
  };
}

/** What the journal has said of a round, without what the show file says. */
export type RoundMemory = Omit<BoardRound, "cue" | "draw" | "index" | "rules" | "rulesHash">;

/** For a snapshot; shared with the round: copy it (JR14). */
export function rememberRound(round: BoardRound): RoundMemory {
  const { cue: _cue, draw: _draw, index: _index, rules: _rules, rulesHash: _hash, ...memory } = round;
  return memory;
}

/** What the journal says of the round, for the director. */
export function roundFacts(round: BoardRound): CueFacts {
  const { cancelled, closed } = round;
  return { armed: round.arm !== null, stopped: round.stopFrom !== null, closed, cancelled };
}

/** Windows that take entries: all of the schedule, or those before a stop. */
function windowCount(round: BoardRound): number {
  const scheduled = round.cue.schedule.length;
  return round.stopFrom === null ? scheduled : Math.min(scheduled, round.stopFrom);
}

function gridOf({ cue }: BoardRound, { beacon, firstRound }: ArmRecord) {
  return { chain: beacon, firstRound, firstWindowMs: cue.firstWindowMs };
}

/** Opening and last close, announced or exact. */
export function roundTimes(round: BoardRound, row: CueRow): { opensAtMs: number; closesAtMs: number } {
  if (round.arm === null) {
    const opensAtMs = cueOpensAtMs(row);
    return { opensAtMs, closesAtMs: opensAtMs + cueLengthMs(round.cue) };
  }
  const { opensAtMs } = round.arm;
  const windows = windowCount(round);
  if (windows === 0) return { opensAtMs, closesAtMs: opensAtMs };
  return { opensAtMs, closesAtMs: windowTimes(gridOf(round, round.arm), windows - 1).closesAtMs };
}

/** The window that takes entries at a moment of the server's clock; null before the opening, after the close, and unarmed. */
export function openWindowOf(round: BoardRound, nowMs: number): number | null {
  if (round.arm === null || round.closed) return null;
  const window = windowAt(gridOf(round, round.arm), nowMs);
  return window >= 0 && window < windowCount(round) ? window : null;
}

/** The phase everybody sees. */
export function roundPhase(round: BoardRound, row: CueRow, nowMs: number): RoundPhase {
  if (round.arm === null) {
    const unarmed = row.state === "held" || row.state === "missed" || row.state === "skipped";
    return unarmed ? row.state : "planned";
  }
  if (round.closed) return round.stopFrom === null ? "closed" : "stopped";
  const { opensAtMs, closesAtMs } = roundTimes(round, row);
  if (nowMs < opensAtMs) return "armed";
  return nowMs < closesAtMs ? "open" : "drawing";
}

/** What the pages are shown of a round. */
export function roundView(round: BoardRound, row: CueRow, at: { run: string; nowMs: number }): RoundView {
  const { cue, arm } = round;
  return {
    draw: round.draw,
    index: round.index,
    slug: cue.cue,
    title: cue.title,
    venue: cue.venue,
    pool: poolIdOf(at.run, cue.pool),
    phase: roundPhase(round, row, at.nowMs),
    ...roundTimes(round, row),
    firstWindowMs: cue.firstWindowMs,
    windowMs: arm?.beacon.periodMs ?? WINDOW_MS,
    schedule: arm?.schedule ?? cue.schedule,
    enter: cue.enter,
    capPerUser: cue.capPerUser,
    botCheck: cue.botCheck === true,
    rulesHash: round.rulesHash,
    armHash: round.armHash,
    firstRound: arm?.firstRound ?? null,
    level: round.level,
    entries: round.entries,
    winners: round.winners,
    drawnThrough: round.drawnThrough,
    // A cue's own reason is the studio's: codes, lateness, a word between directors (CU14).
    reason: round.stopReason,
  };
}

/** Takes a seal in: the window now waits for its beacon. */
export function addSeal(round: BoardRound, event: WindowSealed): void {
  round.sealed.push(event.header);
  const entries = event.header.parts.reduce((sum, part) => sum + part.count, 0);
  round.entriesOf.set(event.header.window, entries);
  round.sealedTaps += event.taps;
  // Counted here and in the seal: the seal's number is the durable one.
  round.openTaps = Math.max(0, round.openTaps - event.taps);
}

/** Takes a result in. */
export function addDrawn(round: BoardRound, event: WindowDrawn): void {
  const index = round.sealed.findIndex((header) => header.window === event.window);
  if (index >= 0) round.sealed.splice(index, 1);
  // Windows are drawn in order: what lies below and is not drawn went into a gap.
  round.drawnThrough = Math.max(round.drawnThrough, event.window + 1);
  round.winners += event.winners.length;
}

/** Takes the close in: nothing of the round is to be drawn any more, not even where its last windows were a gap. */
export function addClose(round: BoardRound): void {
  round.closed = true;
  round.drawnThrough = Math.max(round.drawnThrough, windowCount(round));
}

/** The windows of a round that wait for their beacon, in the order they are drawn. */
export function sealedWindows(round: BoardRound): SealedWindow[] {
  const { arm, draw } = round;
  if (arm === null) return [];
  return round.sealed.map(({ window, round: beaconRound }) => ({
    draw,
    window,
    round: beaconRound,
    beacon: arm.beacon,
    dueAtMs: roundDueMs(arm.beacon, beaconRound),
  }));
}
