// A change of a pool that was sent and not answered: kept until its answer is known, also over a reload, so that
// asking again carries the same id and happens once (PL3).

import { forget, recall, remember } from "../shared/memory.ts";

/** A restock (positive) or withdrawal (negative), as it was sent. */
export type PoolChange = { readonly delta: number; readonly reason: string; readonly commandId: string };

const keyOf = (pool: string) => `wanhui.pool-change.${pool}`;

/** The unanswered change of a pool, or null. */
export function pendingChange(pool: string): PoolChange | null {
  return recall<PoolChange>(keyOf(pool), "sessionStorage");
}

/** Keeps a change while its answer is out. */
export function keepPending(pool: string, change: PoolChange): void {
  remember(keyOf(pool), change, "sessionStorage");
}

/** Forgets it: it was answered, or given up. */
export function dropPending(pool: string): void {
  forget(keyOf(pool), "sessionStorage");
}
