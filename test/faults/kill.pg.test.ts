import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@wanhui/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestFolder, removeTestFolder } from "../../packages/server/src/platform/testing.ts";
import {
  databaseKill,
  everythingShown,
  type Fault,
  type Night,
  playNight,
  serverKill,
} from "./night.fixture.ts";
import { nightContract } from "./night-contract.fixture.ts";
import { ServerProcess } from "./server-process.fixture.ts";

/** Kills of a night; `npm run soak` asks for a hundred and gets as many nights as that takes. */
const killsPerNight = 10;
const databaseKillsPerNight = 3;
const kills = Number(process.env.WANHUI_SOAK_KILLS ?? killsPerNight);
const nights = Math.max(1, Math.ceil(kills / killsPerNight));
/** A night lasts as long as its rounds do, about 65 s; what is left is for starts on a busy machine. */
const nightMs = 240_000;

const say = (text: string) => void process.stdout.write(`  faults: ${text}\n`);

describe.each(Array.from({ length: nights }, (_, n) => n + 1))("night %i under kills", (number) => {
  let folder = "";
  let night: Night;
  let server: ServerProcess;
  /** Of each PostgreSQL killed: whether the server lived on, and another one came in its place. */
  const databaseKills: { sameServer: boolean; newPostmaster: boolean }[] = [];

  /** PostgreSQL is killed now and then between the kills of the server. */
  function faultsOf(one: ServerProcess): Fault[] {
    const all = killsPerNight + databaseKillsPerNight;
    const isDatabase = (n: number) =>
      Math.floor(((n + 1) * databaseKillsPerNight) / all) > Math.floor((n * databaseKillsPerNight) / all);
    return Array.from({ length: all }, (_, n) =>
      isDatabase(n) ? databaseKill(one, (outcome) => void databaseKills.push(outcome)) : serverKill(one),
    );
  }

  beforeAll(async () => {
    folder = await createTestFolder();
    server = new ServerProcess({
      dataFolder: join(folder, "data"),
      port: await freePort(),
      // A night this short would not be worth one.
      env: { SNAPSHOT_EVENTS: "1" },
    });
    await server.start();
    night = await playNight({
      servers: [server],
      faults: faultsOf(server),
      say: (text) => say(nights > 1 ? `night ${number}/${nights}, ${text}` : text),
    });
    say(`${night.heard.answers} answers heard, ${night.heard.wins.size} wins, ${server.starts} starts`);
  }, nightMs);

  afterAll(async () => {
    await server?.stop();
    await removeTestFolder(folder);
  }, 60_000);

  test("[FT1] there was something to lose: entries, grants and wins were acknowledged between the kills", () => {
    expect(server.starts).toBe(killsPerNight + 1);
    // Everybody at least once, on however slow a machine.
    expect(night.heard.entries.size).toBeGreaterThan(40);
    expect(night.heard.grants.size).toBeGreaterThan(100);
    expect(night.heard.wins.size).toBeGreaterThan(10);
  });

  nightContract(() => night);

  test("[JR14] begun again from a snapshot, everybody is shown what the whole journal shows", async () => {
    const snapshot = join(server.dataFolder, "snapshot");
    await expect(stat(snapshot)).rejects.toThrow("ENOENT");
    const shown = await everythingShown(server, night);
    expect(JSON.stringify(shown)).toContain("lantern");
    await server.stop();
    await stat(snapshot);
    await server.start("--log-level", "info");
    expect(await server.log()).toContain("A snapshot stands for the beginning of the journal");
    expect(await everythingShown(server, night)).toEqual(shown);
    await server.kill();
    await rm(snapshot);
    await server.start();
    expect(await everythingShown(server, night)).toEqual(shown);
  }, 120_000);

  test("[FT6] a killed PostgreSQL is started again under the same server, and the night goes on", () => {
    expect(databaseKills).toEqual(
      Array.from({ length: databaseKillsPerNight }, () => ({ sameServer: true, newPostmaster: true })),
    );
  });
});
