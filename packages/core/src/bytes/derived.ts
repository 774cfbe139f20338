// Everything that is derived by hashing fixed layouts: keys, tickets, award ids, tick leaves, batch hashes.

import type { AwardId, DrawId, Hash, PoolId, Sha256, UserId, UserKey } from "../ids.ts";
import { assert } from "../invariant.ts";
import { writeU } from "./buffer.ts";
import { fromHex, toHex, writeHex } from "./hex.ts";
import { merkleRoot } from "./merkle.ts";
import { utf8 } from "./utf8.ts";

const AWARD_ID_BYTES = 16;

function tagged(tag: string, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(tag.length + byteLength);
  for (let i = 0; i < tag.length; i++) bytes[i] = tag.charCodeAt(i);
  return bytes;
}

/** The key a user enters a draw with, from his pseudonym and the 16 random bytes his own device chose (BY2). */
export function userKeyOf(
  input: { readonly pseudonym: Uint8Array; readonly nonce: Uint8Array },
  sha256: Sha256,
): UserKey {
  assert(input.pseudonym.length === 16 && input.nonce.length === 16, "BY2: pseudonym and nonce are 16 bytes");
  const bytes = tagged("wanhui/user-key/1", 32);
  bytes.set(input.pseudonym, bytes.length - 32);
  bytes.set(input.nonce, bytes.length - 16);
  return toHex(sha256(bytes)) as UserKey;
}

/** What the server's HMAC takes for a draw's secret (BY3). */
export function roundSecretMessage(draw: DrawId): Uint8Array {
  return utf8(`wanhui/round/1${draw}`);
}

/** What the round secret's HMAC takes for a user's pseudonym, the first 16 bytes of the result (BY3). */
export function pseudonymMessage(user: UserId): Uint8Array {
  const bytes = tagged("wanhui/pseudonym/1", 16);
  assert(user.length === 32, "BY1: a user id is 16 bytes", user);
  writeHex(user, bytes, bytes.length - 16);
  return bytes;
}

/** A key's ticket in a sealed window once the beacon is known; the smallest win (BY4). */
export function ticketOf(
  input: { readonly sealHash: Hash; readonly randomness: Hash; readonly userKey: UserKey },
  sha256: Sha256,
): Hash {
  const tickets = createTickets(input, sha256);
  return toHex(tickets(input.userKey)) as Hash;
}

/** Tickets of one window: the common part of the layout is laid out once (BY4). */
export function createTickets(
  input: { readonly sealHash: Hash; readonly randomness: Hash },
  sha256: Sha256,
): (userKey: UserKey) => Uint8Array {
  assert(input.sealHash.length === 64 && input.randomness.length === 64, "BY4: 32 bytes each");
  const bytes = tagged("wanhui/ticket/1", 96);
  const keyOffset = writeHex(input.randomness, bytes, writeHex(input.sealHash, bytes, bytes.length - 96));
  return (userKey) => {
    assert(userKey.length === 64, "BY4: a key is 32 bytes", userKey);
    writeHex(userKey, bytes, keyOffset);
    return sha256(bytes);
  };
}

/** The id of the award a key wins in a window (BY6): derived, so deciding again gives the same. */
export function awardIdOfDraw(
  input: { readonly sealHash: Hash; readonly userKey: UserKey },
  sha256: Sha256,
): AwardId {
  assert(input.sealHash.length === 64 && input.userKey.length === 64, "BY6: 32 bytes each");
  const bytes = tagged("wanhui/award/1", 64);
  writeHex(input.userKey, bytes, writeHex(input.sealHash, bytes, bytes.length - 64));
  return toHex(sha256(bytes), AWARD_ID_BYTES) as AwardId;
}

/** SHA-256 of an id's UTF-8, as BY6 and BY9 use it. */
export function idHashOf(id: PoolId | DrawId, sha256: Sha256): Uint8Array {
  return sha256(utf8(id));
}

/** Hex digits that say which pool a grab's award is of. */
export const GRANT_TAG_DIGITS = 20;
/** Digits of the number of the grant. */
const GRANT_NUMBER_DIGITS = 12;
const LAST_DIGITS = 3;
const LAST_COUNT = 16 ** LAST_DIGITS;
const lastDigits: readonly string[] = Array.from({ length: LAST_COUNT }, (_, n) =>
  n.toString(16).padStart(LAST_DIGITS, "0"),
);

/** What all awards of a pool's grabs begin with: the first 10 bytes of `SHA-256("wanhui/grab/1" | poolId)` (BY6). */
export function grantTagOf(pool: PoolId, sha256: Sha256): string {
  const id = utf8(pool);
  const bytes = tagged("wanhui/grab/1", id.length);
  bytes.set(id, bytes.length - id.length);
  return toHex(sha256(bytes), GRANT_TAG_DIGITS / 2);
}

