import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCode, Fault } from "../fault.ts";
import { adviceFor } from "./advice.ts";
import { commandOf, type Launcher } from "./launcher.ts";

/** Passwords of a cluster: one for its administrator, one for the role the server works with. */
export type ClusterSecrets = { adminPassword: string; password: string };

/** The role that owns everything in the embedded server and is used for nothing but looking after it. */
export const adminRole = "wanhui_admin";

// Inside the data directory: the cluster and the passwords that open it appear and move together.
const secretsFile = "wanhui-secrets.json";

/** Reads the passwords of an existing cluster. */
export async function readSecrets(dataDirectory: string): Promise<ClusterSecrets> {
  return JSON.parse(await readFile(join(dataDirectory, secretsFile), "utf8")) as ClusterSecrets;
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function collect(command: ReturnType<typeof commandOf>): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.file, command.args, {
      ...command.options,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

/**
 * Remains of a creation that was killed half-way; only ever called under the folder's lock. Its initdb may outlive it
 * and still write there: it ends when it finds its files gone, until then a folder just emptied is not empty again.
 */
async function removeRemains(dataDirectory: string): Promise<void> {
  const parent = dirname(dataDirectory);
  const prefix = `${basename(dataDirectory)}.init-`;
  const patiently = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), patiently);
  }
}

/**
 * Makes a new cluster: built beside its final place and renamed, so a kill at any moment leaves either no cluster
 * or a whole one, never half.
 *
 * @throws Fault `postgres.init_failed` with what initdb said and what to do
 */
export async function createCluster(launcher: Launcher): Promise<void> {
  await removeRemains(launcher.dataDirectory);
  const half = `${launcher.dataDirectory}.init-${process.pid}`;
  const passwordFile = `${half}.password`;
  const secrets: ClusterSecrets = {
    adminPassword: randomBytes(24).toString("base64url"),
    password: randomBytes(24).toString("base64url"),
  };
  await writeFile(passwordFile, secrets.adminPassword, { mode: 0o600 });
  if (launcher.uid !== undefined) await chown(passwordFile, launcher.uid, launcher.gid ?? launcher.uid);
  const args = [
    ...["--pgdata", half, "--username", adminRole, "--pwfile", passwordFile],
    // The built-in locale sorts the same on every machine and every libc, so an index never turns invalid.
    ...["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale-provider", "builtin"],
    ...["--builtin-locale", "C.UTF-8", "--locale", "C", "--data-checksums"],
  ];
  try {
    const { code, output } = await collect(commandOf(launcher, "initdb", args));
    if (code !== 0) {
      const said = output.trim().split("\n").slice(-6).join("\n");
      throw new Fault(
        "postgres.init_failed",
        `The database could not be created. ${adviceFor(output)}\n${said}`,
      );
    }
    const path = join(half, secretsFile);
    await writeFile(path, JSON.stringify(secrets), { mode: 0o600, flush: true });
    if (launcher.uid !== undefined) await chown(path, launcher.uid, launcher.gid ?? launcher.uid);
    await rename(half, launcher.dataDirectory);
    await syncFolder(dirname(launcher.dataDirectory));
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    throw new Fault("postgres.init_failed", `initdb could not be started. ${adviceFor("")}`, {
      cause: error,
    });
  } finally {
    await removeRemains(launcher.dataDirectory);
  }
}

/** Major version of an existing cluster, e.g. "18", or undefined when there is none. */
export async function clusterVersion(dataDirectory: string): Promise<string | undefined> {
  const text = await readFile(join(dataDirectory, "PG_VERSION"), "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  return text?.trim();
}

/**
 * Whether the cluster was shut down cleanly, read from its control file (`DBState` at byte 16, 1 = shut down): its
 * next start then has nothing to recover. False while it runs.
 */
export async function wasShutDown(dataDirectory: string): Promise<boolean> {
  const control = await readFile(join(dataDirectory, "global", "pg_control"));
  return control.readInt32LE(16) === 1;
}
