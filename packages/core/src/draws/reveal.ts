// Drawing a sealed window with its beacon (DR14, DR15), and stopping a draw (DR13).

import { fromHex, hashJson, isHex, toHex } from "../bytes/mod.ts";
import type { Answer, Command, Context } from "../commands.ts";
import type { StopRecord, WindowDrawn } from "../events.ts";
import { assert } from "../invariant.ts";
import { DONE, type Push, refuse } from "../state/answers.ts";
import type { ShardState } from "../state/shard-state.ts";
import { keptReason } from "../state/text.ts";
import { unitsToDraw } from "./apply.ts";
import { windowAt } from "./grid.ts";
import { winnersOf } from "./lottery.ts";
import { gridOf, windowsOf } from "./windows.ts";

type Reveal = Extract<Command, { type: "draw.reveal" }>;

/** Draws the oldest sealed window; the beacon's own signature was verified before the command was made (DR15). */
export function decideDrawReveal(state: ShardState, command: Reveal, context: Context, push: Push): Answer {
  const { window, round, randomness, signature } = command;
  const draw = state.draws.get(command.draw);
  if (draw === undefined) return refuse("draw.unknown");
  if (draw.arm === null) return refuse("draw.not_armed");
  const wrong = wrongBeacon(command, draw.arm.record.firstRound, context);
  if (wrong !== null) return refuse("draw.bad_beacon", { field: wrong });
  const drawn = draw.drawn.find((one) => one.window === window);
  if (drawn !== undefined) {
    assert(drawn.signature === signature, "DR15: another beacon for a drawn window", command.draw);
    return { ok: true, type: "drawn", winners: drawn.winners.length };
  }
  const sealed = draw.sealed.find((one) => one.header.window === window);
  if (sealed === undefined) return refuse("draw.not_sealed");
  if (sealed !== draw.sealed[0]) {
    return refuse("draw.out_of_order", { detail: { window: draw.sealed[0]?.header.window ?? null } });
  }
  const units = unitsToDraw(draw, sealed);
  const candidates = sealed.entrants.filter((entrant) => entrant.wins < draw.rules.capPerUser);
  const { sealHash } = sealed;
  const winners = winnersOf({ sealHash, randomness, units, candidates }, context.sha256);
  const event: WindowDrawn = {
    type: "window.drawn",
    atMs: context.nowMs,
    draw: command.draw,
    window,
    round,
    randomness,
    signature,
    units,
    winners,
  };
  push(event);
  return { ok: true, type: "drawn", winners: winners.length };
}

function wrongBeacon(command: Reveal, firstRound: number, context: Context): string | null {
  const { window, round, randomness, signature } = command;
  if (!Number.isSafeInteger(window) || window < 0) return "window";
  if (round !== firstRound + window) return "round";
  if (signature.length === 0 || !isHex(signature, signature.length / 2)) return "signature";
  return randomness === toHex(context.sha256(fromHex(signature))) ? null : "randomness";
}

/** Stops a draw behind the window that is open now; before the opening, at once (DR13). */
export function decideDrawStop(
  state: ShardState,
  command: Extract<Command, { type: "draw.stop" }>,
  context: Context,
  push: Push,
): Answer {
  const draw = state.draws.get(command.draw);
  if (draw === undefined) return refuse("draw.unknown");
  if (draw.arm === null || draw.chainHead === null) return refuse("draw.not_armed");
  const reason = keptReason(command.reason);
  if (draw.stop?.record.reason === reason) return DONE;
  if (draw.stop !== null || draw.closed !== null) return refuse("draw.closed");
  const open = windowAt(gridOf(draw), context.nowMs);
  if (open >= windowsOf(draw)) return refuse("draw.closed");
  const record: StopRecord = {
    version: "wanhui/stop/1",
    draw: command.draw,
    fromWindow: open + 1,
    armHash: draw.arm.armHash,
    previousHash: draw.chainHead,
    atMs: context.nowMs,
    reason,
  };
  push({ type: "draw.stopped", atMs: context.nowMs, record, hash: hashJson(record, context.sha256) });
  return DONE;
}
