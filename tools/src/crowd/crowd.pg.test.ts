import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  freePort,
  loadConfig,
  loadSecrets,
  makeRehearsalGrant,
  type Night,
  startNight,
} from "@wanhui/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  createTestFolder,
  removeTestFolder,
} from "../../../packages/server/src/platform/testing.ts";
import { judge } from "./invariants.ts";
import { type CrowdReport, Ledger, runCrowd, type Told } from "./mod.ts";

// The whole crowd against a whole night: rounds, rain, claims, payments. The night itself takes a minute.

const show = join(dirname(fileURLToPath(import.meta.url)), "rehearsal.yaml");
const VIEWERS = 60;
const MINUTES = 0.9;

let folder: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let night: Night;
let running: Promise<void>;
let url: string;
let report: CrowdReport;
let told: Told[];
const ended = new AbortController();

beforeAll(async () => {
  folder = await createTestFolder();
  database = await createTestDatabase();
  const port = await freePort();
  const flags = {
    data: folder,
    show,
    port: String(port),
    host: "127.0.0.1",
    "sandbox-port": "0",
    beacon: "dev",
    "log-level": "silent",
  };
  const config = loadConfig({ env: { DATABASE_URL: database.url }, flags });
  night = await startNight({ config, fresh: true, rehearsal: true, version: "test" });
  url = `http://127.0.0.1:${port}`;
  running = night.runUntil(ended.signal);
  const run = night.run.run;
  const grant = makeRehearsalGrant(await loadSecrets(folder), { run, expiresAtMs: Date.now() + 600_000 });
  const logFile = join(folder, "told.ndjson");
  const options = { baseUrl: url, run, grant, viewers: VIEWERS, minutes: MINUTES };
  report = await runCrowd({ ...options, database: database.pool, logFile, seed: 5 });
  told = (await readFile(logFile, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
}, 180_000);
afterAll(async () => {
  ended.abort();
  await running;
  await database.drop();
  await removeTestFolder(folder);
});

test("[CR8] [CR9] a night with a crowd: everything that must hold held", () => {
  expect(report.findings.filter(({ ok }) => !ok)).toEqual([]);
  expect(report.findings.length).toBeGreaterThanOrEqual(12);
  expect(report.ok).toBe(true);
});

test("[CR3] [CR4] the audience came, shook, caught, claimed and paid", () => {
  expect(Math.max(...report.curve.map(({ online }) => online))).toBeGreaterThan(VIEWERS * 0.8);
  expect(report.totals.entries).toBeGreaterThan(100);
  expect(report.totals.wins).toBeGreaterThan(40);
  expect(report.totals.paid).toBeGreaterThan(5);
  expect(report.totals.reconnects).toBeGreaterThan(0);
  expect(report.latency.count).toBeGreaterThan(100);
});

test("[CR5] cheats were tried, and refused by name", () => {
  expect(report.cheats.tried).toBeGreaterThan(5);
  expect(report.cheats.worked).toEqual([]);
  expect(Object.keys(report.cheats.refusals).length).toBeGreaterThan(0);
});

test("[CR6] the log has every acknowledged answer", () => {
  const of = (k: Told["k"]) => told.filter((line) => line.k === k).length;
  expect(of("ack")).toBe(report.totals.entries);
  expect(of("won")).toBe(report.totals.wins);
  expect(of("paid")).toBe(report.totals.paid);
});

test("[CR1] [CR2] all of them are of the synthetic class, and only this rehearsal let them in", async () => {
  const { rows } = await database.pool.query(
    "select distinct left(user_id, 2) as class from awards union select encode(substring(user_id from 1 for 1), 'hex') from draw_entries",
  );
  expect(rows).toEqual([{ class: "0f" }]);
  const grant = makeRehearsalGrant(await loadSecrets(folder), {
    run: "another-1",
    expiresAtMs: Date.now() + 60_000,
  });
  const options = {
    baseUrl: url,
    run: "another-1",
    viewers: 2,
    minutes: 0.05,
    database: null,
    logFile: null,
  };
  await expect(runCrowd({ ...options, grant })).rejects.toThrow(/auth\.invalid/);
});

describe("[CR8] a broken promise is named", () => {
  const one = <K extends Told["k"]>(k: K) => told.find((line) => line.k === k) as Extract<Told, { k: K }>;
  const broken = async (spoil: (ledger: Ledger) => void): Promise<string[]> => {
    const ledger = new Ledger(null);
    for (const line of told) {
      ledger.add(line);
      if (line.k === "ack") ledger.asks(line.user, line.draw);
    }
    spoil(ledger);
    const findings = await judge({
      pool: database.pool,
      ledger,
      run: night.run.run,
      pages: new Map(),
      faults: false,
    });
    return findings.filter(({ ok }) => !ok).map(({ rule }) => rule);
  };

  test("nothing is named when nothing is broken", async () => {
    expect(await broken(() => undefined)).toEqual([]);
  });
  test("an acknowledged entry that is not there, or under another key", async () => {
    expect(await broken((ledger) => ledger.add({ ...one("ack"), window: 99 }))).toEqual(["DR9"]);
    expect(await broken((ledger) => ledger.add({ ...one("ack"), user: "0f".repeat(16) }))).toEqual(["DR9"]);
  });
  test("an entry of somebody who never tapped", async () => {
    const { user, draw } = one("ack");
    const rules = await broken((ledger) => {
      ledger.asked.delete(`${draw} ${user}`);
      ledger.asks(user, "elsewhere");
    });
    expect(rules).toEqual(["DR6, M19"]);
  });
  test("a grab that was granted twice, or is not there", async () => {
    const got = one("got");
    expect(await broken((ledger) => ledger.add({ ...got, awardId: "ff" }))).toEqual(["GR3"]);
    expect(await broken((ledger) => ledger.add({ ...got, requestId: "x", awardId: "ff" }))).toEqual(["GR3"]);
  });
  test("a win of another window, a payment and a claim that are lost, a late result", async () => {
    const won = one("won");
    expect(await broken((ledger) => ledger.add({ ...won, awardId: "ff" }))).toEqual(["CL11"]);
    expect(await broken((ledger) => ledger.add({ ...one("paid"), orderId: "ff" }))).toEqual(["OR5, OR9"]);
    expect(await broken((ledger) => ledger.add({ ...one("claimed"), awardId: "ff" }))).toEqual(["OR5, OR9"]);
    const late = { draw: "d", window: 0, heardAtMs: 9_000, resultAtMs: 1_000 };
    expect(await broken((ledger) => ledger.heard(late))).toEqual(["DR14"]);
  });
});
