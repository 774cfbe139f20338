import { spawn } from "node:child_process";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { errorCode, errorMessage, Fault } from "../fault.ts";
import type { Log } from "../log.ts";
import { adviceFor } from "./advice.ts";
import { adminRole, type ClusterSecrets } from "./cluster.ts";
import { commandOf, type Launcher } from "./launcher.ts";
import { isAlive, isPostgresOf } from "./processes.ts";
import { serverSettings } from "./settings.ts";

/** A PostgreSQL server process of ours, running and answering. */
export type Postmaster = { pid: number; port: number };

/** How often a state that another process changes is looked at. */
const pollMs = 40;
/** A server that replays its log after a crash says `starting`; a full log takes minutes on a slow disk. */
const recoveryPatienceMs = 15 * 60_000;
/** A living server that does not answer for this long is stuck, and a person has to look. */
const answerPatienceMs = 30_000;
/** Children of a killed server notice within seconds and let go of its shared memory. */
const orphanPatienceMs = 30_000;
/** A fast shutdown writes one checkpoint; past this the server is stopped at once and recovers at its next start. */
const stopPatienceMs = 30_000;
/** Old lines of the server's log are kept once, so a folder never fills with them. */
const logBytesMax = 16 * 1024 * 1024;

type PidFile = { pid: number; port: number; status: string };

