// Who grabbed what from one pool, in order, in rows of numbers: a night's million grabs are neither a million
// objects for the garbage collector nor a million strings to hash (GR3, GR4).

import { fromWords128, readWords128 } from "../bytes/mod.ts";
import type { RequestId, UserId } from "../ids.ts";
import { assert, at } from "../invariant.ts";

/** Rows of one chunk: a pool with few grants stays small, a large one grows without copying rows. */
const CHUNK_ROWS = 1024;
// Words of a row: user, request, the same user's older row + 1, time as high and low word, flags.
const USER = 0;
const REQUEST = 4;
const OLDER = 8;
const TIME_HIGH = 9;
const TIME_LOW = 10;
const FLAGS = 11;
const ROW_WORDS = 12;
const MOVED = 1;
const SLOTS_MIN = 64;
/** With more grants per user than this a request is looked up directly, not along the user's rows. */
const CHAIN_MAX = 8;
const HIGH = 2 ** 32;

/** One pool's grants; row n is its n-th grant. Only apply() adds to them. */
export type Grants = {
  count: number;
  readonly chunks: Uint32Array[];
  /** Newest row + 1 of each user, by open addressing; 0 is empty. */
  byUser: Uint32Array;
  /** Row + 1 of each request; null where a user's own rows are few. */
  byRequest: Uint32Array | null;
  users: number;
  /** First row whose award may still expire untouched; those before it have moved (AW4). */
  nextHeld: number;
  /** The user and request looked at last, as words, and as they came: asked about, then granted. */
  readonly key: Uint32Array;
  keyUser: string;
  keyRequest: string;
};

/** @param capPerUser the pool's: it bounds how many rows a user can have */
export function createGrants(capPerUser: number | null): Grants {
  const isShort = capPerUser !== null && capPerUser <= CHAIN_MAX;
  return {
    count: 0,
    chunks: [],
    byUser: new Uint32Array(SLOTS_MIN),
    byRequest: isShort ? null : new Uint32Array(SLOTS_MIN),
    users: 0,
    nextHeld: 0,
    key: new Uint32Array(8),
    keyUser: "",
    keyRequest: "",
  };
}

/** The row this request was granted in; -1 when it was not. Malformed ids are a bug: no door lets them in (BY1). */
export function findGrant(grants: Grants, user: UserId, requestId: RequestId): number {
  readKey(grants, user, requestId);
  const { key, byRequest } = grants;
  if (byRequest !== null) return at32(byRequest, slotOfRequest(grants, byRequest)) - 1;
  for (let row = newestRow(grants); row >= 0; row = olderRow(grants, row)) {
    if (isSame(rowsOf(grants, row), offsetOf(row) + REQUEST, key, 4)) return row;
  }
  return -1;
}

/** How many rows a user has, counted up to `limit`. */
export function grantsOfUser(grants: Grants, user: UserId, limit: number): number {
  let found = 0;
  for (let row = newestRowOf(grants, user); row >= 0 && found < limit; row = olderRow(grants, row))
    found += 1;
  return found;
}

/** A user's newest row, -1 for none; `olderRow` leads on. */
export function newestRowOf(grants: Grants, user: UserId): number {
  if (grants.count === 0) return -1;
  readKey(grants, user, null);
  return newestRow(grants);
}

export function olderRow(grants: Grants, row: number): number {
  return at32(rowsOf(grants, row), offsetOf(row) + OLDER) - 1;
}

/** Adds the next row. A request granted before is a bug (GR3). */
export function addGrant(
  grants: Grants,
  grant: { readonly user: UserId; readonly requestId: RequestId; readonly atMs: number },
): void {
  assert(
    findGrant(grants, grant.user, grant.requestId) < 0,
    "GR3: a request is granted once",
    grant.requestId,
  );
  const row = grants.count;
  if (row % CHUNK_ROWS === 0) grants.chunks.push(new Uint32Array(CHUNK_ROWS * ROW_WORDS));
  const rows = rowsOf(grants, row);
  const offset = offsetOf(row);
  const { key } = grants;
  for (let word = 0; word < 8; word++) rows[offset + word] = at32(key, word);
  const slot = slotOfUser(grants, grants.byUser);
  const older = at32(grants.byUser, slot);
  rows[offset + OLDER] = older;
  rows[offset + TIME_HIGH] = Math.floor(grant.atMs / HIGH);
  rows[offset + TIME_LOW] = grant.atMs % HIGH;
  grants.byUser[slot] = row + 1;
  if (grants.byRequest !== null) grants.byRequest[slotOfRequest(grants, grants.byRequest)] = row + 1;
  if (older === 0) grants.users += 1;
  grants.count = row + 1;
  if (grants.users * 2 > grants.byUser.length) grants.byUser = regrown(grants, "user");
  if (grants.byRequest !== null && grants.count * 2 > grants.byRequest.length) {
    grants.byRequest = regrown(grants, "request");
  }
}

