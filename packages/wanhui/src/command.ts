import type { ParseArgsConfig } from "node:util";

/** Where a command writes: answers to `out` (standard output), everything else to `err`. */
export type Output = { out(text: string): void; err(text: string): void };

/** What a command was called with. */
export type CommandCall = {
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  positionals: string[];
  output: Output;
};

/** One command: a file in `commands/` that exports it as `command`. */
export type Command = {
  /** The line after `wanhui`, e.g. `verify <proof file> [--json]`. */
  usage: string;
  /** Flags, as `node:util` `parseArgs` takes them; a flag not listed is refused with the usage. */
  options: NonNullable<ParseArgsConfig["options"]>;
  /** How many words without a flag it takes. */
  positionals: { min: number; max: number };
  /** Lines of help below the usage. */
  help: string;
  /** Does the work; resolves to the exit code. A thrown fault is printed and ends with 1. */
  run(call: CommandCall): Promise<number>;
};

/** A command's line in the table; its code is loaded only when it is called. */
export type CommandEntry = { name: string; summary: string; load(): Promise<{ command: Command }> };
