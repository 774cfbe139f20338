import {
  configFlags,
  createBls,
  createDrandSource,
  type FlagValues,
  loadConfig,
  runDoctor,
  systemClock,
} from "@wanhui/server";
import { type Capacity, measureCapacity } from "@wanhui/tools";
import type { Command, Output } from "../command.ts";
import { columns } from "../command-line.ts";

const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" };

/** `wanhui doctor`: what keeps a server from running well here, and what to do about it. */
export const command: Command = {
  usage: "doctor [--json] [--quick] [--development] [settings]",
  options: {
    ...configFlags(),
    json: { type: "boolean" },
    quick: { type: "boolean" },
    development: { type: "boolean" },
  },
  positionals: { min: 0, max: 0 },
  help: [
    "Looks at this machine, changes nothing, and says what to do. Then measures what one process carries here: viewers,",
    "taps and grabs, with a server of its own in a temporary folder. Takes the settings of `wanhui config` as flags.",
    "  --quick        only looks; measuring takes a minute and wants a machine with nothing else to do",
    "  --development  also looks for the programs that tests and measurements need",
    "  --json         checks and capacities as JSON",
    "Ends with 1 when something would keep a server from starting.",
  ].join("\n"),
  async run({ values, output }) {
    const config = loadConfig({ flags: values as FlagValues });
    const forDevelopment = values.development === true;
    const checks = await runDoctor({
      config,
      probeDrand: () => probeDrand(config.drandUrls),
      forDevelopment,
    });
    const isJson = values.json === true;
    if (!isJson) {
      const rows = checks.flatMap(({ name, status, detail, whatToDo }) => [
        [marks[status], name, detail],
        ...(whatToDo === undefined ? [] : [["", "", `-> ${whatToDo}`]]),
      ]);
      output.out(columns(rows));
    }
    const fails = checks.some(({ status }) => status === "fail");
    const capacities = fails || values.quick === true ? [] : await capacitiesOf(config.socketsMax, output);
    if (isJson) output.out(JSON.stringify({ checks, capacities }, undefined, 2));
    else if (capacities.length > 0) output.out(`\nOne process carries here:\n${capacityTable(capacities)}`);
    return fails ? 1 : 0;
  },
};

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function capacityTable(capacities: readonly Capacity[]): string {
  return columns(
    capacities.map(({ what, value, unit, boundBy }) => [
      `  ${what}`,
      `${number.format(value)} ${unit}`,
      `bound by ${boundBy}`,
    ]),
  );
}

/** Nothing but a sentence where it cannot be measured: the checks stand by themselves. */
async function capacitiesOf(socketsMax: number | undefined, output: Output): Promise<Capacity[]> {
  const program = process.argv[1] ?? "";
  return measureCapacity({ program, socketsMax, say: (text) => output.err(text) }).catch((error: unknown) => {
    output.err(`It could not be measured: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  });
}

/** One period of drand, and a relay's time to answer. */
const clockPatienceMs = 5_000;

/** Whether drand is there and this machine's clock is not behind it (BC9); throws what is wrong, in words. */
async function probeDrand(urls: readonly string[]): Promise<string> {
  const bls = createBls();
  try {
    const drand = createDrandSource({ urls, clock: systemClock, bls });
    if (!(await drand.probe()))
      throw new Error(`none of ${urls.map((url) => new URL(url).host).join(", ")} answers`);
    const early = await drand.early(AbortSignal.timeout(clockPatienceMs));
    if (early === null) return "reachable, and this machine's clock is not behind it";
    throw new Error("reachable, but this machine's clock is behind it: set the clock (NTP)");
  } finally {
    await bls.stop();
  }
}
