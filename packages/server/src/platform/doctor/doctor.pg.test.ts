import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../config/mod.ts";
import { silentLog } from "../log.ts";
import { lockDataFolder, startEmbeddedPostgres } from "../postgres/mod.ts";
import { createTestDatabase, createTestFolder, removeTestFolder } from "../testing.ts";
import { type Check, runDoctor } from "./mod.ts";

let folder: string;

beforeAll(async () => {
  folder = await createTestFolder();
});
afterAll(async () => {
  await removeTestFolder(folder);
});

function byName(checks: Check[], name: string): Check | undefined {
  return checks.find((check) => check.name === name);
}

test("on this machine nothing fails, everything not ok says what to do, and nothing is left behind", async () => {
  const before = await readdir(folder);
  const config = loadConfig({ env: { WANHUI_DATA: join(folder, "not", "there", "yet"), PORT: "0" } });
  const checks = await runDoctor({
    config,
    probeDrand: async () => "round 7, 0.2 s old",
    forDevelopment: true,
  });
  expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
  for (const check of checks) expect(check.status === "ok" || check.whatToDo !== undefined).toBe(true);
  expect(byName(checks, "embedded PostgreSQL")?.detail).toMatch(/PostgreSQL\) 18/);
  expect(await readdir(folder)).toEqual(before);
});

test("an unsafe database, a busy port and a beacon out of reach are each said", async () => {
  const path = await createTestFolder();
  const locked = await lockDataFolder(path);
  const unsafe = await startEmbeddedPostgres({
    folder: locked,
    log: silentLog(),
    settings: { fsync: "off" },
  });
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  const address = busy.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : "";
  const env = {
    DATABASE_URL: unsafe.url,
    HOST: "127.0.0.1",
    PORT: port,
    BEACON: "drand",
    WANHUI_DATA: folder,
  };
  const unreachable = async () => {
    throw new Error("no route");
  };
  const checks = await runDoctor({ config: loadConfig({ env }), probeDrand: unreachable });
  expect(byName(checks, "database settings")).toMatchObject({
    status: "fail",
    whatToDo: expect.stringContaining("fsync = off"),
  });
  expect(byName(checks, "port")).toMatchObject({ status: "warn" });
  expect(byName(checks, "beacon")).toMatchObject({ status: "fail", detail: "drand: no route" });
  await new Promise((resolve) => busy.close(resolve));
  await unsafe.stop();
  await locked.release();
  await removeTestFolder(path);
});

test("a safe database of one's own is said to be safe, and its password is not said", async () => {
  const database = await createTestDatabase();
  const config = loadConfig({ env: { DATABASE_URL: database.url, WANHUI_DATA: folder } });
  const checks = await runDoctor({ config });
  expect(byName(checks, "database settings")?.status).toBe("ok");
  expect(JSON.stringify(checks)).not.toContain(new URL(database.url).password);
  await database.drop();
});