/** What the server itself says in `postmaster.pid`: process id, port, and starting | ready | stopping | standby. */
export async function readPidFile(dataDirectory: string): Promise<PidFile | undefined> {
  const text = await readFile(join(dataDirectory, "postmaster.pid"), "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const lines = text.split("\n");
  return { pid: Number(lines[0]), port: Number(lines[3]), status: (lines[7] ?? "").trim() };
}

/** A port on the loopback interface that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Address of the administrator on a port of this machine. */
export function adminUrl(secrets: ClusterSecrets, port: number): string {
  return `postgres://${adminRole}:${secrets.adminPassword}@127.0.0.1:${port}/postgres`;
}

/** Whether the server on `port` opens with our password and really serves `dataDirectory`. */
async function answers(
  dataDirectory: string,
  secrets: ClusterSecrets,
  port: number,
): Promise<true | { reason: string; code: string | undefined }> {
  const client = new pg.Client({
    connectionString: adminUrl(secrets, port),
    connectionTimeoutMillis: 3_000,
    query_timeout: 3_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ directory: string }>(
      "select current_setting('data_directory') as directory",
    );
    const served = rows[0]?.directory;
    return served === dataDirectory || { reason: `it serves ${served}`, code: undefined };
  } catch (error) {
    return { reason: errorMessage(error), code: errorCode(error) };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Waits until the process is gone; false when it outlives `patienceMs`. */
export async function waitForExit(pid: number, patienceMs: number): Promise<boolean> {
  for (const until = performance.now() + patienceMs; performance.now() < until; ) {
    if (!(await mayLive(pid))) return true;
    await sleep(pollMs);
  }
  return !(await mayLive(pid));
}

/** Where it cannot be told, whoever waits looks again. */
async function mayLive(pid: number): Promise<boolean> {
  return await isAlive(pid).catch(() => true);
}

/**
 * Waits until a living server of this data directory answers.
 *
 * @returns undefined when it ended instead
 * @throws Fault `postgres.stuck` when it lives and stays silent; it is not killed, a person has to look
 */
async function waitUntilReady(
  dataDirectory: string,
  secrets: ClusterSecrets,
  pid: number,
): Promise<Postmaster | undefined> {
  const started = performance.now();
  let why = "";
  let silentSince = started;
  while (performance.now() - started < recoveryPatienceMs) {
    if (!(await mayLive(pid))) return undefined;
    const file = await readPidFile(dataDirectory);
    if (file?.pid === pid && file.status === "ready") {
      const answer = await answers(dataDirectory, secrets, file.port);
      // 53300: too many connections. Full is not dead; our own pool gets its turn.
      if (answer === true || answer.code === "53300") return { pid, port: file.port };
      why = answer.reason;
      if (performance.now() - silentSince > answerPatienceMs) break;
    } else {
      silentSince = performance.now();
    }
    await sleep(pollMs);
  }
  throw new Fault(
    "postgres.stuck",
    `The embedded PostgreSQL (process ${pid}) lives but does not answer: ${why || "still starting"}. Look into ` +
      `postgres.log in the data folder; \`kill -INT ${pid}\` stops it, then start again.`,
  );
}

/**
 * Finds a server that outlived the process which started it.
 *
 * @returns the running server; "gone" when its file names a process that is no server of this folder any more (a
 * crash: the next start recovers); undefined when it was stopped cleanly
 */
export async function adoptPostmaster(
  dataDirectory: string,
  secrets: ClusterSecrets,
): Promise<Postmaster | "gone" | undefined> {
  const file = await readPidFile(dataDirectory);
  if (file === undefined) return undefined;
  if (!(await isPostgresOf(file.pid, dataDirectory))) {
    // PostgreSQL itself refuses to start while *any* process has this id. A reused id (or a zombie) is not a server.
    const taken = await isPidTaken(file.pid);
    if (taken) await rm(join(dataDirectory, "postmaster.pid"), { force: true });
    return "gone";
  }
  if (file.status === "stopping") {
    if (await waitForExit(file.pid, stopPatienceMs)) return undefined;
  }
  return (await waitUntilReady(dataDirectory, secrets, file.pid)) ?? "gone";
}

async function isPidTaken(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

async function openServerLog(path: string) {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size > logBytesMax) await rename(path, `${path}.1`);
  const handle = await open(path, "a", 0o600);
  const { size: from } = await handle.stat();
  return { handle, from };
}

async function readLogFrom(path: string, from: number): Promise<string> {
  const bytes = await readFile(path);
  return bytes.subarray(from).toString("utf8");
}

/** Starts the server once: in a session of its own, so that neither Ctrl-C nor our kill -9 reaches it. */
async function spawnPostmaster(launcher: Launcher, logPath: string, settings: Record<string, string>) {
  const { handle, from } = await openServerLog(logPath);
  const args = ["-D", launcher.dataDirectory];
  for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
  const command = commandOf(launcher, "postgres", args);
  try {
    const child = spawn(command.file, command.args, {
      ...command.options,
      detached: true,
      stdio: ["ignore", handle.fd, handle.fd],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => resolve(child.pid ?? 0));
    });
    child.unref();
    return { pid, from };
  } finally {
    await handle.close();
  }
}

/**
 * Starts the server on an existing cluster and waits until it answers, recovery after a crash included.
 *
 * @param port `wanted` is tried first, so that a restart keeps its address; when it is busy and the server `mayMove`,
 *   another one is taken
 * @throws Fault `postgres.start_failed` with the end of the server's log and what to do
 */
export async function startPostmaster(options: {
  launcher: Launcher;
  secrets: ClusterSecrets;
  logPath: string;
  port: { wanted: number | undefined; mayMove: boolean };
  settings: Record<string, string>;
  log: Log;
}): Promise<Postmaster> {
  const { launcher, secrets, logPath, log } = options;
  const started = performance.now();
  let port = options.port.wanted ?? (await freePort());
  for (;;) {
    const settings = serverSettings(port, options.settings);
    const { pid, from } = await spawnPostmaster(launcher, logPath, settings);
    const ready = await waitUntilReady(launcher.dataDirectory, secrets, pid);
    if (ready !== undefined) return ready;
    const output = await readLogFrom(logPath, from);
    const waited = performance.now() - started;
    const isBusy = /could not bind|Address already in use/i.test(output);
    if (isBusy && options.port.mayMove && waited < answerPatienceMs) {
      port = await freePort();
    } else if (/shared memory block|lock file .* already exists/i.test(output) && waited < orphanPatienceMs) {
      log.warn("The killed database's last children still hold its memory; waiting for them to leave");
      await sleep(500);
    } else {
      const said = output.trim().split("\n").slice(-8).join("\n");
      const advice = isBusy ? `Port ${port} is taken by another program; end that.` : adviceFor(output);
      const message = `The embedded PostgreSQL did not start. ${advice}\n${said}`;
      throw new Fault("postgres.start_failed", message);
    }
  }
}

/**
 * Stops a server: fast shutdown (open transactions roll back, one checkpoint), after a bounded wait at once.
 * Signals nothing that is not a PostgreSQL server of this data directory.
 */
export async function stopPostmaster(pid: number, dataDirectory: string, log: Log): Promise<void> {
  if (!(await isPostgresOf(pid, dataDirectory))) return;
  process.kill(pid, "SIGINT");
  if (await waitForExit(pid, stopPatienceMs)) return;
  log.warn(
    `PostgreSQL did not stop within ${stopPatienceMs} ms; it is stopped at once and recovers next time`,
  );
  if (await isPostgresOf(pid, dataDirectory)) process.kill(pid, "SIGQUIT");
  await waitForExit(pid, 10_000);
}
