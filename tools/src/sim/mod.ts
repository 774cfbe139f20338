// The seeded simulator: the whole engine under a virtual clock (docs/spec/journal.md).

import { AloneNight } from "./alone-night.ts";
import { checkNight } from "./check.ts";
import { HouseNight } from "./house-night.ts";
import type { Sometimes } from "./night.ts";
import { CAUSES, type Cause } from "./trouble.ts";

export { MemoryDisk, MemoryJournal, type StatementFate } from "./memory-journal.ts";
export type { Sometimes } from "./night.ts";
export { type SeededRandom, seededRandom } from "./random.ts";
export { CAUSES, type Cause } from "./trouble.ts";
export { VirtualWorld } from "./virtual-world.ts";

/** What one seed came to. */
export type SeedReport = {
  readonly seed: number;
  readonly form: NightForm;
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
export async function runSeed(
  seed: number,
  options: { readonly form?: NightForm; readonly without?: readonly Cause[] } = {},
): Promise<SeedReport> {
  const { form = formOf(seed), without = [] } = options;
  const night = form === "alone" ? new AloneNight(seed, without) : new HouseNight(seed, without);
  let problems: string[];
  try {
    await night.play();
    problems = await checkNight(night);
  } catch (error) {
    problems = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  // The one turn of the event loop in a night: whoever plays thousands is still heard and stopped.
  await new Promise((resolve) => setImmediate(resolve));
  const fingerprint = night.disk.shards.map(({ rows }) => rows.at(-1)?.hash ?? "").join("/");
  const { trace, sometimes, events } = night;
  return { seed, form, problems, trace, sometimes, events, fingerprint };
}

/** A failing seed with as little trouble as makes it fail (SM5). */
export type SmallestFailure = { readonly report: SeedReport; readonly without: readonly Cause[] };

/** Leaves out one cause of trouble after the other as long as the seed still fails. */
export async function smallestFailure(
  seed: number,
  play = (without: readonly Cause[]): Promise<SeedReport> => runSeed(seed, { without }),
): Promise<SmallestFailure | null> {
  let report = await play([]);
  let without: Cause[] = [];
  if (report.problems.length === 0) return null;
  for (const cause of CAUSES) {
    const calmer = await play([...without, cause]);
    if (calmer.problems.length === 0) continue;
    report = calmer;
    without = [...without, cause];
  }
  return { report, without };
}

/** Seeds every build plays, half of them of each form. */
export const seedsOfCi = 2_000;
