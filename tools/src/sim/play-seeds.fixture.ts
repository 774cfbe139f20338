import { type NightForm, runSeed, type Sometimes } from "./mod.ts";

/** Plays seeds of one form; the first that fails ends it, with the end of its trace. @returns what happened in all */
export async function playSeeds(form: NightForm, count: number): Promise<Sometimes> {
  const sometimes: Sometimes = {};
  const first = form === "alone" ? 1 : 2;
  for (let seed = first; seed < first + 2 * count; seed += 2) {
    const report = await runSeed(seed);
    if (report.problems.length > 0) {
      const trace = report.trace.slice(-60).join("\n");
      throw new Error(
        `seed ${seed}: ${report.problems.join("; ")}\n${trace}\nreplay: wanhui sim --seed ${seed}`,
      );
    }
    for (const [what, times] of Object.entries(report.sometimes)) {
      sometimes[what] = (sometimes[what] ?? 0) + times;
    }
  }
  return sometimes;
}
