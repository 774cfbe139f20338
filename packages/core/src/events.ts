// What the journal holds. An event is a fact: apply() never refuses one, replay of them is the state.
// The packed forms of `entries` and `grants` are docs/spec/canonical.md BY7; all others are canonical JSON.

import type { AwardId, DrawId, Hash, Hex, PoolId, RequestId, UserId, UserKey } from "./ids.ts";

/** One shard's history, in order. `atMs` is shard time. */
export type Event =
  | PoolCreated
  | PoolChanged
  | GrabOpened
  | Granted
  | GrabWaiting
  | AwardMoved
  | DrawPlanned
  | DrawArmed
  | DrawCancelled
  | Entered
  | WindowSealed
  | WindowGap
  | DrawStopped
  | WindowDrawn
  | DrawClosed;

export type PoolParameters = {
  readonly pool: PoolId;
  readonly units: number;
  /** Units one user may win or grab over the pool's life; null is no cap. */
  readonly capPerUser: number | null;
  /** How long a grab's award may wait for its claim; null posts it at once (GR6). Draws carry their own in the rules. */
  readonly grabClaimTtlMs: number | null;
};
export type PoolCreated = {
  readonly type: "pool.created";
  readonly atMs: number;
  /** 10 bytes in hex: what the award ids of its grabs begin with (BY6). */
  readonly grantTag: string;
} & PoolParameters;
export type PoolChanged = {
  readonly type: "pool.changed";
  readonly atMs: number;
  readonly pool: PoolId;
  /** Positive adds free units, negative withdraws them. */
  readonly delta: number;
  readonly commandId: string;
};
export type GrabOpened = {
  readonly type: "grab.opened";
  readonly atMs: number;
  readonly pool: PoolId;
  readonly opensAtMs: number;
  readonly closesAtMs: number;
};
/** Packed. One unit to one user. */
export type Granted = {
  readonly type: "granted";
  readonly atMs: number;
  readonly pool: PoolId;
  /** The pool's grants count from 0; the award's id ends with it (BY6). */
  readonly number: number;
  readonly awardId: AwardId;
  readonly user: UserId;
  readonly requestId: RequestId;
};
export type GrabWaiting = {
  readonly type: "grab.waiting";
  readonly atMs: number;
  readonly pool: PoolId;
  readonly user: UserId;
  readonly requestId: RequestId;
};
export type AwardMoved = {
  readonly type: "award.moved";
  readonly atMs: number;
  readonly awardId: AwardId;
  readonly to: "committing" | "held" | "posted" | "expired" | "forfeited";
  readonly orderId: string | null;
  /** Deadline after the move when `to` is held, else null. */
  readonly claimByMs: number | null;
  readonly reason: string | null;
};

/** DR1; hashed as published, so every field is part of the promise. */
export type DrawRules = {
  readonly version: "wanhui/rules/1";
  readonly draw: DrawId;
  readonly pool: PoolId;
  readonly title: string;
  /** Units released by window 0..N-1, integers >= 0. */
  readonly schedule: readonly number[];
  readonly firstWindowMs: number;
  readonly capPerUser: number;
  readonly enter: "guest" | "contact" | "identity";
  readonly excludedRoles: readonly string[];
  readonly leftoversTo: DrawId | null;
  readonly claimTtlMs: number | null;
  /** Ed25519 public key that signs this draw's records, ticks and proof. */
  readonly showKey: Hex;
  readonly witnesses: readonly { readonly name: string; readonly publicKey: Hex }[];
};
export type BeaconChain = {
  readonly chainHash: Hex;
  readonly publicKey: Hex;
  readonly scheme: "bls-unchained-g1-rfc9380";
  readonly genesisMs: number;
  readonly periodMs: number;
};
export type ArmRecord = {
  readonly version: "wanhui/arm/1";
  readonly draw: DrawId;
  readonly rulesHash: Hash;
  readonly armedAtMs: number;
  readonly opensAtMs: number;
  readonly beacon: BeaconChain;
  readonly firstRound: number;
  readonly schedule: readonly number[];
};
export type SealHeader = {
  readonly version: "wanhui/seal/1";
  readonly draw: DrawId;
  readonly window: number;
  readonly armHash: Hash;
  readonly previousHash: Hash;
  readonly round: number;
  /** Units this window releases: its schedule plus that of gap windows since the last seal. */
  readonly units: number;
  readonly parts: readonly { readonly count: number; readonly root: Hash }[];
  readonly sealedAtMs: number;
  readonly newestRoundSeen: number;
};
export type GapRecord = {
  readonly version: "wanhui/gap/1";
  readonly draw: DrawId;
  readonly fromWindow: number;
  readonly toWindow: number;
  readonly armHash: Hash;
  readonly previousHash: Hash;
  readonly atMs: number;
  readonly newestRoundSeen: number;
};
export type StopRecord = {
  readonly version: "wanhui/stop/1";
  readonly draw: DrawId;
  readonly fromWindow: number;
  readonly armHash: Hash;
  readonly previousHash: Hash;
  readonly atMs: number;
  readonly reason: string;
};
export type CloseRecord = {
  readonly version: "wanhui/close/1";
  readonly draw: DrawId;
  readonly armHash: Hash;
  readonly previousHash: Hash;
  readonly atMs: number;
  readonly leftUnits: number;
  readonly leftoversTo: DrawId | null;
};

export type DrawPlanned = {
  readonly type: "draw.planned";
  readonly atMs: number;
  readonly rules: DrawRules;
  readonly rulesHash: Hash;
};
export type DrawArmed = {
  readonly type: "draw.armed";
  readonly atMs: number;
  readonly record: ArmRecord;
  readonly armHash: Hash;
};
/** A planned draw that will never be armed (DR20). It has no chain: nothing of it was ever promised to an entrant. */
export type DrawCancelled = {
  readonly type: "draw.cancelled";
  readonly atMs: number;
  readonly draw: DrawId;
  readonly reason: string;
};
/** Packed. `window` is where the entry was made; a gap may carry it on (DR12). */
export type Entered = {
  readonly type: "entered";
  readonly atMs: number;
  readonly draw: DrawId;
  readonly window: number;
  readonly userKey: UserKey;
  readonly user: UserId;
};
export type WindowSealed = {
  readonly type: "window.sealed";
  readonly atMs: number;
  readonly header: SealHeader;
  readonly sealHash: Hash;
  /** Display only (DR19). */
  readonly taps: number;
};
export type WindowGap = {
  readonly type: "window.gap";
  readonly atMs: number;
  readonly record: GapRecord;
  readonly hash: Hash;
};
export type DrawStopped = {
  readonly type: "draw.stopped";
  readonly atMs: number;
  readonly record: StopRecord;
  readonly hash: Hash;
};
export type Winner = {
  readonly userKey: UserKey;
  readonly user: UserId;
  readonly ticket: Hash;
  readonly awardId: AwardId;
};
export type WindowDrawn = {
  readonly type: "window.drawn";
  readonly atMs: number;
  readonly draw: DrawId;
  readonly window: number;
  readonly round: number;
  readonly randomness: Hash;
  readonly signature: Hex;
  readonly units: number;
  /** In ticket order. */
  readonly winners: readonly Winner[];
};
export type DrawClosed = {
  readonly type: "draw.closed";
  readonly atMs: number;
  readonly record: CloseRecord;
  readonly hash: Hash;
};
