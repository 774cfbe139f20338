// Commands on awards: commit, release, post, forfeit, extend (AW1-AW5). Each answers a repetition as the first time.

import type { Answer, Command, Context } from "../commands.ts";
import type { AwardMoved } from "../events.ts";
import { assert } from "../invariant.ts";
import { DONE, type Push, refuse } from "../state/answers.ts";
import type { AwardState, ShardState } from "../state/shard-state.ts";
import { assertOrderId, keptReason } from "../state/text.ts";
import { poolOf } from "./apply.ts";
import { awardOf } from "./awards.ts";
import { serveLine } from "./grab.ts";

/** A released award can be claimed for at least this long again (AW3). */
export const RELEASE_GRACE_MS = 600_000;

export type AwardCommand = Extract<Command, { awardId: unknown }>;

export function decideAward(state: ShardState, command: AwardCommand, context: Context, push: Push): Answer {
  const award = awardOf(state, command.awardId);
  if (award === undefined) return refuse("award.unknown");
  switch (command.type) {
    case "award.commit":
      return commit(award, command.orderId, context, push);
    case "award.release":
      return release(award, command.orderId, context, push);
    case "award.post":
      return post(award, command.orderId, context, push);
    case "award.forfeit":
      return forfeit(state, award, command.reason, context, push);
    case "award.extend":
      return extend(award, command.claimByMs, context, push);
  }
}

function moved(
  award: AwardState,
  context: Context,
  move: Pick<AwardMoved, "to"> & Partial<Pick<AwardMoved, "orderId" | "claimByMs" | "reason">>,
): AwardMoved {
  return {
    type: "award.moved",
    atMs: context.nowMs,
    awardId: award.id,
    to: move.to,
    orderId: move.orderId ?? null,
    claimByMs: move.claimByMs ?? null,
    reason: move.reason ?? null,
  };
}

function wrongState(award: AwardState): Answer {
  return refuse("award.wrong_state", { detail: { state: award.standing } });
}

function committedElsewhere(award: AwardState): Answer {
  return refuse("award.committed_elsewhere", { detail: { orderId: award.orderId } });
}

function commit(award: AwardState, orderId: string, context: Context, push: Push): Answer {
  assertOrderId(orderId);
  if (award.standing === "committing" || (award.standing === "posted" && award.orderId !== null)) {
    return award.orderId === orderId ? DONE : committedElsewhere(award);
  }
  if (award.standing !== "held") return wrongState(award);
  push(moved(award, context, { to: "committing", orderId }));
  return DONE;
}

function release(award: AwardState, orderId: string, context: Context, push: Push): Answer {
  if (award.standing === "held" && award.orderId === orderId) return DONE;
  if (award.standing !== "committing") return wrongState(award);
  if (award.orderId !== orderId) return committedElsewhere(award);
  assert(award.claimByMs !== null, "AW3: committing without a deadline", award.id);
  const claimByMs = Math.max(award.claimByMs, context.nowMs + RELEASE_GRACE_MS);
  push(moved(award, context, { to: "held", orderId, claimByMs }));
  return DONE;
}

function post(award: AwardState, orderId: string | null, context: Context, push: Push): Answer {
  const { standing } = award;
  if (standing === "posted") {
    if (award.orderId === orderId) return DONE;
    return award.orderId === null ? wrongState(award) : committedElsewhere(award);
  }
  if (standing === "committing" && award.orderId !== orderId) {
    return orderId === null ? wrongState(award) : committedElsewhere(award);
  }
  if (standing !== "committing" && !(standing === "held" && orderId === null)) return wrongState(award);
  push(moved(award, context, { to: "posted", orderId }));
  return DONE;
}

function forfeit(state: ShardState, award: AwardState, given: string, context: Context, push: Push): Answer {
  const reason = keptReason(given);
  if (award.standing === "forfeited" && award.reason === reason) return DONE;
  if (award.standing !== "held") return wrongState(award);
  push(moved(award, context, { to: "forfeited", reason }));
  serveLine(poolOf(state, award.pool), 1, { context, push, served: new Map() });
  return DONE;
}

function extend(award: AwardState, claimByMs: number, context: Context, push: Push): Answer {
  if (award.standing !== "held") return wrongState(award);
  assert(award.claimByMs !== null, "AW5: held without a deadline", award.id);
  if (award.extended && award.claimByMs === claimByMs) return DONE;
  const isTime = Number.isSafeInteger(claimByMs) && claimByMs < 2 ** 48;
  if (award.extended || !isTime || claimByMs <= award.claimByMs) {
    return refuse("award.bad_deadline", { detail: { claimByMs: award.claimByMs } });
  }
  push(moved(award, context, { to: "held", claimByMs }));
  return DONE;
}
