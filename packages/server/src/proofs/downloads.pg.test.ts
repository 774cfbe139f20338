import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type App, createApp, problem } from "../http/mod.ts";
import { migrate, readMigrations, silentLog } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { Downloads } from "./downloads.ts";
import {
  createEntryFinder,
  createProofArchive,
  createShowSigner,
  createWitnessStore,
  keepWitnesses,
  type ProofArchive,
  proofRoutes,
  TickReceipts,
  type WitnessStore,
} from "./mod.ts";
import { after, draw, play } from "./testing.ts";

// What asking for proofs costs, with the real table, files and sockets.

const newKey = () => createShowSigner(generateKeyPairSync("ed25519").privateKey);
const signer = newKey();
const hall = newKey();
const { events } = play({
  showKey: signer.publicKey,
  entrants: 4,
  witnesses: [{ name: "civic hall", publicKey: hall.publicKey }],
});
const firstResult = after(events, "window.drawn");
const path = `/api/draws/${encodeURIComponent(draw)}`;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;
let archive: ProofArchive;
let witnesses: WitnessStore;
let queries = 0;
let nowMs = 1_000;
let app: App;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(() => database.drop());
beforeEach(async () => {
  queries = 0;
  folder = await mkdtemp(join(tmpdir(), "wanhui-downloads-"));
  const pool = database.pool;
  const query = ((...given: Parameters<typeof pool.query>) => {
    queries += 1;
    return pool.query(...given);
  }) as typeof pool.query;
  witnesses = keepWitnesses(createWitnessStore({ query }), () => nowMs);
  archive = await createProofArchive({
    folder,
    signer,
    headOf: () => ({ show: "night", run: "night-1", software: "test" }),
    isPublicChain: () => true,
    witnessesOf: witnesses.of,
    nowMs: () => nowMs,
    log: silentLog(),
  });
  archive.take({ events: events.slice(0, firstResult) });
  await archive.flush();
});
afterEach(async () => {
  await app?.close();
  await database.pool.query("truncate witness_signatures");
  await rm(folder, { recursive: true, force: true });
});

async function serve(streamsMax?: number): Promise<string> {
  app = await createApp({ log: silentLog(), version: "0.0.0" });
  const receipts = new TickReceipts({
    signer,
    findEntry: createEntryFinder(database.pool),
    readBatch: async () => null,
  });
  const userOf = () => {
    throw problem("auth.missing");
  };
  proofRoutes(app, {
    archive,
    receipts,
    witnesses,
    userOf,
    ...(streamsMax === undefined ? {} : { streamsMax }),
  });
  return app.listen({ port: 0, host: "127.0.0.1" });
}

const signed = (heardAtMs: number) => {
  const seal = events.find((event) => event.type === "window.sealed");
  const record = { version: "wanhui/witness/1", sealHash: seal?.sealHash ?? "", heardAtMs };
  const { sealHash } = record;
  return {
    name: "civic hall",
    publicKey: hall.publicKey,
    sealHash,
    heardAtMs,
    signature: hall.signRecord(record),
  };
};

test("[PF7] a hundred that have the file are answered from memory; a signature accepted here is in it at once", async () => {
  const url = await serve();
  const first = await fetch(`${url}${path}/proof`);
  const text = await first.text();
  expect(queries).toBe(1);
  const headers = { "if-none-match": first.headers.get("etag") ?? "" };
  for (let n = 0; n < 100; n += 1) {
    expect((await fetch(`${url}${path}/proof`, { headers })).status).toBe(304);
  }
  expect(queries).toBe(1);
  const body = JSON.stringify(signed(1));
  const post = { method: "POST", headers: { "content-type": "application/json" }, body };
  expect((await fetch(`${url}${path}/witness`, post)).status).toBe(200);
  const witnessed = await fetch(`${url}${path}/proof`, { headers });
  expect(witnessed.status).toBe(200);
  expect((await witnessed.text()).length).toBeGreaterThan(text.length);
});

test("[PF7] what another process accepted is in the file within seconds", async () => {
  await archive.open(draw);
  const story = archive.story(draw);
  if (story === undefined) throw new Error("no story");
  const other = createWitnessStore(database.pool);
  const { sealHash, ...rest } = signed(1);
  expect(await other.accept(story, { ...rest, sealHash: sealHash as never })).toMatchObject({ ok: true });
  const before = await archive.open(draw);
  nowMs += 5_000;
  expect((await archive.open(draw))?.etag).not.toBe(before?.etag);
  expect(queries).toBe(2);
});

test("[PF7] records are encoded anew with each that is added, and only then", async () => {
  const url = await serve();
  const read = async () => (await fetch(`${url}${path}/headers`)).json();
  const first = await read();
  expect(first).toMatchObject({ draw, showKey: signer.publicKey, rules: { draw } });
  expect(first.records).toEqual(JSON.parse(JSON.stringify(archive.story(draw)?.records)));
  expect(await read()).toEqual(first);
  archive.take({ events: events.slice(firstResult) });
  const last = await read();
  expect(last.records).toEqual(JSON.parse(JSON.stringify(archive.story(draw)?.records)));
  expect(last.records.length).toBeGreaterThan(first.records.length);
});

test("[PF7] beyond the places a download is refused with a time, and 304 and the length are still answered", async () => {
  const url = await serve(0);
  const refused = await fetch(`${url}${path}/proof`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("2");
  expect(await refused.json()).toMatchObject({ code: "proof.busy", retryAfterMs: 2_000 });
  const proof = await archive.open(draw);
  const headers = { "if-none-match": proof?.etag ?? "" };
  expect((await fetch(`${url}${path}/proof`, { headers })).status).toBe(304);
  const length = await fetch(`${url}${path}/proof`, { method: "HEAD" });
  expect(length.status).toBe(200);
  expect(Number(length.headers.get("content-length"))).toBe(proof?.bytes);
});

test("[PF7] a place is free again after the whole file, and after one that was given up", async () => {
  const url = await serve(1);
  for (let n = 0; n < 5; n += 1) {
    const whole = await fetch(`${url}${path}/proof`);
    expect(whole.status).toBe(200);
    await whole.text();
  }
  for (let n = 0; n < 5; n += 1) {
    await new Promise<void>((resolve) => {
      const request = get(`${url}${path}/proof`, (response) => response.destroy());
      request.on("error", () => undefined);
      request.on("close", () => resolve());
    });
  }
  await expect.poll(async () => (await fetch(`${url}${path}/proof`)).status).toBe(200);
});

test("[PF7] a download nobody reads holds its place until its time is over, and no longer", async () => {
  const proof = await archive.open(draw);
  const beginIn = (downloads: Downloads) => downloads.begin(proof?.chunks() ?? (async function* () {})());
  const patient = new Downloads({ streamsMax: 2 });
  const [first, second] = [beginIn(patient), beginIn(patient)];
  expect(first).not.toBeNull();
  expect(beginIn(patient)).toBeNull();
  second?.destroy();
  await expect.poll(() => second?.closed).toBe(true);
  const third = beginIn(patient);
  expect(third).not.toBeNull();
  expect(beginIn(patient)).toBeNull();
  for (const stream of [first, third]) stream?.destroy();

  const brief = new Downloads({ streamsMax: 1, streamMsMax: 20 });
  const unread = beginIn(brief);
  await expect.poll(() => unread?.closed).toBe(true);
  expect(beginIn(brief)).not.toBeNull();
});
