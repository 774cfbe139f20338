import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "@wanhui/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestNats, type TestNats } from "../../packages/server/src/platform/bus/testing-nats.ts";
import { createTestFolder, removeTestFolder } from "../../packages/server/src/platform/testing.ts";
import { databaseKill, type Fault, type Night, playNight } from "./night.fixture.ts";
import { nightContract } from "./night-contract.fixture.ts";
import { ServerProcess } from "./server-process.fixture.ts";
import { soakRounds } from "./soak-rounds.fixture.ts";
import { joinDatabase } from "./tables.fixture.ts";

const { rounds, nights } = soakRounds("WANHUI_SOAK_PROCESSES");
/** Two processes take longer to start than one, and each fault has to be seen to heal. */
const nightMs = 300_000 + rounds * 30_000;
/** A lease is 3 s; who goes on after this was taken for gone. */
const stallMs = 4_500;
const natsGoneMs = 1_000;
const takeoverPatienceMs = 20_000;

const show = fileURLToPath(new URL("./show-long.yaml", import.meta.url));

const say = (text: string) => void process.stdout.write(`  processes: ${text}\n`);

describe.each(nights)("night %i of two processes", () => {
  let folder = "";
  let nats: TestNats;
  let servers: ServerProcess[] = [];
  let night: Night;
  /** How long each kill left shards without a process, in milliseconds. */
  const takeoversMs: number[] = [];
  const databaseKills: { sameServer: boolean; newPostmaster: boolean }[] = [];

  beforeAll(async () => {
    folder = await createTestFolder();
    nats = await startTestNats();
    const dataFolder = join(folder, "data");
    const env = { NATS_URL: nats.url };
    const ports = [await freePort(), await freePort()];
    servers = ports.map((port) => new ServerProcess({ dataFolder, port, env, show }));
    await servers[0]?.start();
    await servers[1]?.start("--join");
    night = await playNight({ servers, faults: faultsOf(), say });
    say(
      `${night.heard.answers} answers heard, ${night.heard.wins.size} wins, takeovers ${takeoversMs.join(", ")} ms`,
    );
  }, nightMs);

  afterAll(async () => {
    for (const server of servers) await server.stop();
    await nats?.kill();
    await removeTestFolder(folder);
  }, 60_000);

  function faultsOf(): Fault[] {
    const [a, b] = servers;
    if (a === undefined || b === undefined) throw new Error("There are two");
    const databaseKilled = () => databaseKill(a, (outcome) => void databaseKills.push(outcome));
    const restarts: Fault = { name: "rolling restart", inflict: () => restarted(a) };
    return Array.from({ length: rounds }, (_, n) => {
      const [one, other] = n % 2 === 0 ? [a, b] : [b, a];
      const kills = n % 2 === 0 ? [killed(one, other), killed(other, one)] : [];
      return [stalled(one), natsGone(), databaseKilled(), ...kills, ...(n === 0 ? [restarts] : [])];
    }).flat();
  }

  /** kill -9 of one, the night at the other, and its return. */
  function killed(victim: ServerProcess, other: ServerProcess): Fault {
    return {
      name: "kill -9",
      async inflict() {
        const pid = victim.pid;
        await victim.kill();
        takeoversMs.push(await withoutShards(pid));
        expect(other.isRunning).toBe(true);
        await victim.start("--join");
      },
    };
  }

  function stalled(victim: ServerProcess): Fault {
    return {
      name: "stalled past its lease",
      async inflict() {
        victim.stall();
        await sleep(stallMs);
        await withoutShards(victim.pid);
        victim.goOn();
      },
    };
  }

  function natsGone(): Fault {
    return {
      name: "NATS",
      async inflict() {
        await nats.kill();
        await sleep(natsGoneMs);
        await nats.start();
      },
    };
  }

  async function restarted(server: ServerProcess): Promise<void> {
    await server.stop();
    await server.start("--join");
  }

  /** Waits until a process holds no shard any more. @returns how long that took */
  async function withoutShards(pid: number): Promise<number> {
    const begun = performance.now();
    const pool = await joinDatabase(join(folder, "data"));
    try {
      for (;;) {
        const { rows } = await pool.query("select 1 from shards where holder like $1", [`${pid}-%`]);
        if (rows.length === 0) return Math.round(performance.now() - begun);
        if (performance.now() - begun > takeoverPatienceMs) throw new Error("Nobody takes the shards over");
        await sleep(20);
      }
    } finally {
      await pool.end();
    }
  }

  test("[MP5] [MP7] both processes were killed and stalled in turn while people heard answers of both", () => {
    expect(takeoversMs.length).toBe(2 * Math.ceil(rounds / 2));
    expect(databaseKills.length).toBe(rounds);
    expect(night.heard.entries.size).toBeGreaterThan(40);
    expect(night.heard.grants.size).toBeGreaterThan(100);
    expect(night.heard.wins.size).toBeGreaterThan(10);
    expect(databaseKills.every(({ newPostmaster }) => newPostmaster)).toBe(true);
  });

  nightContract(() => night);
});
