// The seeded simulator: the whole engine under a virtual clock (docs/spec/journal.md).

import { AloneNight } from "./alone-night.ts";
import { checkNight } from "./check.ts";
import { HouseNight } from "./house-night.ts";
import type { Sometimes } from "./night.ts";

export { MemoryDisk, MemoryJournal, type StatementFate } from "./memory-journal.ts";
export type { Sometimes } from "./night.ts";
export { type SeededRandom, seededRandom } from "./random.ts";
export { VirtualWorld } from "./virtual-world.ts";

/** What one seed came to. */
export type SeedReport = {
  readonly seed: number;
  /** What is wrong; empty when everything held. */
  readonly problems: readonly string[];
  /** The last things that happened, oldest first. */
  readonly trace: readonly string[];
  readonly sometimes: Sometimes;
  /** Events of the virtual world. */
  readonly events: number;
  /** One hash over the whole journal: the same seed gives the same one. */
  readonly fingerprint: string;
};

/** One process at a time, or several that share the shards. */
export type NightForm = "alone" | "house";

/** Odd seeds are nights of one process, even ones of several. */
export function formOf(seed: number): NightForm {
  return seed % 2 === 1 ? "alone" : "house";
}

/** Plays one seed to its end and checks it. The same seed is the same night, on every machine. */
export async function runSeed(seed: number, form: NightForm = formOf(seed)): Promise<SeedReport> {
  const night = form === "alone" ? new AloneNight(seed) : new HouseNight(seed);
  let problems: string[];
  try {
    await night.play();
    problems = await checkNight(night);
  } catch (error) {
    problems = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  const fingerprint = night.disk.shards.map(({ rows }) => rows.at(-1)?.hash ?? "").join("/");
  const { trace, sometimes, events } = night;
  return { seed, problems, trace, sometimes, events, fingerprint };
}

/** Seeds every build plays: about half a minute of one core. */
export const seedsOfCi = 500;
