import {
  type DrawId,
  type DrawRules,
  type Hash,
  hashJson,
  type PoolId,
  type PoolParameters,
  type Sha256,
} from "@wanhui/core";
import {
  type CueDefinition,
  type PoolDefinition,
  type RoundCue,
  roundsOf,
  type ShowDefinition,
} from "./definition.ts";

// A definition becomes a run's pools and draws: names, parameters and rules follow from it and from nothing else.

/** One night of a show, as stored (SH21). */
export type Run = {
  /** `<show>-<number>`. */
  readonly run: string;
  readonly show: string;
  readonly number: number;
  readonly rehearsal: boolean;
  readonly startedAtMs: number;
  readonly definition: ShowDefinition;
  readonly definitionHash: Hash;
};

/** The pool's id in this run. */
export function poolIdOf(run: string, pool: string): PoolId {
  return `${run}/${pool}` as PoolId;
}

/** The draw's id in this run. */
export function drawIdOf(run: string, round: string): DrawId {
  return `${run}/${round}` as DrawId;
}

/** The hash that tells whether a file's meaning changed since its run began. */
export function definitionHash(show: ShowDefinition, sha256: Sha256): Hash {
  return hashJson(show, sha256);
}

/** Parameters of a pool of this run, the same at every start (PL2). */
export function poolParameters(run: string, pool: PoolDefinition): PoolParameters {
  return {
    pool: poolIdOf(run, pool.pool),
    units: pool.units,
    capPerUser: pool.capPerUser,
    grabClaimTtlMs: pool.claim.ttlMs,
  };
}

/** The rules of a round's draw, published and hashed when the run begins (DR1). */
export function drawRules(run: Run, round: RoundCue, showKey: string): DrawRules {
  return {
    version: "wanhui/rules/1",
    draw: drawIdOf(run.run, round.cue),
    pool: poolIdOf(run.run, round.pool),
    title: `${round.title.zh} / ${round.title.en}`,
    schedule: round.schedule,
    firstWindowMs: round.firstWindowMs,
    capPerUser: round.capPerUser,
    enter: round.enter,
    excludedRoles: round.excludedRoles,
    leftoversTo: round.leftoversTo === null ? null : drawIdOf(run.run, round.leftoversTo),
    claimTtlMs: round.claimTtlMs,
    showKey,
    witnesses: run.definition.witnesses,
  };
}

/** The moment a cue is announced for, before any act moved it. */
export function cueTimeMs(run: Run, cue: CueDefinition): number {
  return run.startedAtMs + cue.offsetMs;
}

/** The end of the night. */
export function runEndsAtMs(run: Run): number {
  return run.startedAtMs + run.definition.lengthMs;
}

/** Rounds by their index in packed frames. */
export function drawIds(run: Run): DrawId[] {
  return roundsOf(run.definition).map((round) => drawIdOf(run.run, round.cue));
}