/** Makes the award ids of one pool's grants, by their number from 0 (BY6). */
export function createGrantIds(tag: string): (number: number) => AwardId {
  let page = -1;
  let start = "";
  return (number) => {
    const wanted = Math.floor(number / LAST_COUNT);
    if (wanted !== page) {
      page = wanted;
      start = tag + wanted.toString(16).padStart(GRANT_NUMBER_DIGITS - LAST_DIGITS, "0");
    }
    return (start + (lastDigits[number % LAST_COUNT] as string)) as AwardId;
  };
}

/** Which grant an award id would name: its pool's tag and its number (BY6). */
export function grantOfAwardId(awardId: AwardId): { readonly tag: string; readonly number: number } {
  return {
    tag: awardId.slice(0, GRANT_TAG_DIGITS),
    number: Number.parseInt(awardId.slice(GRANT_TAG_DIGITS), 16),
  };
}

/** The shard that a pool and its draws live on: u32 of SHA-256 of the id, modulo the number of shards (PL4). */
export function shardOfPool(pool: PoolId, shards: number, sha256: Sha256): number {
  assert(Number.isInteger(shards) && shards >= 1 && shards <= 65_536, "JR1: bad number of shards", shards);
  const hash = idHashOf(pool, sha256);
  let value = 0;
  for (let i = 0; i < 4; i++) value = value * 256 + (hash[i] as number);
  return value % shards;
}

export type TickEntry = { readonly draw: DrawId; readonly window: number; readonly userKey: UserKey };

/** Data of one entry's leaf in its journal tick: `SHA-256(UTF-8(drawId)) | u32 window | userKey`, 68 bytes (BY9). */
export function tickLeaf(entry: TickEntry, sha256: Sha256): Uint8Array {
  return leafBytes(idHashOf(entry.draw, sha256), entry);
}

function leafBytes(drawHash: Uint8Array, entry: TickEntry): Uint8Array {
  assert(entry.userKey.length === 64, "BY9: a key is 32 bytes", entry.userKey);
  const bytes = new Uint8Array(68);
  bytes.set(drawHash);
  writeU(bytes, 32, 4, entry.window);
  writeHex(entry.userKey, bytes, 36);
  return bytes;
}

/** Leaves of a tick's entries in journal order, hashing each draw's id once (BY9). */
export function tickLeaves(entries: readonly TickEntry[], sha256: Sha256): Uint8Array[] {
  const hashes = new Map<DrawId, Uint8Array>();
  return entries.map((entry) => {
    const known = hashes.get(entry.draw);
    const drawHash = known ?? idHashOf(entry.draw, sha256);
    if (known === undefined) hashes.set(entry.draw, drawHash);
    return leafBytes(drawHash, entry);
  });
}

/** What the show key signs once per journal tick (BY9). */
export type TickStatement = {
  readonly version: "wanhui/tick/1";
  readonly shard: number;
  readonly seq: number;
  readonly atMs: number;
  readonly count: number;
  readonly root: Hash;
};

/** The statement over a tick's entries in journal order; sign `signedBytes` of it (BY9, BY10). */
export function tickStatement(
  tick: {
    readonly shard: number;
    readonly seq: number;
    readonly atMs: number;
    readonly leaves: readonly Uint8Array[];
  },
  sha256: Sha256,
): TickStatement {
  const { shard, seq, atMs, leaves } = tick;
  return {
    version: "wanhui/tick/1",
    shard,
    seq,
    atMs,
    count: leaves.length,
    root: merkleRoot(leaves, sha256),
  };
}

/** Hash of the batch before a shard's first: 32 zero bytes (BY8). */
export const GENESIS_HASH = "0".repeat(64) as Hash;

/** Hash of a journal batch; it covers the one before (BY8). */
export function batchHash(
  batch: {
    readonly shard: number;
    readonly seq: number;
    readonly epoch: number;
    readonly previousHash: Hash;
    readonly payload: Uint8Array;
  },
  sha256: Sha256,
): Hash {
  const bytes = tagged("wanhui/batch/1", 76);
  let offset = bytes.length - 76;
  offset = writeU(bytes, offset, 2, batch.shard);
  offset = writeU(bytes, offset, 6, batch.seq);
  offset = writeU(bytes, offset, 4, batch.epoch);
  bytes.set(fromHex(batch.previousHash), offset);
  bytes.set(sha256(batch.payload), offset + 32);
  return toHex(sha256(bytes)) as Hash;
}
