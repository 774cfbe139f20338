// Which held awards run out of time next: of draws and of grabs that have moved by a heap, of untouched grabs in
// the order they were granted, since all of a pool's wait equally long (AW4).

import { before, type Deadline, dueDeadlines, nextDeadlineMs } from "../state/deadlines.ts";
import { grantTimeMs, hasMoved } from "../state/grants.ts";
import type { PoolState, ShardState } from "../state/shard-state.ts";
import { isLiveDeadline } from "./awards.ts";

/** The earliest deadline of a held award, null when none waits. */
export function nextExpiryMs(state: ShardState): number | null {
  let next = nextDeadlineMs(state.deadlines);
  for (const pool of state.pools.values()) {
    const dueMs = grantDueMs(pool, pool.grants.nextHeld);
    if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
  }
  return next;
}

/** The first `limit` deadlines at or before `nowMs`, earlier first. */
export function dueExpiries(state: ShardState, nowMs: number, limit: number): readonly Deadline[] {
  const isLive = (deadline: Deadline) => isLiveDeadline(state, deadline);
  const due = dueDeadlines(state.deadlines, { nowMs, limit, isLive });
  for (const pool of state.pools.values()) dueGrants(pool, { nowMs, limit, due });
  return due.sort((left, right) => (before(left, right) ? -1 : 1)).slice(0, limit);
}

function dueGrants(
  pool: PoolState,
  { nowMs, limit, due }: { readonly nowMs: number; readonly limit: number; readonly due: Deadline[] },
): void {
  let found = 0;
  for (let row = pool.grants.nextHeld; found < limit; row++) {
    const dueMs = grantDueMs(pool, row);
    if (dueMs === null || dueMs > nowMs) return;
    if (hasMoved(pool.grants, row)) continue;
    due.push({ dueMs, awardId: pool.grantIdOf(row) });
    found += 1;
  }
}

function grantDueMs(pool: PoolState, row: number): number | null {
  const ttlMs = pool.parameters.grabClaimTtlMs;
  return ttlMs === null || row >= pool.grants.count ? null : grantTimeMs(pool.grants, row) + ttlMs;
}
