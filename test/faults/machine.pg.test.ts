import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort, readConnectionFile } from "@wanhui/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestNats, type TestNats } from "../../packages/server/src/platform/bus/testing-nats.ts";
import { createTestFolder, removeTestFolder } from "../../packages/server/src/platform/testing.ts";
import {
  type Elsewhere,
  makeElsewhere,
  makeWallClock,
  mayChangeTheMachine,
  mountSmallDisk,
  type SmallDisk,
  type WallClock,
} from "./machine.fixture.ts";
import { type Fault, type Night, playNight } from "./night.fixture.ts";
import { nightContract } from "./night-contract.fixture.ts";
import { ServerProcess } from "./server-process.fixture.ts";
import { soakRounds } from "./soak-rounds.fixture.ts";
import { joinDatabase } from "./tables.fixture.ts";
import { startWire, type Wire } from "./wire.fixture.ts";

const { rounds, nights } = soakRounds("WANHUI_SOAK_MACHINE");
/** Longer than a lease of 3 s. */
const cutOffMs = 3_800;
const takeoverPatienceMs = 20_000;
const fullMs = 1_500;
const steppedMs = 800;
/** A whole data folder with its database: some 60 MiB at its start. */
const diskMebibytes = 320;
const nightMs = 240_000 + rounds * 30_000;
const show = fileURLToPath(new URL("./show-long.yaml", import.meta.url));

const say = (text: string) => void process.stdout.write(`  machine: ${text}\n`);

describe.skipIf(!mayChangeTheMachine).each(nights)("night %i of two processes on a bad machine", () => {
  let folder = "";
  let nats: TestNats;
  let disk: SmallDisk;
  let elsewhere: Elsewhere;
  let clock: WallClock;
  let wires: Wire[] = [];
  let servers: ServerProcess[] = [];
  let night: Night;
  /** Whether the process that was cut off had lost its shards when it came back. */
  const takenOver: boolean[] = [];

  beforeAll(async () => {
    folder = await createTestFolder();
    nats = await startTestNats();
    const home = join(folder, "disk");
    disk = await mountSmallDisk(home, diskMebibytes);
    clock = await makeWallClock(join(folder, "clock"));
    elsewhere = await makeElsewhere();
    // The first keeps the database on its small disk, and lives by a clock that is set now and then.
    const first = new ServerProcess({
      dataFolder: join(home, "data"),
      port: await freePort(),
      env: { NATS_URL: nats.url, ...clock.env },
      show,
    });
    servers = [first];
    await first.start();
    // The second lives in a network of its own, and reaches database and NATS by one line out of it.
    const database = (await readConnectionFile(first.dataFolder))?.url ?? "";
    wires = [await startWire(database, elsewhere.gateway), await startWire(nats.url, elsewhere.gateway)];
    const own = join(folder, "own");
    await mkdir(own);
    for (const key of ["secret", "show-key.pem"]) await cp(join(first.dataFolder, key), join(own, key));
    const second = new ServerProcess({
      dataFolder: own,
      port: await freePort(),
      env: { DATABASE_URL: wires[0]?.url ?? "", NATS_URL: wires[1]?.url ?? "" },
      show,
      host: elsewhere.host,
      within: elsewhere.command,
    });
    servers = [first, second];
    await second.start("--join");
    night = await playNight({ servers, faults: faults(second), say });
    say(`${night.heard.answers} answers heard, ${night.heard.wins.size} wins, ${rounds} of each fault`);
  }, nightMs);

  afterAll(async () => {
    for (const server of [...servers].reverse()) await server.stop();
    for (const wire of wires) await wire.stop();
    await nats?.kill();
    await elsewhere?.remove();
    await disk?.empty();
    const home = join(folder, "disk");
    await removeTestFolder(join(home, "data"));
    await disk?.unmount();
    await removeTestFolder(folder);
  }, 60_000);

  function faults(second: ServerProcess): Fault[] {
    return Array.from({ length: rounds }, (_, n) => {
      const hours = (n % 2 === 0 ? 1 : -1) * (1 + (n % 3));
      return [clockSet(hours * 3_600), networkGone(second), diskFull()];
    }).flat();
  }

  /** Hours on or back, and where it was again: two steps. */
  function clockSet(seconds: number): Fault {
    return {
      name: `clock set by ${seconds / 3_600} h`,
      async inflict() {
        await clock.step(seconds);
        await sleep(steppedMs);
        await clock.step(0);
      },
    };
  }

  function diskFull(): Fault {
    return {
      name: "disk full",
      async inflict() {
        await disk.fill();
        await sleep(fullMs);
        await disk.empty();
      },
    };
  }

  /** Packets go nowhere and nobody is told: the other side looks as if it were silent. */
  function networkGone(server: ServerProcess): Fault {
    return {
      name: "network gone",
      async inflict() {
        await elsewhere.cutOff();
        await sleep(cutOffMs);
        const pool = await joinDatabase(servers[0]?.dataFolder ?? "");
        const held = "select 1 from shards where holder like $1";
        const patientUntilMs = performance.now() + takeoverPatienceMs;
        let left = 1;
        while (left > 0 && performance.now() < patientUntilMs) {
          left = (await pool.query(held, [`${server.pid}-%`])).rows.length;
          if (left > 0) await sleep(50);
        }
        await pool.end();
        takenOver.push(left === 0);
        await elsewhere.join();
      },
    };
  }

  test("[FT9] [FT6] [MP5] [MP7] [JR10] nobody ended; who was cut off past his lease had lost his shards", () => {
    expect(takenOver).toEqual(takenOver.map(() => true));
    expect(takenOver.length).toBe(rounds);
    expect(servers.every((server) => server.isRunning && server.starts === 1)).toBe(true);
    expect(night.heard.entries.size).toBeGreaterThan(40);
    expect(night.heard.grants.size).toBeGreaterThan(100);
  });

  nightContract(() => night);
});
