import { randomBytes } from "node:crypto";
import { type FileHandle, link, mkdir, open, readFile, realpath, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode, errorMessage, Fault } from "../fault.ts";
import { adviceFor } from "./advice.ts";
import { identifyProcess, type ProcessIdentity, processPlace, processStartedAt } from "./processes.ts";

/** A data folder this process is the only server of, until `release`. */
export type LockedFolder = { readonly path: string; release(): Promise<void> };

/** The holder touches its lock this often, so that a server in another container can see it lives. */
const heartbeatMs = 1_000;
/** A holder we cannot see (other container or machine) is dead when its lock was not touched for this long. */
const silentMs = 10_000;

async function readHolder(path: string): Promise<ProcessIdentity | "unreadable" | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
  } catch (error) {
    return errorCode(error) === "ENOENT" ? undefined : "unreadable";
  }
}

/** Whether the process that wrote the lock still lives. */
async function holderLives(path: string, holder: ProcessIdentity | "unreadable"): Promise<boolean> {
  if (holder !== "unreadable" && holder.place === (await processPlace())) {
    return (await processStartedAt(holder.pid)) === holder.startedAt;
  }
  const touched = (await stat(path).catch(() => undefined))?.mtimeMs;
  return touched !== undefined && Date.now() - touched < silentMs;
}

/** Puts `own` at `path` only if nothing is there; `link` is atomic where open-then-write is not. */
async function place(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

function refused(folder: string, holder: ProcessIdentity | "unreadable"): Fault {
  const who = holder === "unreadable" ? "another process" : `process ${holder.pid}`;
  return new Fault(
    "folder.locked",
    `Another Wanhui server (${who}) already runs on ${folder}. Stop it first, or give this one a folder of its ` +
      "own with WANHUI_DATA. Tools (crowd, audit, verify) can run beside a server.",
  );
}

function unusable(folder: string, verb: "made" | "written", cause: unknown): Fault {
  const why = errorMessage(cause);
  const advice = adviceFor(why);
  return new Fault("folder.unusable", `The data folder ${folder} cannot be ${verb} (${why}). ${advice}`, {
    cause,
  });
}

/** Takes the lock of a dead holder; a second lock around the swap keeps two starters from both succeeding. */
async function takeOver(own: string, lockPath: string, folder: string): Promise<boolean> {
  const gate = `${lockPath}.takeover`;
  if (!(await place(own, gate))) {
    const other = await readHolder(gate);
    if (other !== undefined && (await holderLives(gate, other))) throw refused(folder, other);
    await rm(gate, { force: true });
    return false;
  }
  try {
    const holder = await readHolder(lockPath);
    if (holder !== undefined && (await holderLives(lockPath, holder))) throw refused(folder, holder);
    await rm(lockPath, { force: true });
    return await place(own, lockPath);
  } finally {
    await rm(gate, { force: true });
  }
}

/**
 * Makes this process the only server on a data folder (created when missing, 0700). The lock names its holder by
 * process id and start time, so one left by kill -9 is recognised even when the id was given to someone else.
 *
 * Tools do not take it: they read the connection file.
 *
 * @throws Fault `folder.locked` when another server holds it, `folder.unusable` when it cannot be written, `process.unknown`
 */
export async function lockDataFolder(folder: string): Promise<LockedFolder> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw unusable(folder, "made", cause);
  });
  const path = await realpath(folder);
  const lockPath = join(path, "server.lock");
  // Whoever shares the folder asks twice a second: while it is held nothing is written.
  const before = await readHolder(lockPath);
  if (before !== undefined && (await holderLives(lockPath, before))) throw refused(path, before);
  const self = await identifyProcess(process.pid);
  if (self === undefined)
    throw new Fault("folder.unusable", "The start time of this process cannot be read.");
  const own = `${lockPath}.${process.pid}-${randomBytes(4).toString("hex")}`;
  const file = await writeSelf(own, self).catch((cause: unknown) => {
    throw unusable(path, "written", cause);
  });
  try {
    for (let attempt = 0; !(await place(own, lockPath)); attempt += 1) {
      const holder = await readHolder(lockPath);
      if (holder !== undefined && ((await holderLives(lockPath, holder)) || attempt > 20)) {
        throw refused(path, holder);
      }
      if (await takeOver(own, lockPath, path)) break;
      await sleep(10);
    }
    return keep(path, lockPath, file);
  } catch (error) {
    await file.close();
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Writes who holds it. The file stays open: once it is the lock nothing more has to be opened, neither to hold it nor to let go. */
async function writeSelf(own: string, self: ProcessIdentity): Promise<FileHandle> {
  const file = await open(own, "wx", 0o600);
  try {
    await file.writeFile(JSON.stringify(self));
    return file;
  } catch (error) {
    await file.close();
    await rm(own, { force: true });
    throw error;
  }
}

function keep(path: string, lockPath: string, file: FileHandle): LockedFolder {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(lockPath, now, now).catch(() => undefined);
  }, heartbeatMs);
  beat.unref();
  let held = true;
  return {
    path,
    async release() {
      if (!held) return;
      held = false;
      clearInterval(beat);
      // Who was taken for dead lost it to another. A file that is open shares its number with nobody.
      const [mine, there] = await Promise.all([file.stat(), stat(lockPath).catch(() => undefined)]);
      await file.close();
      if (mine.ino === there?.ino && mine.dev === there.dev) await rm(lockPath, { force: true });
    },
  };
}
