// What a tick does to an armed draw: seals, gaps and the close (DR10-DR13, DR16).

import { createMerkleAccumulator, hashJson, writeHex } from "../bytes/mod.ts";
import type { Context } from "../commands.ts";
import type { CloseRecord, GapRecord, SealHeader } from "../events.ts";
import type { DrawId, Hash, Sha256, UserKey } from "../ids.ts";
import { assert } from "../invariant.ts";
import type { Push } from "../state/answers.ts";
import type { DrawState, ShardState } from "../state/shard-state.ts";
import { canTakeLeftovers } from "./apply.ts";
import { newestRoundOf } from "./beacon.ts";
import { firstSealableWindow, type Grid, windowTimes } from "./grid.ts";
import { entrantsToSeal, gridOf, isReadyToClose, scheduledUnits, windowsOf } from "./windows.ts";

/** When `tick` has something to do for this draw; null while it only waits for beacons. */
export function drawDueMs(draw: DrawState): number | null {
  if (draw.closed !== null || draw.arm === null) return null;
  if (draw.nextWindow < windowsOf(draw)) return windowTimes(gridOf(draw), draw.nextWindow).closesAtMs;
  return isReadyToClose(draw) ? 0 : null;
}

// The chain as it will be when the events pushed so far are applied.
type Cursor = {
  readonly draw: DrawState;
  readonly armHash: Hash;
  readonly grid: Grid;
  readonly context: Context;
  readonly newestRoundSeen: number;
  readonly push: Push;
  taps: number;
  head: Hash;
  carriedUnits: number;
  /** Newest window whose entries a seal of this tick has taken; -1 for none. */
  sealedThrough: number;
};

/**
 * Pushes what is due for a draw at this tick: each window whose close has come is sealed if its beacon can not be
 * known yet, and goes into a gap if it might be (DR11, DR12).
 */
export function decideDueWindows(draw: DrawState, context: Context, taps: number, push: Push): void {
  assert(draw.arm !== null && draw.chainHead !== null, "DR4: not armed", draw.rules.draw);
  const { armHash, record } = draw.arm;
  const newestRoundSeen = newestRoundOf(context, record.beacon);
  const grid = gridOf(draw);
  const cursor: Cursor = {
    draw,
    armHash,
    grid,
    context,
    newestRoundSeen,
    push,
    taps,
    head: draw.chainHead,
    carriedUnits: draw.carriedUnits,
    sealedThrough: -1,
  };
  const end = windowsOf(draw);
  let window = draw.nextWindow;
  let gapFrom: number | null = null;
  for (; window < end; window++) {
    const { closesAtMs, drawDueMs: beaconDueMs } = windowTimes(grid, window);
    if (closesAtMs > context.nowMs) break;
    const isInTime = context.nowMs < beaconDueMs && newestRoundSeen < grid.firstRound + window;
    if (isInTime) {
      if (gapFrom !== null) pushGap(cursor, gapFrom, window - 1);
      gapFrom = null;
      pushSeal(cursor, window);
    } else {
      gapFrom ??= window;
      cursor.carriedUnits += scheduledUnits(draw, window);
    }
  }
  if (gapFrom === null) return;
  const hasEntries = draw.buckets.some((bucket) => bucket.window > cursor.sealedThrough);
  if (window < end || !hasEntries) {
    pushGap(cursor, gapFrom, window - 1);
    return;
  }
  // The last window was missed and acknowledged entries wait: one more window, sealed at once (DR12).
  const extension = firstSealableWindow(grid, { from: end, atMs: context.nowMs, newestRoundSeen });
  pushGap(cursor, gapFrom, extension - 1);
  pushSeal(cursor, extension);
}

function pushSeal(cursor: Cursor, window: number): void {
  const { draw, context, push } = cursor;
  const entrants = entrantsToSeal(draw, { after: cursor.sealedThrough, window });
  const header: SealHeader = {
    version: "wanhui/seal/1",
    draw: draw.rules.draw,
    window,
    armHash: cursor.armHash,
    previousHash: cursor.head,
    round: cursor.grid.firstRound + window,
    units: scheduledUnits(draw, window) + cursor.carriedUnits,
    parts: [{ count: entrants.length, root: rootOfKeys(entrants, context.sha256) }],
    sealedAtMs: context.nowMs,
    newestRoundSeen: cursor.newestRoundSeen,
  };
  const sealHash = hashJson(header, context.sha256);
  push({ type: "window.sealed", atMs: context.nowMs, header, sealHash, taps: cursor.taps });
  cursor.taps = 0;
  cursor.head = sealHash;
  cursor.carriedUnits = 0;
  cursor.sealedThrough = window;
}

function pushGap(cursor: Cursor, fromWindow: number, toWindow: number): void {
  const record: GapRecord = {
    version: "wanhui/gap/1",
    draw: cursor.draw.rules.draw,
    fromWindow,
    toWindow,
    armHash: cursor.armHash,
    previousHash: cursor.head,
    atMs: cursor.context.nowMs,
    newestRoundSeen: cursor.newestRoundSeen,
  };
  const hash = hashJson(record, cursor.context.sha256);
  cursor.push({ type: "window.gap", atMs: record.atMs, record, hash });
  cursor.head = hash;
}

function rootOfKeys(entrants: readonly { readonly key: UserKey }[], sha256: Sha256): Hash {
  const tree = createMerkleAccumulator(sha256);
  const key = new Uint8Array(32);
  for (const entrant of entrants) {
    writeHex(entrant.key, key, 0);
    tree.add(key);
  }
  return tree.root();
}

/**
 * Pushes the close of a draw whose last window is drawn (DR16). Returns how many units went back to free: they go
 * to the pool's line next.
 */
export function decideClose(state: ShardState, draw: DrawState, context: Context, push: Push): number {
  const pool = state.pools.get(draw.rules.pool);
  assert(pool !== undefined, "DR1: a draw without a pool", draw.rules.draw);
  assert(draw.arm !== null && draw.chainHead !== null, "DR4: not armed", draw.rules.draw);
  const leftoversTo: DrawId | null = canTakeLeftovers(state, draw) ? draw.rules.leftoversTo : null;
  const record: CloseRecord = {
    version: "wanhui/close/1",
    draw: draw.rules.draw,
    armHash: draw.arm.armHash,
    previousHash: draw.chainHead,
    atMs: context.nowMs,
    leftUnits: pool.heldByDraw,
    leftoversTo,
  };
  push({ type: "draw.closed", atMs: context.nowMs, record, hash: hashJson(record, context.sha256) });
  return leftoversTo === null ? record.leftUnits : 0;
}
