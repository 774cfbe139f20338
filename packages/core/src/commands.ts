// What can be asked of a shard, and what it may answer. Refusals are values; nobody throws them.

import type { ArmRecord, BeaconChain, DrawRules, PoolParameters } from "./events.ts";
import type { AwardId, DrawId, Hash, Hex, PoolId, RequestId, Sha256, UserId, UserKey } from "./ids.ts";

export type Command =
  | ({ readonly type: "pool.create" } & PoolParameters)
  /** PL3: positive delta restocks, negative withdraws; once per commandId. */
  | {
      readonly type: "pool.change";
      readonly pool: PoolId;
      readonly delta: number;
      readonly commandId: string;
    }
  | {
      readonly type: "grab.open";
      readonly pool: PoolId;
      readonly opensAtMs: number;
      readonly closesAtMs: number;
    }
  | {
      readonly type: "grab.take";
      readonly pool: PoolId;
      readonly user: UserId;
      readonly requestId: RequestId;
      readonly quantity: number;
    }
  | { readonly type: "award.commit"; readonly awardId: AwardId; readonly orderId: string }
  | { readonly type: "award.release"; readonly awardId: AwardId; readonly orderId: string }
  /** From committing (with its orderId) or straight from held (orderId null: claims without an order). */
  | { readonly type: "award.post"; readonly awardId: AwardId; readonly orderId: string | null }
  | { readonly type: "award.forfeit"; readonly awardId: AwardId; readonly reason: string }
  | { readonly type: "award.extend"; readonly awardId: AwardId; readonly claimByMs: number }
  | { readonly type: "draw.plan"; readonly rules: DrawRules }
  | {
      readonly type: "draw.arm";
      readonly draw: DrawId;
      readonly opensAtMs: number;
      readonly firstRound: number;
      readonly beacon: BeaconChain;
    }
  | { readonly type: "draw.enter"; readonly draw: DrawId; readonly user: UserId; readonly userKey: UserKey }
  /** DR20: a planned draw that will never be armed gives back what was promised to it. */
  | { readonly type: "draw.cancel"; readonly draw: DrawId; readonly reason: string }
  | { readonly type: "draw.stop"; readonly draw: DrawId; readonly reason: string }
  | {
      readonly type: "draw.reveal";
      readonly draw: DrawId;
      readonly window: number;
      readonly round: number;
      readonly randomness: Hash;
      readonly signature: Hex;
    }
  /** Seals, gaps, closes and expires whatever is due; the engine sends it when `nextDueMs` says so. `taps` are per draw for display. */
  | { readonly type: "tick"; readonly taps: ReadonlyMap<DrawId, number> };

/** What decide() is told of the world. */
export type Context = {
  /** Shard time: >= the time of every event so far. */
  readonly nowMs: number;
  /** Newest beacon round this process has seen of the chain the shard's draws use; 0 when none. */
  readonly newestRoundSeen: number;
  /**
   * The same for one chain of several: rounds of different chains (drand and a local one) say nothing about each
   * other. Where it is given it is used instead of `newestRoundSeen`.
   */
  readonly newestRoundSeenOf?: (chainHash: Hex) => number;
  readonly sha256: Sha256;
};

/** Codes stand once, with HTTP status and what the client does next, in packages/protocol (`codes.ts`). */
export type RefusalCode =
  | "pool.unknown"
  | "pool.conflict"
  | "pool.insufficient"
  | "pool.sold_out"
  | "pool.bad_parameters"
  | "grab.not_open"
  | "grab.closed"
  | "grab.wait"
  | "grab.line_full"
  | "grab.cap_reached"
  | "grab.bad_schedule"
  | "request.conflict"
  | "award.unknown"
  | "award.wrong_state"
  | "award.committed_elsewhere"
  | "award.bad_deadline"
  | "draw.unknown"
  | "draw.conflict"
  | "draw.bad_rules"
  | "draw.no_window"
  | "draw.bad_schedule"
  | "draw.insufficient_units"
  | "draw.arm_too_late"
  | "draw.already_armed"
  | "draw.cancelled"
  | "draw.off_grid"
  | "draw.pool_busy"
  | "draw.not_armed"
  | "draw.not_open"
  | "draw.closed"
  | "draw.key_clash"
  | "draw.cap_reached"
  | "draw.not_sealed"
  | "draw.out_of_order"
  | "draw.bad_beacon";

/** Expected, part of the rules; changes nothing. `field` names the offending input where there is one. */
export type Refusal = {
  readonly ok: false;
  readonly code: RefusalCode;
  readonly field?: string;
  readonly detail?: Readonly<Record<string, string | number | null>>;
};

export type Accepted =
  | { readonly ok: true; readonly type: "done" }
  | { readonly ok: true; readonly type: "granted"; readonly awardId: AwardId; readonly grantedAtMs: number }
  | { readonly ok: true; readonly type: "waiting"; readonly place: number }
  /** `fixedKey` is set when the user's key of this draw is another one than he sent (DR7); `fresh` only on the tap that made the entry. */
  | {
      readonly ok: true;
      readonly type: "entered";
      readonly window: number;
      readonly fresh: boolean;
      readonly fixedKey: UserKey | null;
    }
  | { readonly ok: true; readonly type: "armed"; readonly record: ArmRecord; readonly armHash: Hash }
  | { readonly ok: true; readonly type: "drawn"; readonly winners: number };

export type Answer = Accepted | Refusal;
