// Grabs: a pool handed out first come, first served (GR1-GR6).

import type { Answer, Command, Context } from "../commands.ts";
import type { PoolId } from "../ids.ts";
import { assert } from "../invariant.ts";
import { DONE, type Push, refuse } from "../state/answers.ts";
import { findGrant, grantTimeMs } from "../state/grants.ts";
import { LINE_LENGTH_MAX, lineLength, placeInLine, waitingAt, waitingRequest } from "../state/line.ts";
import type { PoolState, ShardState } from "../state/shard-state.ts";
import { exposureOf } from "./balance.ts";

/** How long after the close a retry still gets its grant's answer (GR3). */
export const GRAB_MEMORY_MS = 24 * 3_600_000;

type Take = Extract<Command, { type: "grab.take" }>;

export function decideGrabOpen(
  state: ShardState,
  command: Extract<Command, { type: "grab.open" }>,
  context: Context,
  push: Push,
): Answer {
  const { pool: id, opensAtMs, closesAtMs } = command;
  const pool = state.pools.get(id);
  if (pool === undefined) return refuse("pool.unknown");
  const grab = pool.grab;
  if (grab !== null && grab.opensAtMs === opensAtMs && grab.closesAtMs === closesAtMs) return DONE;
  const isTime = Number.isSafeInteger(opensAtMs) && Number.isSafeInteger(closesAtMs) && opensAtMs >= 0;
  if (!isTime || closesAtMs >= 2 ** 48) return refuse("grab.bad_schedule", { field: "opensAtMs" });
  if (closesAtMs <= opensAtMs || closesAtMs <= context.nowMs) {
    return refuse("grab.bad_schedule", { field: "closesAtMs" });
  }
  if (grab !== null && opensAtMs < grab.closesAtMs) {
    return refuse("grab.bad_schedule", { field: "opensAtMs", detail: { closesAtMs: grab.closesAtMs } });
  }
  if (grab !== null && context.nowMs < grab.closesAtMs) {
    return refuse("grab.bad_schedule", { field: "opensAtMs", detail: { closesAtMs: grab.closesAtMs } });
  }
  push({ type: "grab.opened", atMs: context.nowMs, pool: id, opensAtMs, closesAtMs });
  return DONE;
}

/** Decides one grab. Order of checks: known request, open, cap, stock; at most one event, pushed last (GR2). */
export function decideGrabTake(state: ShardState, command: Take, context: Context, push: Push): Answer {
  const { user } = command;
  const { nowMs } = context;
  const pool = state.pools.get(command.pool);
  if (pool === undefined) return refuse("pool.unknown");
  const grab = pool.grab;
  if (grab === null) return refuse("grab.not_open");
  const known = knownAnswer(pool, command, nowMs);
  if (known !== null) return known;
  if (nowMs < grab.opensAtMs) return refuse("grab.not_open", { detail: { opensAtMs: grab.opensAtMs } });
  if (nowMs >= grab.closesAtMs) return refuse("grab.closed");
  if (command.quantity !== 1) return refuse("pool.bad_parameters", { field: "quantity" });
  const place = placeInLine(pool.line, user);
  if (place > 0) return stillWaiting(pool, place);
  const cap = pool.parameters.capPerUser;
  if (cap !== null && exposureOf(pool, user, cap) >= cap)
    return refuse("grab.cap_reached", { detail: { cap } });
  return takeUnit(pool, command, nowMs, push);
}

// A unit, a place in line, or the truth that there is neither (GR4).
function takeUnit(pool: PoolState, command: Take, nowMs: number, push: Push): Answer {
  const { pool: id, user, requestId } = command;
  const waiting = lineLength(pool.line);
  if (pool.free > 0) {
    assert(waiting === 0, "GR5: a unit is free while somebody waits", id);
    const number = pool.grants.count;
    const awardId = pool.grantIdOf(number);
    push({ type: "granted", atMs: nowMs, pool: id, number, awardId, user, requestId });
    return { ok: true, type: "granted", awardId, grantedAtMs: nowMs };
  }
  if (pool.held === 0) return refuse("pool.sold_out");
  if (waiting >= LINE_LENGTH_MAX) return refuse("grab.line_full");
  push({ type: "grab.waiting", atMs: nowMs, pool: id, user, requestId });
  return { ok: true, type: "waiting", place: waiting + 1 };
}

function knownAnswer(pool: PoolState, command: Take, nowMs: number): Answer | null {
  const number = findGrant(pool.grants, command.user, command.requestId);
  if (number >= 0) {
    if (pool.grab !== null && nowMs >= pool.grab.closesAtMs + GRAB_MEMORY_MS) return null;
    if (command.quantity !== 1) return refuse("request.conflict", { field: "quantity" });
    const grantedAtMs = grantTimeMs(pool.grants, number);
    return { ok: true, type: "granted", awardId: pool.grantIdOf(number), grantedAtMs };
  }
  if (waitingRequest(pool.line, command.user) !== command.requestId) return null;
  if (command.quantity !== 1) return refuse("request.conflict", { field: "quantity" });
  return stillWaiting(pool, placeInLine(pool.line, command.user));
}

/** In line while a unit may come back; with none held he is told that it is over, and keeps his place (GR4, GR5). */
function stillWaiting(pool: PoolState, place: number): Answer {
  if (pool.held === 0) return refuse("pool.sold_out", { detail: { place } });
  return { ok: true, type: "waiting", place };
}

/** Places of each line that a decision has served already, in events not applied yet. */
export type ServedPlaces = Map<PoolId, number>;

/**
 * Gives `units` that have just come back to the head of the pool's line, in the batch that freed them; what the
 * line does not take stays free (GR5).
 */
export function serveLine(
  pool: PoolState,
  units: number,
  input: { readonly context: Context; readonly push: Push; readonly served: ServedPlaces },
): void {
  const { context, push, served } = input;
  const id = pool.parameters.pool;
  let place = served.get(id) ?? 0;
  const end = Math.min(place + units, lineLength(pool.line));
  for (; place < end; place++) {
    const { user, requestId } = waitingAt(pool.line, place);
    const number = pool.grants.count + place;
    const awardId = pool.grantIdOf(number);
    push({ type: "granted", atMs: context.nowMs, pool: id, number, awardId, user, requestId });
  }
  served.set(id, end);
}
