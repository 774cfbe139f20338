import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { StudioView } from "@wanhui/protocol";
import { isAlive, loadConfig, type Night, readConnectionFile, startNight } from "@wanhui/server";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createTestDatabase,
  createTestFolder,
  removeTestFolder,
} from "../packages/server/src/platform/testing.ts";
import { rainShow } from "./rain-show.fixture.ts";

// What a whole night says of itself when a part of it is not well, and that it goes on when it is well again.

let folder: string;

beforeEach(async () => {
  folder = await createTestFolder();
  await writeFile(join(folder, "show.yaml"), rainShow("health"));
});
afterEach(async () => {
  await removeTestFolder(folder);
});

type Running = { night: Night; hasEnded(): boolean; stop(): Promise<void> };

async function start(more: Record<string, string>): Promise<Running> {
  const flags = {
    data: join(folder, "data"),
    host: "127.0.0.1",
    port: "0",
    "sandbox-port": "0",
    beacon: "dev",
    show: join(folder, "show.yaml"),
    "log-level": "error",
    "log-file": join(folder, "server.log"),
    ...more,
  };
  const config = loadConfig({ env: {}, flags });
  const night = await startNight({ config, fresh: false, rehearsal: false, version: "0.0.0-test" });
  const ended = new AbortController();
  let hasEnded = false;
  const running = night.runUntil(ended.signal).finally(() => {
    hasEnded = true;
  });
  return {
    night,
    hasEnded: () => hasEnded,
    async stop() {
      ended.abort();
      await running;
    },
  };
}

async function health(night: Night) {
  const answer = await fetch(`${night.url}/health`);
  return {
    status: answer.status,
    ...((await answer.json()) as { ok: boolean; parts: Record<string, string> }),
  };
}

