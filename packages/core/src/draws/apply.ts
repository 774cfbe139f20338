// What apply() does to draws. Events are facts: whatever does not fit is a bug and throws.

import type {
  DrawArmed,
  DrawCancelled,
  DrawClosed,
  DrawPlanned,
  DrawStopped,
  Entered,
  WindowDrawn,
  WindowGap,
  WindowSealed,
} from "../events.ts";
import type { DrawId, Hash } from "../ids.ts";
import { assert } from "../invariant.ts";
import { poolOf } from "../pools/apply.ts";
import { createAward } from "../pools/awards.ts";
import { assertBalance } from "../pools/balance.ts";
import type { DrawState, Entrant, SealedWindow, ShardState } from "../state/shard-state.ts";
import { roundDueMs, windowTimes } from "./grid.ts";
import { entrantsToSeal, gridOf, isReadyToClose, scheduledUnits, windowsOf } from "./windows.ts";

export function drawOf(state: ShardState, id: DrawId): DrawState {
  const draw = state.draws.get(id);
  assert(draw !== undefined, "DR1: no such draw", id);
  return draw;
}

export function applyDrawPlanned(state: ShardState, event: DrawPlanned): void {
  const { rules, rulesHash } = event;
  assert(!state.draws.has(rules.draw), "DR1: planned once", rules.draw);
  poolOf(state, rules.pool);
  state.draws.set(rules.draw, {
    rules,
    rulesHash,
    plannedAtMs: event.atMs,
    arm: null,
    cancelled: null,
    stop: null,
    chainHead: null,
    nextWindow: 0,
    carriedUnits: 0,
    releasedUnits: 0,
    winners: 0,
    entrants: new Map(),
    owners: new Map(),
    buckets: [],
    sealed: [],
    drawn: [],
    closed: null,
  });
}

export function applyDrawArmed(state: ShardState, event: DrawArmed): void {
  const { record, armHash } = event;
  const draw = drawOf(state, record.draw);
  const pool = poolOf(state, draw.rules.pool);
  assert(draw.arm === null, "DR4: armed once", record.draw);
  assert(draw.cancelled === null, "DR20: armed after it was cancelled", record.draw);
  assert(pool.liveDraw === null, "DR5: two armed draws of one pool", record.draw);
  assert(record.rulesHash === draw.rulesHash, "DR4: armed with other rules", record.draw);
  const promised = pool.promised.get(record.draw) ?? 0;
  const total = sum(record.schedule);
  assert(total === sum(draw.rules.schedule) + promised && total > 0, "DR4: wrong schedule", record.draw);
  pool.promised.delete(record.draw);
  pool.free -= total - promised;
  pool.held += total - promised;
  pool.heldByDraw += total;
  pool.liveDraw = draw;
  draw.arm = { record, armHash };
  draw.chainHead = armHash;
  assert(windowTimes(gridOf(draw), 0).opensAtMs === record.opensAtMs, "DR3: off the grid", record.draw);
  state.liveDraws.add(draw);
  assertBalance(pool);
}

export function applyDrawCancelled(state: ShardState, event: DrawCancelled): void {
  const draw = drawOf(state, event.draw);
  const pool = poolOf(state, draw.rules.pool);
  assert(draw.arm === null && draw.cancelled === null, "DR20: cancelled once, never armed", event.draw);
  draw.cancelled = event.reason;
  const promised = pool.promised.get(event.draw) ?? 0;
  pool.promised.delete(event.draw);
  pool.held -= promised;
  pool.free += promised;
  assertBalance(pool);
}

function sum(units: readonly number[]): number {
  let total = 0;
  for (const count of units) total += count;
  return total;
}

export function applyEntered(state: ShardState, event: Entered): void {
  const draw = drawOf(state, event.draw);
  assert(draw.arm !== null && draw.closed === null, "DR6: entered while not armed", event.draw);
  assert(
    event.window >= draw.nextWindow && event.window < windowsOf(draw),
    "DR6: entered behind a seal",
    event.draw,
  );
  const entrant = entrantOf(draw, event);
  assert(entrant.window < event.window, "DR6: entered twice", event.user);
  entrant.window = event.window;
  entrant.undrawn += 1;
  const newest = draw.buckets[draw.buckets.length - 1];
  if (newest !== undefined && newest.window === event.window) {
    newest.entrants.push(entrant);
    newest.sorted = false;
    return;
  }
  assert(newest === undefined || newest.window < event.window, "DR6: windows go back", event.draw);
  draw.buckets.push({ window: event.window, entrants: [entrant], sorted: true });
}

