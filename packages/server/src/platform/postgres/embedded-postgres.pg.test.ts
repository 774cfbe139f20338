import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../log.ts";
import { createTestFolder, removeTestFolder } from "../testing.ts";
import { lockDataFolder, readConnectionFile, startEmbeddedPostgres } from "./mod.ts";
import { readPidFile } from "./postmaster.ts";
import { isAlive, isPostgresOf } from "./processes.ts";

type Held = {
  child: ChildProcess;
  outcome?: string;
  pid: number;
  port: number;
  url: string;
  launcherKind?: string;
  dataDirectory: string;
  code?: string;
  message?: string;
};

/** The built one: a process that first has to translate its source takes five times as long to start. */
const fixture = fileURLToPath(
  new URL("../../../dist/platform/postgres/hold-server.fixture.js", import.meta.url),
);
const isRoot = process.geteuid?.() === 0;

/** A database that was made and stopped, for tests that are not about its making. */
let ready: string;
let folder: string;
let children: ChildProcess[];

/** Starts the stand-in server as a process of its own. */
function begin(path: string, mode = ""): ChildProcess {
  const child = spawn(process.execPath, [fixture, path, mode]);
  children.push(child);
  return child;
}

/** Starts it and waits for the one line it says. */
async function hold(path: string, mode = ""): Promise<Held> {
  const child = begin(path, mode);
  let output = "";
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("\n")) resolve(output.slice(0, output.indexOf("\n")));
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.once("exit", () => reject(new Error(`the stand-in ended: ${output}`)));
  });
  return { child, ...(JSON.parse(line) as Omit<Held, "child">) };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Puts the ready database into the test's folder. */
function withDatabase(): void {
  // Ownership and modes belong to it.
  execFileSync("cp", ["-a", join(ready, "postgres"), join(folder, "postgres")]);
}

beforeAll(async () => {
  ready = await createTestFolder();
  const locked = await lockDataFolder(ready);
  const postgres = await startEmbeddedPostgres({ folder: locked, log: silentLog() });
  expect(postgres.outcome).toBe("created");
  await postgres.stop();
  await locked.release();
});

afterAll(() => removeTestFolder(ready));

beforeEach(async () => {
  folder = await createTestFolder();
  children = [];
});

afterEach(async () => {
  for (const child of children) await kill(child, "SIGKILL");
  await removeTestFolder(folder);
});

describe("after a kill -9 of the server process", () => {
  test("the database it started is adopted: same process, same address, same rows", async () => {
    const first = await hold(folder);
    expect(first.outcome).toBe("created");
    await query(first.url, "create table kept (id int); insert into kept values (1)");
    await kill(first.child, "SIGKILL");
    expect(await isAlive(first.pid)).toBe(true);

    const second = await hold(folder);
    expect(second).toMatchObject({ outcome: "adopted", pid: first.pid, port: first.port, url: first.url });
    expect(await query(second.url, "select id from kept")).toEqual([{ id: 1 }]);

    await kill(second.child, "SIGTERM");
    expect(await isAlive(first.pid)).toBe(false);
    const third = await hold(folder);
    expect(third.outcome).toBe("started");
    expect(await query(third.url, "select id from kept")).toEqual([{ id: 1 }]);
  });

  test.each(["SIGKILL", "SIGQUIT"] as const)(
    "a database ended by %s as well is recovered",
    async (signal) => {
      withDatabase();
      const first = await hold(folder);
      await query(first.url, "create table kept (id int); insert into kept values (1)");
      // An open transaction: its backend is alive when the postmaster dies, and must not be fought over.
      const open = new pg.Client({ connectionString: first.url });
      open.on("error", () => undefined);
      await open.connect();
      await open.query("begin; insert into kept values (2)");
      await kill(first.child, "SIGKILL");
      process.kill(first.pid, signal);
      await until(async () => !(await isAlive(first.pid)));

      const second = await hold(folder);
      expect(second.outcome).toBe("recovered");
      expect(second.pid).not.toBe(first.pid);
      expect(await query(second.url, "select id from kept")).toEqual([{ id: 1 }]);
      await open.end().catch(() => undefined);
    },
  );

  test("a process id in postmaster.pid that belongs to somebody else now is left alone", async () => {
    withDatabase();
    const first = await hold(folder);
    await query(first.url, "create table kept (id int)");
    await kill(first.child, "SIGKILL");
    process.kill(first.pid, "SIGKILL");
    await until(async () => !(await isAlive(first.pid)));
    const bystander = spawn("sleep", ["600"]);
    children.push(bystander);
    const file = join(first.dataDirectory, "postmaster.pid");
    const lines = (await readFile(file, "utf8")).split("\n");
    await writeFile(file, [String(bystander.pid), ...lines.slice(1)].join("\n"));

    const second = await hold(folder);
    expect(second.outcome).toBe("recovered");
    expect(await query(second.url, "select to_regclass('kept')::text as kept")).toEqual([{ kept: "kept" }]);
    expect(await isAlive(bystander.pid ?? 0)).toBe(true);
  });
});

