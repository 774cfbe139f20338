import { readFile, rename } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog } from "../log.ts";
import { createTestFolder, removeTestFolder } from "../testing.ts";
import { type EmbeddedPostgres, isAlive, lockDataFolder, startEmbeddedPostgres } from "./mod.ts";

// A killed PostgreSQL that cannot be started again at once: the night waits for it, however often it fails.

let folder: string;
let postgres: EmbeddedPostgres;
let running: Promise<void>;
let release: () => Promise<void>;

beforeEach(async () => {
  folder = await createTestFolder();
  const locked = await lockDataFolder(join(folder, "data"));
  release = () => locked.release();
  const log = createLog({ level: "info", file: join(folder, "log") });
  postgres = await startEmbeddedPostgres({ folder: locked, log });
  running = postgres.run(new AbortController().signal);
});
afterEach(async () => {
  await postgres.stop();
  await running;
  await release();
  await removeTestFolder(folder);
});

type Line = { msg: string; attempt?: number; againMs?: number; err?: { message: string } };

async function logged(): Promise<Line[]> {
  const text = await readFile(join(folder, "log"), "utf8").catch(() => "");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

const failures = async () => (await logged()).filter(({ attempt }) => attempt !== undefined);

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: postgres.url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function kill(): Promise<void> {
  const { pid } = postgres;
  process.kill(pid, "SIGKILL");
  while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 1));
}

const answersAgain = () =>
  expect.poll(() => query("select id from kept").catch(() => null), { timeout: 30_000 }).toEqual([{ id: 1 }]);

test("[FT6] what keeps PostgreSQL from starting ends after a while: tried again with growing pauses until it runs", async () => {
  await query("create table kept (id int); insert into kept values (1)");
  const { url } = postgres;
  const control = join(postgres.dataDirectory, "global", "pg_control");
  await rename(control, `${control}.away`);
  await kill();
  await expect.poll(async () => (await failures()).length, { timeout: 30_000 }).toBeGreaterThan(2);
  await rename(`${control}.away`, control);
  await answersAgain();
  expect(postgres.url).toBe(url);
  const tries = await failures();
  expect(tries.map(({ attempt }) => attempt)).toEqual(tries.map((_, at) => at + 1));
  expect(tries.slice(0, 3).map(({ againMs }) => againMs)).toEqual([250, 500, 1_000]);
  await expect.poll(async () => (await logged()).at(-1)?.msg).toBe("PostgreSQL answers again");
});

async function squat(port: number): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

test("[FT6] its port is taken meanwhile: it waits for the port and never moves from where everybody looks for it", async () => {
  await query("create table kept (id int); insert into kept values (1)");
  const { port } = postgres;
  let squatter: Server | null = null;
  // The watch may be quicker than we are; then it is killed once more.
  while (squatter === null) {
    await kill();
    squatter = await squat(port);
    if (squatter === null) await answersAgain();
  }
  await expect
    .poll(async () => (await failures()).at(-1)?.err?.message, { timeout: 30_000 })
    .toContain(`Port ${port} is taken`);
  const taken = squatter;
  await new Promise((resolve) => taken.close(resolve));
  await answersAgain();
  expect(postgres.port).toBe(port);
});

test("a stop while it cannot be started ends the waiting", async () => {
  const control = join(postgres.dataDirectory, "global", "pg_control");
  await rename(control, `${control}.away`);
  await kill();
  await expect.poll(async () => (await failures()).length, { timeout: 30_000 }).toBeGreaterThan(0);
  await postgres.stop();
  await running;
  expect((await logged()).at(-1)?.attempt).toBe((await failures()).length);
});
