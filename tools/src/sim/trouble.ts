import type { StatementFate } from "./memory-journal.ts";
import type { SeededRandom } from "./random.ts";

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
