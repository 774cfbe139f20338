// What apply() does to awards: a unit won, from its birth to its end (AW1).

import type { AwardMoved } from "../events.ts";
import { assert } from "../invariant.ts";
import { addDeadline, type Deadline, trimDeadlines } from "../state/deadlines.ts";
import type { AwardStanding, AwardState, PoolState, ShardState } from "../state/shard-state.ts";
import { countTaken } from "./balance.ts";

/** A deadline counts while its award is held with exactly it; a committing award cannot expire by time (AW2). */
export function isLiveDeadline(state: ShardState, deadline: Deadline): boolean {
  const award = state.awards.get(deadline.awardId);
  return award !== undefined && award.standing === "held" && award.claimByMs === deadline.dueMs;
}

/**
 * Adds an award. A claim time to live of null posts it at once (GR6). The unit must already have left free or
 * the draw: this only says where it goes.
 */
export function createAward(
  state: ShardState,
  pool: PoolState,
  won: Pick<AwardState, "id" | "draw" | "window" | "userKey" | "user" | "requestId" | "atMs">,
  claimTtlMs: number | null,
): void {
  const award: AwardState = {
    id: won.id,
    pool: pool.parameters.pool,
    draw: won.draw,
    window: won.window,
    userKey: won.userKey,
    user: won.user,
    requestId: won.requestId,
    atMs: won.atMs,
    standing: claimTtlMs === null ? "posted" : "held",
    claimByMs: claimTtlMs === null ? null : won.atMs + claimTtlMs,
    orderId: null,
    extended: false,
    reason: null,
    olderOfUser: state.newestAwardOfUser.get(won.user) ?? null,
  };
  const count = state.awards.size;
  state.awards.set(award.id, award);
  assert(state.awards.size === count + 1, "AW1: an award is made once", award.id);
  state.newestAwardOfUser.set(award.user, award);
  countTaken(pool, award.user);
  if (award.claimByMs === null) {
    pool.posted += 1;
    return;
  }
  pool.held += 1;
  pool.openAwards += 1;
  addDeadline(state.deadlines, { dueMs: award.claimByMs, awardId: award.id });
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
  const award = state.awards.get(event.awardId);
  assert(award !== undefined, "AW1: no such award", event.awardId);
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
