import { runCommandLine } from "./command-line.ts";
import { commands } from "./commands/mod.ts";

export type { Command, CommandEntry } from "./command.ts";

/**
 * The command line. Sets the exit code instead of exiting, so that output is written out.
 *
 * @param argv the words after `wanhui`
 */
export async function main(argv: string[]): Promise<void> {
  const code = await runCommandLine(argv, commands, {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
  });
  // A command that is still alive (a server) ends by itself; a failed one must not be kept by an open handle.
  process.exitCode = code;
}
