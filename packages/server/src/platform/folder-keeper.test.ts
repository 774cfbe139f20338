import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "./config/mod.ts";
import { FolderKeeper } from "./folder-keeper.ts";
import { createLog } from "./log.ts";
import { createTestFolder, removeTestFolder } from "./testing.ts";

let home: string;
let data: string;

beforeEach(async () => {
  home = await createTestFolder();
  data = join(home, "data");
});
afterEach(async () => {
  await removeTestFolder(home);
});

const logFile = () => join(home, "log");

/** Keepers of a database of one's own: only the folder is theirs. */
function open(share: boolean): Promise<FolderKeeper> {
  const config = loadConfig({ env: {}, flags: { data, "database-url": "postgres://localhost/nobody" } });
  return FolderKeeper.open({ config, share, log: createLog({ level: "info", file: logFile(), tty: false }) });
}

async function logged(): Promise<{ msg: string; reason?: string }[]> {
  const text = await readFile(logFile(), "utf8").catch(() => "");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { msg: string; reason?: string });
}

/** Several looks of a guest, one every half second. */
const looks = () => new Promise((resolve) => setTimeout(resolve, 1_700));

test("[FT9] [MP17] a guest that cannot take the folder over goes on, says so once, and takes it when it can", async () => {
  const holder = await open(false);
  const guest = await open(true);
  expect([holder.holds, guest.holds]).toEqual([true, false]);
  let ended: unknown = "it runs";
  const running = guest.run(new AbortController().signal).then(
    () => {
      ended = "it ended";
    },
    (error: unknown) => {
      ended = error;
    },
  );
  // The disk is bad: where the folder was nothing can be written.
  await rename(data, join(home, "away"));
  await writeFile(data, "no folder");
  await holder.close();
  await expect.poll(logged, { timeout: 5_000 }).toHaveLength(1);
  await looks();
  expect(ended).toBe("it runs");
  expect(await logged()).toEqual([
    expect.objectContaining({
      level: 50,
      msg: "The data folder could not be looked after; trying again",
      reason: expect.stringContaining("cannot be made"),
    }),
  ]);
  await rm(data);
  await mkdir(data);
  await expect.poll(() => guest.holds, { timeout: 5_000 }).toBe(true);
  await guest.close();
  await running;
  expect(ended).toBe("it ended");
});

test("a guest writes nothing while the folder is held", async () => {
  const holder = await open(false);
  // A file made or removed is a change of its folder.
  const before = (await stat(data)).mtimeMs;
  const guest = await open(true);
  const running = guest.run(new AbortController().signal);
  await looks();
  expect((await stat(data)).mtimeMs).toBe(before);
  await guest.close();
  await running;
  await holder.close();
});