/** What a row says. */
export function grantAt(
  grants: Grants,
  row: number,
): { readonly user: UserId; readonly requestId: RequestId; readonly atMs: number } {
  const rows = rowsOf(grants, row);
  const offset = offsetOf(row);
  return {
    user: fromWords128(rows, offset + USER) as UserId,
    requestId: fromWords128(rows, offset + REQUEST) as RequestId,
    atMs: grantTimeMs(grants, row),
  };
}

export function grantTimeMs(grants: Grants, row: number): number {
  const rows = rowsOf(grants, row);
  const offset = offsetOf(row);
  return at32(rows, offset + TIME_HIGH) * HIGH + at32(rows, offset + TIME_LOW);
}

/** Whether the award of a row has moved since: then it is kept as a state of its own. */
export function hasMoved(grants: Grants, row: number): boolean {
  return (at32(rowsOf(grants, row), offsetOf(row) + FLAGS) & MOVED) !== 0;
}

export function markMoved(grants: Grants, row: number): void {
  const rows = rowsOf(grants, row);
  rows[offsetOf(row) + FLAGS] = at32(rows, offsetOf(row) + FLAGS) | MOVED;
  while (grants.nextHeld < grants.count && hasMoved(grants, grants.nextHeld)) grants.nextHeld += 1;
}

function at32(words: Uint32Array, index: number): number {
  return words[index] as number;
}

function rowsOf(grants: Grants, row: number): Uint32Array {
  return at(grants.chunks, Math.floor(row / CHUNK_ROWS));
}

function offsetOf(row: number): number {
  return (row % CHUNK_ROWS) * ROW_WORDS;
}

function readKey(grants: Grants, user: UserId, requestId: RequestId | null): void {
  if (grants.keyUser !== user) {
    grants.keyUser = "";
    assert(readWords128(user, grants.key, USER), "BY1: a user is 16 bytes", user);
    grants.keyUser = user;
  }
  if (requestId !== null && grants.keyRequest !== requestId) {
    grants.keyRequest = "";
    assert(readWords128(requestId, grants.key, REQUEST), "BY1: a request is 16 bytes", requestId);
    grants.keyRequest = requestId;
  }
}

function newestRow(grants: Grants): number {
  return at32(grants.byUser, slotOfUser(grants, grants.byUser)) - 1;
}

// User ids are random or hashed by the server; requests are the caller's choice, and cost only him his own look-ups.
function hashOf(words: Uint32Array, offset: number, length: number): number {
  let hash = 0x9e3779b1;
  for (let i = 0; i < length; i++) {
    hash = Math.imul(hash ^ at32(words, offset + i), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

/** The slot of the key's user: his newest row, or the empty slot he would get. */
function slotOfUser(grants: Grants, slots: Uint32Array): number {
  return slotOf(grants, slots, { words: grants.key, offset: 0, length: 4 });
}

function slotOfRequest(grants: Grants, slots: Uint32Array): number {
  return slotOf(grants, slots, { words: grants.key, offset: 0, length: 8 });
}

type Sought = { readonly words: Uint32Array; readonly offset: number; readonly length: 4 | 8 };

function slotOf(grants: Grants, slots: Uint32Array, sought: Sought): number {
  const { words, offset, length } = sought;
  const mask = slots.length - 1;
  let slot = hashOf(words, offset, length) & mask;
  for (let found = at32(slots, slot); found !== 0; found = at32(slots, slot)) {
    const row = found - 1;
    if (isSame(rowsOf(grants, row), offsetOf(row), words, length, offset)) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

function isSame(rows: Uint32Array, at0: number, words: Uint32Array, length: number, from = 4): boolean {
  for (let i = 0; i < length; i++) if (at32(rows, at0 + i) !== at32(words, from + i)) return false;
  return true;
}

/** An index of twice the size, from the rows in order: a user's slot ends at his newest. */
function regrown(grants: Grants, by: "user" | "request"): Uint32Array {
  const before = by === "user" ? grants.byUser : grants.byRequest;
  const slots = new Uint32Array((before?.length ?? SLOTS_MIN) * 2);
  const length = by === "user" ? 4 : 8;
  for (let row = 0; row < grants.count; row++) {
    const sought: Sought = { words: rowsOf(grants, row), offset: offsetOf(row), length };
    slots[slotOf(grants, slots, sought)] = row + 1;
  }
  return slots;
}
