// What a server may read of a shard: copies and counts, never the state's own objects to change.

import { roundDueMs, windowAt, windowTimes } from "../draws/grid.ts";
import { gridOf, windowsOf } from "../draws/windows.ts";
import type { ArmRecord, DrawRules, PoolParameters, SealHeader, StopRecord, Winner } from "../events.ts";
import type { AwardId, DrawId, Hash, Hex, PoolId, RequestId, UserId, UserKey } from "../ids.ts";
import { awardOf, eachAward } from "../pools/awards.ts";
import { newestRowOf, olderRow } from "../state/grants.ts";
import { lineLength } from "../state/line.ts";
import type { AwardStanding, AwardState, DrawState, PoolState, ShardState } from "../state/shard-state.ts";

export type PoolView = {
  readonly pool: PoolId;
  readonly parameters: PoolParameters;
  readonly units: number;
  readonly free: number;
  /** Open awards + armed draw + promised. */
  readonly held: number;
  readonly posted: number;
  readonly withdrawn: number;
  readonly openAwards: number;
  readonly heldByDraw: number;
  readonly promised: readonly { readonly draw: DrawId; readonly units: number }[];
  readonly liveDraw: DrawId | null;
  readonly grab: { readonly opensAtMs: number; readonly closesAtMs: number } | null;
  readonly waiting: number;
};

function viewOfPool(pool: PoolState): PoolView {
  const { parameters, units, free, held, posted, withdrawn, openAwards, heldByDraw, grab } = pool;
  return {
    pool: parameters.pool,
    parameters,
    units,
    free,
    held,
    posted,
    withdrawn,
    openAwards,
    heldByDraw,
    promised: [...pool.promised].map(([draw, promisedUnits]) => ({ draw, units: promisedUnits })),
    liveDraw: pool.liveDraw?.rules.draw ?? null,
    grab,
    waiting: lineLength(pool.line),
  };
}

/** A pool's numbers now; null when the shard does not have it. */
export function poolView(state: ShardState, pool: PoolId): PoolView | null {
  const found = state.pools.get(pool);
  return found === undefined ? null : viewOfPool(found);
}

/** All pools, in the order they were made. */
export function listPools(state: ShardState): PoolView[] {
  return [...state.pools.values()].map(viewOfPool);
}

/** `closing`: no window takes entries any more, some are still to be sealed or drawn. `stopped`: the same, after a stop. */
export type DrawPhase = "planned" | "cancelled" | "armed" | "open" | "closing" | "stopped" | "closed";

export type WindowView = {
  readonly window: number;
  readonly opensAtMs: number;
  readonly closesAtMs: number;
  readonly drawDueMs: number;
  readonly round: number;
  /** Units its schedule releases; what earlier windows leave unwon comes on top. */
  readonly units: number;
  /** Entries made in it so far. */
  readonly entries: number;
};

export type SealedView = {
  readonly window: number;
  readonly round: number;
  readonly drawDueMs: number;
  readonly header: SealHeader;
  readonly sealHash: Hash;
  readonly taps: number;
};

export type DrawnView = {
  readonly window: number;
  readonly round: number;
  readonly randomness: Hash;
  readonly signature: Hex;
  readonly units: number;
  readonly winners: readonly Winner[];
  readonly atMs: number;
  readonly sealHash: Hash;
};

export type DrawView = {
  readonly draw: DrawId;
  readonly phase: DrawPhase;
  readonly rules: DrawRules;
  readonly rulesHash: Hash;
  readonly plannedAtMs: number;
  readonly arm: ArmRecord | null;
  readonly armHash: Hash | null;
  /** Effective schedule from the arm, cut at a stop; the rules' before arming. */
  readonly schedule: readonly number[];
  readonly stop: StopRecord | null;
  readonly currentWindow: WindowView | null;
  /** The next window that opens: window 0 before the opening, else the one behind the current; null at the end. */
  readonly nextWindow: WindowView | null;
  /** Sealed and not drawn yet, in window order: draw the first one next. */
  readonly sealed: readonly SealedView[];
  readonly drawn: readonly DrawnView[];
  readonly winners: number;
  readonly heldUnits: number;
  readonly entrants: number;
  readonly chainHead: Hash | null;
  readonly closed: {
    readonly atMs: number;
    readonly leftUnits: number;
    readonly leftoversTo: DrawId | null;
  } | null;
};

function viewOfWindow(draw: DrawState, window: number): WindowView | null {
  if (draw.arm === null || window < 0 || window >= windowsOf(draw)) return null;
  const round = draw.arm.record.firstRound + window;
  const units = draw.arm.record.schedule[window] ?? 0;
  const entries = draw.buckets.find((bucket) => bucket.window === window)?.entrants.length ?? 0;
  return { window, ...windowTimes(gridOf(draw), window), round, units, entries };
}

function phaseOf(draw: DrawState, openWindow: number): DrawPhase {
  if (draw.arm === null) return draw.cancelled === null ? "planned" : "cancelled";
  if (draw.closed !== null) return "closed";
  if (Math.max(openWindow, 0) >= windowsOf(draw)) return draw.stop === null ? "closing" : "stopped";
  return openWindow < 0 ? "armed" : "open";
}

/**
 * A draw as it stands at `atMs` of shard time (left out: at its newest event); null when the shard does not have
 * it. Costs as many steps as it has sealed and drawn windows.
 */
