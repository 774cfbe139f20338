import {
  type CueDefinition,
  cueLengthMs,
  FIRST_ROUND_AFTER_MS,
  type PoolDefinition,
  type RainCue,
  ROUND_GAP_MS,
  type RoundCue,
  type ShowProblem,
  scheduledUnits,
} from "./definition.ts";
import { formatDuration } from "./show-values.ts";
import { didYouMean, type Field, type FieldMap, type FieldReader } from "./yaml-fields.ts";

// Rules that need more than one entry of the file.

/** A value with the mapping it was read from. */
export type Located<Value> = { readonly value: Value; readonly fields: FieldMap };
type Cue = Located<CueDefinition>;

const isRound = (cue: Cue): cue is Located<RoundCue> => cue.value.kind === "round";
const isRain = (cue: Cue): cue is Located<RainCue> => cue.value.kind === "rain";

/** The field of a cue, or the cue itself where the file leaves it out. */
const place = (cue: Cue, name: string): Field => cue.fields.get(name) ?? cue.fields.at;

/** Slugs, references and times of the whole rundown [SH3] [SH6] [SH15]. */
export function checkRundown(
  reader: FieldReader,
  cues: readonly Cue[],
  known: { slugs: ReadonlySet<string>; pools: ReadonlySet<string>; lengthMs: number | undefined },
): void {
  const seen = new Set<string>();
  for (const cue of cues) {
    const { value } = cue;
    if (seen.has(value.cue)) reader.problem(place(cue, value.kind), "SH3", `\`${value.cue}\` is used twice`);
    seen.add(value.cue);
    if (value.venue !== "" && !known.slugs.has(value.venue)) {
      const near = didYouMean(value.venue, [...known.slugs]);
      reader.problem(place(cue, "venue"), "SH3", `there is no venue \`${value.venue}\`${near}`);
    }
    if ((value.kind === "round" || value.kind === "rain") && !known.pools.has(value.pool)) {
      const near = didYouMean(value.pool, [...known.pools]);
      reader.problem(place(cue, "pool"), "SH3", `there is no pool \`${value.pool}\`${near}`);
    }
    if (value.offsetMs < 0)
      reader.problem(place(cue, "at"), "SH6", `${value.cue} comes before the show starts`);
    const endsMs = value.offsetMs + cueLengthMs(value);
    if (known.lengthMs !== undefined && endsMs > known.lengthMs) {
      const [end, most] = [formatDuration(endsMs), formatDuration(known.lengthMs)];
      reader.problem(place(cue, "at"), "SH6", `${value.cue} ends at +${end}, the show at +${most}`);
    }
    if (value.kind === "round" && value.offsetMs >= 0 && value.offsetMs < FIRST_ROUND_AFTER_MS) {
      const least = formatDuration(FIRST_ROUND_AFTER_MS);
      const why = `${value.cue} opens less than ${least} after the start: it cannot be announced and armed`;
      reader.problem(place(cue, "at"), "SH15", why);
    }
  }
}

/** Each round against its pool and the other rounds [SH12] [SH13] [SH14] [SH17]. */
export function checkRounds(
  reader: FieldReader,
  cues: readonly Cue[],
  pools: ReadonlyMap<string, PoolDefinition>,
): void {
  const rounds = cues.filter(isRound);
  for (const [index, round] of rounds.entries()) {
    const { value } = round;
    const pool = pools.get(value.pool);
    const units = scheduledUnits(value);
    if (pool !== undefined && units > pool.units) {
      const why = `${value.cue}: schedule promises ${units} units, pool ${pool.pool} has ${pool.units}`;
      reader.problem(place(round, "schedule"), "SH12", why);
    }
    if (pool !== undefined && pool.capPerUser !== null && value.capPerUser > pool.capPerUser) {
      const why = `${value.cue}: ${value.capPerUser} per user, pool ${pool.pool} allows ${pool.capPerUser}`;
      reader.problem(place(round, "perUser"), "SH17", why);
    }
    const before = rounds.slice(0, index).findLast((other) => other.value.pool === value.pool);
    if (before !== undefined) checkGap(reader, before.value, round);
    checkLeftovers(reader, round, rounds);
  }
}

