// Proof files, receipts and witnesses over HTTP, with the database, a real application and a real witness.

import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event, UserId } from "@wanhui/core";
import type { CtlMessage } from "@wanhui/protocol";
import { Witness, type WitnessKey, witnessKeyOf } from "@wanhui/tools";
import { verifyProof, verifyReceipt } from "@wanhui/verify";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type App, createApp, problem } from "../packages/server/src/http/mod.ts";
import { migrate, readMigrations, silentLog } from "../packages/server/src/platform/mod.ts";
import { createTestDatabase } from "../packages/server/src/platform/testing.ts";
import {
  createEntryFinder,
  createProofArchive,
  createShowSigner,
  createWitnessStore,
  type ProofArchive,
  proofRoutes,
  TickReceipts,
} from "../packages/server/src/proofs/mod.ts";
import { after, chain, draw, play, userOf } from "../packages/server/src/proofs/testing.ts";

const signer = createShowSigner(generateKeyPairSync("ed25519").privateKey);
const hall = witnessKeyOf(generateKeyPairSync("ed25519").privateKey);
const stranger = witnessKeyOf(generateKeyPairSync("ed25519").privateKey);
const { events, firstRound } = play({
  showKey: signer.publicKey,
  entrants: 6,
  witnesses: [{ name: "civic hall", publicKey: hall.publicKey }],
});
const path = `/api/draws/${encodeURIComponent(draw)}`;
const dueMs = (window: number) => chain.genesisMs + (firstRound + window - 1) * chain.periodMs;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;
let app: App;
let archive: ProofArchive;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(() => database.drop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-proof-routes-"));
  const witnesses = createWitnessStore(database.pool);
  archive = await createProofArchive({
    folder: join(folder, "proofs"),
    signer,
    headOf: () => ({ show: "night", run: "night-1", software: "test" }),
    isPublicChain: () => true,
    witnessesOf: (one) => witnesses.of(one),
    nowMs: () => 1,
    log: silentLog(),
  });
  const batchOf = (seq: number) => ({ shard: 0, seq, atMs: seq, events: events.slice(seq, seq + 1) });
  const receipts = new TickReceipts({
    signer,
    findEntry: createEntryFinder(database.pool),
    readBatch: async (_, seq) => batchOf(seq),
  });
  app = await createApp({ log: silentLog(), version: "0.0.0" });
  const userOfRequest = (user: unknown): UserId => {
    if (typeof user !== "string") throw problem("auth.missing");
    return user as UserId;
  };
  proofRoutes(app, {
    archive,
    receipts,
    witnesses,
    userOf: (request) => userOfRequest(request.headers["x-user"]),
  });
  url = await app.listen({ port: 0, host: "127.0.0.1" });
});
afterEach(async () => {
  await app.close();
  await database.pool.query("truncate witness_signatures, draw_entries");
  await rm(folder, { recursive: true, force: true });
});

async function feed(upTo: number): Promise<void> {
  archive.take({ events: events.slice(0, upTo) });
  await archive.flush();
}

/** What the room would send of the chain's events. */
function messageOf(event: Event): CtlMessage | null {
  if (event.type === "window.sealed") {
    const { header, sealHash: hash } = event;
    const signature = signer.signRecord(header);
    return { t: "seal", draw, window: header.window, header, hash, signature, entries: 0, resultAtMs: 0 };
  }
  if (event.type !== "draw.closed") return null;
  return {
    t: "chain",
    draw,
    record: event.record,
    hash: event.hash,
    signature: signer.signRecord(event.record),
  };
}

const seals = events.filter((event) => event.type === "window.sealed");

async function witnessAt(nowMs: () => number, key: WitnessKey = hall): Promise<Witness> {
  return Witness.open({ baseUrl: url, key, path: join(folder, "heard.ndjson"), nowMs });
}

async function hearAll(aheadMs: number, key: WitnessKey = hall) {
  let now = 0;
  const witness = await witnessAt(() => now, key);
  const heard = [];
  for (const event of events) {
    const message = messageOf(event);
    if (message === null) continue;
    if (event.type === "window.sealed") now = dueMs(event.header.window) - aheadMs;
    heard.push(await witness.hear(message));
  }
  return heard;
}

