import {
  configFlags,
  createBls,
  createDrandSource,
  type FlagValues,
  loadConfig,
  runDoctor,
  systemClock,
} from "@wanhui/server";
import type { Command } from "../command.ts";
import { columns } from "../command-line.ts";

const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" };

/** `wanhui doctor`: what keeps a server from running well here, and what to do about it. */
export const command: Command = {
  usage: "doctor [--json] [--development] [settings]",
  options: { ...configFlags(), json: { type: "boolean" }, development: { type: "boolean" } },
  positionals: { min: 0, max: 0 },
  help: [
    "Looks at this machine, changes nothing, and says what to do. Takes the settings of `wanhui config` as flags.",
    "  --development  also looks for the programs that tests and measurements need",
    "  --json         the checks as JSON",
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
    if (values.json === true) {
      output.out(JSON.stringify(checks, undefined, 2));
    } else {
      const rows = checks.flatMap(({ name, status, detail, whatToDo }) => [
        [marks[status], name, detail],
        ...(whatToDo === undefined ? [] : [["", "", `-> ${whatToDo}`]]),
      ]);
      output.out(columns(rows));
    }
    return checks.some(({ status }) => status === "fail") ? 1 : 0;
  },
};

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
