// What apply() does to awards: a unit won, from its birth to its end (AW1).

import { grantOfAwardId } from "../bytes/mod.ts";
import type { AwardMoved, Granted } from "../events.ts";
import type { AwardId } from "../ids.ts";
import { assert } from "../invariant.ts";
import { addDeadline, type Deadline, trimDeadlines } from "../state/deadlines.ts";
import { addGrant, grantAt, hasMoved, markMoved } from "../state/grants.ts";
import type { AwardStanding, AwardState, PoolState, ShardState } from "../state/shard-state.ts";
import { assertCap } from "./balance.ts";

/** A deadline counts while its award is held with exactly it; a committing award cannot expire by time (AW2). */
export function isLiveDeadline(state: ShardState, deadline: Deadline): boolean {
  const award = state.awards.get(deadline.awardId);
  return award !== undefined && award.standing === "held" && award.claimByMs === deadline.dueMs;
}

/** An award as it stands; undefined when the shard does not have it. Read it only: `moveAward` changes it. */
export function awardOf(state: ShardState, id: AwardId): Readonly<AwardState> | undefined {
  const known = state.awards.get(id);
  if (known !== undefined) return known;
  const { tag, number } = grantOfAwardId(id);
  const pool = state.poolsByTag.get(tag);
  return pool === undefined || !(number < pool.grants.count) ? undefined : awardOfGrant(pool, number);
}

/** Every award of the shard, in no order that means anything. */
export function* eachAward(state: ShardState): IterableIterator<Readonly<AwardState>> {
  yield* state.awards.values();
  for (const pool of state.pools.values()) {
    for (let row = 0; row < pool.grants.count; row++) {
      if (!hasMoved(pool.grants, row)) yield awardOfGrant(pool, row);
    }
  }
}

/** A grant nobody has touched since, as an award: where it stands follows from its pool (GR6). */
function awardOfGrant(pool: PoolState, row: number): AwardState {
  const { pool: id, grabClaimTtlMs } = pool.parameters;
  const { user, requestId, atMs } = grantAt(pool.grants, row);
  return {
    id: pool.grantIdOf(row),
    pool: id,
    draw: null,
    window: null,
    userKey: null,
    user,
    requestId,
    atMs,
    ...bornAt(atMs, grabClaimTtlMs),
    olderOfUser: null,
  };
}

function bornAt(atMs: number, claimTtlMs: number | null) {
  return {
    standing: claimTtlMs === null ? ("posted" as const) : ("held" as const),
    claimByMs: claimTtlMs === null ? null : atMs + claimTtlMs,
    orderId: null,
    extended: false,
    reason: null,
  };
}

/** Adds the award of a grant. The unit must already have left free: this only says where it goes. */
export function createGrant(state: ShardState, pool: PoolState, grant: Granted): void {
  assert(grant.number === pool.grants.count, "GR4: a pool's grants are numbered without a gap", grant.number);
  assert(grant.awardId === pool.grantIdOf(grant.number), "BY6: not the id of this grant", grant.awardId);
  assertCap(pool, grant.user);
  addGrant(pool.grants, grant);
  state.awardCount += 1;
  countBirth(pool, pool.parameters.grabClaimTtlMs);
}

/**
 * Adds the award of a window's winner. The unit must already have left the draw: this only says where it goes. A
 * claim time to live of null posts it at once.
 */
export function createAward(
  state: ShardState,
  pool: PoolState,
  won: Pick<AwardState, "id" | "draw" | "window" | "userKey" | "user" | "atMs">,
  claimTtlMs: number | null,
): void {
  const award: AwardState = {
    id: won.id,
    pool: pool.parameters.pool,
    draw: won.draw,
    window: won.window,
    userKey: won.userKey,
    user: won.user,
    requestId: null,
    atMs: won.atMs,
    ...bornAt(won.atMs, claimTtlMs),
    olderOfUser: state.newestAwardOfUser.get(won.user) ?? null,
  };
  assertCap(pool, won.user);
  assert(awardOf(state, award.id) === undefined, "AW1: an award is made once", award.id);
  state.awards.set(award.id, award);
  state.awardCount += 1;
  state.newestAwardOfUser.set(award.user, award);
  if (pool.parameters.capPerUser !== null) pool.won.set(won.user, (pool.won.get(won.user) ?? 0) + 1);
  countBirth(pool, claimTtlMs);
  if (award.claimByMs !== null) addDeadline(state.deadlines, { dueMs: award.claimByMs, awardId: award.id });
}

function countBirth(pool: PoolState, claimTtlMs: number | null): void {
  if (claimTtlMs === null) {
    pool.posted += 1;
    return;
  }
  pool.held += 1;
  pool.openAwards += 1;
}

/** The award to change: a grant's row becomes a state of its own the first time (AW1). */
function awardToMove(state: ShardState, id: AwardId): AwardState {
  const known = state.awards.get(id);
  if (known !== undefined) return known;
  const award = awardOf(state, id);
  assert(award !== undefined, "AW1: no such award", id);
  state.awards.set(id, award);
  const pool = state.pools.get(award.pool);
  if (pool !== undefined) markMoved(pool.grants, grantOfAwardId(id).number);
  return award;
}

const STEPS: Readonly<Record<AwardStanding, readonly AwardStanding[]>> = {
  // held to held is an extension (AW5).
  held: ["committing", "posted", "expired", "forfeited", "held"],
  committing: ["posted", "held"],
  posted: [],
  expired: [],
  forfeited: [],
};

/** Moves an award one step; the step itself is a fact, so a wrong one is a bug (AW1). Returns its pool. */
export function moveAward(state: ShardState, event: AwardMoved): PoolState {
  const award = awardToMove(state, event.awardId);
  const pool = state.pools.get(award.pool);
  assert(pool !== undefined, "AW1: an award without a pool", event.awardId);
  assert(STEPS[award.standing].includes(event.to), "AW1: no such step", `${award.standing} to ${event.to}`);
  if (event.to === "held") holdAgain(award, event);
  if (event.to === "expired") {
    assert(award.claimByMs !== null && event.atMs >= award.claimByMs, "AW4: expired too early", award.id);
  }
  award.standing = event.to;
  if (event.orderId !== null) award.orderId = event.orderId;
  award.reason = event.reason;
  if (event.to === "posted" || event.to === "expired" || event.to === "forfeited") {
    award.claimByMs = null;
    pool.held -= 1;
    pool.openAwards -= 1;
    if (event.to === "posted") pool.posted += 1;
    else pool.free += 1;
  } else if (event.to === "held" && award.claimByMs !== null) {
    addDeadline(state.deadlines, { dueMs: award.claimByMs, awardId: award.id });
  }
  trimDeadlines(state.deadlines, (deadline) => isLiveDeadline(state, deadline));
  return pool;
}

// A release or an extension: the deadline never comes nearer (AW3, AW5).
function holdAgain(award: AwardState, event: AwardMoved): void {
  const before = award.claimByMs;
  assert(event.claimByMs !== null && before !== null, "AW1: held without a deadline", award.id);
  assert(event.claimByMs >= before, "AW5: a deadline never comes nearer", award.id);
  if (award.standing === "held") {
    assert(!award.extended && event.claimByMs > before, "AW5: extended once, forward", award.id);
    award.extended = true;
  }
  award.claimByMs = event.claimByMs;
}
