import { seededRandom } from "../sim/random.ts";

/** Uniform in [0, 1), the same sequence for the same seed: a crowd that went wrong comes again. */
export type Random = () => number;

export function createRandom(seed: number): Random {
  const stream = seededRandom(seed);
  return () => stream.u32() / 4_294_967_296;
}

/** A number from `low` to `high`. */
export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low);
}

/** One of the list. */
export function oneOf<T>(random: Random, list: readonly T[]): T {
  const chosen = list[Math.floor(random() * list.length)];
  if (chosen === undefined) throw new Error("Nothing to choose from");
  return chosen;
}
