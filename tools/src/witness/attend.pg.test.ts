import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, loadConfig, type Night, startNight } from "@wanhui/server";
import { type ChainFacts, hashJson, isSigned, type Json, roundDueMs, verifyProof } from "@wanhui/verify";
import { nodeSha256 } from "@wanhui/verify/node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  createTestDatabase,
  createTestFolder,
  removeTestFolder,
} from "../../../packages/server/src/platform/testing.ts";
import { attend, type Heard, type WitnessKey, witnessKeyOf } from "./mod.ts";

// A witness in the room of a whole night: from the seal on `ctl` to its line in the proof file.

const showWith = (publicKey: string) => `
version: wanhui/show/1
show: witnessed
title: { zh: 见证, en: Witnessed }
subtitle: { zh: 一轮, en: One round }
theme: gala
zone: Asia/Shanghai
currency: CNY
ends: +10m
venues:
  - venue: main
    title: { zh: 主会场, en: Main venue }
    main: true
pools:
  - pool: lantern
    kind: goods
    title: { zh: 灯笼, en: Lantern }
    detail: { zh: 纸灯笼, en: A paper lantern }
    units: 4
    perUser: 1
    worthMinor: 900
    priceMinor: 1
witnesses:
  - name: Paper of the town
    publicKey: ${publicKey}
rundown:
  - at: +60s
    round: lanterns
    title: { zh: 第一轮, en: Round one }
    pool: lantern
    schedule: [2, 2]
`;

/** From the operator's word to the first result take some 22 s of a real night. */
const nightPatienceMs = 35_000;

let folder: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let night: Night;
let running: Promise<void>;
let key: WitnessKey;
const ended = new AbortController();

beforeAll(async () => {
  key = witnessKeyOf(generateKeyPairSync("ed25519").privateKey);
  folder = await createTestFolder();
  database = await createTestDatabase();
  const show = join(folder, "show.yaml");
  await writeFile(show, showWith(key.publicKey));
  const flags = {
    data: folder,
    show,
    port: String(await freePort()),
    host: "127.0.0.1",
    "sandbox-port": "0",
    beacon: "dev",
    "log-level": "silent",
  };
  const config = loadConfig({ env: { DATABASE_URL: database.url }, flags });
  night = await startNight({ config, fresh: true, rehearsal: false, version: "test" });
  running = night.runUntil(ended.signal);
});
afterAll(async () => {
  ended.abort();
  await running;
  await database.drop();
  await removeTestFolder(folder);
});

type Line = { readonly kind: string; readonly body: { readonly [field: string]: Json } };

/** The proof as it stands now, and its lines; empty before there is one. */
async function readProof(draw: string): Promise<{ bytes: Uint8Array; lines: Line[] }> {
  const answer = await fetch(`${night.url}/api/draws/${encodeURIComponent(draw)}/proof`);
  if (!answer.ok) return { bytes: new Uint8Array(), lines: [] };
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
  return { bytes, lines: lines.map((line) => JSON.parse(line) as Line) };
}

/** An operator has the round open as soon as it can be announced and armed, some 15 s from now. */
async function openSoon(cue: string): Promise<void> {
  const entered = await fetch(night.operatorUrl, { method: "POST", redirect: "manual" });
  const cookie = entered.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
  const answer = await fetch(`${night.url}/api/studio/cues/${cue}/rearm`, {
    method: "POST",
    headers: { "content-type": "application/json", cookie },
    body: JSON.stringify({ reason: "the test waits" }),
  });
  expect(answer.status).toBe(200);
}

const bodiesOf = (lines: readonly Line[], kind: string) =>
  lines.filter((line) => line.kind === kind).map(({ body }) => body);

/** Somebody who shakes, so that a drawn window has an entry. */
async function enter(draw: string): Promise<number> {
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(night.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const { token } = (await (await post("/api/session", { bearer: true })).json()) as { token: string };
  const nonce = randomBytes(16).toString("hex");
  return vi.waitFor(
    async () => {
      const tap = await post(
        `/api/draws/${encodeURIComponent(draw)}/tap`,
        { nonce, taps: 1 },
        { authorization: `Bearer ${token}` },
      );
      expect(tap.status).toBe(200);
      return ((await tap.json()) as { window: number }).window;
    },
    { timeout: nightPatienceMs, interval: 400 },
  );
}

test("[WT1] [PF2] a witness in the room signs each seal before its seed, and the proof says so", async () => {
  const draw = `${night.run.run}/lanterns`;
  const said: (Heard | string)[] = [];
  const path = join(folder, "heard.ndjson");
  const over = new AbortController();
  const attending = attend({
    baseUrl: night.url,
    key,
    path,
    nowMs: Date.now,
    signal: over.signal,
    say: (heard) => void said.push(heard),
  });
  await openSoon("lanterns");
  expect(await enter(draw)).toBe(0);
  const { bytes, lines } = await vi.waitFor(
    async () => {
      const proof = await readProof(draw);
      expect(bodiesOf(proof.lines, "draw").length, JSON.stringify(said)).toBeGreaterThan(0);
      expect(bodiesOf(proof.lines, "witness").length, JSON.stringify(said)).toBeGreaterThan(0);
      return proof;
    },
    { timeout: nightPatienceMs, interval: 200 },
  );
  over.abort();
  await attending;

  // What the server's own checker says of the whole file.
  async function* source() {
    yield bytes;
  }
  const verdict = await verifyProof(source(), { sha256: nodeSha256 });
  expect(verdict.failure).toBeNull();
  expect(verdict).toMatchObject({ consistent: true, level: "dev", counts: { winners: 1 } });
  expect(verdict.counts.witnessSignatures).toBeGreaterThanOrEqual(1);

  // And of this witness's own line: its key, over the seal of the drawn window, before that window's seed was due.
  const [arm] = bodiesOf(lines, "arm");
  const [seal] = bodiesOf(lines, "seal");
  if (arm === undefined || seal === undefined) throw new Error("a drawn window has an arm record and a seal");
  const header = seal.header as Line["body"];
  const beacon = (arm.record as Line["body"]).beacon as unknown as ChainFacts;
  const sealHash = hashJson(header, nodeSha256);
  const own = bodiesOf(lines, "witness").find((line) => line.sealHash === sealHash);
  expect(own).toMatchObject({ name: "Paper of the town", publicKey: key.publicKey });
  const heardAtMs = Number(own?.heardAtMs);
  expect(heardAtMs).toBeLessThan(roundDueMs(beacon, Number(header.round)));
  const record = { version: "wanhui/witness/1", sealHash, heardAtMs };
  expect(isSigned(record, String(own?.signature), key.publicKey)).toBe(true);

  // Its own file holds the same statement, kept before it was sent.
  const kept = (await readFile(path, "utf8")).trimEnd().split("\n");
  expect(kept.map((line) => (JSON.parse(line) as { witness: unknown }).witness)).toContainEqual(own);
  const signed = said.flatMap((heard) =>
    typeof heard !== "string" && heard.kind === "signed" ? [heard] : [],
  );
  expect(signed.find(({ window }) => window === Number(header.window))).toMatchObject({ draw, sent: true });
  expect(said).toContain("room: online");
}, 60_000);
