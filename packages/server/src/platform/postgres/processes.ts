import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";

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
 */
export async function processStartedAt(pid: number): Promise<string | undefined> {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === "linux") {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    // The command name in parentheses may itself hold spaces and parentheses: fields count from the last ")".
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields === undefined || fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  }
  const { stdout } = await run("ps", ["-o", "stat=,lstart=", "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  const line = stdout.trim();
  return line === "" || line.startsWith("Z") ? undefined : line.slice(line.indexOf(" ") + 1).trim();
}

/** Whether a process with this id lives now. Says nothing about which program it is. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await processStartedAt(pid)) !== undefined;
}

/** The identity of a living process, or undefined. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const [startedAt, place] = await Promise.all([processStartedAt(pid), processPlace()]);
  return startedAt === undefined ? undefined : { pid, startedAt, place };
}

/** The arguments a living process was started with, or undefined when it is gone. */
async function processArguments(pid: number): Promise<string[] | undefined> {
  if (!(await isAlive(pid))) return undefined;
  if (process.platform === "linux") {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return line.split("\0");
  }
  const { stdout } = await run("ps", ["-ww", "-o", "command=", "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  return [stdout.trim()];
}

/**
 * Whether process `pid` is a PostgreSQL server started on exactly this data directory. The id may come from an
 * old file and belong to anybody by now, so nothing is signalled before this said yes.
 *
 * @param dataDirectory the real path passed to the server as `-D`
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