test("a database killed while the server lives is started again at the same address", async () => {
  withDatabase();
  const held = await hold(folder);
  await query(held.url, "create table kept (id int); insert into kept values (1)");
  process.kill(held.pid, "SIGKILL");
  await until(async () => (await readConnectionFile(folder)).pid !== held.pid);
  expect((await readConnectionFile(folder)).url).toBe(held.url);
  expect(await query(held.url, "select id from kept")).toEqual([{ id: 1 }]);
});

test("a stop in the middle of a restart, or right beside the watch, leaves no server behind", async () => {
  withDatabase();
  const locked = await lockDataFolder(folder);
  for (let round = 0; round < 6; round += 1) {
    const postgres = await startEmbeddedPostgres({ folder: locked, log: silentLog() });
    const running = postgres.run(new AbortController().signal);
    if (round % 2 === 0) process.kill(postgres.pid, "SIGKILL");
    // Spread over the watch's period, so that the stop meets it before, in and after its look.
    await new Promise((resolve) => setTimeout(resolve, 200 + 20 * round));
    await postgres.stop();
    await running;
    const file = await readPidFile(postgres.dataDirectory);
    expect(file !== undefined && (await isPostgresOf(file.pid, postgres.dataDirectory))).toBe(false);
    expect(await isPostgresOf(postgres.pid, postgres.dataDirectory)).toBe(false);
  }
  await locked.release();
});

test("a second server on the folder is refused with who holds it and what to do", async () => {
  withDatabase();
  const first = await hold(folder);
  const second = await hold(folder);
  expect(second.code).toBe("folder.locked");
  expect(second.message).toContain(`process ${first.child.pid}`);
  expect(second.message).toContain("WANHUI_DATA");
});

test("of eight servers starting at once on a dead one's folder exactly one wins", async () => {
  withDatabase();
  const dead = await hold(folder);
  await kill(dead.child, "SIGKILL");
  const all = await Promise.all(Array.from({ length: 8 }, () => hold(folder)));
  expect(all.filter((held) => held.outcome === "adopted")).toHaveLength(1);
  expect(all.filter((held) => held.code === "folder.locked")).toHaveLength(7);
});

test("tools find the running server by a connection file only its owner can read", async () => {
  withDatabase();
  const held = await hold(folder);
  const connection = await readConnectionFile(folder);
  expect(connection).toEqual({ url: held.url, port: held.port, pid: held.pid });
  expect((await stat(join(folder, "connection.json"))).mode & 0o777).toBe(0o600);
  expect(await query(connection.url, "select 1 as one")).toEqual([{ one: 1 }]);
  await kill(held.child, "SIGTERM");
  await expect(readConnectionFile(folder)).rejects.toMatchObject({ code: "folder.no_server" });
});

test("a creation killed half-way begins anew and leaves no remains", async () => {
  await mkdir(join(folder, "postgres.init-99999", "base"), { recursive: true });
  await writeFile(join(folder, "postgres.init-99999", "PG_VERSION"), "18\n");
  await writeFile(join(folder, "postgres.init-99999.password"), "secret");
  const held = await hold(folder);
  expect(held.outcome).toBe("created");
  expect((await readdir(folder)).filter((name) => name.includes(".init-"))).toEqual([]);
});

