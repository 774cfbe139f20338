import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "@wanhui/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestNats, type TestNats } from "../../packages/server/src/platform/bus/testing-nats.ts";
import {
  createTestDatabase,
  createTestFolder,
  removeTestFolder,
} from "../../packages/server/src/platform/testing.ts";
import { type Fault, type Night, playNight } from "./night.fixture.ts";
import { nightContract } from "./night-contract.fixture.ts";
import { ServerProcess } from "./server-process.fixture.ts";
import { soakRounds } from "./soak-rounds.fixture.ts";
import { startWire, type Wire } from "./wire.fixture.ts";

const { rounds, nights } = soakRounds("WANHUI_SOAK_WORLD");
/** Longer than a lease of 3 s: others take over, and the one that was cut off finds out. */
const cutOffMs = 4_500;
const slowForMs = 2_000;
const slowByMs = 150;
const nightMs = 200_000 + rounds * 30_000;
const show = fileURLToPath(new URL("./show-long.yaml", import.meta.url));

const say = (text: string) => void process.stdout.write(`  world: ${text}\n`);

describe.each(nights)("night %i of two processes in a bad world", () => {
  let folder = "";
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let nats: TestNats;
  let wires: { readonly database: Wire; readonly nats: Wire }[] = [];
  let servers: ServerProcess[] = [];
  let night: Night;
  /** Processes that held shards while another one was cut off. */
  const takenOver: boolean[] = [];

  beforeAll(async () => {
    folder = await createTestFolder();
    database = await createTestDatabase();
    nats = await startTestNats();
    const dataFolder = join(folder, "data");
    for (let n = 0; n < 2; n += 1) {
      const lines = { database: await startWire(database.url), nats: await startWire(nats.url) };
      wires.push(lines);
      const env = { DATABASE_URL: lines.database.url, NATS_URL: lines.nats.url };
      servers.push(new ServerProcess({ dataFolder, port: await freePort(), env, show }));
    }
    await servers[0]?.start();
    await servers[1]?.start("--join");
    night = await playNight({ servers, faults: faults(), say, database: database.pool });
    say(`${night.heard.answers} answers heard, ${night.heard.wins.size} wins, ${rounds} of each fault`);
  }, nightMs);

  afterAll(async () => {
    for (const server of servers) await server.stop();
    for (const lines of wires) {
      await lines.database.stop();
      await lines.nats.stop();
    }
    wires = [];
    servers = [];
    await nats?.kill();
    await database?.drop();
    await removeTestFolder(folder);
  }, 60_000);

  function faults(): Fault[] {
    return Array.from({ length: rounds }, (_, n) => {
      const at = n % 2;
      return [slowDatabase(at), cutConnections(at), partitioned(1 - at)];
    }).flat();
  }

  function lines(at: number) {
    const found = wires[at];
    const server = servers[at];
    if (found === undefined || server === undefined) throw new Error("There are two");
    return { ...found, server };
  }

  function slowDatabase(at: number): Fault {
    return {
      name: "slow database",
      async inflict() {
        lines(at).database.slow(slowByMs);
        await sleep(slowForMs);
        lines(at).database.slow(0);
      },
    };
  }

  /** Every connection to the database breaks at once, statements under way with them. */
  function cutConnections(at: number): Fault {
    return { name: "connections cut", inflict: async () => lines(at).database.cut() };
  }

  /** One process reaches neither the database nor NATS, and its viewers still reach it. */
  function partitioned(at: number): Fault {
    return {
      name: "partition",
      async inflict() {
        const { database: toDatabase, nats: toNats, server } = lines(at);
        toDatabase.hold();
        toNats.hold();
        await sleep(cutOffMs);
        const { rows } = await database.pool.query("select 1 from shards where holder like $1", [
          `${server.pid}-%`,
        ]);
        takenOver.push(rows.length === 0);
        toDatabase.go();
        toNats.go();
      },
    };
  }

  test("[FT8] [MP5] [MP7] [MP13] who was cut off past his lease lost his shards, and nobody ended", () => {
    expect(takenOver).toEqual(takenOver.map(() => true));
    expect(takenOver.length).toBe(rounds);
    expect(servers.every((server) => server.isRunning && server.starts === 1)).toBe(true);
    expect(night.heard.entries.size).toBeGreaterThan(40);
    expect(night.heard.grants.size).toBeGreaterThan(100);
  });

  nightContract(() => night);
});
