// Windows lie on the beacon's grid: everything here is arithmetic on (chain, first round, first window) (DR3).

import type { BeaconChain } from "../events.ts";
import { assert } from "../invariant.ts";

/** How long before its beacon a window closes: time to seal, to make it durable and to publish the header. */
export const CLOSE_LEAD_MS = 2000;
/** Arm at least this long before the opening, so that everyone can hear of it (DR4). */
export const ARM_LEAD_MS = 10_000;
/** Longest first window: one week (DR3). */
export const FIRST_WINDOW_MS_MAX = 604_800_000;

export type Grid = {
  readonly chain: Pick<BeaconChain, "genesisMs" | "periodMs">;
  readonly firstRound: number;
  readonly firstWindowMs: number;
  /** Accepted for convenience; follows from the others. */
  readonly opensAtMs?: number;
};

/** When beacon round `round` (from 1) is due (DR3). */
export function roundDueMs(chain: Pick<BeaconChain, "genesisMs" | "periodMs">, round: number): number {
  return chain.genesisMs + (round - 1) * chain.periodMs;
}

/** When window `window` opens (inclusive), closes (exclusive), and when its beacon is due (DR3). */
export function windowTimes(
  grid: Grid,
  window: number,
): { readonly opensAtMs: number; readonly closesAtMs: number; readonly drawDueMs: number } {
  const drawDueMs = roundDueMs(grid.chain, grid.firstRound + window);
  const closesAtMs = drawDueMs - CLOSE_LEAD_MS;
  const lengthMs = window === 0 ? grid.firstWindowMs : grid.chain.periodMs;
  return { opensAtMs: closesAtMs - lengthMs, closesAtMs, drawDueMs };
}

/** The window that is open at `atMs`, counted on without end; -1 before the opening (DR6). */
export function windowAt(grid: Grid, atMs: number): number {
  const first = windowTimes(grid, 0);
  if (atMs < first.opensAtMs) return -1;
  if (atMs < first.closesAtMs) return 0;
  return 1 + Math.floor((atMs - first.closesAtMs) / grid.chain.periodMs);
}

/** The first opening on the grid that is not before the wished one (DR3). */
export function gridOpening(wish: {
  readonly chain: Pick<BeaconChain, "genesisMs" | "periodMs">;
  readonly wishedAtMs: number;
  readonly firstWindowMs: number;
}): { readonly opensAtMs: number; readonly firstRound: number } {
  const { chain, wishedAtMs, firstWindowMs } = wish;
  assert(
    Number.isSafeInteger(wishedAtMs) && Number.isSafeInteger(firstWindowMs),
    "DR3: not whole milliseconds",
  );
  const leadMs = CLOSE_LEAD_MS + firstWindowMs;
  const rounds = Math.ceil((wishedAtMs + leadMs - chain.genesisMs) / chain.periodMs);
  const firstRound = Math.max(1, rounds + 1);
  return { opensAtMs: roundDueMs(chain, firstRound) - leadMs, firstRound };
}

/** The first window from `from` on whose close is not before `atMs` and whose beacon is newer than any seen (DR12). */
export function firstSealableWindow(
  grid: Grid,
  input: { readonly from: number; readonly atMs: number; readonly newestRoundSeen: number },
): number {
  const first = windowTimes(grid, 0);
  const byTime = Math.ceil((input.atMs - first.closesAtMs) / grid.chain.periodMs);
  return Math.max(input.from, byTime, input.newestRoundSeen - grid.firstRound + 1);
}
