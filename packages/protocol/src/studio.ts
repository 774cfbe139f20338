// What the studio is shown and may do.

import type { Counts, CueView, ShowView } from "./views.ts";

/** What a director may do to a cue (CU5); a stop is of a round that is armed or live and has its own route. */
export type CueAction = "arm" | "hold" | "release" | "skip" | "rearm" | "cancel";

/** A cue with what a director may do to it now. */
export type StudioCueView = CueView & {
  readonly actions: readonly CueAction[];
  /** Why it is missed, held, skipped or not yet armed: for the studio alone, no viewer reads it (CU13). */
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

/** `GET /api/studio`. */
export type StudioView = {
  readonly show: ShowView;
  readonly cues: readonly StudioCueView[];
  readonly currentCue: string | null;
  readonly nextCue: string | null;
  readonly numbers: StudioNumbers;
  readonly acts: readonly ActView[];
};
// POST /api/studio/cues/:cue/:action {reason?: string, opensAtMs?: number}   -> StudioView
// POST /api/studio/draws/:draw/stop  {reason: string}                         -> StudioView
// POST /api/studio/awards/:award/forfeit {reason: string}                     -> AwardView
// POST /api/studio/awards/:award/extend {claimByMs: number, reason: string}   -> AwardView
// POST /api/studio/pools/:pool/change {delta: number, reason: string, commandId: 16 bytes hex} -> StudioView
// GET  /api/studio/acts?before=<act>                                          -> {acts: ActView[]}
// POST /api/studio/invites {role: "host"|"operator"|"auditor"}                -> {url, expiresAtMs}