function entrantOf(draw: DrawState, event: Entered): Entrant {
  const known = draw.entrants.get(event.user);
  if (known !== undefined) {
    assert(known.key === event.userKey, "DR7: a second key", event.user);
    return known;
  }
  const entrant: Entrant = { user: event.user, key: event.userKey, window: -1, undrawn: 0, wins: 0 };
  draw.entrants.set(event.user, entrant);
  draw.owners.set(event.userKey, event.user);
  assert(draw.owners.size === draw.entrants.size, "DR7: one key, two users", event.userKey);
  return entrant;
}

function extendChain(
  draw: DrawState,
  record: { readonly armHash: Hash; readonly previousHash: Hash },
  hash: Hash,
): void {
  assert(draw.arm !== null && draw.closed === null, "DR10: chain of a draw not armed", draw.rules.draw);
  assert(record.armHash === draw.arm.armHash, "DR10: chain of another arm", draw.rules.draw);
  assert(record.previousHash === draw.chainHead, "DR10: the chain breaks", draw.rules.draw);
  draw.chainHead = hash;
}

export function applyWindowSealed(state: ShardState, event: WindowSealed): void {
  const { header, sealHash, taps } = event;
  const draw = drawOf(state, header.draw);
  extendChain(draw, header, sealHash);
  const { window } = header;
  const grid = gridOf(draw);
  const isExtension = window >= windowsOf(draw);
  assert(window === draw.nextWindow, "DR10: sealed out of order", header.draw);
  assert(header.round === grid.firstRound + window, "DR18: another round", header.draw);
  assert(
    header.sealedAtMs < roundDueMs(grid.chain, header.round),
    "DR11: sealed when the beacon was due",
    header.draw,
  );
  assert(header.newestRoundSeen < header.round, "DR11: sealed with its beacon seen", header.draw);
  assert(
    isExtension || header.sealedAtMs >= windowTimes(grid, window).closesAtMs,
    "DR10: sealed while open",
    header.draw,
  );
  assert(header.units === scheduledUnits(draw, window) + draw.carriedUnits, "DR10: wrong units", header.draw);
  const entrants = entrantsToSeal(draw, { after: -1, window });
  assert(
    header.parts.length === 1 && header.parts[0]?.count === entrants.length,
    "DR10: wrong count",
    header.draw,
  );
  const merged = draw.buckets.filter((bucket) => bucket.window <= window);
  if (merged.length > 1) {
    for (const bucket of merged) for (const entrant of bucket.entrants) entrant.undrawn -= 1;
    for (const entrant of entrants) entrant.undrawn += 1;
  }
  draw.buckets = draw.buckets.filter((bucket) => bucket.window > window);
  draw.nextWindow = window + 1;
  draw.carriedUnits = 0;
  draw.releasedUnits += header.units;
  draw.sealed.push({ header, sealHash, taps, entrants });
}

export function applyWindowGap(state: ShardState, event: WindowGap): void {
  const { record, hash } = event;
  const draw = drawOf(state, record.draw);
  extendChain(draw, record, hash);
  assert(record.fromWindow === draw.nextWindow, "DR12: a gap out of order", record.draw);
  assert(record.toWindow >= record.fromWindow, "DR12: an empty gap", record.draw);
  const last = Math.min(record.toWindow, windowsOf(draw) - 1);
  for (let window = record.fromWindow; window <= last; window++) {
    draw.carriedUnits += scheduledUnits(draw, window);
  }
  draw.nextWindow = record.toWindow + 1;
}

export function applyDrawStopped(state: ShardState, event: DrawStopped): void {
  const draw = drawOf(state, event.record.draw);
  extendChain(draw, event.record, event.hash);
  assert(draw.stop === null, "DR13: stopped once", event.record.draw);
  assert(event.record.fromWindow >= draw.nextWindow, "DR13: a sealed window stopped", event.record.draw);
  draw.stop = event;
}