async function newGuest(night: Night) {
  const session = await fetch(`${night.url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ bearer: true }),
  });
  return (await session.json()) as { token: string; user: string };
}

const REQUEST = "a".repeat(32);

/** Asks for a kettle, as a page does. */
async function take(night: Night, token: string): Promise<{ awardId?: string }> {
  const answer = await fetch(`${night.url}/api/pools/${encodeURIComponent(poolOf(night))}/take`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ requestId: REQUEST }),
  });
  return (await answer.json()) as { awardId?: string };
}

/** Asks until it is answered with an award: before the opening, too often, or without a database it is not. */
async function win(night: Night, token: string): Promise<string> {
  let awardId: string | undefined;
  const again = async () => {
    awardId = (await take(night, token)).awardId;
    return awardId;
  };
  await expect.poll(again, { timeout: 30_000, interval: 250 }).toMatch(/^[0-9a-f]{32}$/);
  return awardId ?? "";
}

const poolOf = (night: Night) => `${night.run.run}/kettle`;

async function studio(night: Night): Promise<StudioView> {
  const entered = await fetch(night.operatorUrl, { method: "POST", redirect: "manual" });
  const cookies = entered.headers.getSetCookie().map((line) => line.split(";")[0]);
  const answer = await fetch(`${night.url}/api/studio`, { headers: { cookie: cookies.join("; ") } });
  return (await answer.json()) as StudioView;
}

test("[JR13] a shard that stays down is named by /health, and in the studio with the reason", async () => {
  const database = await createTestDatabase();
  try {
    const first = await start({ "database-url": database.url });
    expect(await health(first.night)).toMatchObject({ status: 200, ok: true });
    const well = (await studio(first.night)).health;
    expect(well.ok).toBe(true);
    expect(well.parts.map(({ name, ok }) => [name, ok])).toEqual([
      ["engine", true],
      ["materialiser", true],
      ["database", true],
      ["beacon", true],
      ["bus", true],
    ]);
    await first.stop();
    // A batch that this journal's chain does not lead to, in a shard the show has nothing in (JR8).
    const { rows } = await database.pool.query<{ shard: number }>(
      `insert into journal (shard, seq, epoch, previous_hash, hash, at_ms, payload)
       select shard, 1, 1, decode(repeat('00', 32), 'hex'), decode(repeat('ab', 32), 'hex'), 1, '\\x00' from shards s
       where not exists (select from journal j where j.shard = s.shard) order by shard limit 1 returning shard`,
    );
    const shard = Number(rows[0]?.shard);
    const second = await start({ "database-url": database.url });
    const said = await health(second.night);
    expect(said).toMatchObject({ status: 503, ok: false });
    expect(said.parts.engine).toBe(`shard ${shard} broken`);
    const ill = (await studio(second.night)).health;
    expect(ill.ok).toBe(false);
    expect(ill.parts.filter(({ ok }) => !ok)).toEqual([
      { name: "engine", ok: false, reason: expect.stringMatching(new RegExp(`^shard ${shard} broken: .+`)) },
    ]);
    await second.stop();
  } finally {
    await database.drop();
  }
});

test("[JR13] [MT2] a row that conflicts stops the line and not the night: it says so, and grabs are answered", async () => {
  const database = await createTestDatabase();
  const carried = async () =>
    (await database.pool.query("select user_id from awards order by user_id")).rows.map((row) => row.user_id);
  try {
    const first = await start({ "database-url": database.url });
    const [ada, bo] = [await newGuest(first.night), await newGuest(first.night)];
    // What this very grab will want to write, with other content.
    const row = [poolOf(first.night), ada.user, REQUEST];
    await database.pool.query("insert into grabs values ($1, $2, $3, 'another', 1)", row);
    const won = await win(first.night, ada.token);
    await expect
      .poll(() => health(first.night))
      .toMatchObject({ status: 503, ok: false, parts: { engine: "running", materialiser: "stopped" } });
    expect((await studio(first.night)).health.parts.filter(({ ok }) => !ok)).toEqual([
      { name: "materialiser", ok: false, reason: expect.stringMatching(/stops at shard \d, batch \d+: .+/) },
    ]);
    expect(await win(first.night, ada.token)).toEqual(won);
    expect(await win(first.night, bo.token)).not.toEqual(won);
    expect(first.hasEnded()).toBe(false);
    expect(await carried()).toEqual([]);
    await first.stop();
    // Mended and started again, it goes on where it stopped.
    await database.pool.query("delete from grabs");
    const second = await start({ "database-url": database.url });
    await expect.poll(carried).toEqual([ada.user, bo.user].sort());
    expect(await health(second.night)).toMatchObject({ status: 200, ok: true });
    await second.stop();
  } finally {
    await database.drop();
  }
});

async function squat(port: number): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

test("[FT6] [JR13] PostgreSQL cannot be started again for a while: the server says so, stays, and goes on", async () => {
  const { night, stop } = await start({});
  const { token } = await newGuest(night);
  const mine = () => fetch(`${night.url}/api/me/awards`, { headers: { authorization: `Bearer ${token}` } });
  expect((await mine()).status).toBe(200);
  let squatter: Server | null = null;
  const { port } = await readConnectionFile(join(folder, "data"));
  while (squatter === null) {
    const { pid } = await readConnectionFile(join(folder, "data"));
    process.kill(pid, "SIGKILL");
    while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 1));
    squatter = await squat(port);
    if (squatter === null)
      await expect.poll(async () => (await mine()).status, { timeout: 30_000 }).toBe(200);
  }
  await expect
    .poll(() => health(night), { timeout: 20_000 })
    .toMatchObject({
      status: 503,
      ok: false,
      parts: { database: "does not answer" },
    });
  const refused = await mine();
  expect(refused.status).toBe(500);
  expect(await refused.json()).toMatchObject({ code: "server.fault", retryAfterMs: 2_000 });
  const log = () => readFile(join(folder, "server.log"), "utf8");
  await expect.poll(log, { timeout: 30_000 }).toMatch(/"attempt":2,/);
  const closed = once(squatter, "close");
  squatter.close();
  await closed;
  await expect.poll(() => health(night), { timeout: 30_000 }).toMatchObject({ status: 200, ok: true });
  expect((await mine()).status).toBe(200);
  await win(night, token);
  await stop();
});
