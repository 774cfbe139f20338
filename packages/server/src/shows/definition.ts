import type { AwardKind, Money, Text } from "@wanhui/protocol";

// What a show file means, after it was read and checked. All times are milliseconds from the run's start, so one
// definition serves the real night and every rehearsal of it.

/** Who may enter a round or a rain: anybody with a token, with a proven contact, with a proven identity. */
export type EnterLevel = "guest" | "contact" | "identity";

/** Roles a round can exclude; `viewer` is everybody and therefore not among them. */
export const excludableRoles = ["host", "operator", "auditor"] as const;
/** One of `excludableRoles`. */
export type ExcludableRole = (typeof excludableRoles)[number];

/** A page of the show. Exactly one is the main venue. */
export type VenueDefinition = { readonly venue: string; readonly title: Text; readonly main: boolean };

/** How an award of a pool is turned into something. */
export type ClaimDefinition = {
  /** How long a winner may take to claim; null posts the award at once (coupon and cash only). */
  readonly ttlMs: number | null;
  /** How long an order may wait for its payment. */
  readonly payTtlMs: number;
  /** How long a claimed coupon can be used. */
  readonly validMs: number;
};

/** An exact number of identical prizes. */
export type PoolDefinition = {
  readonly pool: string;
  readonly kind: AwardKind;
  readonly title: Text;
  readonly detail: Text;
  /** Relative to the show file's folder, or null. */
  readonly picture: string | null;
  readonly sponsor: Text | null;
  readonly worth: Money;
  readonly price: Money;
  readonly value: Money | null;
  readonly units: number;
  /** Units one person may have of this pool over the whole night; null is no cap. */
  readonly capPerUser: number | null;
  readonly claim: ClaimDefinition;
};

type CueBase = {
  /** Unique in the show: the slug of the say, segment, round or rain. */
  readonly cue: string;
  readonly offsetMs: number;
  readonly title: Text;
  readonly detail: Text | null;
  readonly venue: string;
  /** Overdue by more than this the cue is missed; 0 for rounds (CU3). */
  readonly lateMaxMs: number;
};
/** A line of the presenter, shown large while it lasts. */
export type SayCue = CueBase & { readonly kind: "say"; readonly lengthMs: number };
/** An item of the programme. */
export type SegmentCue = CueBase & { readonly kind: "segment"; readonly lengthMs: number };
/** A shake round: one draw over one pool, in windows. */
export type RoundCue = CueBase & {
  readonly kind: "round";
  readonly pool: string;
  /** Units of window 0..N-1. */
  readonly schedule: readonly number[];
  readonly firstWindowMs: number;
  readonly capPerUser: number;
  readonly enter: EnterLevel;
  readonly excludedRoles: readonly ExcludableRole[];
  /** Asks for a bot check (AB1); left out where not, so that a definition stored before there was one keeps its hash. */
  readonly botCheck?: true;
  /** Slug of the later round unwon and unreleased units are promised to; null gives them back to the pool. */
  readonly leftoversTo: string | null;
  readonly claimTtlMs: number | null;
};
/** A grab of a pool by the whole room at a fixed minute. */
export type RainCue = CueBase & {
  readonly kind: "rain";
  readonly pool: string;
  readonly lengthMs: number;
  readonly enter: EnterLevel;
  readonly excludedRoles: readonly ExcludableRole[];
  /** Asks for a bot check (AB1); left out where not, so that a definition stored before there was one keeps its hash. */
  readonly botCheck?: true;
};
/** One entry of the rundown. */
export type CueDefinition = SayCue | SegmentCue | RoundCue | RainCue;

/** A party that hears the seal headers and countersigns them. */
export type WitnessDefinition = { readonly name: string; readonly publicKey: string };

/** A whole show, checked. Its canonical JSON and hash are stored with every run of it. */
export type ShowDefinition = {
  readonly version: "wanhui/show/1";
  readonly show: string;
  readonly title: Text;
  readonly subtitle: Text;
  readonly picture: string | null;
  readonly theme: "gala" | "club";
  readonly zone: string;
  /** Absolute start, or null: the moment the run is made. */
  readonly startsAtMs: number | null;
  readonly lengthMs: number;
  /** How many people the odds printed by `wanhui check` assume. */
  readonly expectedAudience: number;
  readonly venues: readonly VenueDefinition[];
  readonly pools: readonly PoolDefinition[];
  readonly witnesses: readonly WitnessDefinition[];
  /** In order of time; cues of one moment in the file's order. */
  readonly cues: readonly CueDefinition[];
};

/** Something wrong in a show file, with its place and the rule it breaks. */
export type ShowProblem = {
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
  /** Path of the field, such as `rundown[3].schedule`. */
  readonly field: string;
  /** `SH1` ... of docs/spec/show-file.md. */
  readonly rule: string;
  readonly message: string;
};

/** Period of the beacon grid every round's windows lie on (drand quicknet; DR3). */
export const WINDOW_MS = 3_000;
/** How long after its close a window's beacon is due (DR3). */
export const BEACON_AFTER_CLOSE_MS = 2_000;
/** A round's first window is this long unless the file says otherwise: one beat of the grid, like all others. */
export const FIRST_WINDOW_MS_DEFAULT = 3_000;

/** Limits of a show file, each with its reason. */
export const SHOW_LIMITS = {
  /** A three-hour gala script has some 300 lines; a file beyond this was generated by mistake. */
  fileBytesMax: 1_048_576,
  /** The whole rundown travels in one `GET /api/show`. */
  cuesMax: 1_000,
  venuesMax: 50,
  /** The counts of every pool go to every viewer once a tick. */
  poolsMax: 200,
  witnessesMax: 16,
  /** 10 times the units of the largest gala known (100 million). */
  unitsMax: 1_000_000_000,
  /** A round of 50 minutes; a raffle is one long window instead. */
  windowsMax: 1_000,
  /** DR3: a week. */
  firstWindowMsMax: 604_800_000,
  /** A festival of two weeks. */
  lengthMsMax: 1_209_600_000,
  slugCharactersMax: 40,
  titleCharactersMax: 120,
  detailCharactersMax: 1_000,
  /** A year: claims of rights of use are the longest. */
  claimTtlMsMax: 31_622_400_000,
  /** 90 trillion fen still sum exactly in a double. */
  amountMinorMax: 9_000_000_000_000,
} as const;

/** A round opens at least this long after the run's start, so that it can be announced and armed (CU2, DR4). */
export const FIRST_ROUND_AFTER_MS = 30_000;
/**
 * Rest between the last close of one round and the opening of the next over the same pool: 2 s to the beacon, some
 * seconds to draw and journal, then the arming lead of 20 s (DR5).
 */
export const ROUND_GAP_MS = 30_000;

/** How long a cue lasts on the clock; rounds from their opening to their last close. */
export function cueLengthMs(cue: CueDefinition): number {
  if (cue.kind !== "round") return cue.lengthMs;
  return cue.firstWindowMs + (cue.schedule.length - 1) * WINDOW_MS;
}

/** Units a round releases in all its windows. */
export function scheduledUnits(round: RoundCue): number {
  return round.schedule.reduce((sum, units) => sum + units, 0);
}

/** The rounds of a show in the order of the rundown; a round's place here is its index in packed frames. */
export function roundsOf(show: ShowDefinition): RoundCue[] {
  return show.cues.filter((cue): cue is RoundCue => cue.kind === "round");
}

/** The rains of a show in the order of the rundown. */
export function rainsOf(show: ShowDefinition): RainCue[] {
  return show.cues.filter((cue): cue is RainCue => cue.kind === "rain");
}
