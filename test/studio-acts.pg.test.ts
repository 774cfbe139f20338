import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig, type Night, startNight } from "@wanhui/server";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createTestDatabase, createTestFolder } from "../packages/server/src/platform/testing.ts";
import { rainShow } from "./rain-show.fixture.ts";

// An operator's acts on awards and pools, over HTTP against a whole night.

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;
let night: Night;
let running: Promise<void>;
let operator: Record<string, string>;
const ended = new AbortController();

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  const show = join(folder, "show.yaml");
  await writeFile(show, rainShow("acts"));
  const flags = {
    data: join(folder, "data"),
    host: "127.0.0.1",
    port: "0",
    "sandbox-port": "0",
    beacon: "dev",
    show,
    "database-url": database.url,
    "log-level": "error",
    "log-file": join(folder, "server.log"),
  };
  const config = loadConfig({ env: {}, flags });
  night = await startNight({ config, fresh: true, rehearsal: false, version: "0.0.0-test" });
  running = night.runUntil(ended.signal);
  const entered = await fetch(night.operatorUrl, { method: "POST", redirect: "manual" });
  operator = {
    cookie: entered.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; "),
  };
});
afterAll(async () => {
  ended.abort();
  await running;
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: assertions read fields of many shapes
async function ask(path: string, headers: Record<string, string>, body?: object): Promise<any> {
  const response = await fetch(night.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

async function newGuest(): Promise<Record<string, string>> {
  const { token } = await ask("/api/session", {}, { bearer: true });
  return { authorization: `Bearer ${token}` };
}

const pool = () => `${night.run.run}/kettle`;
const take = (guest: Record<string, string>, wish: string) =>
  ask(`/api/pools/${encodeURIComponent(pool())}/take`, guest, { requestId: wish.repeat(32) });
const change = (body: object) =>
  ask(`/api/studio/pools/${encodeURIComponent(pool())}/change`, operator, body);

test("[AW5] an operator extends a winner's deadline once, and the winner sees it", async () => {
  const guest = await newGuest();
  const awardId = await vi.waitFor(
    async () => {
      const answer = await take(guest, "a");
      expect(answer.awardId).toMatch(/^[0-9a-f]{32}$/);
      return String(answer.awardId);
    },
    { timeout: 20_000, interval: 300 },
  );
  const mine = async () => (await ask("/api/me/awards", guest)).awards[0];
  const before = (await mine()).claimByMs as number;
  const extend = (claimByMs: number) =>
    ask(`/api/studio/awards/${awardId}/extend`, operator, { claimByMs, reason: "the parcel shop is closed" });
  const refused = { status: 422, code: "award.bad_deadline", field: "claimByMs", rule: "AW5" };
  expect(await extend(before - 1)).toMatchObject(refused);
  expect(await extend(before + 3_600_000)).toMatchObject({ awardId, claimByMs: before + 3_600_000 });
  expect((await mine()).claimByMs).toBe(before + 3_600_000);
  expect(await extend(before + 7_200_000)).toMatchObject(refused);
  const listed = (await ask("/api/studio/awards?state=held", operator)).awards[0];
  expect(listed).toMatchObject({ awardId, claimByMs: before + 3_600_000, actions: ["forfeit"] });
  const { acts } = await ask("/api/studio", operator);
  expect(acts.map(({ action }: { action: string }) => action).slice(0, 4)).toEqual([
    "extend refused",
    "extend",
    "extend",
    "extend refused",
  ]);
});

test("[PL3] what an operator withdraws nobody can take; what he adds goes to who waits first", async () => {
  const reason = "counted again";
  const left = (view: { numbers: { left: Record<string, number> } }) => view.numbers.left[pool()];
  expect(left(await change({ delta: -3, reason, commandId: "1".repeat(32) }))).toBe(0);
  expect(left(await change({ delta: -3, reason, commandId: "1".repeat(32) }))).toBe(0);
  expect(await change({ delta: -1, reason, commandId: "2".repeat(32) })).toMatchObject({
    status: 409,
    code: "pool.insufficient",
    field: "delta",
  });
  const guest = await newGuest();
  expect((await take(guest, "b")).code).toBe("grab.wait");
  const restocked = await change({ delta: 2, reason, commandId: "3".repeat(32) });
  expect(left(restocked)).toBe(1);
  expect(restocked.numbers.awards).toBe(2);
  expect((await take(guest, "b")).awardId).toMatch(/^[0-9a-f]{32}$/);
});

test("[AW6] [PE11] staff see whose award it is by a pseudonym, and an operator takes one back", async () => {
  const { awards, next } = await vi.waitFor(
    async () => {
      const page = await ask("/api/studio/awards", operator);
      expect(page.awards).toHaveLength(2);
      return page;
    },
    { timeout: 10_000, interval: 100 },
  );
  expect(next).toBeNull();
  const [newest] = awards;
  expect(newest).toEqual({
    awardId: expect.stringMatching(/^[0-9a-f]{32}$/),
    pool: pool(),
    title: { zh: "水壶", en: "Kettle" },
    draw: null,
    window: null,
    winner: expect.stringMatching(/^[0-9a-f]{32}$/),
    wonAtMs: expect.any(Number),
    state: "held",
    claimByMs: expect.any(Number),
    reason: null,
    actions: ["extend", "forfeit"],
  });
  expect(new Set(awards.map(({ winner }: { winner: string }) => winner)).size).toBe(2);
  const path = `/api/studio/awards/${newest.awardId}`;
  const after = await ask(`${path}/forfeit`, operator, { reason: "entered twice" });
  expect(after).toMatchObject({ state: "forfeited", reason: "entered twice", actions: [] });
  expect(await ask(path, operator)).toEqual(after);
  const held = await ask("/api/studio/awards?state=held", operator);
  expect(held.awards.map(({ awardId }: { awardId: string }) => awardId)).not.toContain(newest.awardId);
  const { pools } = await ask("/api/studio", operator);
  expect(pools).toMatchObject([{ units: 6, free: 2, held: 1, openAwards: 1, posted: 0, withdrawn: 3 }]);
  // The same again is the same answer: a lost one costs nothing.
  expect(await ask(`${path}/forfeit`, operator, { reason: "entered twice" })).toEqual(after);
  const guest = await newGuest();
  expect((await ask("/api/studio/awards", guest)).code).toBe("auth.missing");
});
