import type { StatementFate } from "./memory-journal.ts";
import type { SeededRandom } from "./random.ts";
import type { BusWeather } from "./sim-bus.ts";

/** How bad a seed's night is: each number is drawn once per seed, so that some nights are calm and some are not. */
export type Weather = {
  readonly lossChance: number;
  readonly slowChance: number;
  /** Longest slow statement: longer than a beacon's period, so that seals miss their round. */
  readonly slowMsMax: number;
  readonly crashChance: number;
  /** Chance that a "crashed" process only lost touch and goes on as a zombie. */
  readonly zombieChance: number;
  readonly lateBeaconChance: number;
  readonly skewMsMax: number;
};

export function weatherOf(random: SeededRandom): Weather {
  const calm = random.chance(0.1);
  const upTo = (limit: number) => (calm ? 0 : (random.below(1_000) / 1_000) * limit);
  return {
    lossChance: upTo(0.05),
    slowChance: upTo(0.03),
    slowMsMax: random.pick([400, 4_000, 9_000]),
    crashChance: upTo(0.01),
    zombieChance: upTo(0.6),
    lateBeaconChance: upTo(0.4),
    skewMsMax: calm ? 0 : random.pick([0, 50, 2_500]),
  };
}

const kindsOfLoss = ["before", "early", "after"] as const;

/** What happens to the next statement. */
export function fateOf(random: SeededRandom, weather: Weather): StatementFate {
  const slow = random.chance(weather.slowChance);
  const some = () => (slow ? random.below(weather.slowMsMax) : random.below(3));
  const lost = random.chance(weather.lossChance) ? random.pick(kindsOfLoss) : "no";
  return { requestMs: some(), commitMs: random.below(2), responseMs: some(), lost };
}

export const fairWeather: Weather = {
  lossChance: 0,
  slowChance: 0,
  slowMsMax: 1,
  crashChance: 0,
  zombieChance: 0,
  lateBeaconChance: 0,
  skewMsMax: 0,
};

/** What can befall a process or the world of several. */
export const TROUBLES = [
  "crash",
  "leave",
  "join",
  "pause",
  "cut",
  "bus away",
  "clock step",
  "database away",
  "disk full",
] as const;
export type Trouble = (typeof TROUBLES)[number];

/** How bad the night of several processes is, beside what befalls statements. */
export type HouseWeather = {
  readonly isCalm: boolean;
  /** Whether the end of a process is seen at once, as on one machine, or only by its lease. */
  readonly isOneMachine: boolean;
  readonly troubles: readonly Trouble[];
  readonly troubleEveryMs: number;
  readonly bus: BusWeather;
  /** Whether a standby takes the database's place in this night. */
  readonly promotes: boolean;
};

/** Names of what makes a night bad; a failing seed is played again without one after the other (SM5). */
export const CAUSES = [
  "loss",
  "slow statements",
  "zombie",
  "late beacon",
  "clock skew",
  "message loss",
  "message delay",
  "standby",
  ...TROUBLES,
] as const;
export type Cause = (typeof CAUSES)[number];

/** The same weather without some causes: nothing else of what the seed drew is moved. */
export function calmed(weather: Weather, without: readonly Cause[]): Weather {
  const has = (cause: Cause) => !without.includes(cause);
  return {
    ...weather,
    ...(has("loss") ? {} : { lossChance: 0 }),
    ...(has("slow statements") ? {} : { slowChance: 0 }),
    ...(has("crash") ? {} : { crashChance: 0 }),
    ...(has("zombie") ? {} : { zombieChance: 0 }),
    ...(has("late beacon") ? {} : { lateBeaconChance: 0 }),
    ...(has("clock skew") ? {} : { skewMsMax: 0 }),
  };
}

/** The same for several processes. */
export function calmedHouse(weather: HouseWeather, without: readonly Cause[]): HouseWeather {
  const has = (cause: Cause) => !without.includes(cause);
  const troubles = weather.troubles.filter(has);
  return {
    ...weather,
    troubles,
    isCalm: weather.isCalm || troubles.length === 0,
    promotes: weather.promotes && has("standby"),
    bus: {
      lossChance: has("message loss") ? weather.bus.lossChance : 0,
      delayMsMax: has("message delay") ? weather.bus.delayMsMax : 1,
    },
  };
}

/** A few kinds of trouble a night, so that each meets each other alone as well as all together. */
export function houseWeatherOf(random: SeededRandom): HouseWeather {
  const chance = random.pick([0.3, 0.6, 1]);
  const troubles = TROUBLES.filter(() => random.chance(chance));
  return {
    isCalm: random.chance(0.08) || troubles.length === 0,
    isOneMachine: random.chance(0.5),
    troubles,
    troubleEveryMs: random.pick([1_500, 4_000, 10_000]),
    bus: { lossChance: random.pick([0, 0.02, 0.2]), delayMsMax: random.pick([2, 30, 400]) },
    promotes: random.chance(0.08),
  };
}
