import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newRequestId } from "@wanhui/client";
import { type PoolId, shardOfPool } from "@wanhui/core";
import type { MeMessage, ServerMessage, ShowView, StudioView } from "@wanhui/protocol";
import { WS_SUBPROTOCOL } from "@wanhui/protocol";
import { freePort, loadConfig, type Night, startNight } from "@wanhui/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { startTestNats, type TestNats } from "../packages/server/src/platform/bus/testing-nats.ts";
import {
  createTestDatabase,
  createTestFolder,
  removeTestFolder,
} from "../packages/server/src/platform/testing.ts";
import { startWire, type Wire } from "./faults/wire.fixture.ts";
import { rainShow } from "./rain-show.fixture.ts";

// Two whole nights on one database and one NATS: what people and staff of both see (docs/spec/processes.md).

const address = {
  name: "王小明",
  phone: "138 0013 8000",
  country: "CN",
  region: "北京市",
  city: "北京市",
  line1: "建国路88号院",
  line2: "",
  postcode: "100022",
};

/** Rains that wait to be armed, each over a pool of its own: some belong to the first process, some to the second. */
const WAITING = [1, 2, 3, 4, 5, 6, 7, 8];
const waitingPool = (n: number) => `
  - pool: lamp-${n}
    kind: coupon
    title: { zh: 灯, en: Lamp }
    detail: { zh: 灯, en: A lamp }
    units: 9
    perUser: none
    valueMinor: 100
    worthMinor: 100
    claim: { within: none }`;
const waitingRain = (n: number) => `  - at: +${8 * 60 + n}s
    rain: late-${n}
    title: { zh: 雨, en: Rain }
    pool: lamp-${n}
    lasts: 30s
    lateMax: 60s
`;
const show = rainShow("house")
  .replace("units: 4", "units: 400")
  .replace("perUser: 1", "perUser: 40")
  .replace("\nwitnesses", `${WAITING.map(waitingPool).join("")}\nwitnesses`)
  .concat(WAITING.map(waitingRain).join(""));

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let nats: TestNats;
let folder: string;
/** The second process reaches the database by it. */
let wire: Wire;
let first: Running;
let second: Running;
const ends: (() => Promise<void>)[] = [];

type Running = { readonly night: Night; readonly ended: () => boolean; stop(): Promise<void> };

function configOf(more: Record<string, string>) {
  const flags = {
    data: join(folder, "data"),
    host: "127.0.0.1",
    port: "0",
    "sandbox-port": "0",
    beacon: "dev",
    show: join(folder, "show.yaml"),
    "database-url": database.url,
    "nats-url": nats.url,
    "log-level": "warn",
    "log-file": join(folder, "server.log"),
    ...more,
  };
  return loadConfig({ env: {}, flags });
}

async function start(join: boolean, more: Record<string, string> = {}): Promise<Running> {
  const config = configOf(more);
  const night = await startNight({ config, fresh: false, rehearsal: false, join, version: "0.0.0-test" });
  const ended = new AbortController();
  const running = night.runUntil(ended.signal);
  const stop = async () => {
    ended.abort();
    await running;
  };
  ends.push(stop);
  return { night, ended: () => ended.signal.aborted, stop };
}

beforeAll(async () => {
  database = await createTestDatabase();
  nats = await startTestNats();
  folder = await createTestFolder();
  wire = await startWire(database.url);
  await writeFile(join(folder, "show.yaml"), show);
  first = await start(false);
  second = await start(true, { "database-url": wire.url });
}, 60_000);
afterAll(async () => {
  for (const end of ends.reverse()) await end();
  await wire.stop();
  await nats.kill();
  await database.drop();
  await removeTestFolder(folder);
}, 60_000);

// ---- people

