import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newRequestId } from "@wanhui/client";
import { solveCheck } from "@wanhui/client/solve";
import {
  type CheckChallenge,
  encodeTaps,
  type ServerMessage,
  type ShowView,
  WS_SUBPROTOCOL,
} from "@wanhui/protocol";
import { loadConfig, type Night, startNight } from "@wanhui/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import {
  createTestDatabase,
  createTestFolder,
  removeTestFolder,
} from "../packages/server/src/platform/testing.ts";
import { startWire, type Wire } from "./faults/wire.fixture.ts";

// Attacks over real sockets on a whole night (docs/spec/abuse.md). Everybody here has one address.

/** Honest people; a crowd of thousands takes minutes of two cores, and meets no other rule. */
const HONEST = 60;
const FARM = 300;
const FRAMES_OF_A_BOT = 20;
const ACCOUNTS_OF_A_DEVICE = 1_000;
/** More than a process takes up at once (400), less than may wait (2,000). */
const STORM = 700;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let wire: Wire;
let folder: string;
let night: Night;
let running: Promise<void>;
const ended = new AbortController();

beforeAll(async () => {
  database = await createTestDatabase();
  wire = await startWire(database.url);
  folder = await createTestFolder();
  const flags = {
    data: join(folder, "data"),
    host: "127.0.0.1",
    port: "0",
    "sandbox-port": "0",
    beacon: "dev",
    show: join(import.meta.dirname, "abuse.yaml"),
    "database-url": wire.url,
    "log-level": "error",
    "log-file": join(folder, "server.log"),
  };
  const config = loadConfig({ env: {}, flags });
  night = await startNight({ config, fresh: true, rehearsal: false, version: "0.0.0-test" });
  running = night.runUntil(ended.signal);
});
afterAll(async () => {
  ended.abort();
  await running;
  await wire.stop();
  await database.drop();
  await removeTestFolder(folder);
}, 60_000);

async function ask<T>(path: string, headers: Record<string, string>, body?: object) {
  const response = await fetch(night.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    cookies: response.headers.getSetCookie(),
    body: (text === "" ? {} : JSON.parse(text)) as T,
  };
}
type Taken = { readonly awardId?: string; readonly code?: string };
const cookiesOf = (lines: readonly string[]) => lines.map((line) => line.split(";")[0] ?? "");

type Guest = { readonly token: string; readonly user: string };
const newGuest = async (): Promise<Guest> => (await ask<Guest>("/api/session", {}, { bearer: true })).body;
const bearer = ({ token }: Guest) => ({ authorization: `Bearer ${token}` });

/** A socket of somebody: greeted, or closed with a code. */
async function comeIn(guest: Guest) {
  let answer = await ask<{ ticket: string; retryMs?: number }>("/api/socket-ticket", bearer(guest), {});
  while (answer.status === 429) {
    await sleep(answer.body.retryMs ?? 200);
    answer = await ask("/api/socket-ticket", bearer(guest), {});
  }
  const { body } = answer;
  const socket = new WebSocket(`${night.url.replace("http", "ws")}/ws?ticket=${body.ticket}`, WS_SUBPROTOCOL);
  const heard: ServerMessage[] = [];
  let closed: number | null = null;
  socket.on("message", (data) => void heard.push(JSON.parse(String(data)) as ServerMessage));
  socket.on("error", () => undefined);
  socket.on("close", (code) => {
    closed = code;
  });
  await once(socket, "open");
  socket.send(JSON.stringify({ t: "hello", v: 1 }));
  while (closed === null && !heard.some(({ t }) => t === "hello")) await sleep(5);
  const refusals = () => heard.flatMap((message) => (message.t === "no" ? [message.code] : []));
  const isIn = () => heard.some(({ t }) => t === "ack");
  return { guest, socket, heard, refusals, isIn, closed: () => closed };
}
type Seat = Awaited<ReturnType<typeof comeIn>>;

const show = async () => (await ask<ShowView>("/api/show", {})).body;
const round = async () => {
  const found = (await show()).rounds[0];
  if (found === undefined) throw new Error("There is a round");
  return found;
};
const frame = (frameNumber: number, fill: number) =>
  encodeTaps({ drawIndex: 0, frameNumber, taps: 1, nonce: new Uint8Array(16).fill(fill) });

async function passOf(guest: Guest, what: string): Promise<string> {
  const challenge = await ask<CheckChallenge>("/api/bot-check", bearer(guest), { for: what });
  expect(challenge.status).toBe(200);
  const solution = await solveCheck(challenge.body);
  const answer = { challenge: challenge.body, solution };
  return (await ask<{ pass: string }>("/api/bot-check/pass", bearer(guest), answer)).body.pass;
}

async function entries(): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>("select count(*)::int as n from draw_entries");
  return rows[0]?.n ?? 0;
}

