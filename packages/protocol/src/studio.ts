// What the studio is shown and may do.

import type { AwardState, Counts, CueView, ShowView, Text } from "./views.ts";

/** What a director may do to a cue (CU5); a stop is of a round that is armed or live and has its own route. */
export type CueAction = "arm" | "hold" | "release" | "skip" | "rearm" | "cancel";

/** A cue with what a director may do to it now. */
export type StudioCueView = CueView & {
  readonly actions: readonly CueAction[];
  /** Why it is missed, held, skipped or not yet armed: for the studio alone, no viewer reads it (CU14). */
  readonly reason: string | null;
  /** Overdue by more than this becomes missed; 0 for rounds. */
  readonly lateMaxMs: number;
};

/** Every act, with who and when; never edited. */
export type ActView = {
  readonly act: number;
  readonly atMs: number;
  readonly who: string;
  readonly role: string;
  readonly action: string;
  readonly target: string;
  readonly reason: string | null;
};

/** Rates over the last 10 s, totals since the run began. */
export type StudioNumbers = Counts & {
  readonly tapsPerSecond: number;
  readonly entriesPerSecond: number;
  readonly orders: number;
  readonly paid: number;
  /** How long the last append to the journal took, milliseconds of the server's monotonic clock; every answer waits for one. */
  readonly journalAppendMs: number;
  /** Batches of the journal, over all shards, that SQL does not have yet; a batch is one tick's events of one shard. */
  readonly materialiserLagBatches: number;
};

/** Where every unit of a pool is: units = free + held + posted + withdrawn (PL1). */
export type StudioPoolView = {
  readonly pool: string;
  /** The show file's and those restocked; withdrawn ones stay counted. */
  readonly units: number;
  readonly free: number;
  /** openAwards + heldByDraw + promised. */
  readonly held: number;
  /** With winners who have not claimed to the end. */
  readonly openAwards: number;
  /** With the round that is armed. */
  readonly heldByDraw: number;
  /** Left over for a round that is not armed yet. */
  readonly promised: number;
  readonly posted: number;
  readonly withdrawn: number;
};

/** What an operator may do to an award. */
export type AwardAction = "extend" | "forfeit";

/** An award as staff see it: whose it is only by a pseudonym, and nothing of what the claim made of it (AW6). */
export type StudioAwardView = {
  readonly awardId: string;
  readonly pool: string;
  /** What was won; null when no show file of this database names the pool. */
  readonly title: Text | null;
  /** The draw it was won in, null when grabbed. */
  readonly draw: string | null;
  readonly window: number | null;
  /** The winner's pseudonym in the draw, or for the pool he grabbed from: 16 bytes hex (PE11). */
  readonly winner: string;
  readonly wonAtMs: number;
  readonly state: AwardState;
  readonly claimByMs: number | null;
  readonly reason: string | null;
  /** What can be done now; a held award that lacks `extend` was extended before. */
  readonly actions: readonly AwardAction[];
};

/** `GET /api/studio/awards`: newest first; `next` is the `before` of the following page, null at the end. */
export type StudioAwardsView = { readonly awards: readonly StudioAwardView[]; readonly next: string | null };

export type StaffRole = "host" | "operator" | "auditor";
export type StaffView = {
  readonly staff: string;
  readonly role: StaffRole;
  /** Who invited; null for the link printed at the start. */
  readonly invitedBy: string | null;
  readonly createdAtMs: number;
  /** When the sign-in ends by itself. */
  readonly endsAtMs: number;
  /** When somebody ended the role, else null. */
  readonly revokedAtMs: number | null;
};

/** `GET /api/studio/staff`: in the order they came in. */
export type StaffListView = {
  readonly staff: readonly StaffView[];
  /** Who asks. */
  readonly you: string | null;
};

/** A part a night cannot do without. */
export type HealthPart = "engine" | "materialiser" | "database" | "beacon" | "bus";

/** How the server is (JR13); the same as `/health` says, with the reasons. */
export type HealthView = {
  /** Whether every part is well. */
  readonly ok: boolean;
  readonly parts: readonly {
    readonly name: HealthPart;
    readonly ok: boolean;
    /** What is wrong with it, for people who look after the server; null when it is well. */
    readonly reason: string | null;
  }[];
};

/** `GET /api/studio`. */
export type StudioView = {
  readonly show: ShowView;
  readonly cues: readonly StudioCueView[];
  readonly currentCue: string | null;
  readonly nextCue: string | null;
  readonly numbers: StudioNumbers;
  /** In the order of the show file. */
  readonly pools: readonly StudioPoolView[];
  readonly acts: readonly ActView[];
  readonly health: HealthView;
};
// POST /api/studio/cues/:cue/:action {reason?: string, opensAtMs?: number}   -> StudioView
// POST /api/studio/draws/:draw/stop  {reason: string}                         -> StudioView
// POST /api/studio/pools/:pool/change {delta: number, reason: string, commandId: 16 bytes hex} -> StudioView
// GET  /api/studio/awards?state=<state>&before=<next>                         -> StudioAwardsView
// GET  /api/studio/awards/:award                                              -> StudioAwardView
// POST /api/studio/awards/:award/forfeit {reason: string}                     -> StudioAwardView
// POST /api/studio/awards/:award/extend {claimByMs: number, reason: string}   -> StudioAwardView
// GET  /api/studio/acts?before=<act>                                          -> {acts: ActView[]}
// POST /api/studio/invites {role: StaffRole}                                  -> {url, expiresAtMs}
// GET  /api/studio/staff                                                      -> StaffListView
// DELETE /api/studio/staff/:staff                                             -> 204
