import { networkInterfaces } from "node:os";
import { configFlags, type FlagValues, loadConfig, type Night, qrCodeOf, startNight } from "@wanhui/server";
import type { Command, Output } from "../command.ts";
import { version } from "../version.ts";

/** `wanhui start`: a night, with everything it needs, in this process. */
export const command: Command = {
  usage: "start [show file] [--fresh] [--rehearsal] [settings]",
  options: { ...configFlags(), fresh: { type: "boolean" }, rehearsal: { type: "boolean" } },
  positionals: { min: 0, max: 1 },
  help: [
    "Plays a show: the example Spring Festival gala when no file is named. Takes the settings of `wanhui config` as flags.",
    "  --fresh      begin a new run; without it a restart continues the newest one",
    "  --rehearsal  a run of its own that synthetic viewers (`wanhui crowd`) may join",
    "Stop it with Ctrl-C; after that, or after a crash, start it again and the night goes on.",
  ].join("\n"),
  async run({ values, positionals, output }) {
    const flags = values as FlagValues;
    const config = loadConfig({
      flags: positionals[0] === undefined ? flags : { ...flags, show: positionals[0] },
    });
    const ended = new AbortController();
    const end = () => {
      // A second Ctrl-C does not wait for the orderly end: nothing acknowledged is lost by that.
      if (ended.signal.aborted) process.exit(130);
      output.err("Closing. What was acknowledged is kept; start again to go on.");
      ended.abort();
    };
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
    const night = await startNight({
      config,
      fresh: values.fresh === true,
      rehearsal: values.rehearsal === true,
      version,
      onProgress: (sentence) => output.err(`${sentence} ...`),
    });
    await welcome(night, output);
    await night.runUntil(ended.signal);
    return 0;
  },
};

async function welcome(night: Night, output: Output): Promise<void> {
  const { run, url, operatorUrl } = night;
  const kind = run.rehearsal ? "rehearsal" : "run";
  const began = night.continued ? `continued, began ${new Date(run.startedAtMs).toLocaleString()}` : "new";
  output.out("");
  output.out(`  ${run.definition.title.zh} · ${run.definition.title.en}   (${kind} ${run.run}, ${began})`);
  output.out("");
  output.out(`  Main venue        ${url}/`);
  for (const other of otherAddresses(url)) output.out(`                    ${other}/`);
  output.out(`  Check a proof     ${url}/verify`);
  output.out(`  Interface         ${url}/docs`);
  output.out(`  Operator link     ${operatorUrl}   (works once)`);
  output.out("");
  if (url.startsWith("https:")) output.out(await qrCodeOf(`${otherAddresses(url)[0] ?? url}/`));
  else output.out("  Phones give their motion sensors to secure pages only: add --tls to shake.");
  output.out("");
}

/** How other machines of the network reach a server that listens everywhere. */
function otherAddresses(url: string): string[] {
  const { protocol, hostname, port } = new URL(url);
  if (hostname !== "localhost") return [];
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => `${protocol}//${address}:${port}`);
}