test("a creation killed at a random moment never leaves a cluster that does not start", async () => {
  // In initdb's first steps, in its longest one, and behind it.
  for (const delayMs of [250, 450, 700, 1_000]) {
    const child = begin(folder);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await kill(child, "SIGKILL");
    const held = await hold(folder);
    expect(held.message, `killed after ${delayMs} ms`).toBeUndefined();
    expect(await query(held.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await kill(held.child, "SIGTERM");
    await rm(join(folder, "postgres"), { recursive: true });
  }
});

test("a busy port is not fought over: the server moves to another and says so in the connection file", async () => {
  withDatabase();
  const first = await hold(folder);
  await kill(first.child, "SIGKILL");
  process.kill(first.pid, "SIGQUIT");
  await until(async () => !(await isAlive(first.pid)));
  const squatter = createServer().listen(first.port, "127.0.0.1");
  await new Promise((resolve) => squatter.once("listening", resolve));
  const second = await hold(folder);
  expect(second.port).not.toBe(first.port);
  expect((await readConnectionFile(folder)).port).toBe(second.port);
  await new Promise((resolve) => squatter.close(resolve));
});

test("the working role is no superuser and the passwords are in no world-readable file", async () => {
  withDatabase();
  const held = await hold(folder);
  const rows = await query(held.url, "select rolsuper as super from pg_roles where rolname = current_user");
  expect(rows).toEqual([{ super: false }]);
  const wrong = held.url.replace(/:[^:@]+@/, ":guess@");
  await expect(query(wrong, "select 1")).rejects.toMatchObject({ code: "28P01" });
  const secrets = join(held.dataDirectory, "wanhui-secrets.json");
  expect((await stat(secrets)).mode & 0o777).toBe(0o600);
});

describe.runIf(isRoot)("as root", () => {
  test("it runs in place below a folder only root can enter", async () => {
    const closed = join(folder, "closed");
    await mkdir(join(closed, "data"), { recursive: true });
    await chmod(closed, 0o700);
    const held = await hold(join(closed, "data"));
    expect(held).toMatchObject({ outcome: "created", dataDirectory: join(closed, "data", "postgres") });
    await kill(held.child, "SIGTERM");
  });

  test("without user namespaces it runs as another user, and data made in place before moves along", async () => {
    const first = await hold(folder);
    await query(first.url, "create table kept (id int); insert into kept values (1)");
    await kill(first.child, "SIGTERM");

    const second = await hold(folder, "without-namespaces");
    expect(second.launcherKind).toBe("other-user");
    expect(await query(second.url, "select id from kept")).toEqual([{ id: 1 }]);
    const owner = (await stat(second.dataDirectory)).uid;
    expect(owner).not.toBe(0);
    await kill(second.child, "SIGKILL");

    // Namespaces are back: the owner of the data still decides.
    const third = await hold(folder);
    expect(third).toMatchObject({ outcome: "adopted", launcherKind: "other-user", pid: second.pid });
    await kill(third.child, "SIGTERM");
    await rm(join(third.dataDirectory, ".."), { recursive: true });
  });

  test("a folder of an ordinary user, closed to others, keeps working when root starts the server", async () => {
    const home = join(folder, "home");
    await mkdir(home, { mode: 0o700 });
    execFileSync("chown", ["nobody:nogroup", home]);
    const held = await hold(home);
    expect(await query(held.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await kill(held.child, "SIGTERM");
    if (!held.dataDirectory.startsWith(folder)) await rm(join(held.dataDirectory, ".."), { recursive: true });
  });
});

test("missing PostgreSQL programs and a wrong major version are faults that say what to do", async () => {
  const locked = await lockDataFolder(folder);
  await mkdir(join(folder, "postgres"));
  await writeFile(join(folder, "postgres", "PG_VERSION"), "14\n");
  await expect(startEmbeddedPostgres({ folder: locked, log: silentLog() })).rejects.toMatchObject({
    code: "postgres.version_mismatch",
    message: expect.stringContaining("WANHUI_DATA"),
  });
  await locked.release();
});
