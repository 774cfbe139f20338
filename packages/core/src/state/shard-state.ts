// What a shard knows. Only apply() changes it; everything else reads.

import type {
  ArmRecord,
  AwardMoved,
  DrawRules,
  PoolParameters,
  SealHeader,
  StopRecord,
  WindowDrawn,
} from "../events.ts";
import type { AwardId, DrawId, Hash, PoolId, RequestId, UserId, UserKey } from "../ids.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import type { Grants } from "./grants.ts";
import type { Line } from "./line.ts";

export type ShardState = {
  readonly shard: number;
  /** Time of the newest event; shard time never goes below it (JR10). */
  lastAtMs: number;
  readonly pools: Map<PoolId, PoolState>;
  readonly draws: Map<DrawId, DrawState>;
  /** Draws that are armed and not closed, in the order of arming. */
  readonly liveDraws: Set<DrawState>;
  /** Pools by what the awards of their grabs begin with (BY6). */
  readonly poolsByTag: Map<string, PoolState>;
  /** Awards of draws, and those of grabs that have moved; an untouched grant is a row of its pool (`awardOf`). */
  readonly awards: Map<AwardId, AwardState>;
  /** Every award there is, in `awards` or in a row. */
  awardCount: number;
  /** Newest award each user won in a draw; older ones by `olderOfUser`. */
  readonly newestAwardOfUser: Map<UserId, AwardState>;
  readonly deadlines: Deadlines;
};

export type PoolState = {
  readonly parameters: PoolParameters;
  units: number;
  free: number;
  /** Units of open awards, of the armed draw, and promised to later draws (PL1). */
  held: number;
  posted: number;
  withdrawn: number;
  /** Awards in `held` or `committing`; part of `held`. */
  openAwards: number;
  /** Left with the armed draw; part of `held`. */
  heldByDraw: number;
  /** Left over by closed draws for draws still to be armed; part of `held` (DR13, DR16). */
  readonly promised: Map<DrawId, number>;
  /** The draw of this pool that is armed and not closed: never more than one (DR5). */
  liveDraw: DrawState | null;
  grab: { readonly opensAtMs: number; readonly closesAtMs: number } | null;
  readonly line: Line;
  /** What the awards of its grabs begin with (BY6). */
  readonly tag: string;
  /** Makes the award ids of its grants; a cache of the tag's. */
  readonly grantIdOf: (number: number) => AwardId;
  readonly grants: Grants;
  /** Units each user has won in draws of the pool; kept only where the pool has a cap (PL6). */
  readonly won: Map<UserId, number>;
  /** Deltas of `pool.change` by command id (PL3). */
  readonly changes: Map<string, number>;
};

export type AwardStanding = AwardMoved["to"];

export type AwardState = {
  readonly id: AwardId;
  readonly pool: PoolId;
  /** Where it was won; null for a grab. */
  readonly draw: DrawId | null;
  readonly window: number | null;
  readonly userKey: UserKey | null;
  readonly user: UserId;
  /** The request that grabbed it; null for a draw. */
  readonly requestId: RequestId | null;
  readonly atMs: number;
  standing: AwardStanding;
  /** Deadline of the claim: set while held or committing, null once the award has ended. */
  claimByMs: number | null;
  /** The order it is committed to or posted by, or was last released from. */
  orderId: string | null;
  extended: boolean;
  reason: string | null;
  readonly olderOfUser: AwardState | null;
};

/** One user in one draw. */
export type Entrant = {
  readonly user: UserId;
  readonly key: UserKey;
  /** Newest window he entered. */
  window: number;
  /** Windows with an entry of his that are not drawn yet (after a gap has merged some, the merged one counts once). */
  undrawn: number;
  wins: number;
};

export type SealedWindow = {
  readonly header: SealHeader;
  readonly sealHash: Hash;
  readonly taps: number;
  /** Ascending by key. */
  readonly entrants: readonly Entrant[];
};

export type DrawnWindow = Omit<WindowDrawn, "type" | "draw"> & { readonly sealHash: Hash };

/** Entries made in one window and not sealed yet. */
export type Bucket = { readonly window: number; entrants: Entrant[]; sorted: boolean };

export type DrawState = {
  readonly rules: DrawRules;
  readonly rulesHash: Hash;
  readonly plannedAtMs: number;
  arm: { readonly record: ArmRecord; readonly armHash: Hash } | null;
  /** Why it will never be armed (DR20); null while it still may be, or was. */
  cancelled: string | null;
  stop: { readonly record: StopRecord; readonly hash: Hash } | null;
  /** Hash of the newest chain record; the arm's before the first (DR10). */
  chainHead: Hash | null;
  /** First window that is neither sealed nor in a gap. */
  nextWindow: number;
  /** Schedule of gap windows since the last seal (DR12). */
  carriedUnits: number;
  /** Sum of the units of all seal headers (DR14). */
  releasedUnits: number;
  winners: number;
  readonly entrants: Map<UserId, Entrant>;
  readonly owners: Map<UserKey, UserId>;
  /** Ascending by window; at most the open one and those whose seal is due. */
  buckets: Bucket[];
  /** Sealed and not drawn, in window order. */
  sealed: SealedWindow[];
  readonly drawn: DrawnWindow[];
  closed: { readonly atMs: number; readonly leftUnits: number; readonly leftoversTo: DrawId | null } | null;
};

/** An empty shard, before its first event. */
export function createShardState(shard: number): ShardState {
  return {
    shard,
    lastAtMs: 0,
    pools: new Map(),
    draws: new Map(),
    liveDraws: new Set(),
    poolsByTag: new Map(),
    awards: new Map(),
    awardCount: 0,
    newestAwardOfUser: new Map(),
    deadlines: createDeadlines(),
  };
}
