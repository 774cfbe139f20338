// What apply() does to pools. Events are facts: whatever does not fit is a bug and throws.

import { createGrantIds } from "../bytes/mod.ts";
import type { GrabOpened, GrabWaiting, Granted, PoolChanged, PoolCreated } from "../events.ts";
import type { PoolId } from "../ids.ts";
import { assert } from "../invariant.ts";
import { createGrants } from "../state/grants.ts";
import { createLine, joinLine, leaveLine, lineLength, placeInLine } from "../state/line.ts";
import type { PoolState, ShardState } from "../state/shard-state.ts";
import { createGrant } from "./awards.ts";
import { assertBalance } from "./balance.ts";

export function poolOf(state: ShardState, id: PoolId): PoolState {
  const pool = state.pools.get(id);
  assert(pool !== undefined, "PL2: no such pool", id);
  return pool;
}

export function applyPoolCreated(state: ShardState, event: PoolCreated): void {
  assert(!state.pools.has(event.pool), "PL2: a pool is made once", event.pool);
  assert(!state.poolsByTag.has(event.grantTag), "BY6: two pools with one tag", event.pool);
  const { pool: id, grantTag: tag, units, capPerUser, grabClaimTtlMs } = event;
  const pool: PoolState = {
    parameters: { pool: id, units, capPerUser, grabClaimTtlMs },
    units,
    free: units,
    held: 0,
    posted: 0,
    withdrawn: 0,
    openAwards: 0,
    heldByDraw: 0,
    promised: new Map(),
    liveDraw: null,
    grab: null,
    line: createLine(),
    tag,
    grantIdOf: createGrantIds(tag),
    grants: createGrants(capPerUser),
    won: new Map(),
    changes: new Map(),
  };
  state.pools.set(id, pool);
  state.poolsByTag.set(tag, pool);
  assertBalance(pool);
}

export function applyPoolChanged(state: ShardState, event: PoolChanged): void {
  const pool = poolOf(state, event.pool);
  assert(!pool.changes.has(event.commandId), "PL3: once per command", event.commandId);
  pool.changes.set(event.commandId, event.delta);
  pool.free += event.delta;
  if (event.delta > 0) pool.units += event.delta;
  else pool.withdrawn -= event.delta;
  assertBalance(pool);
}

export function applyGrabOpened(state: ShardState, event: GrabOpened): void {
  const pool = poolOf(state, event.pool);
  assert(event.opensAtMs < event.closesAtMs, "GR1: closes before it opens", event.pool);
  assert(pool.grab === null || pool.grab.closesAtMs <= event.opensAtMs, "GR1: two grabs at once", event.pool);
  pool.grab = { opensAtMs: event.opensAtMs, closesAtMs: event.closesAtMs };
}

export function applyGranted(state: ShardState, event: Granted): void {
  const pool = poolOf(state, event.pool);
  assert(pool.free > 0, "GR4: granted more than is free", event.pool);
  if (lineLength(pool.line) > 0) leaveLine(pool.line, event.user, event.requestId);
  else
    assert(pool.grab !== null && event.atMs < pool.grab.closesAtMs, "GR1: granted while closed", event.pool);
  pool.free -= 1;
  createGrant(state, pool, event);
  assertBalance(pool);
}

export function applyGrabWaiting(state: ShardState, event: GrabWaiting): void {
  const pool = poolOf(state, event.pool);
  assert(pool.free === 0, "GR4: waits although a unit is free", event.pool);
  assert(placeInLine(pool.line, event.user) === 0, "GR5: one place per user", event.user);
  joinLine(pool.line, event.user, event.requestId);
}