export function drawView(state: ShardState, id: DrawId, atMs: number = state.lastAtMs): DrawView | null {
  const draw = state.draws.get(id);
  if (draw === undefined) return null;
  const { rules, rulesHash, plannedAtMs, arm, closed } = draw;
  const openWindow = arm === null ? -1 : windowAt(gridOf(draw), atMs);
  const isOver = closed !== null;
  return {
    draw: id,
    phase: phaseOf(draw, openWindow),
    rules,
    rulesHash,
    plannedAtMs,
    arm: arm?.record ?? null,
    armHash: arm?.armHash ?? null,
    schedule: arm === null ? rules.schedule : arm.record.schedule.slice(0, windowsOf(draw)),
    stop: draw.stop?.record ?? null,
    currentWindow: isOver ? null : viewOfWindow(draw, openWindow),
    nextWindow: isOver ? null : viewOfWindow(draw, openWindow + 1),
    sealed: arm === null ? [] : draw.sealed.map((one) => sealedView(one, arm.record)),
    drawn: [...draw.drawn],
    winners: draw.winners,
    heldUnits: heldUnitsOf(state, draw),
    entrants: draw.entrants.size,
    chainHead: draw.chainHead,
    closed,
  };
}

function sealedView(sealed: DrawState["sealed"][number], arm: ArmRecord): SealedView {
  const { header, sealHash, taps } = sealed;
  const { window, round } = header;
  return { window, round, drawDueMs: roundDueMs(arm.beacon, round), header, sealHash, taps };
}

function heldUnitsOf(state: ShardState, draw: DrawState): number {
  const pool = state.pools.get(draw.rules.pool);
  return pool?.liveDraw === draw ? pool.heldByDraw : 0;
}

/** All draws in the order they were planned, as `drawView` gives each. */
export function listDraws(state: ShardState, atMs: number = state.lastAtMs): DrawView[] {
  return [...state.draws.keys()].flatMap((id) => drawView(state, id, atMs) ?? []);
}

export type AwardView = {
  readonly awardId: AwardId;
  readonly pool: PoolId;
  readonly draw: DrawId | null;
  readonly window: number | null;
  readonly userKey: UserKey | null;
  readonly user: UserId;
  readonly requestId: RequestId | null;
  readonly atMs: number;
  readonly state: AwardStanding;
  readonly claimByMs: number | null;
  readonly orderId: string | null;
  readonly extended: boolean;
  readonly reason: string | null;
};

function viewOfAward(award: Readonly<AwardState>): AwardView {
  const { id, pool, draw, window, userKey, user, requestId, atMs } = award;
  const { standing, claimByMs, orderId, extended, reason } = award;
  const won = { awardId: id, pool, draw, window, userKey, user, requestId, atMs };
  return { ...won, state: standing, claimByMs, orderId, extended, reason };
}

/** An award now; null when the shard does not have it. */
export function awardView(state: ShardState, awardId: AwardId): AwardView | null {
  const award = awardOf(state, awardId);
  return award === undefined ? null : viewOfAward(award);
}

/** Whether the shard has this award. */
export function hasAward(state: ShardState, awardId: AwardId): boolean {
  return awardOf(state, awardId) !== undefined;
}

/** Every award of the shard as it stands, one at a time; in no order that means anything. */
export function* listAwards(state: ShardState): IterableIterator<AwardView> {
  for (const award of eachAward(state)) yield viewOfAward(award);
}

/** A user's awards of this shard, newest first, those of one moment by id. */
export function awardsOfUser(state: ShardState, user: UserId): AwardView[] {
  const views: AwardView[] = [];
  for (let award = state.newestAwardOfUser.get(user) ?? null; award !== null; award = award.olderOfUser) {
    views.push(viewOfAward(award));
  }
  for (const { grants, grantIdOf } of state.pools.values()) {
    for (let row = newestRowOf(grants, user); row >= 0; row = olderRow(grants, row)) {
      const view = awardView(state, grantIdOf(row));
      if (view !== null) views.push(view);
    }
  }
  return views.sort((left, right) => right.atMs - left.atMs || (left.awardId < right.awardId ? -1 : 1));
}

/** Number of entries made and not sealed yet, over the open window and any that is due or in a gap. */
export function entriesOfOpenWindow(state: ShardState, draw: DrawId): number {
  let entries = 0;
  for (const bucket of state.draws.get(draw)?.buckets ?? []) entries += bucket.entrants.length;
  return entries;
}

/** The keys under a sealed window's root, ascending, while it is not drawn; null before its seal and after its draw. */
export function sealedKeys(state: ShardState, draw: DrawId, window: number): UserKey[] | null {
  const sealed = state.draws.get(draw)?.sealed.find((one) => one.header.window === window);
  return sealed === undefined ? null : sealed.entrants.map((entrant) => entrant.key);
}

/** A user's key and newest window in a draw that is not closed; null when he has not entered (DR7). */
export function entrantView(
  state: ShardState,
  draw: DrawId,
  user: UserId,
): { readonly userKey: UserKey; readonly window: number; readonly wins: number } | null {
  const entrant = state.draws.get(draw)?.entrants.get(user);
  return entrant === undefined ? null : { userKey: entrant.key, window: entrant.window, wins: entrant.wins };
}
