import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const program = join(root, "packages", "wanhui", "bin", "wanhui.js");
const shortShow = join(dirname(fileURLToPath(import.meta.url)), "show.yaml");

/** A start under load replays the journal and may wait for PostgreSQL to recover. */
const startPatienceMs = 30_000;

/** The real `wanhui start` in a process of its own, to be killed and started again on the same folder and port. */
export class ServerProcess {
  readonly dataFolder: string;
  readonly port: number;
  readonly #logFile: string;
  #child: ChildProcess | null = null;
  #said = "";
  readonly #show: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #host: string;
  readonly #within: readonly string[];
  starts = 0;
  /** From the start of the process to the first page. */
  readonly startMs: number[] = [];

  /** @param options.env settings besides those of every test, such as NATS_URL */
  constructor(options: {
    dataFolder: string;
    port: number;
    env?: Readonly<Record<string, string>>;
    show?: string;
    /** Address it listens on. */
    host?: string;
    /** Words before the command, for whoever lives in a network of his own. */
    within?: readonly string[];
  }) {
    this.#show = options.show ?? shortShow;
    this.dataFolder = options.dataFolder;
    this.port = options.port;
    this.#env = options.env ?? {};
    this.#host = options.host ?? "127.0.0.1";
    this.#within = options.within ?? [];
    this.#logFile = join(options.dataFolder, `server-${options.port}.log`);
  }

  get url(): string {
    return `http://${this.#host}:${this.port}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("The server is not running");
    return pid;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and waits for its first page. */
  async start(...more: string[]): Promise<void> {
    const begun = performance.now();
    const settings = ["--data", this.dataFolder, "--port", String(this.port), "--host", this.#host];
    const quiet = [
      "--sandbox-port",
      "0",
      "--beacon",
      "dev",
      "--log-level",
      "warn",
      "--log-file",
      this.#logFile,
    ];
    const words = [process.execPath, program, "start", this.#show, ...settings, ...quiet, ...more];
    const [file = "", ...args] = [...this.#within, ...words];
    const child = spawn(file, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...this.#env },
    });
    this.#child = child;
    this.starts += 1;
    this.#said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#said = `${this.#said}${chunk}`.slice(-4_000);
    });
    while (!(await this.#answers())) {
      if (!this.isRunning || performance.now() - begun > startPatienceMs) {
        throw new Error(`The server did not start: ${await this.log()}`);
      }
      await sleep(20);
    }
    this.startMs.push(performance.now() - begun);
  }

  async #answers(): Promise<boolean> {
    const page = await fetch(`${this.url}/api/show`).catch(() => null);
    return page?.ok === true;
  }

  /** Ends it with no chance to tidy up; the embedded PostgreSQL lives on. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || !this.isRunning) throw new Error(`The server ended by itself: ${await this.log()}`);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** Stops its clock, as a debugger or a swapping machine does; `goOn` lets it run again. */
  stall(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  goOn(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** Ends it in order, PostgreSQL with it when no other process uses it. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null || !this.isRunning) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }

  /** The embedded PostgreSQL's first process. */
  async postmasterPid(): Promise<number | null> {
    const names = await readdir(this.dataFolder, { recursive: true });
    const name = names.find((name) => basename(name) === "postmaster.pid");
    if (name === undefined) return null;
    const text = await readFile(join(this.dataFolder, name), "utf8").catch(() => "");
    const pid = Number(text.split("\n")[0]);
    return pid > 1 ? pid : null;
  }

  /** What it said last, and whether it lives, for a failed test's message. */
  async log(): Promise<string> {
    const lines = (await readFile(this.#logFile, "utf8").catch(() => "")).slice(-4_000);
    const { exitCode, signalCode } = this.#child ?? {};
    return `${lines}\n${this.#said}\n(running: ${this.isRunning}, exit ${exitCode} ${signalCode})`;
  }
}
