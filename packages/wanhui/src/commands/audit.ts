import {
  audit,
  configFlags,
  createPool,
  type FlagValues,
  loadConfig,
  readConnectionFile,
} from "@wanhui/server";
import type { Command } from "../command.ts";

/** `wanhui audit`: the whole journal read again, and compared with everything SQL says. */
export const command: Command = {
  usage: "audit [--json] [settings]",
  options: { ...configFlags(), json: { type: "boolean" } },
  positionals: { min: 0, max: 0 },
  help: [
    "Reads the journal from its first batch: chain, invariants, seals against entries, winners recomputed, every",
    "award against SQL in both directions, claims and paid orders. Changes nothing; a server may be running.",
    "Takes DATABASE_URL, else joins the embedded server of the data folder.",
    "  --json   the result as JSON",
    "Prints OK with what was looked at, or the first difference; ends with 1 when there is one.",
  ].join("\n"),
  async run({ values, output }) {
    const config = loadConfig({ flags: values as FlagValues });
    const url = config.databaseUrl ?? (await readConnectionFile(config.dataFolder)).url;
    const pool = createPool({ url, applicationName: "wanhui audit", connectionsMax: 1 });
    try {
      const result = await audit(pool);
      if (values.json === true) output.out(JSON.stringify(result, undefined, 2));
      else if (!result.ok) output.out(`DIFFERENCE ${result.difference}`);
      else {
        const counts = Object.entries(result.counts).map(([name, count]) => `${count} ${name}`);
        output.out(`OK ${counts.join(", ")}`);
      }
      return result.ok ? 0 : 1;
    } finally {
      await pool.end();
    }
  },
};
