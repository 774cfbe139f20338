import { networkInterfaces } from "node:os";
import { configFlags, type FlagValues, loadConfig, qrCodeOf, startNight } from "@wanhui/server";
import type { Command } from "../command.ts";
import { version } from "../version.ts";
import { welcomeOf } from "../welcome.ts";

/** `wanhui start`: a night, with everything it needs, in this process. */
export const command: Command = {
  usage: "start [show file] [--fresh] [--rehearsal] [--join] [settings]",
  options: {
    ...configFlags(),
    fresh: { type: "boolean" },
    rehearsal: { type: "boolean" },
    join: { type: "boolean" },
  },
  positionals: { min: 0, max: 1 },
  help: [
    "Plays a show: the example Spring Festival gala when no file is named. Takes the settings of `wanhui config` as flags.",
    "  --fresh      begin a new run; without it a restart continues the newest one",
    "  --rehearsal  a run of its own that synthetic viewers (`wanhui crowd`) may join",
    "  --join       a further process of a night that runs: same database, same NATS_URL",
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
      join: values.join === true,
      version,
      onProgress: (sentence) => output.err(`${sentence} ...`),
    });
    const { lines, qrUrl } = welcomeOf({
      night,
      config,
      interfaces: networkInterfaces(),
      nowMs: Date.now(),
    });
    for (const line of lines) output.out(line);
    if (qrUrl !== null) output.out(await qrCodeOf(qrUrl));
    output.out("");
    await night.runUntil(ended.signal);
    return 0;
  },
};
