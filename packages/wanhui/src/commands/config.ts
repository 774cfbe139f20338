import { describeSettings } from "@wanhui/server";
import type { Command } from "../command.ts";
import { columns } from "../command-line.ts";

/** `wanhui config`: the manual of the settings, drawn from the table that reads them. */
export const command: Command = {
  usage: "config [--json]",
  options: { json: { type: "boolean" } },
  positionals: { min: 0, max: 0 },
  help: "Prints every setting: variable, flag, default, meaning, and what it is set to now. Secrets are not shown.",
  async run({ values, output }) {
    const rows = describeSettings();
    if (values.json === true) {
      output.out(JSON.stringify(rows, undefined, 2));
      return 0;
    }
    const head = ["NAME", "FLAG", "DEFAULT", "MEANING"];
    output.out(
      columns([head, ...rows.map(({ name, flag, byDefault, meaning }) => [name, flag, byDefault, meaning])]),
    );
    const present = rows.filter(({ current }) => current !== "");
    if (present.length > 0) {
      output.out(
        `\nSet in this environment:\n${columns(present.map(({ name, current }) => [`  ${name}`, current]))}`,
      );
    }
    return 0;
  },
};
