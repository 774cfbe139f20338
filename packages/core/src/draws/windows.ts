// Reading an armed draw: which window is open, which entries wait for a seal, what a seal releases.

import { assert, at } from "../invariant.ts";
import type { Bucket, DrawState, Entrant } from "../state/shard-state.ts";
import type { Grid } from "./grid.ts";
import { sortedByKey } from "./sort.ts";

/** The grid of an armed draw. */
export function gridOf(draw: DrawState): Grid {
  assert(draw.arm !== null, "DR4: not armed", draw.rules.draw);
  const { beacon, firstRound } = draw.arm.record;
  return { chain: beacon, firstRound, firstWindowMs: draw.rules.firstWindowMs };
}

/** Number of windows that take entries: all of the schedule, or those before the stop (DR13). */
export function windowsOf(draw: DrawState): number {
  const scheduled = draw.rules.schedule.length;
  return draw.stop === null ? scheduled : Math.min(scheduled, draw.stop.record.fromWindow);
}

/** Effective schedule of a window: 0 from the stop or the end of the schedule on (DR12, DR13). */
export function scheduledUnits(draw: DrawState, window: number): number {
  assert(draw.arm !== null, "DR4: not armed", draw.rules.draw);
  return window < windowsOf(draw) ? at(draw.arm.record.schedule, window) : 0;
}

/** Every entry made is sealed or moved on, and every sealed window drawn: only the close is left (DR16). */
export function isReadyToClose(draw: DrawState): boolean {
  return (
    draw.closed === null &&
    draw.nextWindow >= windowsOf(draw) &&
    draw.sealed.length === 0 &&
    draw.buckets.length === 0
  );
}

// A bucket's order means nothing until its seal, so sorting it in place changes no meaning and the seal's
// apply() finds it sorted.
function sorted(bucket: Bucket): readonly Entrant[] {
  if (!bucket.sorted) {
    bucket.entrants = sortedByKey(bucket.entrants);
    bucket.sorted = true;
  }
  return bucket.entrants;
}

/** What a seal of `window` takes: entries of the buckets behind `after` up to `window`, by key, each user once. */
export function entrantsToSeal(
  draw: DrawState,
  range: { readonly after: number; readonly window: number },
): readonly Entrant[] {
  const buckets = draw.buckets.filter(
    (bucket) => bucket.window > range.after && bucket.window <= range.window,
  );
  const only = buckets[0];
  if (only === undefined) return [];
  if (buckets.length === 1) return sorted(only);
  const all = sortedByKey(buckets.flatMap((bucket) => bucket.entrants));
  return all.filter((entrant, index) => index === 0 || entrant !== all[index - 1]);
}
