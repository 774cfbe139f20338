import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "@wanhui/server";

const run = promisify(execFile);
const startPatienceMs = 60_000;
/** Ticks per second of /proc's clocks: fixed for programs on Linux (USER_HZ). */
const procTicksPerSecond = 100;

/** `wanhui start` in a process of its own. */
export type ServerChild = {
  readonly url: string;
  readonly pid: number;
  /** From the spawn to the first page answered. */
  readonly startMs: number;
  /** Processor time the server process has used so far, in seconds; PostgreSQL's is not in it. */
  cpuSeconds(): Promise<number>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Stops its clock without ending it. */
  stall(): void;
  /** Lets it go on. */
  goOn(): void;
};

/**
 * Starts the server as people do, on its own data folder and a free port, and waits for the first page.
 *
 * @param options.program the command line's own file, as Node runs it
 */
export async function startServer(options: {
  readonly program: string;
  readonly dataFolder: string;
  readonly show?: string;
  /** Further flags, and settings of the environment. */
  readonly more?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}): Promise<ServerChild> {
  const { program, dataFolder, show, more = [], env = {} } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const place = ["--data", dataFolder, "--host", "127.0.0.1", "--port", String(port), "--sandbox-port", "0"];
  const rest = ["--log-level", "error", "--beacon", "dev"];
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [program, "start", ...(show ? [show] : []), ...place, ...rest, ...more],
    {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...env },
    },
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4_000);
  });
  while (!(await answers(url))) {
    if (child.exitCode !== null || performance.now() - begun > startPatienceMs) {
      await end(child, "SIGKILL");
      throw new Error(`The server did not start:\n${said}`);
    }
    await sleep(10);
  }
  const startMs = performance.now() - begun;
  const { pid } = child;
  if (pid === undefined) throw new Error("The server has no process");
  return {
    url,
    pid,
    startMs,
    cpuSeconds: () => cpuSecondsOf(pid),
    stop: () => end(child, "SIGTERM"),
    kill: () => end(child, "SIGKILL"),
    stall: () => process.kill(pid, "SIGSTOP"),
    goOn: () => process.kill(pid, "SIGCONT"),
  };
}

/** The page itself and what it shows first. */
async function answers(url: string): Promise<boolean> {
  for (const path of ["/", "/api/show"]) {
    const page = await fetch(`${url}${path}`).catch(() => null);
    await page?.arrayBuffer();
    if (page?.ok !== true) return false;
  }
  return true;
}

async function end(child: ChildProcess, how: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(how);
  await ended;
}

/** Processor time a process has used so far, in seconds; on Linux to the hundredth. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  if (process.platform === "linux") {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may hold anything, fields 14 and 15 count from the third (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / procTicksPerSecond;
  }
  const { stdout } = await run("ps", ["-o", "time=", "-p", String(pid)]);
  return stdout
    .trim()
    .split(":")
    .reduce((sum, part) => sum * 60 + Number(part), 0);
}
