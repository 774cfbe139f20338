import { execFile, type SpawnOptions } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chown,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Fault } from "../fault.ts";
import type { PostgresBinaries } from "./binaries.ts";

const run = promisify(execFile);

/** Where data goes when root may not make a user namespace: a place another user can reach. */
const sharedRoot = "/var/lib/wanhui";

/**
 * How the PostgreSQL programs are run here. PostgreSQL refuses to run as root, so root needs one of two ways
 * around it; everybody else just runs them.
 *
 * - `plain`: as ourselves.
 * - `namespace`: in a user namespace where root is called `nobody`; works in place, also below a folder only
 *   root can enter, because outside the namespace the files still belong to root.
 * - `other-user`: as another user, with programs and data where that user can reach them.
 */
export type Launcher = {
  kind: "plain" | "namespace" | "other-user";
  nativeDirectory: string;
  /** The real path of the data directory; it may not exist yet. */
  dataDirectory: string;
  uid?: number;
  gid?: number;
};

/** Environment of the programs: nothing of ours, no secrets, no PG* variables that would change their meaning. */
const environment = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" };

/** The exact command that runs one of the programs under this launcher. */
export function commandOf(
  launcher: Launcher,
  program: "postgres" | "initdb",
  args: readonly string[],
): { file: string; args: string[]; options: SpawnOptions } {
  const path = join(launcher.nativeDirectory, "bin", program);
  const options: SpawnOptions = { env: environment, cwd: "/" };
  if (launcher.kind === "namespace") {
    return { file: "unshare", args: [...namespaceFlags, path, ...args], options };
  }
  if (launcher.uid !== undefined && launcher.gid !== undefined) {
    return { file: path, args: [...args], options: { ...options, uid: launcher.uid, gid: launcher.gid } };
  }
  return { file: path, args: [...args], options };
}

// `unshare` replaces itself by the program, so the process id we spawn is the server's own.
const namespaceFlags = ["--user", "--map-user=65534", "--map-group=65534"];

/** Whether a user namespace works here, seen by doing in it what the server will do. */
export async function namespacesWork(nativeDirectory: string, folder: string): Promise<boolean> {
  const script = 'test -w "$1" && test -x "$1" && exec "$2" --version';
  const postgres = join(nativeDirectory, "bin", "postgres");
  try {
    await run("unshare", [...namespaceFlags, "/bin/sh", "-c", script, "sh", folder, postgres]);
    return true;
  } catch {
    return false;
  }
}

/** initdb looks its user up by number; a container started with `--user 12345` has no such entry. */
function haveUserEntry(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}

/** The user that runs the server for root where namespaces are off: `wanhui` when there is one, else `nobody`. */
async function unprivilegedUser(): Promise<{ uid: number; gid: number }> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  for (const name of ["wanhui", "nobody"]) {
    const fields = passwd
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.split(":");
    const uid = Number(fields?.[2]);
    if (Number.isInteger(uid) && uid > 0) return { uid, gid: Number(fields?.[3]) };
  }
  throw new Fault(
    "postgres.no_unprivileged_user",
    "PostgreSQL refuses to run as root, user namespaces are off here, and there is no user `wanhui` or `nobody`. " +
      "Run as an ordinary user, or add a user: useradd --system wanhui",
  );
}

async function canRun(nativeDirectory: string, uid: number, gid: number): Promise<boolean> {
  const file = join(nativeDirectory, "bin", "postgres");
  return run(file, ["--version"], { env: environment, cwd: "/", uid, gid }).then(
    () => true,
    () => false,
  );
}

/** Programs where `uid` can run them: npm's own place when it can, otherwise a copy made once per version. */
async function reachableBinaries(binaries: PostgresBinaries, uid: number, gid: number): Promise<string> {
  if (await canRun(binaries.nativeDirectory, uid, gid)) return binaries.nativeDirectory;
  const copy = join(sharedRoot, `native-${binaries.version}`);
  if (!(await canRun(copy, uid, gid))) {
    await mkdir(sharedRoot, { recursive: true, mode: 0o755 });
    const half = `${copy}.copying-${process.pid}`;
    await cp(binaries.nativeDirectory, half, { recursive: true, verbatimSymlinks: true });
    await rm(copy, { recursive: true, force: true });
    await rename(half, copy);
  }
  if (await canRun(copy, uid, gid)) return copy;
  throw new Fault(
    "postgres.binaries_unusable",
    `The copy of PostgreSQL in ${copy} does not run as user ${uid}.`,
  );
}

