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

/** What a pool is made of; equal parameters are the same pool, others under its id are refused (PL2). */
export type PoolParameters = {
  readonly pool: PoolId;
  readonly units: number;
  /** Units one user may win or grab over the pool's life; null is no cap. */
  readonly capPerUser: number | null;
  /** How long a grab's award may wait for its claim; null posts it at once (GR6). Draws carry their own in the rules. */
  readonly grabClaimTtlMs: number | null;
};
/** A pool came into being with `units` of them free. */
export type PoolCreated = {
  readonly type: "pool.created";
  readonly atMs: number;
  /** 10 bytes in hex: what the award ids of its grabs begin with (BY6). */
  readonly grantTag: string;
} & PoolParameters;
/** An operator restocked a pool or withdrew free units from it, once per command id (PL3). */
export type PoolChanged = {
  readonly type: "pool.changed";
  readonly atMs: number;
  readonly pool: PoolId;
  /** Positive adds free units, negative withdraws them. */
  readonly delta: number;
  readonly commandId: string;
};
/**
 * A pool is given out first come, first served, from `opensAtMs` (inclusive) to `closesAtMs` (exclusive) of shard
 * time (GR1).
 */
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
/** A user got a place in the line of a pool whose units are all held; the line is served in order (GR5). */
export type GrabWaiting = {
  readonly type: "grab.waiting";
  readonly atMs: number;
  readonly pool: PoolId;
  readonly user: UserId;
  readonly requestId: RequestId;
};
/** An award took one of the steps of its life (AW1); where it ends unclaimed its unit comes back to the pool or its line. */
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
/**
 * The chain of public randomness a draw is bound to, as drand describes its own (https://docs.drand.love): hash of
 * the chain in 32 bytes, public key in 96, round r due at `genesisMs + (r - 1) * periodMs` (DR3).
 */
export type BeaconChain = {
  readonly chainHash: Hex;
  readonly publicKey: Hex;
  readonly scheme: "bls-unchained-g1-rfc9380";
  readonly genesisMs: number;
  readonly periodMs: number;
};
/**
 * The irrevocable promise of a round (DR4): opening, beacon rounds (window w has `firstRound + w`) and units of
 * each window, hashed and signed.
 */
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
/**
 * The published end of the entries of a window, out before its seed exists (DR10): units, number of keys and their
 * Merkle root, bound to the record before it by `previousHash`.
 */
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
/**
 * Windows from `fromWindow` to `toWindow`, both included, that could not be sealed in time and are never drawn; their entries and
 * units move on (DR12).
 */
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
/**
 * A stop in the chain of a draw, with the reason everybody reads: no window from `fromWindow` on takes entries
 * (DR13).
 */
export type StopRecord = {
  readonly version: "wanhui/stop/1";
  readonly draw: DrawId;
  readonly fromWindow: number;
  readonly armHash: Hash;
  readonly previousHash: Hash;
  readonly atMs: number;
  readonly reason: string;
};
/** The end of the chain of a draw: units nobody won, and the later draw they are promised to or null (DR16). */
export type CloseRecord = {
  readonly version: "wanhui/close/1";
  readonly draw: DrawId;
  readonly armHash: Hash;
  readonly previousHash: Hash;
  readonly atMs: number;
  readonly leftUnits: number;
  readonly leftoversTo: DrawId | null;
};

/** The rules of a draw are fixed and published, with their hash (DR1). */
export type DrawPlanned = {
  readonly type: "draw.planned";
  readonly atMs: number;
  readonly rules: DrawRules;
  readonly rulesHash: Hash;
};
/** A draw is armed: the units of its schedule moved from its pool to it in this one event (DR4). */
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
/** A window took its last entry; `sealHash` is the hash of `header`, and part of every ticket (DR10, BY4). */
export type WindowSealed = {
  readonly type: "window.sealed";
  readonly atMs: number;
  readonly header: SealHeader;
  readonly sealHash: Hash;
  /** Display only (DR19). */
  readonly taps: number;
};
/** Windows were given up unsealed; `hash` is that of the record, which the next one names (DR12). */
export type WindowGap = {
  readonly type: "window.gap";
  readonly atMs: number;
  readonly record: GapRecord;
  readonly hash: Hash;
};
/** A stop took effect in the chain of a draw (DR13). */
export type DrawStopped = {
  readonly type: "draw.stopped";
  readonly atMs: number;
  readonly record: StopRecord;
  readonly hash: Hash;
};
/** One unit of a window: the key whose ticket was among the smallest, its user, and the award made of it (DR14). */
export type Winner = {
  readonly userKey: UserKey;
  readonly user: UserId;
  readonly ticket: Hash;
  readonly awardId: AwardId;
};
/**
 * The result of a sealed window with its own beacon round: randomness (32 bytes, SHA-256 of the 48-byte BLS
 * signature), units released and winners (DR15).
 */
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
/** A draw is over; what nobody won is promised to a later draw or free in the pool again (DR16). */
export type DrawClosed = {
  readonly type: "draw.closed";
  readonly atMs: number;
  readonly record: CloseRecord;
  readonly hash: Hash;
};
