import { writeFile } from "node:fs/promises";
import {
  configFlags,
  createPool,
  Fault,
  type FlagValues,
  loadConfig,
  loadSecrets,
  makeRehearsalGrant,
  readConnectionFile,
  readServerFile,
} from "@wanhui/server";
import { progressLine, reportText, runCrowd } from "@wanhui/tools";
import type { Command } from "../command.ts";

const VIEWERS = 1_000;
const MINUTES = 30;
/** A grant outlives the rehearsal by this: payments and comparisons at its end. */
const GRANT_SPARE_MS = 600_000;

/** `wanhui crowd`: a synthetic audience over real sockets, and the tables compared with what it was told. */
export const command: Command = {
  usage:
    "crowd [--viewers N] [--minutes M] [--seed S] [--faults] [--log FILE] [--json FILE] [--url URL --run RUN] [settings]",
  options: {
    ...configFlags(),
    viewers: { type: "string" },
    minutes: { type: "string" },
    seed: { type: "string" },
    faults: { type: "boolean" },
    log: { type: "string" },
    json: { type: "string" },
    url: { type: "string" },
    run: { type: "string" },
    grant: { type: "string" },
  },
  positionals: { min: 0, max: 0 },
  help: [
    "Fills a rehearsal (wanhui start --rehearsal) with synthetic people who come, shake, catch, claim and pay like a",
    "television audience, flaky phones and cheats among them; then compares what they were told with the database.",
    `  --viewers N   how many people (${VIEWERS})`,
    `  --minutes M   how long they stay, at most until the show ends (${MINUTES})`,
    "  --seed S      the same seed is the same audience (1)",
    "  --faults      the server is being killed meanwhile: results may come late, everything else must hold",
    "  --log FILE    everything they were told, as JSON lines",
    "  --json FILE   the report as JSON",
    "  --url URL     the server, when it is not the one of the data folder; with --run, and --grant when its secret is",
    "                not in this folder (then nothing is compared, unless DATABASE_URL is given)",
    "Ends with 1 when something that must hold did not, or could not be compared.",
  ].join("\n"),
  async run({ values, output }) {
    const config = loadConfig({ flags: values as FlagValues });
    const text = (name: string) => (typeof values[name] === "string" ? (values[name] as string) : undefined);
    const viewers = wholeNumber("viewers", text("viewers"), VIEWERS);
    const minutes = Number(text("minutes") ?? MINUTES);
    if (!(minutes > 0)) throw new Fault("crowd.minutes", "--minutes wants a number above zero.");
    const server = await findServer({ folder: config.dataFolder, url: text("url"), run: text("run") });
    const expiresAtMs = Date.now() + minutes * 60_000 + GRANT_SPARE_MS;
    const grant =
      text("grant") ??
      makeRehearsalGrant(await loadSecrets(config.dataFolder), { run: server.run, expiresAtMs });
    const url =
      config.databaseUrl ?? (text("grant") === undefined ? await ownDatabase(config.dataFolder) : undefined);
    const database =
      url === undefined
        ? null
        : createPool({ url, applicationName: "wanhui crowd", connectionsMax: 2, statementTimeoutMs: 0 });
    const ended = new AbortController();
    process.once("SIGINT", () => ended.abort());
    try {
      const report = await runCrowd({
        baseUrl: server.url,
        run: server.run,
        grant,
        viewers,
        minutes,
        seed: wholeNumber("seed", text("seed"), 1),
        database,
        faults: values.faults === true,
        logFile: text("log") ?? null,
        signal: ended.signal,
        onProgress: progressTo(output),
      });
      if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
      output.out(reportText(report));
      const file = text("json");
      if (file !== undefined) await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
      return report.ok ? 0 : 1;
    } finally {
      await database?.end();
    }
  },
};

async function findServer(options: {
  folder: string;
  url: string | undefined;
  run: string | undefined;
}): Promise<{ url: string; run: string }> {
  const { folder, url, run } = options;
  if (url !== undefined && run !== undefined) return { url, run };
  const file = await readServerFile(folder);
  if (!file.rehearsal) {
    throw new Fault(
      "crowd.not_a_rehearsal",
      `${file.run} is a real night: synthetic people are never let in. Start a rehearsal: wanhui start --rehearsal`,
    );
  }
  return { url: url ?? file.url, run: run ?? file.run };
}

async function ownDatabase(folder: string): Promise<string | undefined> {
  return readConnectionFile(folder).then(
    (file) => file.url,
    () => undefined,
  );
}

/** A line that renews itself on a terminal; elsewhere one every ten seconds. */
function progressTo(output: {
  err(text: string): void;
}): (progress: Parameters<typeof progressLine>[0]) => void {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  return (progress) => {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\u001b[K${progressLine(progress)}`);
    } else if (progress.sinceMs - saidAtMs >= 10_000) {
      saidAtMs = progress.sinceMs;
      output.err(progressLine(progress));
    }
  };
}

function wholeNumber(name: string, text: string | undefined, byDefault: number): number {
  const number = text === undefined ? byDefault : Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 20_000) return number;
  throw new Fault(`crowd.${name}`, `--${name} wants a whole number from 1 to 20,000, not ${text}.`);
}