async function ask<T>(
  night: Night,
  path: string,
  headers: Record<string, string>,
  body?: object,
): Promise<T> {
  const response = await fetch(night.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as T;
}

type Guest = { readonly token: string; readonly user: string };
const newGuest = (night: Night) => ask<Guest>(night, "/api/session", {}, { bearer: true });

/** A viewer's socket at one process, and all it heard. */
async function comeIn(night: Night, { token }: Guest, hello: object = {}) {
  const bearer = { authorization: `Bearer ${token}` };
  const { ticket } = await ask<{ ticket: string }>(night, "/api/socket-ticket", bearer, {});
  const socket = new WebSocket(`${night.url.replace("http", "ws")}/ws?ticket=${ticket}`, WS_SUBPROTOCOL);
  const heard: ServerMessage[] = [];
  socket.on("message", (data) => void heard.push(JSON.parse(String(data)) as ServerMessage));
  socket.on("error", () => undefined);
  await once(socket, "open");
  socket.send(JSON.stringify({ t: "hello", v: 1, ...hello }));
  await expect.poll(() => heard.some(({ t }) => t === "hello")).toBe(true);
  const own = (): MeMessage[] => heard.flatMap((message) => (message.t === "me" ? message.m : []));
  return { socket, heard, own };
}

const showOf = (night: Night) => ask<ShowView>(night, "/api/show", {});

async function operatorOf(night: Night): Promise<Record<string, string>> {
  const entered = await fetch(night.operatorUrl, { method: "POST", redirect: "manual" });
  const cookies = entered.headers.getSetCookie().map((line) => line.split(";")[0]);
  return { cookie: cookies.join("; ") };
}

/** Grabs at a process until it is answered, as a page does, with one id. */
async function grab(night: Night, { token }: Guest): Promise<{ awardId?: string; code?: string }> {
  const body = { requestId: newRequestId() };
  const path = `/api/pools/${encodeURIComponent(`${night.run.run}/kettle`)}/take`;
  return ask(night, path, { authorization: `Bearer ${token}` }, body);
}

async function tables(): Promise<string> {
  const { rows } = await database.pool.query(
    `select (select string_agg(process || serves, ',' order by process) from processes) as processes,
       (select string_agg(run || definition_hash, ',' order by run) from runs) as runs,
       (select string_agg(name || value, ',' order by name) from house) as house,
       (select string_agg(shard || holder || epoch, ',' order by shard) from shards) as shards`,
  );
  return JSON.stringify(rows);
}

// ---- tests

test("[MP1] each process is a row with its address, its version and a lease that is renewed; shards are shared", async () => {
  const read = async () => {
    const { rows } = await database.pool.query<{
      address: string;
      serves: boolean;
      lease: number;
      shards: number;
    }>(
      `select address, serves, extract(epoch from lease_until - clock_timestamp())::float8 as lease,
         (select count(*)::int from shards where holder = process) as shards from processes order by began_at`,
    );
    return rows;
  };
  await expect.poll(async () => (await read()).map(({ shards }) => shards)).toEqual([4, 4]);
  expect((await read()).map(({ address }) => address)).toEqual([first.night.url, second.night.url]);
  // Longer than a lease: nobody would be there without renewals.
  for (let n = 0; n < 8; n += 1) {
    for (const { lease, serves } of await read())
      expect([serves, lease > 0, lease <= 3]).toEqual([true, true, true]);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});

test("[MP3] who may not work beside others is refused, and nothing has changed", async () => {
  const before = await tables();
  const refusal = (joins: boolean, more: Record<string, string> = {}) =>
    start(joins, more).then(
      () => "started",
      (error: { code?: string; message?: string }) => `${error.code}: ${error.message}`,
    );
  const elsewhere = { data: join(folder, "other") };
  const alone = await refusal(false, elsewhere);
  expect(alone).toMatch(/^server\.not_alone: /);
  expect(alone).toContain(first.night.url);
  expect(alone).toContain("--join");
  expect(await refusal(false)).toMatch(/^folder\.locked: /);
  expect(await refusal(true, elsewhere)).toMatch(/^server\.other_keys: /);
  const nowhere = { "nats-url": `nats://127.0.0.1:${await freePort()}` };
  expect(await refusal(true, nowhere)).toMatch(/^bus\.unreachable: /);
  expect(await refusal(true, { "nats-url": "" })).toMatch(/^(bus\.missing|config\.invalid): /);
  await cp(join(folder, "show.yaml"), join(folder, "changed.yaml"));
  await writeFile(join(folder, "changed.yaml"), show.replace("units: 400", "units: 401"));
  expect(await refusal(true, { show: join(folder, "changed.yaml") })).toMatch(/^show\.changed: /);
  // A show that was never played here, and is none of this night's either.
  await writeFile(join(folder, "other.yaml"), show.replace("\nshow: house", "\nshow: harbour"));
  const other = await refusal(true, { show: join(folder, "other.yaml") });
  expect(other).toMatch(/^show\.changed: /);
  for (const said of [first.night.run.run, "the show house", "the show harbour", "SHOW_FILE"])
    expect(other).toContain(said);
  expect(await tables()).toBe(before);
});

test("[MP3] while nobody serves yet the run that stands there may be another night's: who comes waits until it is said", async () => {
  const fresh = await createTestDatabase();
  const where = { "database-url": fresh.url, data: join(folder, "fresh") };
  const made = await start(false, where);
  await made.stop();
  await fresh.pool.query("update house set value = 'harbour-1' where name = 'run'");
  // One that has entered and not yet opened its run: it renews its lease and serves nobody.
  const renew = () =>
    fresh.pool.query(
      `insert into processes (process, place, pid, started, version, bus, serves, address, sandbox, lease_until)
       values ('slow', 'elsewhere', 1, '', 1, true, false, '', '', clock_timestamp() + interval '3 s')
       on conflict (process) do update set lease_until = excluded.lease_until`,
    );
  await renew();
  const renewing = setInterval(() => void renew(), 400);
  try {
    const coming = start(true, where);
    // It was refused at once, or made a run of its own, before it waited.
    const waits =
      "select 1 from processes where process <> 'slow' and not serves and began_at < clock_timestamp() - interval '2 s'";
    await expect.poll(async () => (await fresh.pool.query(waits)).rowCount, { timeout: 10_000 }).toBe(1);
    await fresh.pool.query("update house set value = 'house-1' where name = 'run'");
    expect((await coming).night.run.run).toBe("house-1");
  } finally {
    clearInterval(renewing);
    await fresh.pool.query("delete from processes where process = 'slow'");
  }
  await ends.pop()?.();
  ends.pop();
  await fresh.drop();
});

test("[MP16] everybody at both is counted at both", async () => {
  const guests = await Promise.all([newGuest(first.night), newGuest(first.night), newGuest(second.night)]);
  const [a, b, c] = guests;
  if (a === undefined || b === undefined || c === undefined) throw new Error("There are three");
  const sockets = [await comeIn(first.night, a), await comeIn(first.night, b), await comeIn(second.night, c)];
  const viewers = async ({ night }: Running) => (await showOf(night)).counts.viewers;
  await expect.poll(() => viewers(first), { timeout: 5_000 }).toBe(3);
  await expect.poll(() => viewers(second), { timeout: 5_000 }).toBe(3);
  for (const { socket } of sockets) socket.terminate();
  await expect.poll(() => viewers(first), { timeout: 5_000 }).toBe(0);
});

test("[MP15] [MP16] what a host does at one process is seen at the other, and done by the one that has the pool", async () => {
  const stateAt = async ({ night }: Running, cue: string) =>
    (await showOf(night)).cues.find((one) => one.cue === cue)?.state;
  await expect.poll(() => stateAt(first, "rain"), { timeout: 20_000 }).toBe("live");
  await expect.poll(() => stateAt(second, "rain")).toBe("live");
  const operator = await operatorOf(second.night);
  const act = async (cue: string, action: string, reason?: string) => {
    const path = `/api/studio/cues/${cue}/${action}`;
    expect(await ask(second.night, path, operator, { reason })).not.toHaveProperty("code");
  };
  await act("late-1", "hold", "wait for the band");
  await expect.poll(() => stateAt(first, "late-1")).toBe("held");
  await act("late-1", "release");
  await expect.poll(() => stateAt(first, "late-1")).toBe("pending");
  for (const n of WAITING) await act(`late-${n}`, "arm");
  for (const n of WAITING) {
    await expect.poll(() => stateAt(first, `late-${n}`), { timeout: 5_000 }).toBe("armed");
    await expect.poll(() => stateAt(second, `late-${n}`)).toBe("armed");
  }
  const { rows } = await database.pool.query("select holder from shards group by holder");
  expect(rows.length).toBe(2);
  const studio = await ask<StudioView>(second.night, "/api/studio", operator);
  expect(studio.health.ok).toBe(true);
});

test("[MP10] [MP16] a grab at one process wins on a shard of the other, and is told wherever the winner is", async () => {
  const guest = await newGuest(first.night);
  const here = await comeIn(first.night, guest);
  const there = await comeIn(second.night, guest);
  const answers = [await grab(first.night, guest), await grab(second.night, guest)];
  for (const { awardId } of answers) {
    expect(awardId).toMatch(/^[0-9a-f]{32}$/);
    const isTold = (own: MeMessage[]) => own.some((one) => one.t === "won" && one.award.awardId === awardId);
    await expect.poll(() => isTold(here.own())).toBe(true);
    await expect.poll(() => isTold(there.own())).toBe(true);
  }
  // An order moves in SQL alone: claimed at one process, told at the other.
  const headers = { authorization: `Bearer ${guest.token}`, "idempotency-key": newRequestId() };
  const claim = `/api/awards/${answers[0]?.awardId}/claim`;
  const claimed = await ask(first.night, claim, headers, { kind: "goods", address });
  expect(claimed).not.toHaveProperty("code");
  await expect.poll(() => there.own().some(({ t }) => t === "order"), { timeout: 5_000 }).toBe(true);
  for (const { socket } of [here, there]) socket.terminate();
});

test("[MP13] [MP10] [MP12] NATS is gone for longer than an ask is kept: each goes on with its own, says so, and heals", async () => {
  const { rows } = await database.pool.query<{ shard: number; address: string }>(
    "select shard, address from processes join shards on holder = process order by shard",
  );
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const shard = shardOfPool(`${first.night.run.run}/kettle` as PoolId, rows.length, sha256);
  const [owner, other] = rows[shard]?.address === first.night.url ? [first, second] : [second, first];
  const guest = await newGuest(owner.night);
  const elsewhere = await comeIn(other.night, guest);
  const isTold = (awardId = "") =>
    elsewhere.own().some((one) => one.t === "won" && one.award.awardId === awardId);
  const busOf = async ({ night }: Running) => {
    const response = await fetch(`${night.url}/health`);
    const { parts } = (await response.json()) as { parts: { bus: string } };
    return { status: response.status, bus: parts.bus };
  };
  const metricOf = async ({ night }: Running, name: string) => {
    const text = await (await fetch(`${night.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  };
  await nats.kill();
  for (const one of [owner, other]) {
    await expect.poll(async () => (await busOf(one)).bus, { timeout: 5_000 }).toContain("journal alone");
    expect((await busOf(one)).status).toBe(200);
    expect(await metricOf(one, "wanhui_bus_up")).toBe(0);
  }
  const body = { requestId: newRequestId() };
  const path = `/api/pools/${encodeURIComponent(`${other.night.run.run}/kettle`)}/take`;
  const again = () =>
    ask<{ awardId?: string; code?: string }>(
      other.night,
      path,
      { authorization: `Bearer ${guest.token}` },
      body,
    );
  const begunMs = performance.now();
  const unanswered = again();
  // Meanwhile the owner gives, and the other hears of it from the journal.
  const won = await grab(owner.night, guest);
  expect(won.awardId).toMatch(/^[0-9a-f]{32}$/);
  await expect.poll(() => isTold(won.awardId), { timeout: 5_000 }).toBe(true);
  expect((await unanswered).code).toBe("engine.unknown");
  expect(performance.now() - begunMs).toBeGreaterThan(9_000);
  expect(await metricOf(owner, "wanhui_bus_dropped_total")).toBeGreaterThan(0);
  await nats.start();
  for (const one of [owner, other]) {
    await expect.poll(async () => (await busOf(one)).bus, { timeout: 15_000 }).toBe("running");
  }
  // The same question once more is one award, however often it was asked.
  const answers = [await again(), await again()];
  expect(answers[0]?.awardId).toMatch(/^[0-9a-f]{32}$/);
  expect(answers[1]).toEqual(answers[0]);
  await expect.poll(() => isTold(answers[0]?.awardId)).toBe(true);
  elsewhere.socket.terminate();
}, 60_000);

test("[MP18] who comes to another process gets the show and what he won from memory: its database does not answer", async () => {
  const guest = await newGuest(first.night);
  const before = await comeIn(first.night, guest);
  const { awardId } = await grab(first.night, guest);
  const isTold = (own: MeMessage[]) => own.some((one) => one.t === "won" && one.award.awardId === awardId);
  await expect.poll(() => isTold(before.own())).toBe(true);
  const hello = before.heard.find((message) => message.t === "hello");
  const resume = { stream: hello?.t === "hello" ? hello.stream : "", offset: 0 };
  before.socket.terminate();
  wire.hold();
  try {
    const after = await comeIn(second.night, guest, { resume });
    expect(after.heard.find(({ t }) => t === "hello")).toMatchObject({ resumed: false });
    await expect.poll(() => isTold(after.own())).toBe(true);
    expect((await showOf(second.night)).run).toBe(first.night.run.run);
    after.socket.terminate();
  } finally {
    wire.go();
  }
});

test("[MP17] [MP6] a process that ends hands over first: nobody is refused, viewers are sent over one after the other", async () => {
  const guests = await Promise.all(Array.from({ length: 20 }, () => newGuest(first.night)));
  const sockets = await Promise.all(guests.map((guest) => comeIn(first.night, guest)));
  const awayAtMs: number[] = [];
  /** What a balancer was told at the moment the first viewer was sent away. */
  const wellAtGoaway: Promise<number>[] = [];
  for (const { socket } of sockets) {
    socket.on("message", (data) => {
      if ((JSON.parse(String(data)) as ServerMessage).t !== "goaway") return;
      awayAtMs.push(performance.now());
      if (awayAtMs.length === 1)
        wellAtGoaway.push(fetch(`${first.night.url}/health`).then(({ status }) => status));
    });
  }
  const stopping = first.stop();
  const answers: { awardId?: string; code?: string }[] = [];
  for (const guest of guests) answers.push(await grab(second.night, guest));
  await stopping;
  expect(answers.filter(({ awardId }) => awardId === undefined)).toEqual([]);
  expect(awayAtMs.length).toBe(guests.length);
  expect(await Promise.all(wellAtGoaway)).toEqual([503]);
  const sorted = awayAtMs.sort((a, b) => a - b);
  // Over seconds, not all at once: half of them have not been told when the first half has.
  expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)).toBeGreaterThan(2_000);
  const { rows } = await database.pool.query("select address from processes");
  expect(rows).toEqual([{ address: second.night.url }]);
  const held = await database.pool.query("select count(distinct holder)::int as holders from shards");
  expect(held.rows).toEqual([{ holders: 1 }]);
});
