// What time alone brings about: seals, gaps, closes, expiries. All of it becomes events; replay reads no clock (AW4).

import type { Answer, Command, Context } from "../commands.ts";
import { decideClose, decideDueWindows, drawDueMs } from "../draws/seal.ts";
import { isReadyToClose } from "../draws/windows.ts";
import { poolOf } from "../pools/apply.ts";
import { awardOf } from "../pools/awards.ts";
import { dueExpiries, nextExpiryMs } from "../pools/expiry.ts";
import { type ServedPlaces, serveLine } from "../pools/grab.ts";
import { DONE, type Push } from "../state/answers.ts";
import type { ShardState } from "../state/shard-state.ts";

/** Most awards that expire in one tick: a batch stays small and the next tick is due at once. */
export const EXPIRIES_PER_TICK_MAX = 1024;

/** The earliest time `tick` has something to do; a time already past means now, null never (as things stand). */
export function nextDueMs(state: ShardState): number | null {
  let next = nextExpiryMs(state);
  for (const draw of state.liveDraws) {
    const dueMs = drawDueMs(draw);
    if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
  }
  return next;
}

export function decideTick(
  state: ShardState,
  command: Extract<Command, { type: "tick" }>,
  context: Context,
  push: Push,
): Answer {
  const served: ServedPlaces = new Map();
  for (const draw of state.liveDraws) {
    if (isReadyToClose(draw)) {
      const freed = decideClose(state, draw, context, push);
      serveLine(poolOf(state, draw.rules.pool), freed, { context, push, served });
    } else decideDueWindows(draw, context, command.taps.get(draw.rules.draw) ?? 0, push);
  }
  for (const { awardId } of dueExpiries(state, context.nowMs, EXPIRIES_PER_TICK_MAX)) {
    const award = awardOf(state, awardId);
    if (award === undefined) continue;
    push({
      type: "award.moved",
      atMs: context.nowMs,
      awardId,
      to: "expired",
      orderId: null,
      claimByMs: null,
      reason: null,
    });
    serveLine(poolOf(state, award.pool), 1, { context, push, served });
  }
  return DONE;
}
