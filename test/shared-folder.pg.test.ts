import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, readServerFile } from "@wanhui/server";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestNats, type TestNats } from "../packages/server/src/platform/bus/testing-nats.ts";
import { createTestFolder, removeTestFolder } from "../packages/server/src/platform/testing.ts";
import { ServerProcess } from "./faults/server-process.fixture.ts";
import { rainShow } from "./rain-show.fixture.ts";

// Two real processes on one data folder: who holds it, what the other keeps there, and who holds it next.

let folder: string;
let data: string;
let nats: TestNats;
let servers: ServerProcess[];

beforeEach(async () => {
  folder = await createTestFolder();
  data = join(folder, "data");
  const show = join(folder, "show.yaml");
  await writeFile(show, rainShow("shared"));
  nats = await startTestNats();
  // A night this short would not be worth a snapshot.
  const env = { NATS_URL: nats.url, SNAPSHOT_EVENTS: "1" };
  const make = async () => new ServerProcess({ dataFolder: data, port: await freePort(), env, show });
  servers = [await make(), await make()];
});
afterEach(async () => {
  for (const server of servers) await server.stop();
  await nats.kill();
  await removeTestFolder(folder);
}, 60_000);

const snapshot = () => join(data, "snapshot");
const guests = () => readdir(join(data, "guests"));

test("[JR14] [MP17] replaced one by one, the process that holds the folder at its end keeps a snapshot; guests leave nothing", async () => {
  const [first, second] = servers;
  if (first === undefined || second === undefined) throw new Error("There are two");
  await first.start();
  await second.start("--join");
  const before = await guests();
  expect(before).toEqual([expect.stringMatching(`^${second.pid}-`)]);
  // A killed guest is tidied up after by the next start.
  await second.kill();
  expect(await guests()).toEqual(before);
  await second.start("--join");
  expect(await guests()).toEqual([expect.stringMatching(`^${second.pid}-`)]);
  await first.stop();
  await rm(snapshot());
  await expect.poll(async () => (await readServerFile(data).catch(() => null))?.pid).toBe(second.pid);
  await first.start("--join");
  await second.stop();
  await stat(snapshot());
  expect(await guests()).toEqual([expect.stringMatching(`^${first.pid}-`)]);
  await first.stop();
  expect(await guests()).toEqual([]);
  // The build that wrote it reads it: nothing of the journal before it is read again.
  await second.start("--log-level", "info");
  const log = await readFile(join(data, `server-${second.port}.log`), "utf8");
  expect(log).toContain("A snapshot stands for the beginning of the journal");
}, 120_000);
