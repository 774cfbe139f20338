// The pool's arithmetic, asserted after every event that touches it (PL1).

import type { UserId } from "../ids.ts";
import { assert } from "../invariant.ts";
import { grantsOfUser } from "../state/grants.ts";
import { placeInLine } from "../state/line.ts";
import type { DrawState, Entrant, PoolState } from "../state/shard-state.ts";

/** Throws unless units = free + held + posted + withdrawn, held is all accounted for, and nothing is below zero (PL1). */
export function assertBalance(pool: PoolState): void {
  const id = pool.parameters.pool;
  let promised = 0;
  for (const units of pool.promised.values()) promised += units;
  assert(
    pool.units === pool.free + pool.held + pool.posted + pool.withdrawn,
    "PL1: units = free + held + posted + withdrawn",
    id,
  );
  assert(pool.held === pool.openAwards + pool.heldByDraw + promised, "PL1: held is not accounted for", id);
  const least = Math.min(pool.free, pool.posted, pool.withdrawn, pool.openAwards, pool.heldByDraw, promised);
  assert(least >= 0 && Number.isSafeInteger(pool.units), "PL1: a part is below zero or no integer", id);
  assert(pool.liveDraw !== null || pool.heldByDraw === 0, "DR16: units stranded without a draw", id);
}

/**
 * Units of the pool a user has or may still get without asking again: taken over the pool's life, waited for,
 * and what his undrawn entries can win at most. The cap holds because this never exceeds it (PL6, DR8).
 */
export function exposureOf(pool: PoolState, user: UserId, cap: number): number {
  const waiting = placeInLine(pool.line, user) === 0 ? 0 : 1;
  const draw = pool.liveDraw;
  const chances = draw === null ? 0 : chancesOf(draw, draw.entrants.get(user), 0);
  return takenBy(pool, user, cap) + waiting + chances;
}

/** Units of a pool with a cap that a user has won or grabbed, forfeited and expired ones included (PL6). */
export function takenBy(pool: PoolState, user: UserId, cap: number): number {
  return (pool.won.get(user) ?? 0) + grantsOfUser(pool.grants, user, cap + 1);
}

/** The most units a user's undrawn entries, and `more` further ones, can win in an armed draw (DR14). */
export function chancesOf(draw: DrawState, entrant: Entrant | undefined, more: number): number {
  return Math.min(draw.rules.capPerUser - (entrant?.wins ?? 0), (entrant?.undrawn ?? 0) + more);
}

/** Asserts that one more unit to this user keeps the pool's cap (PL6). */
export function assertCap(pool: PoolState, user: UserId): void {
  const cap = pool.parameters.capPerUser;
  assert(cap === null || takenBy(pool, user, cap) < cap, "PL6: more units than the cap", user);
}
