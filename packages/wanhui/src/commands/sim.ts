import {
  CAUSES,
  type Cause,
  runSeed,
  type SeedReport,
  type Sometimes,
  seedsOfCi,
  smallestFailure,
} from "@wanhui/tools";
import type { Command, Output } from "../command.ts";

/** The progress line is renewed this often. */
const progressEveryMs = 2_000;
/** Lines of a failing night that are printed: what led to it stands at the end. */
const traceLinesMax = 80;

/** `wanhui sim`: nights under a virtual clock, with everything going wrong that a seed says. */
export const command: Command = {
  usage: "sim [--seeds N] [--seed S] [--without CAUSES] [--json]",
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    without: { type: "string" },
    json: { type: "boolean" },
  },
  positionals: { min: 0, max: 0 },
  help: [
    "Plays seeded nights: the real engine under a virtual clock. Odd seeds are nights of one process at a time, with",
    "crashes, zombies and late statements; even ones of several processes, with a bus that loses, stalls past the lease,",
    "a database that is away, full, or replaced by a standby that lags. Checks that every acknowledged answer survives",
    "and nothing is over-issued or stranded.",
    `  --seeds N     how many seeds (${seedsOfCi})`,
    "  --seed S      the first seed (1); alone: only this one, with its trace",
    `  --without A,B  leave causes of trouble out: ${CAUSES.join(", ")}`,
    "  --json        the report as JSON",
    "A failing seed is played again with less and less trouble, and printed with the least that still fails. It plays",
    "the same again on every machine. Ends with 1 when one fails.",
  ].join("\n"),
  async run({ values, output }) {
    const first = wholeNumber(values.seed, 1);
    const count = wholeNumber(values.seeds, values.seed === undefined ? seedsOfCi : 1);
    const without = causesOf(values.without);
    const sometimes: Sometimes = {};
    const failed: number[] = [];
    const start = performance.now();
    let toldAtMs = start;
    for (let seed = first; seed < first + count; seed += 1) {
      const report = await runSeed(seed, { without });
      for (const [what, times] of Object.entries(report.sometimes)) {
        sometimes[what] = (sometimes[what] ?? 0) + times;
      }
      if (count === 1 && values.json !== true) for (const line of report.trace) output.err(`  ${line}`);
      if (report.problems.length > 0) {
        failed.push(seed);
        await tellFailure(report, output);
      }
      if (performance.now() - toldAtMs < progressEveryMs) continue;
      toldAtMs = performance.now();
      output.err(progress(seed - first + 1, count, { failed: failed.length, sinceMs: start }));
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

async function tellFailure({ seed, problems }: SeedReport, output: Output): Promise<void> {
  output.err(`seed ${seed} FAILED: ${problems.join("; ")}`);
  const smallest = await smallestFailure(seed);
  if (smallest === null)
    return output.err("  played again it does not fail: something in it is not of the seed");
  const { report, without } = smallest;
  for (const line of report.trace.slice(-traceLinesMax)) output.err(`  ${line}`);
  output.err(`  ${report.problems.join("; ")}`);
  const less = without.length === 0 ? "" : ` --without "${without.join(",")}"`;
  output.err(`  again: wanhui sim --seed ${seed}${less}`);
}

function progress(done: number, count: number, at: { failed: number; sinceMs: number }): string {
  const barLength = 24;
  const filled = Math.floor((done / count) * barLength);
  const bar = `${"#".repeat(filled)}${".".repeat(barLength - filled)}`;
  const leftMs = ((performance.now() - at.sinceMs) / done) * (count - done);
  return `[${bar}] ${done} of ${count} seeds, ${at.failed} failed, ${Math.ceil(leftMs / 1_000)} s left`;
}

function causesOf(value: unknown): Cause[] {
  if (typeof value !== "string") return [];
  const causes = value.split(",").map((word) => word.trim());
  const unknown = causes.find((word) => !CAUSES.some((cause) => cause === word));
  if (unknown !== undefined) throw new Error(`--without: ${unknown} is none of ${CAUSES.join(", ")}`);
  return causes as Cause[];
}

function wholeNumber(value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`A whole number from 1 on is wanted, not ${String(value)}`);
  return number;
}
