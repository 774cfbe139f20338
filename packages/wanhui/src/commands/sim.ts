import { runSeed, type Sometimes, seedsOfCi } from "@wanhui/tools";
import type { Command } from "../command.ts";

/** How often the progress line is renewed. */
const progressEvery = 50;

/** `wanhui sim`: nights under a virtual clock, with everything going wrong that a seed says. */
export const command: Command = {
  usage: "sim [--seeds N] [--seed S] [--json]",
  options: { seeds: { type: "string" }, seed: { type: "string" }, json: { type: "boolean" } },
  positionals: { min: 0, max: 0 },
  help: [
    "Plays seeded nights: the real engine under a virtual clock, with crashes, zombie processes, appends whose outcome",
    "is unknown, late beacons. Checks that every acknowledged answer survives and nothing is over-issued or stranded.",
    `  --seeds N   how many seeds (${seedsOfCi})`,
    "  --seed S    the first seed (1); alone: only this one, with its trace",
    "  --json      the report as JSON",
    "A failing seed is printed with the end of its trace and plays the same again. Ends with 1 when one fails.",
  ].join("\n"),
  async run({ values, output }) {
    const first = wholeNumber(values.seed, 1);
    const count = wholeNumber(values.seeds, values.seed === undefined ? seedsOfCi : 1);
    const sometimes: Sometimes = {};
    const failed: number[] = [];
    const start = performance.now();
    for (let seed = first; seed < first + count; seed += 1) {
      const report = await runSeed(seed);
      for (const [what, times] of Object.entries(report.sometimes)) {
        sometimes[what] = (sometimes[what] ?? 0) + times;
      }
      if (report.problems.length > 0 || (count === 1 && values.json !== true)) {
        for (const line of report.trace.slice(count === 1 ? 0 : -60)) output.err(`  ${line}`);
      }
      if (report.problems.length > 0) {
        failed.push(seed);
        output.err(`seed ${seed} FAILED: ${report.problems.join("; ")}`);
        output.err(`  again: wanhui sim --seed ${seed}`);
      }
      const done = seed - first + 1;
      if (done % progressEvery === 0) output.err(`${done} of ${count} seeds, ${failed.length} failed`);
    }
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    if (values.json === true)
      output.out(JSON.stringify({ first, count, failed, seconds, sometimes }, undefined, 2));
    else {
      for (const what of Object.keys(sometimes).sort())
        output.out(`${String(sometimes[what]).padStart(8)}  ${what}`);
      output.out(
        failed.length === 0 ? `OK ${count} seeds in ${seconds} s` : `FAILED seeds: ${failed.join(", ")}`,
      );
    }
    return failed.length === 0 ? 0 : 1;
  },
};

function wholeNumber(value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`A whole number from 1 on is wanted, not ${String(value)}`);
  return number;
}