async function proofText(): Promise<string> {
  return (await app.inject({ url: `${path}/proof` })).body;
}

test("[PF4] the proof is served with a tag that changes with it, and 304 when it did not", async () => {
  expect((await app.inject({ url: `${path}/proof` })).json()).toMatchObject({
    code: "proof.unknown",
    status: 404,
  });
  await feed(after(events, "window.drawn"));
  const first = await app.inject({ url: `${path}/proof` });
  expect(first.statusCode).toBe(200);
  expect(first.headers["content-type"]).toContain("application/x-ndjson");
  expect(Number(first.headers["content-length"])).toBe(Buffer.byteLength(first.body));
  const headers = { "if-none-match": String(first.headers.etag) };
  expect((await app.inject({ url: `${path}/proof`, headers })).statusCode).toBe(304);
  archive.take({ events: events.slice(after(events, "window.drawn")) });
  await archive.flush();
  const second = await app.inject({ url: `${path}/proof`, headers });
  expect(second.statusCode).toBe(200);
  expect(second.body.length).toBeGreaterThan(first.body.length);
});

test("[RC1][RC3] only the entry's own user gets its receipt", async () => {
  const seq = events.findIndex((event) => event.type === "entered" && event.user === userOf(3));
  const entry = events[seq];
  if (entry?.type !== "entered") throw new Error("nobody entered");
  await database.pool.query(
    "insert into draw_entries (draw, window_index, user_key, user_id, at_ms, shard, seq) values ($1, 0, $2, $3, 1, 0, $4)",
    [draw, Buffer.from(entry.userKey, "hex"), Buffer.from(entry.user, "hex"), seq],
  );
  const ask = (window: string, user?: string) =>
    app.inject({
      url: `${path}/receipt?window=${window}`,
      headers: user === undefined ? {} : { "x-user": user },
    });
  const own = await ask("0", userOf(3));
  expect(own.statusCode).toBe(200);
  const check = verifyReceipt(own.json(), { showKey: signer.publicKey });
  expect(check).toMatchObject({ valid: true, draw, window: 0, userKey: entry.userKey });
  expect((await ask("0", userOf(2))).json()).toMatchObject({ code: "entry.unknown" });
  expect((await ask("1", userOf(3))).json()).toMatchObject({ code: "entry.unknown" });
  expect((await ask("0")).json()).toMatchObject({ code: "auth.missing" });
  expect((await ask("x", userOf(3))).json()).toMatchObject({
    code: "body.invalid",
    field: "querystring.window",
  });
  // Numbers and names the table could not even look for are refused before it is asked.
  expect((await ask("4294967295", userOf(3))).json()).toMatchObject({ code: "body.invalid" });
  const nameless = await app.inject({
    url: "/api/draws/%01/receipt?window=0",
    headers: { "x-user": userOf(3) },
  });
  expect(nameless.json()).toMatchObject({ code: "body.invalid", field: "params.draw" });
});

test("[WT1][PF3] a declared witness in time raises the file's level, and its own file covers every window", async () => {
  await feed(events.length);
  const before = JSON.parse((await proofText()).trimEnd().split("\n").at(-1) ?? "");
  expect(before.body.level).toBe("beacon");
  const heard = await hearAll(1_200);
  expect(heard.slice(0, 3)).toMatchObject(
    [0, 1, 2].map((window) => ({ kind: "signed", window, aheadMs: 1_200, sent: true })),
  );
  expect(heard[3]).toMatchObject({ kind: "kept" });
  const lines = (await proofText()).trimEnd().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "").body.level).toBe("beacon+witness");
  expect(lines.filter((line) => JSON.parse(line).kind === "witness").length).toBe(3);
  const own = (await readFile(join(folder, "heard.ndjson"), "utf8")).trimEnd().split("\n");
  expect(own.length).toBe(4);
  // The chain of this test signs nothing real: everything but the beacon is right, and the checker says so.
  async function* source() {
    yield Buffer.from(`${lines.join("\n")}\n`);
  }
  const verdict = await verifyProof(source(), {
    knownChains: [chain],
    heard: own.map((line) => JSON.parse(line)),
  });
  expect(verdict.failure).toMatchObject({ rule: "DR15", field: "body.beaconSignature" });
});