test("[AB13] [AB14] [AB5] a bot farm at the opening second gets nothing, and people behind the same address are all in", async () => {
  const { draw, opensAtMs } = await round();
  const people = await Promise.all(Array.from({ length: HONEST }, newGuest));
  // During the countdown: the work is done, and shown, before the opening.
  const honest: Seat[] = [];
  for (const guest of people) {
    const seat = await comeIn(guest);
    seat.socket.send(JSON.stringify({ t: "pass", pass: await passOf(guest, draw) }));
    honest.push(seat);
  }
  const bots = await Promise.all((await Promise.all(Array.from({ length: FARM }, newGuest))).map(comeIn));
  expect(bots.every((seat) => seat.closed() === null)).toBe(true);
  expect(opensAtMs - Date.now()).toBeGreaterThan(0);
  await expect.poll(async () => (await round()).phase, { timeout: 40_000, interval: 20 }).toBe("open");
  for (let n = 1; n <= FRAMES_OF_A_BOT; n += 1) for (const { socket } of bots) socket.send(frame(n, 1));
  for (const [n, { socket }] of honest.entries()) socket.send(frame(1, n + 2));
  await expect.poll(() => honest.filter((seat) => seat.isIn()).length, { timeout: 15_000 }).toBe(HONEST);
  await expect
    .poll(() => bots.filter((seat) => seat.refusals().length > 0).length, { timeout: 15_000 })
    .toBe(FARM);
  expect(bots.some((seat) => seat.isIn())).toBe(false);
  const codes = new Set(bots.flatMap((seat) => seat.refusals()));
  expect([...codes].sort().every((code) => ["draw.check_required", "rate.limited"].includes(code))).toBe(
    true,
  );
  // Neither journal nor tables heard of them.
  await expect.poll(entries, { timeout: 10_000 }).toBe(HONEST);
  for (const { socket } of [...honest, ...bots]) socket.terminate();
}, 120_000);

test("[AB12] one person on a hundred sockets: 32 stay, the others are closed, and all have one unit", async () => {
  const guest = await newGuest();
  const seats = await Promise.all(Array.from({ length: 100 }, () => comeIn(guest)));
  expect(seats.filter((seat) => seat.closed() === null).length).toBe(32);
  expect(new Set(seats.map((seat) => seat.closed()).filter((code) => code !== null))).toEqual(
    new Set([4002]),
  );
  const [rain] = (await show()).rains;
  const open = seats.filter((seat) => seat.closed() === null);
  await expect.poll(async () => (await show()).rains[0]?.phase, { timeout: 10_000 }).toBe("open");
  for (const { socket } of open)
    socket.send(JSON.stringify({ t: "take", pool: rain?.pool, r: newRequestId() }));
  await expect
    .poll(() => open.some((seat) => seat.heard.some(({ t }) => t === "got")), { timeout: 5_000 })
    .toBe(true);
  await sleep(500);
  const got = open.flatMap((seat) => seat.heard.filter(({ t }) => t === "got"));
  expect(got.length).toBe(1);
  const codes = new Set(open.flatMap((seat) => seat.refusals()));
  expect([...codes].every((code) => ["grab.cap_reached", "rate.limited"].includes(code))).toBe(true);
  for (const { socket } of open) socket.terminate();
});

test("[AB10] [AB11] a thousand accounts on one device: twenty come into being, five get something", async () => {
  const first = await ask("/api/session", {}, {});
  const device = cookiesOf(first.cookies).find((pair) => /device/i.test(pair));
  if (device === undefined) throw new Error(`No device among ${first.cookies.join(", ")}`);
  const people: string[] = [];
  const refused: number[] = [];
  for (let n = 0; n < ACCOUNTS_OF_A_DEVICE; n += 1) {
    const { status, cookies } = await ask("/api/session", { cookie: device }, {});
    if (status === 200) people.push([device, ...cookiesOf(cookies)].join("; "));
    else refused.push(status);
  }
  // One of the first twenty was the device's own beginning; two a minute may follow.
  expect(people.length).toBeGreaterThanOrEqual(20);
  expect(people.length).toBeLessThanOrEqual(24);
  expect(new Set(refused)).toEqual(new Set([429]));
  // Whoever is somebody goes on.
  expect((await ask("/api/session", { cookie: people[0] ?? "" }, {})).status).toBe(200);
  const [rain] = (await show()).rains;
  const path = `/api/pools/${encodeURIComponent(rain?.pool ?? "")}/take`;
  const answers = await Promise.all(
    people.map((cookie) => ask<Taken>(path, { cookie }, { requestId: newRequestId() })),
  );
  const outcomes = answers.map(({ body }) => body.code ?? "got").sort();
  expect(outcomes).toEqual([...Array(people.length - 5).fill("draw.device_full"), ...Array(5).fill("got")]);
}, 60_000);

test("[AB15] [AB16] more than a second's places come back at once while the database does not answer: all get in, in turn", async () => {
  const people = await Promise.all(Array.from({ length: STORM }, newGuest));
  const before = await Promise.all(people.map(comeIn));
  for (const { socket } of before) socket.terminate();
  // As after a night's rest: all 400 places are there.
  await sleep(1_500);
  wire.hold();
  try {
    const begunMs = performance.now();
    const after = await Promise.all(people.map(comeIn));
    expect(after.filter((seat) => seat.closed() === null).length).toBe(STORM);
    // Those behind the first 400 are taken up at 400 a second.
    expect(performance.now() - begunMs).toBeGreaterThan(((STORM - 400) / 400) * 1_000 - 50);
    for (const { socket } of after) socket.terminate();
  } finally {
    wire.go();
  }
}, 60_000);