export function applyWindowDrawn(state: ShardState, event: WindowDrawn): void {
  const draw = drawOf(state, event.draw);
  const pool = poolOf(state, draw.rules.pool);
  const sealed = draw.sealed[0];
  assert(
    sealed !== undefined && sealed.header.window === event.window,
    "DR14: drawn out of order",
    event.draw,
  );
  assert(sealed.header.round === event.round, "DR18: drawn with another round", event.draw);
  assert(event.units === unitsToDraw(draw, sealed), "DR14: wrong units", event.draw);
  assert(event.winners.length <= event.units, "DR17: more winners than units", event.draw);
  draw.sealed.shift();
  for (const winner of event.winners) {
    const entrant = draw.entrants.get(winner.user);
    assert(entrant !== undefined && entrant.key === winner.userKey, "DR14: a stranger won", winner.user);
    assert(isUnderRoot(sealed, entrant), "DR14: the winner is not under the root", winner.user);
    assert(entrant.wins < draw.rules.capPerUser, "DR14: over the draw's cap", winner.user);
    entrant.wins += 1;
    pool.held -= 1;
    pool.heldByDraw -= 1;
    createAward(
      state,
      pool,
      {
        id: winner.awardId,
        draw: event.draw,
        window: event.window,
        userKey: winner.userKey,
        user: winner.user,
        atMs: event.atMs,
      },
      draw.rules.claimTtlMs,
    );
  }
  for (const entrant of sealed.entrants) entrant.undrawn -= 1;
  draw.winners += event.winners.length;
  assert(draw.winners <= draw.releasedUnits, "DR17: more winners than released units", event.draw);
  const { type: _, draw: __, ...drawn } = event;
  draw.drawn.push({ ...drawn, sealHash: sealed.sealHash });
  assertBalance(pool);
}

/** `units_w`: units in the headers up to this window, less all winners so far (DR14). */
export function unitsToDraw(draw: DrawState, sealed: SealedWindow): number {
  // Later windows may be sealed already; their units are not this window's.
  let units = draw.releasedUnits - draw.winners;
  for (const later of draw.sealed)
    if (later.header.window > sealed.header.window) units -= later.header.units;
  return units;
}

function isUnderRoot(sealed: SealedWindow, entrant: Entrant): boolean {
  let from = 0;
  let to = sealed.entrants.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sealed.entrants[middle]?.key ?? "") < entrant.key) from = middle + 1;
    else to = middle;
  }
  return sealed.entrants[from] === entrant;
}

export function applyDrawClosed(state: ShardState, event: DrawClosed): void {
  const { record } = event;
  const draw = drawOf(state, record.draw);
  const pool = poolOf(state, draw.rules.pool);
  assert(isReadyToClose(draw), "DR16: closed with something open", record.draw);
  assert(pool.liveDraw === draw && record.leftUnits === pool.heldByDraw, "DR16: wrong units", record.draw);
  extendChain(draw, record, event.hash);
  draw.closed = { atMs: record.atMs, leftUnits: record.leftUnits, leftoversTo: record.leftoversTo };
  pool.heldByDraw = 0;
  pool.liveDraw = null;
  state.liveDraws.delete(draw);
  if (record.leftoversTo !== null) {
    assert(record.leftoversTo === draw.rules.leftoversTo, "DR16: leftovers to another draw", record.draw);
    assert(canTakeLeftovers(state, draw), "DR16: leftovers to a draw that cannot take them", record.draw);
    const before = pool.promised.get(record.leftoversTo) ?? 0;
    if (record.leftUnits > 0) pool.promised.set(record.leftoversTo, before + record.leftUnits);
  } else {
    pool.held -= record.leftUnits;
    pool.free += record.leftUnits;
  }
  // Nobody can enter or win here any more; keys stay in the journal.
  draw.entrants.clear();
  draw.owners.clear();
  assertBalance(pool);
}

/** True when the draw named for leftovers is planned on the same pool, not armed yet and not cancelled (DR16). */
export function canTakeLeftovers(state: ShardState, draw: DrawState): boolean {
  const { leftoversTo, pool } = draw.rules;
  const target = leftoversTo === null ? undefined : state.draws.get(leftoversTo);
  if (target === undefined || target.rules.pool !== pool) return false;
  return target.arm === null && target.cancelled === null;
}
