import { parseArgs } from "node:util";
import type { Command, CommandCall, CommandEntry, Output } from "./command.ts";

const indent = "  ";

/** Columns of text, each as wide as its widest cell; the last one is free. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  const line = (row: readonly string[]) =>
    row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

function overview(commands: readonly CommandEntry[]): string {
  const rows = commands.map(({ name, summary }) => [`${indent}${name}`, summary]);
  return [
    "wanhui - live shopping nights with draws anyone can check",
    "",
    "usage: wanhui <command> [options]",
    "",
    columns(rows),
    "",
    "wanhui <command> --help explains a command; wanhui config explains the settings.",
  ].join("\n");
}

/** How many letters have to change to make one word of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, against] of [...other].entries()) {
      const replaced = (row[j] ?? 0) + (letter === against ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function unknown(name: string, commands: readonly CommandEntry[]): string {
  const near = commands
    .map((entry) => ({ name: entry.name, far: distance(name, entry.name) }))
    .sort((a, b) => a.far - b.far)[0];
  const guess = near !== undefined && near.far <= 2 ? ` Did you mean \`wanhui ${near.name}\`?` : "";
  const names = commands.map((entry) => entry.name).join(", ");
  return `There is no command \`${name}\`.${guess}\nCommands: ${names}. \`wanhui --help\` explains them.`;
}

function parse(command: Command, words: string[]): Pick<CommandCall, "values" | "positionals"> {
  const { values, positionals } = parseArgs({
    args: words,
    options: command.options,
    allowPositionals: true,
  });
  const { min, max } = command.positionals;
  if (positionals.length < min) throw new Error("An argument is missing.");
  if (positionals.length > max) throw new Error(`Unexpected argument: ${positionals[max]}`);
  return { values: { ...values }, positionals };
}

/** A fault's message is written for people; anything else is a bug, and its stack helps whoever reports it. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "Fault" ? error.message : (error.stack ?? error.message);
}

/**
 * Finds the command, parses its flags, runs it.
 *
 * @returns the exit code: the command's own, 1 for a fault, 2 for a wrong call
 */
export async function runCommandLine(
  argv: readonly string[],
  commands: readonly CommandEntry[],
  output: Output,
): Promise<number> {
  const [name, ...words] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    output.out(overview(commands));
    return name === undefined ? 2 : 0;
  }
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    output.err(unknown(name, commands));
    return 2;
  }
  const { command } = await entry.load();
  const usage = `usage: wanhui ${command.usage}`;
  if (words.includes("--help") || words.includes("-h")) {
    output.out(`${usage}\n\n${command.help}`);
    return 0;
  }
  let call: Pick<CommandCall, "values" | "positionals">;
  try {
    call = parse(command, words);
  } catch (error) {
    output.err(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  try {
    return await command.run({ ...call, output });
  } catch (error) {
    output.err(describeError(error));
    return 1;
  }
}