test("[WT1] too late, not declared, or a second header of a window: kept and not signed", async () => {
  await feed(events.length);
  expect(await hearAll(0)).toMatchObject([
    { kind: "kept" },
    { kind: "kept" },
    { kind: "kept" },
    { kind: "kept" },
  ]);
  await rm(join(folder, "heard.ndjson"));
  expect((await hearAll(1_200, stranger))[0]).toMatchObject({
    kind: "kept",
    reason: expect.stringMatching(/declare/),
  });
  await rm(join(folder, "heard.ndjson"));
  const [seal] = seals;
  if (seal === undefined) throw new Error("nothing sealed");
  const witness = await witnessAt(() => dueMs(0) - 500);
  expect(await witness.hear(messageOf(seal) as CtlMessage)).toMatchObject({ kind: "signed" });
  const other = { ...seal.header, sealedAtMs: seal.header.sealedAtMs + 1 };
  const second = {
    ...(messageOf(seal) as object),
    header: other,
    signature: signer.signRecord(other),
  } as CtlMessage;
  expect(await witness.hear(second)).toMatchObject({
    kind: "kept",
    reason: expect.stringMatching(/ANOTHER/),
  });
  const restarted = await witnessAt(() => dueMs(0) - 500);
  expect(await restarted.hear(messageOf(seal) as CtlMessage)).toMatchObject({ kind: "kept" });
  const forged = { ...second, signature: "00".repeat(64) } as CtlMessage;
  expect(await restarted.hear(forged)).toMatchObject({
    kind: "kept",
    reason: expect.stringMatching(/not signed/),
  });
});

test("[WT1] the server takes signatures of declared witnesses over real seals only, each once", async () => {
  await feed(events.length);
  const sealHash = seals[0]?.sealHash ?? "";
  const heardAtMs = dueMs(0) - 1;
  const signed = (key: WitnessKey, hash: string, atMs: number) => ({
    name: "civic hall",
    publicKey: key.publicKey,
    sealHash: hash,
    heardAtMs: atMs,
    signature: key.sign({ version: "wanhui/witness/1", sealHash: hash, heardAtMs: atMs }),
  });
  const post = (payload: object, to = path) => app.inject({ method: "POST", url: `${to}/witness`, payload });
  const good = signed(hall, sealHash, heardAtMs);
  expect((await post(signed(stranger, sealHash, heardAtMs))).json()).toMatchObject({
    code: "witness.undeclared",
  });
  expect((await post({ ...good, name: "other" })).json()).toMatchObject({ code: "witness.undeclared" });
  expect((await post(signed(hall, "00".repeat(32), heardAtMs))).json()).toMatchObject({
    code: "witness.unknown_seal",
  });
  expect((await post({ ...good, heardAtMs: 1 })).json()).toMatchObject({ code: "witness.bad_signature" });
  expect((await post({ ...good, heardAtMs: -1 })).json()).toMatchObject({ code: "body.invalid" });
  expect((await post(good, "/api/draws/none")).json()).toMatchObject({ code: "proof.unknown" });
  expect((await post(good)).json()).toEqual({ inTime: true });
  expect((await post(signed(hall, sealHash, dueMs(0)))).json()).toEqual({ inTime: false });
  const { rows } = await database.pool.query("select heard_at_ms from witness_signatures");
  expect(rows).toEqual([{ heard_at_ms: BigInt(heardAtMs) }]);
});

test("[WT1] the headers of a draw let anybody check the seals he hears", async () => {
  await feed(after(events, "window.sealed"));
  const view = (await app.inject({ url: `${path}/headers` })).json();
  expect(view).toMatchObject({ draw, showKey: signer.publicKey, rules: { draw } });
  expect(view.records.map(({ kind }: { kind: string }) => kind)).toEqual(["arm", "seal"]);
  expect((await app.inject({ url: "/api/draws/none/headers" })).json()).toMatchObject({
    code: "proof.unknown",
  });
});
