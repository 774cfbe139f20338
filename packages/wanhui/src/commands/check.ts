import { formatProblem, loadShow, summaryOf } from "@wanhui/server";
import type { Command } from "../command.ts";

/** `wanhui check`: reads a show file as the server does, and says everything that is wrong with it at once. */
export const command: Command = {
  usage: "check <show.yaml> [--json]",
  options: { json: { type: "boolean" } },
  positionals: { min: 1, max: 1 },
  help: [
    "Prints every error as file:line:column field [rule] message; the rules are in docs/spec/show-file.md.",
    "A good file is shown as the night it will be: prizes, rundown, units and odds.",
    "  --json   the errors, or the whole show, as JSON",
    "Ends with 1 when there is an error.",
  ].join("\n"),
  async run({ values, positionals, output }) {
    const [path = ""] = positionals;
    const parsed = await loadShow(path);
    if (values.json === true) {
      output.out(JSON.stringify(parsed, undefined, 2));
      return parsed.ok ? 0 : 1;
    }
    if (!parsed.ok) {
      for (const problem of parsed.problems) output.out(formatProblem(path, problem));
      output.err(parsed.problems.length === 1 ? "1 error" : `${parsed.problems.length} errors`);
      return 1;
    }
    for (const line of summaryOf(parsed.show)) output.out(line);
    for (const note of parsed.notes) output.out(`note: ${formatProblem(path, note)}`);
    output.out("OK");
    return 0;
  },
};
