// One user's tap in an open window (DR6-DR8).

import { isHex } from "../bytes/mod.ts";
import type { Answer, Command, Context } from "../commands.ts";
import { assert } from "../invariant.ts";
import { chancesOf, takenBy } from "../pools/balance.ts";
import { type Push, refuse } from "../state/answers.ts";
import { placeInLine } from "../state/line.ts";
import type { DrawState, Entrant, PoolState, ShardState } from "../state/shard-state.ts";
import { windowAt } from "./grid.ts";
import { gridOf, windowsOf } from "./windows.ts";

type Enter = Extract<Command, { type: "draw.enter" }>;

/** Decides one entry, by the window open in shard time; at most one event, pushed last. */
export function decideDrawEnter(state: ShardState, command: Enter, context: Context, push: Push): Answer {
  const draw = state.draws.get(command.draw);
  if (draw === undefined) return refuse("draw.unknown");
  if (draw.cancelled !== null) return refuse("draw.cancelled");
  if (draw.arm === null) return refuse("draw.not_open");
  if (draw.closed !== null) return refuse("draw.closed");
  const window = windowAt(gridOf(draw), context.nowMs);
  // A stop before the opening leaves no window to wait for.
  if (Math.max(window, 0) >= windowsOf(draw)) return refuse("draw.closed");
  if (window < 0) return refuse("draw.not_open", { detail: { opensAtMs: draw.arm.record.opensAtMs } });
  const { user, userKey } = command;
  const entrant = draw.entrants.get(user);
  const fixedKey = entrant !== undefined && entrant.key !== userKey ? entrant.key : null;
  if (entrant !== undefined && entrant.window === window) {
    return { ok: true, type: "entered", window, fresh: false, fixedKey };
  }
  if (entrant === undefined) {
    assert(isHex(user, 16) && isHex(userKey, 32), "BY1: a user is 16 bytes, a key 32", user);
    if (draw.owners.has(userKey)) return refuse("draw.key_clash");
  }
  const pool = state.pools.get(draw.rules.pool);
  assert(pool !== undefined, "DR1: a draw without a pool", command.draw);
  if (isOverCap(draw, pool, user, entrant)) return refuse("draw.cap_reached");
  push({
    type: "entered",
    atMs: context.nowMs,
    draw: command.draw,
    window,
    userKey: entrant?.key ?? userKey,
    user,
  });
  return { ok: true, type: "entered", window, fresh: true, fixedKey };
}

// Under the root stands nobody who could not win: his own cap of this draw is not used up, and if every undrawn
// entry of his won, the pool's cap would still hold (PL6, DR8).
function isOverCap(
  draw: DrawState,
  pool: PoolState,
  user: Enter["user"],
  entrant: Entrant | undefined,
): boolean {
  if (entrant !== undefined && entrant.wins >= draw.rules.capPerUser) return true;
  const cap = pool.parameters.capPerUser;
  if (cap === null) return false;
  const waiting = placeInLine(pool.line, user) === 0 ? 0 : 1;
  return takenBy(pool, user, cap) + waiting + chancesOf(draw, entrant, 1) > cap;
}
