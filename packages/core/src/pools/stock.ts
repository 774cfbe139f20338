// Making pools and changing how many units they have (PL1-PL3).

import { grantTagOf } from "../bytes/mod.ts";
import { isRecordOf } from "../codec/checks.ts";
import { poolParameterFields } from "../codec/shapes.ts";
import type { Answer, Command, Context } from "../commands.ts";
import { DONE, type Push, refuse } from "../state/answers.ts";
import type { ShardState } from "../state/shard-state.ts";
import { isOutsideId } from "../state/text.ts";
import { serveLine } from "./grab.ts";

const parametersShape = isRecordOf(poolParameterFields);

export function decidePoolCreate(
  state: ShardState,
  command: Extract<Command, { type: "pool.create" }>,
  context: Context,
  push: Push,
): Answer {
  const { type: _, ...parameters } = command;
  const wrong = parametersShape(parameters);
  if (wrong !== null) return refuse("pool.bad_parameters", { field: wrong });
  const existing = state.pools.get(command.pool)?.parameters;
  if (existing === undefined) {
    const grantTag = grantTagOf(command.pool, context.sha256);
    // Two names with one tag of 80 bits: nobody meets that by chance.
    if (state.poolsByTag.has(grantTag)) return refuse("pool.conflict");
    push({ type: "pool.created", atMs: context.nowMs, grantTag, ...parameters });
    return DONE;
  }
  const isSame =
    existing.units === command.units &&
    existing.capPerUser === command.capPerUser &&
    existing.grabClaimTtlMs === command.grabClaimTtlMs;
  return isSame ? DONE : refuse("pool.conflict");
}

export function decidePoolChange(
  state: ShardState,
  command: Extract<Command, { type: "pool.change" }>,
  context: Context,
  push: Push,
): Answer {
  const { pool: id, delta, commandId } = command;
  const pool = state.pools.get(id);
  if (pool === undefined) return refuse("pool.unknown");
  const before = pool.changes.get(commandId);
  if (before !== undefined) return before === delta ? DONE : refuse("request.conflict", { field: "delta" });
  if (!isOutsideId(commandId)) return refuse("pool.bad_parameters", { field: "commandId" });
  if (!Number.isSafeInteger(delta) || delta === 0 || !Number.isSafeInteger(pool.units + delta)) {
    return refuse("pool.bad_parameters", { field: "delta" });
  }
  if (delta < 0 && -delta > pool.free) return refuse("pool.insufficient", { detail: { free: pool.free } });
  push({ type: "pool.changed", atMs: context.nowMs, pool: id, delta, commandId });
  if (delta > 0) serveLine(pool, delta, { context, push, served: new Map() });
  return DONE;
}
