import { configFlags, type FlagValues, loadConfig, runDoctor } from "@wanhui/server";
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

/** Two seconds each: a relay slower than that is of no use to a round either. */
const relayPatienceMs = 2_000;

async function probeDrand(urls: readonly string[]): Promise<string> {
  const failures: string[] = [];
  for (const url of urls) {
    const host = new URL(url).host;
    try {
      const signal = AbortSignal.timeout(relayPatienceMs);
      const answer = await fetch(new URL("/v2/chains", url), { signal });
      if (answer.ok) return `${host} answers`;
      failures.push(`${host} says ${answer.status}`);
    } catch (error) {
      failures.push(`${host}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(failures.join(", "));
}
