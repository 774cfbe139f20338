// Planning and arming a draw (DR1-DR5), or giving it up before (DR20).

import { canonicalText, hashJson } from "../bytes/mod.ts";
import { beaconShape, rulesShape } from "../codec/shapes.ts";
import type { Answer, Command, Context } from "../commands.ts";
import type { ArmRecord, DrawRules } from "../events.ts";
import { serveLine } from "../pools/grab.ts";
import { DONE, type Push, refuse } from "../state/answers.ts";
import type { DrawState, PoolState, ShardState } from "../state/shard-state.ts";
import { keptReason } from "../state/text.ts";
import { newestRoundOf } from "./beacon.ts";
import { ARM_LEAD_MS, FIRST_WINDOW_MS_MAX, windowTimes } from "./grid.ts";

/** Most windows of one draw: more than 24 hours of a 3 s grid; a longer draw is two draws. */
export const WINDOWS_MAX = 30_000;
const TITLE_LENGTH_MAX = 500;

export function decideDrawPlan(
  state: ShardState,
  command: Extract<Command, { type: "draw.plan" }>,
  context: Context,
  push: Push,
): Answer {
  const { rules } = command;
  const wrong = wrongField(rules);
  if (wrong !== null) return refuse("draw.bad_rules", { field: wrong });
  if (!state.pools.has(rules.pool)) return refuse("pool.unknown", { field: "pool" });
  const rulesHash = hashJson(rules, context.sha256);
  const existing = state.draws.get(rules.draw);
  if (existing !== undefined) return existing.rulesHash === rulesHash ? DONE : refuse("draw.conflict");
  push({ type: "draw.planned", atMs: context.nowMs, rules, rulesHash });
  return DONE;
}

function wrongField(rules: DrawRules): string | null {
  const wrong = rulesShape(rules);
  if (wrong !== null) return wrong;
  if (rules.title.length === 0 || rules.title.length > TITLE_LENGTH_MAX) return "title";
  if (rules.firstWindowMs < 1 || rules.firstWindowMs > FIRST_WINDOW_MS_MAX) return "firstWindowMs";
  if (rules.schedule.length > WINDOWS_MAX) return "schedule";
  if (rules.leftoversTo === rules.draw) return "leftoversTo";
  return null;
}

export function decideDrawArm(
  state: ShardState,
  command: Extract<Command, { type: "draw.arm" }>,
  context: Context,
  push: Push,
): Answer {
  const draw = state.draws.get(command.draw);
  if (draw === undefined) return refuse("draw.unknown");
  const pool = state.pools.get(draw.rules.pool);
  if (pool === undefined) return refuse("pool.unknown");
  if (draw.arm !== null) {
    const { record, armHash } = draw.arm;
    const isSame =
      record.opensAtMs === command.opensAtMs &&
      record.firstRound === command.firstRound &&
      beaconShape(command.beacon) === null &&
      canonicalText(record.beacon) === canonicalText(command.beacon);
    return isSame ? { ok: true, type: "armed", record, armHash } : refuse("draw.already_armed");
  }
  if (draw.cancelled !== null) return refuse("draw.cancelled");
  const refusal = whyNotArmed(draw, pool, command, context);
  if (refusal !== null) return refusal;
  const promised = pool.promised.get(command.draw) ?? 0;
  const { chainHash, publicKey, scheme, genesisMs, periodMs } = command.beacon;
  const record: ArmRecord = {
    version: "wanhui/arm/1",
    draw: command.draw,
    rulesHash: draw.rulesHash,
    armedAtMs: context.nowMs,
    opensAtMs: command.opensAtMs,
    beacon: { chainHash, publicKey, scheme, genesisMs, periodMs },
    firstRound: command.firstRound,
    schedule: draw.rules.schedule.map((units, window) => (window === 0 ? units + promised : units)),
  };
  const armHash = hashJson(record, context.sha256);
  push({ type: "draw.armed", atMs: context.nowMs, record, armHash });
  return { ok: true, type: "armed", record, armHash };
}

/**
 * Gives up a draw that was never armed: it cannot be armed any more, and what earlier draws left to it goes back to
 * the pool, to its line first (DR20). Asked again it is the same answer.
 */
export function decideDrawCancel(
  state: ShardState,
  command: Extract<Command, { type: "draw.cancel" }>,
  context: Context,
  push: Push,
): Answer {
  const draw = state.draws.get(command.draw);
  if (draw === undefined) return refuse("draw.unknown");
  if (draw.cancelled !== null) return DONE;
  if (draw.arm !== null) return refuse("draw.already_armed");
  const pool = state.pools.get(draw.rules.pool);
  if (pool === undefined) return refuse("pool.unknown");
  const reason = keptReason(command.reason);
  push({ type: "draw.cancelled", atMs: context.nowMs, draw: command.draw, reason });
  const promised = pool.promised.get(command.draw) ?? 0;
  if (promised > 0) serveLine(pool, promised, { context, push, served: new Map() });
  return DONE;
}

function whyNotArmed(
  draw: DrawState,
  pool: PoolState,
  command: Extract<Command, { type: "draw.arm" }>,
  context: Context,
): Answer | null {
  const { schedule, firstWindowMs } = draw.rules;
  if (schedule.length === 0) return refuse("draw.no_window", { field: "schedule" });
  const total = schedule.reduce((sum, units) => sum + units, 0);
  if (schedule.some((units) => units < 0) || !Number.isSafeInteger(total)) {
    return refuse("draw.bad_schedule", { field: "schedule" });
  }
  if (pool.liveDraw !== null) return refuse("draw.pool_busy", { detail: { draw: pool.liveDraw.rules.draw } });
  const promised = pool.promised.get(command.draw) ?? 0;
  if (total > pool.free || total + promised === 0) {
    return refuse("draw.insufficient_units", { detail: { asked: total, free: pool.free, promised } });
  }
  const { beacon, firstRound, opensAtMs } = command;
  const wrong = beaconShape(beacon);
  if (wrong !== null) return refuse("draw.bad_beacon", { field: `beacon.${wrong}` });
  const isRound = Number.isSafeInteger(firstRound) && firstRound >= 1;
  const grid = { chain: beacon, firstRound, firstWindowMs };
  if (!isRound || windowTimes(grid, 0).opensAtMs !== opensAtMs) {
    return refuse("draw.off_grid", { field: isRound ? "opensAtMs" : "firstRound" });
  }
  const isLate = opensAtMs - context.nowMs < ARM_LEAD_MS || newestRoundOf(context, beacon) >= firstRound;
  return isLate ? refuse("draw.arm_too_late", { detail: { opensAtMs } }) : null;
}
