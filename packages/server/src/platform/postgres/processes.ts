import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";
import { errorCode, errorMessage, Fault } from "../fault.ts";

const run = promisify(execFile);

/**
 * Names one process for good: a process id alone is reused, the pair with its start time is not. `place` names
 * the boot and the process namespace in which the id means anything.
 */
export type ProcessIdentity = { pid: number; startedAt: string; place: string };

/** Where process ids of this process are valid: boot and pid namespace on Linux, the host elsewhere. */
export async function processPlace(): Promise<string> {
  if (process.platform !== "linux") return hostname();
  const [boot, namespace] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => hostname()),
    readlink("/proc/self/ns/pid").catch(() => "unknown"),
  ]);
  return `${boot.trim()}/${namespace}`;
}

/**
 * The start time of a living process in the system's own notation, or undefined when there is no such process.
 * A zombie counts as dead: it holds nothing, and in a container without a reaper it stays for ever.
 *
 * @throws Fault `process.unknown` when it cannot be told: no file can be opened any more, for one. Nobody has ended by that
 */
export async function processStartedAt(pid: number): Promise<string | undefined> {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === "linux") {
    const stat = await readOf(pid, "stat");
    // The command name in parentheses may itself hold spaces and parentheses: fields count from the last ")".
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields === undefined || fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  }
  const line = await askPs(pid, ["-o", "stat=,lstart="]);
  return line === "" || line.startsWith("Z") ? undefined : line.slice(line.indexOf(" ") + 1).trim();
}

/** What the system says of a process, or undefined when it is gone. */
async function readOf(pid: number, name: "stat" | "cmdline"): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, "utf8");
  } catch (cause) {
    // ESRCH: it went between the opening and the reading.
    if (["ENOENT", "ESRCH"].includes(errorCode(cause) ?? "")) return undefined;
    throw unknown(pid, cause);
  }
}

/** What `ps` says of a process; empty when it is gone. */
async function askPs(pid: number, columns: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run("ps", [...columns, "-p", String(pid)]);
    return stdout.trim();
  } catch (cause) {
    const foundNone = 1;
    if (cause instanceof Error && "code" in cause && cause.code === foundNone) return "";
    throw unknown(pid, cause);
  }
}

function unknown(pid: number, cause: unknown): Fault {
  const why = errorMessage(cause);
  return new Fault("process.unknown", `Whether process ${pid} lives cannot be told (${why}).`, {
    retryable: true,
    cause,
  });
}

/**
 * Whether a process with this id lives now. Says nothing about which program it is.
 *
 * @throws Fault `process.unknown`
 */
export async function isAlive(pid: number): Promise<boolean> {
  return (await processStartedAt(pid)) !== undefined;
}

/** The identity of a living process, or undefined. @throws Fault `process.unknown` */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const [startedAt, place] = await Promise.all([processStartedAt(pid), processPlace()]);
  return startedAt === undefined ? undefined : { pid, startedAt, place };
}

/** The arguments a living process was started with, or undefined when it is gone. */
async function processArguments(pid: number): Promise<string[] | undefined> {
  if (!(await isAlive(pid))) return undefined;
  if (process.platform === "linux") return (await readOf(pid, "cmdline"))?.split("\0");
  return [await askPs(pid, ["-ww", "-o", "command="])];
}

/**
 * Whether process `pid` is a PostgreSQL server started on exactly this data directory. The id may come from an
 * old file and belong to anybody by now, so nothing is signalled before this said yes.
 *
 * @param dataDirectory the real path passed to the server as `-D`
 * @throws Fault `process.unknown`: it may be
 */
export async function isPostgresOf(pid: number, dataDirectory: string): Promise<boolean> {
  const words = await processArguments(pid);
  if (words === undefined) return false;
  if (process.platform === "linux") {
    const at = words.indexOf("-D");
    return at >= 0 && words[at + 1] === dataDirectory && (words[0] ?? "").endsWith("postgres");
  }
  return words.some((line) => line.includes("postgres") && line.includes(` -D ${dataDirectory} `));
}
