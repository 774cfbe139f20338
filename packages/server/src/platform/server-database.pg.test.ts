import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "./config/mod.ts";
import { readMigrations } from "./database/mod.ts";
import { silentLog } from "./log.ts";
import { findServerDatabase, openServerDatabase } from "./server-database.ts";
import { createTestDatabase, createTestFolder, removeTestFolder } from "./testing.ts";

const log = silentLog();
let folder: string;

beforeEach(async () => {
  folder = await createTestFolder();
});
afterEach(async () => {
  await removeTestFolder(folder);
});

test("an empty folder becomes a migrated database, and the second start finds it as it was", async () => {
  const config = loadConfig({ env: { WANHUI_DATA: folder } });
  const sentences: string[] = [];
  const first = await openServerDatabase({ config, log, onProgress: (sentence) => sentences.push(sentence) });
  expect(first.migrated).toEqual((await readMigrations()).map(({ name }) => name));
  expect(first.keeper.embedded?.outcome).toBe("created");
  expect(sentences).toEqual(["Creating the database"]);
  expect(await findServerDatabase(config)).toBe(first.url);
  await expect(openServerDatabase({ config, log })).rejects.toMatchObject({ code: "folder.locked" });
  await first.close();
  await expect(findServerDatabase(config)).rejects.toMatchObject({ code: "folder.no_server" });

  const second = await openServerDatabase({ config, log });
  expect(second).toMatchObject({ migrated: [], keeper: { embedded: { outcome: "started" } } });
  await second.close();
});

test("a database of one's own is used as it is, and starts no embedded one", async () => {
  const database = await createTestDatabase();
  const config = loadConfig({ env: { WANHUI_DATA: folder, DATABASE_URL: database.url } });
  const opened = await openServerDatabase({ config, log, migrations: [] });
  expect(opened.keeper.embedded).toBeUndefined();
  expect(await findServerDatabase(config)).toBe(database.url);
  await opened.close();
  await database.drop();
});

test("a failed opening lets go of everything it took", async () => {
  const config = loadConfig({ env: { WANHUI_DATA: folder } });
  const broken = [{ name: "0001_broken.sql", sql: "select 1 / 0" }];
  await expect(openServerDatabase({ config, log, migrations: broken })).rejects.toMatchObject({
    code: "database.migration_failed",
  });
  const again = await openServerDatabase({ config, log, migrations: [] });
  expect(again.keeper.embedded?.outcome).toBe("started");
  await again.close();
});
