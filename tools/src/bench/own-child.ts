import { spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cpuSecondsOf } from "./server-child.ts";

/** One of the bench's own programs in a process of its own, asked by lines of JSON. */
export type OwnChild = {
  readonly pid: number;
  /** Sends one line, resolves to the next line it says. */
  ask(order: unknown): Promise<unknown>;
  /** Processor time it has used so far, in seconds. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
};

/**
 * Starts a program of the bench.
 *
 * @param program its file without the ending: source and build have different ones
 */
export function fork(program: URL, args: readonly string[] = []): OwnChild {
  const file = `${fileURLToPath(program)}${extname(fileURLToPath(import.meta.url))}`;
  const child = spawn(process.execPath, ["--max-semi-space-size=64", file, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} could not be run`);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid,
    async ask(order) {
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error(`${file} ended`);
      return JSON.parse(line.value);
    },
    cpuSeconds: () => cpuSecondsOf(pid),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