function checkGap(reader: FieldReader, before: RoundCue, round: Located<RoundCue>): void {
  const closesMs = before.offsetMs + cueLengthMs(before);
  const restMs = round.value.offsetMs - closesMs;
  if (restMs >= ROUND_GAP_MS) return;
  const [least, close] = [formatDuration(ROUND_GAP_MS), formatDuration(closesMs)];
  const why =
    `${round.value.cue} opens before ${before.cue} is over: both draw from pool ${before.pool}, ` +
    `so it opens ${least} after the other's last close (+${close}) or later`;
  reader.problem(place(round, "at"), "SH13", why);
}

function checkLeftovers(
  reader: FieldReader,
  round: Located<RoundCue>,
  rounds: readonly Located<RoundCue>[],
): void {
  const name = round.value.leftoversTo;
  if (name === null) return;
  const at = place(round, "leftovers");
  const target = rounds.find(({ value }) => value.cue === name)?.value;
  if (target === undefined) {
    const near = didYouMean(
      name,
      rounds.map(({ value }) => value.cue),
    );
    reader.problem(at, "SH14", `there is no round \`${name}\`${near}`);
  } else if (target.pool !== round.value.pool) {
    const why = `${name} draws from pool ${target.pool}, not from ${round.value.pool}: units cannot move`;
    reader.problem(at, "SH14", why);
  } else if (target.offsetMs <= round.value.offsetMs) {
    reader.problem(at, "SH14", `${name} is not later than ${round.value.cue}`);
  }
}

/** Sums over a pool, and who may empty it [SH12] [SH16]. */
export function checkPools(
  reader: FieldReader,
  cues: readonly Cue[],
  pools: ReadonlyMap<string, PoolDefinition>,
): void {
  for (const pool of pools.values()) {
    const rounds = cues.filter(isRound).filter(({ value }) => value.pool === pool.pool);
    const rains = cues.filter(isRain).filter(({ value }) => value.pool === pool.pool);
    let promised = 0;
    for (const round of rounds) {
      const units = scheduledUnits(round.value);
      // A round that alone breaks the pool is named once, by checkRounds.
      if (units <= pool.units && promised <= pool.units && promised + units > pool.units) {
        const sum = rounds.map(({ value }) => `${value.cue} ${scheduledUnits(value)}`).join(", ");
        const why = `the rounds of pool ${pool.pool} promise more than its ${pool.units} units: ${sum}`;
        reader.problem(place(round, "schedule"), "SH12", why);
      }
      promised += units;
    }
    const [first] = rounds;
    for (const [index, rain] of rains.entries()) {
      const other = index > 0 ? rains[0]?.value.cue : first?.value.cue;
      if (other === undefined) continue;
      const why = `${rain.value.cue} empties pool ${pool.pool}, which ${other} uses too: give it its own pool`;
      reader.problem(place(rain, "pool"), "SH16", why);
    }
  }
}

/** Points out units nobody gives out [SH12]; a note, not a problem, for a merchant may keep some back. */
export function spareUnits(pools: readonly Located<PoolDefinition>[], cues: readonly Cue[]) {
  return (reader: FieldReader): ShowProblem[] => {
    const before = reader.problems.length;
    for (const { value, fields } of pools) {
      if (cues.filter(isRain).some((rain) => rain.value.pool === value.pool)) continue;
      const rounds = cues.filter(isRound).filter((round) => round.value.pool === value.pool);
      const given = rounds.reduce((sum, round) => sum + scheduledUnits(round.value), 0);
      if (given >= value.units) continue;
      const at = fields.get("units") ?? fields.at;
      const why = `pool ${value.pool} has ${value.units} units, its rounds give out ${given}`;
      reader.problem(at, "SH12", why);
    }
    return reader.problems.splice(before);
  };
}
