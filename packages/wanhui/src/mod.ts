import { runCommandLine } from "./command-line.ts";
import { commands } from "./commands/mod.ts";

export type { Command, CommandEntry } from "./command.ts";

/**
 * The command line. Success only sets the exit code: whoever still works ends by himself. A failure exits, so that a
 * forgotten handle never keeps a dead command alive.
 *
 * @param argv the words after `wanhui`
 */
export async function main(argv: string[]): Promise<void> {
  const code = await runCommandLine(argv, commands, {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
  });
  if (code !== 0) process.exit(code);
  process.exitCode = 0;
}
