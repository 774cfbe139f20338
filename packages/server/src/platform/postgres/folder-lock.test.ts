import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDataFolder } from "./folder-lock.ts";
import { identifyProcess } from "./processes.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-lock-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const lockFile = () => join(folder, "server.lock");

test("a held folder is refused, a released one is free, and nothing is left behind", async () => {
  const first = await lockDataFolder(folder);
  await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: "folder.locked", retryable: false });
  await first.release();
  await first.release();
  const second = await lockDataFolder(folder);
  await second.release();
  expect(await readdir(folder)).toEqual([]);
});

test("who was taken for dead lets go of nothing: the lock is another's by now", async () => {
  const lock = await lockDataFolder(folder);
  const text = await readFile(lockFile(), "utf8");
  await rm(lockFile());
  await writeFile(lockFile(), text);
  await lock.release();
  expect(await readFile(lockFile(), "utf8")).toBe(text);
});

test("a missing folder is made for its owner alone", async () => {
  const path = join(folder, "a", "b");
  const lock = await lockDataFolder(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await lock.release();
});

test("a lock whose process id was given to another process is stale", async () => {
  const bystander = spawn("sleep", ["600"]);
  const identity = await identifyProcess(bystander.pid ?? 0);
  await writeFile(lockFile(), JSON.stringify({ ...identity, startedAt: "1" }));
  const lock = await lockDataFolder(folder);
  await lock.release();

  await writeFile(lockFile(), JSON.stringify(identity));
  await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: "folder.locked" });
  bystander.kill("SIGKILL");
});

test("a holder in another container is believed while its lock is touched, and no longer", async () => {
  const self = await identifyProcess(process.pid);
  await writeFile(lockFile(), JSON.stringify({ ...self, place: "another boot/pid:[1]" }));
  await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: "folder.locked" });
  const long = new Date(Date.now() - 60_000);
  await utimes(lockFile(), long, long);
  await (await lockDataFolder(folder)).release();
});

test("a lock file of garbage, from a disk that was full, does not lock for ever", async () => {
  await writeFile(lockFile(), "{");
  const long = new Date(Date.now() - 60_000);
  await utimes(lockFile(), long, long);
  await (await lockDataFolder(folder)).release();
});

test("of many takers in one process exactly one holds it, also when the last holder is dead", async () => {
  const dead = { pid: 2 ** 22 + 1, startedAt: "1", place: (await identifyProcess(process.pid))?.place };
  await writeFile(lockFile(), JSON.stringify(dead));
  const taken = await Promise.allSettled(Array.from({ length: 6 }, () => lockDataFolder(folder)));
  const held = taken.filter((result) => result.status === "fulfilled");
  expect(held).toHaveLength(1);
  expect(JSON.parse(await readFile(lockFile(), "utf8"))).toMatchObject({ pid: process.pid });
  for (const { value } of held) await value.release();
});

test("a folder that cannot be made says which setting to change", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(lockDataFolder(join(folder, "file", "data"))).rejects.toMatchObject({
    code: "folder.unusable",
    message: expect.stringContaining("WANHUI_DATA"),
  });
});
