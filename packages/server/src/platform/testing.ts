import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { createPool } from "./database/mod.ts";
import { silentLog } from "./log.ts";
import {
  isAlive,
  isPostgresOf,
  lockDataFolder,
  processStartedAt,
  startEmbeddedPostgres,
} from "./postgres/mod.ts";

// The door for tests of every capability: one real server for the whole run, a fresh database per test file.

/** Set by the global set-up of the `server` group: the administrator's address on the shared server. */
const urlVariable = "WANHUI_TEST_POSTGRES";
/** Password of the working role on the same server. */
const passwordVariable = "WANHUI_TEST_POSTGRES_PASSWORD";
const folderPrefix = "wanhui-test-";
const ownerFile = "owner.json";

/** A folder for one test below the system's temporary folder; removed by the next run if this one is killed. */
export async function createTestFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), folderPrefix));
  const startedAt = await processStartedAt(process.pid);
  await writeFile(join(folder, ownerFile), JSON.stringify({ pid: process.pid, startedAt }));
  return folder;
}

/** Ends every PostgreSQL server that runs below a test folder, and removes the folder. */
export async function removeTestFolder(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  for (const name of names.filter((name) => basename(name) === "postmaster.pid")) {
    const pidFile = await realpath(join(folder, name));
    const pid = Number((await readFile(pidFile, "utf8").catch(() => "")).split("\n")[0]);
    if (!(await isPostgresOf(pid, dirname(pidFile)))) continue;
    process.kill(pid, "SIGQUIT");
    while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await unmountBelow(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Disks a test mounted there and did not live to unmount. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = await readFile("/proc/self/mounts", "utf8").catch(() => "");
  const places = mounts.split("\n").map((line) => line.split(" ")[1] ?? "");
  for (const place of places.filter((place) => place.startsWith(`${folder}/`)))
    await promisify(execFile)("umount", ["-l", place]);
}

/** Removes what killed test runs left behind, their servers included. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue;
    const folder = join(tmpdir(), name);
    const text = await readFile(join(folder, ownerFile), "utf8").catch(() => "");
    // Empty: made this very moment by a run beside ours.
    if (text === "") continue;
    const owner = JSON.parse(text) as { pid: number; startedAt?: string };
    if ((await processStartedAt(owner.pid)) !== owner.startedAt) await removeTestFolder(folder);
  }
}

/**
 * Starts the server shared by all tests of a run. Called once by the global set-up.
 *
 * @returns what ends it and removes its folder
 */
export async function startTestServer(): Promise<() => Promise<void>> {
  await sweep();
  const path = await createTestFolder();
  const folder = await lockDataFolder(path);
  const server = await startEmbeddedPostgres({ folder, log: silentLog() });
  process.env[urlVariable] = server.adminUrl;
  process.env[passwordVariable] = new URL(server.url).password;
  return async () => {
    await folder.release();
    await removeTestFolder(path);
  };
}

/**
 * Makes an empty database of its own on the run's shared PostgreSQL, in about 50 ms. Name the test file
 * `*.pg.test.ts`: that group starts the server.
 *
 * @returns its address, a pool with our conventions (`createPool`), and `drop`, which ends the pool and removes it
 */
export async function createTestDatabase(): Promise<{ url: string; pool: pg.Pool; drop(): Promise<void> }> {
  const adminUrl = process.env[urlVariable];
  if (adminUrl === undefined) {
    throw new Error("No test server: name the file *.pg.test.ts and run it with vitest --project server.");
  }
  const name = `test_${randomBytes(6).toString("hex")}`;
  const asAdmin = async (sql: string) => {
    const client = new pg.Client({ connectionString: adminUrl });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await asAdmin(`create database ${name} owner wanhui`);
  // The administrator may do what the working role may not (set fsync-like settings): tests work as the latter.
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  url.username = "wanhui";
  url.password = process.env[passwordVariable] ?? url.password;
  const pool = createPool({ url: url.href, applicationName: "wanhui-test" });
  return {
    url: url.href,
    pool,
    async drop() {
      await pool.end();
      await asAdmin(`drop database ${name} with (force)`);
    },
  };
}