async function chownAll(path: string, uid: number, gid: number): Promise<void> {
  await chown(path, uid, gid);
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), uid, gid);
  }
}

/**
 * Root without user namespaces: data lives below /var/lib/wanhui, and `<folder>/postgres` is a link to it.
 * Data that an earlier run made in place (namespaces were on then) is moved there, not forgotten.
 */
async function useSharedRoot(binaries: PostgresBinaries, link: string): Promise<Launcher> {
  const { uid, gid } = await unprivilegedUser();
  const id = createHash("sha256").update(link).digest("hex").slice(0, 16);
  const home = join(sharedRoot, id);
  const dataDirectory = join(home, "postgres");
  await mkdir(home, { recursive: true, mode: 0o755 });
  await chown(home, uid, gid);
  const present = await lstat(link).catch(() => undefined);
  if (present?.isDirectory()) {
    const half = `${dataDirectory}.moving`;
    await rm(half, { recursive: true, force: true });
    await cp(link, half, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    await chownAll(half, uid, gid);
    await rename(half, dataDirectory);
    await rename(link, `${link}.moved-to-var-lib-wanhui`);
  }
  if (!present?.isSymbolicLink()) await symlink(dataDirectory, link);
  const nativeDirectory = await reachableBinaries(binaries, uid, gid);
  return { kind: "other-user", nativeDirectory, dataDirectory, uid, gid };
}

/**
 * Decides how to run PostgreSQL for this user and folder. The owner of existing data decides first: a folder made
 * by an ordinary user keeps working when root starts the server, and the other way round is refused by name.
 *
 * @param folder the data folder, existing
 * @param allowNamespace false only in tests, which try the way for machines without user namespaces
 * @throws Fault `postgres.wrong_owner`, `postgres.no_unprivileged_user`, `postgres.unsupported_platform`
 */
export async function chooseLauncher(
  binaries: PostgresBinaries,
  folder: string,
  allowNamespace = true,
): Promise<Launcher> {
  const getuid = process.geteuid;
  if (getuid === undefined) {
    throw new Fault(
      "postgres.unsupported_platform",
      "The embedded PostgreSQL is started on Linux and macOS only. Set DATABASE_URL to a PostgreSQL server.",
    );
  }
  const link = join(await realpath(folder), "postgres");
  const dataDirectory = await realpath(link).catch(() => link);
  const existing = await stat(dataDirectory).catch(() => undefined);
  const { nativeDirectory } = binaries;
  if (getuid() !== 0) {
    if (existing !== undefined && existing.uid !== getuid()) {
      throw new Fault(
        "postgres.wrong_owner",
        `${dataDirectory} belongs to user ${existing.uid}, and this is user ${getuid()}. ` +
          "Start as that user, or choose another folder with WANHUI_DATA.",
      );
    }
    return { kind: haveUserEntry() ? "plain" : "namespace", nativeDirectory, dataDirectory };
  }
  if (existing !== undefined && existing.uid !== 0) {
    const { uid, gid } = existing;
    const reachable = await reachableBinaries(binaries, uid, gid);
    return { kind: "other-user", nativeDirectory: reachable, dataDirectory, uid, gid };
  }
  const mayNamespace = allowNamespace && process.platform === "linux" && dataDirectory === link;
  const isLink = (await lstat(link).catch(() => undefined))?.isSymbolicLink() === true;
  if (mayNamespace && !isLink && (await namespacesWork(nativeDirectory, folder))) {
    return { kind: "namespace", nativeDirectory, dataDirectory };
  }
  return useSharedRoot(binaries, link);
}
