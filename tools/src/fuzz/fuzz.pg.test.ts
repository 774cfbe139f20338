import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type ClientOptions, connect } from "@wanhui/client";
import { audit, readConnectionFile } from "@wanhui/server";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createTestFolder, removeTestFolder } from "../../../packages/server/src/platform/testing.ts";
import {
  type FuzzReport,
  fuzz,
  hiddenRoutes,
  type NightUnderTest,
  routesOf,
  startNightUnderTest,
} from "./mod.ts";

/** `npm run soak -- fuzz` sends a million. */
const inputs = Number(process.env.WANHUI_FUZZ_INPUTS ?? 100_000);
const seed = Number(process.env.WANHUI_FUZZ_SEED ?? 1);
/** What a night keeps of people, entries and limits grows with what is sent, up to their bounds; a leak does not stop. */
/** Windows in which the honest person must have been acknowledged. */
const HONEST_WINDOWS = 3;
const HONEST_PATIENCE_MS = 30_000;
const heapGrowthMax = 16 * 1_024 * 1_024;
/** Some 1,500 inputs a second on two cores; a busy machine takes a few times as long. */
const patienceMs = 120_000 + inputs * 6;
const childFile = fileURLToPath(new URL("../../dist/fuzz/server-child.js", import.meta.url));
const plantedFile = fileURLToPath(new URL("./planted.fixture.mjs", import.meta.url));

const say = (text: string) => void process.stdout.write(`  fuzz: ${text}\n`);

describe("a whole night under nonsense", () => {
  let folder: string;
  let night: NightUnderTest;
  let report: FuzzReport;
  let before: Awaited<ReturnType<NightUnderTest["held"]>>;
  let after: Awaited<ReturnType<NightUnderTest["held"]>>;
  /** Windows of the honest person's that were acknowledged. */
  let windows = 0;

  beforeAll(async () => {
    folder = await createTestFolder();
    night = await startNightUnderTest({ child: childFile, dataFolder: join(folder, "data") });
    const honest = playHonestly(night);
    const warm = Math.ceil(inputs / 5);
    const first = await fuzz({ night, seed, inputs: warm });
    before = await quiet(night);
    let toldAtMs = performance.now();
    report = await fuzz({
      night,
      seed: seed + 1,
      inputs: inputs - warm,
      onProgress(done) {
        if (performance.now() - toldAtMs < 10_000) return;
        toldAtMs = performance.now();
        say(`${warm + done} of ${inputs} inputs`);
      },
    });
    report = merged(first, report);
    after = await quiet(night);
    windows = await honest.stop();
    const grown = Math.round((after.heapBytes - before.heapBytes) / 1_024);
    say(
      `${report.requests} requests, ${report.frames} frames, seed ${seed}; heap ${grown} KiB, ${windows} windows`,
    );
  }, patienceMs);
  afterAll(async () => {
    await night?.stop();
    await removeTestFolder(folder);
  }, 60_000);

  test("[FZ1] [FZ3] every answer is one of ours", () => {
    const shown = report.failures.map(({ what, why, bytes }) => ({
      what,
      why,
      bytes: Buffer.from(bytes, "base64").toString("latin1").slice(0, 600),
    }));
    expect(shown).toEqual([]);
    expect(report.requests + report.frames).toBeGreaterThanOrEqual(inputs);
    // What is never met proves nothing: right requests, refusals of each kind, ends of sockets.
    for (const what of [
      "status 200",
      "status 400",
      "status 404",
      "status 422",
      "frame.malformed",
      "close 4002",
    ]) {
      expect(report.answers[what] ?? 0, what).toBeGreaterThan(10);
    }
  });

  test("[FZ2] every route that is mounted is fuzzed", async () => {
    const known = new Set(
      [...(await routesOf(night)), ...hiddenRoutes].map(({ method, path }) => `${method} ${path}`),
    );
    const mounted = await mountedRoutes();
    expect(mounted.length).toBeGreaterThan(30);
    expect(mounted.filter((route) => !known.has(route))).toEqual([]);
  });

  test("[FZ4] the process lives, the honest are acknowledged, the journal and the tables agree", async () => {
    night.mustLive();
    expect(windows).toBeGreaterThanOrEqual(HONEST_WINDOWS);
    const pool = new pg.Pool({
      connectionString: (await readConnectionFile(join(folder, "data"))).url,
      max: 2,
    });
    try {
      expect(await audit(pool)).toMatchObject({ ok: true });
    } finally {
      await pool.end();
    }
  }, 120_000);

  test("[FZ5] nothing stays behind", () => {
    expect(after.heapBytes - before.heapBytes).toBeLessThan(heapGrowthMax);
    expect(after.resources.TCPSocketWrap ?? 0).toBeLessThanOrEqual((before.resources.TCPSocketWrap ?? 0) + 8);
  });
});

/** Each fault sits behind one address of some sixty: enough that it is met many times whatever addresses there are. */
const PLANTED_INPUTS = 6_000;

describe("[FZ6] planted faults are found", () => {
  test.each([
    ["500", /status 500/],
    ["code", /a code nobody knows/],
    ["inside", /words from inside/],
    ["closed", /closed without an answer/],
    ["cut", /cut without a code/],
    ["crash", /The server ended/],
    ["stopped", /a shard that stopped: .*engine\.stopped/],
    ["broken", /a shard that stopped: .*engine\.broken/],
    // Nothing that was sent met the shard: only the question at the end does.
    ["ill", /^\/health said 503: .*shard 1 stopped/],
  ])("%s", async (fault, wanted) => {
    const found = await withPlanted(fault, async (night) => {
      const { failures } = await fuzz({ night, seed: 1, inputs: PLANTED_INPUTS, wellWithinMs: 1_000 });
      return failures.map(({ why }) => why).join("\n");
    }).catch((error: unknown) => String(error));
    expect(found).toMatch(wanted);
  });

  test("memory that grows", async () => {
    const grown = await withPlanted("leak", async (night) => {
      await fuzz({ night, seed: 1, inputs: 200 });
      const { heapBytes } = await night.held();
      await fuzz({ night, seed: 2, inputs: 2_000 });
      return (await night.held()).heapBytes - heapBytes;
    });
    expect(grown).toBeGreaterThan(heapGrowthMax);
  });

  test("without a fault nothing is found", async () => {
    expect(
      await withPlanted("", async (night) => (await fuzz({ night, seed: 1, inputs: 2_000 })).failures),
    ).toEqual([]);
  });
});

async function withPlanted<T>(fault: string, work: (night: NightUnderTest) => Promise<T>): Promise<T> {
  process.env.WANHUI_PLANTED_FAULT = fault;
  const night = await startNightUnderTest({ child: plantedFile, dataFolder: "" });
  try {
    return await work(night);
  } finally {
    delete process.env.WANHUI_PLANTED_FAULT;
    await night.stop();
  }
}

/** Routes as they stand in the server's source; the sandbox is another server. */
async function mountedRoutes(): Promise<string[]> {
  const folder = fileURLToPath(new URL("../../../packages/server/src", import.meta.url));
  const names = (await readdir(folder, { recursive: true })).filter(
    (name) => name.endsWith(".ts") && !/test|fixture|sandbox/.test(name),
  );
  const routes: string[] = [];
  for (const name of names) {
    const text = await readFile(join(folder, name), "utf8");
    for (const [, method = "", path = ""] of text.matchAll(
      /\b(?:app|scope|api)\.(get|post|put|patch|delete)(?:<[^(]*>)?\(\s*"(\/[^"]*)"/g,
    )) {
      routes.push(`${method.toUpperCase()} ${path}`);
    }
  }
  return routes;
}

/** Somebody with the SDK who taps in each window of the round nobody else touches. */
function playHonestly(night: NightUnderTest): { stop(): Promise<number> } {
  const client = connect({
    baseUrl: night.url,
    bearer: true,
    storage: null,
    WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]>,
  });
  const received = new Set<number>();
  const draw = `${night.run}/keep`;
  client.on("window", (window) => {
    if (window.draw === draw && window.fate === "received") received.add(window.window);
  });
  const timer = setInterval(() => client.tap(draw), 500);
  return {
    async stop() {
      // On a busy machine most windows went by unheard: now that it is quiet he gets his turn, or the server is ill.
      const untilMs = performance.now() + HONEST_PATIENCE_MS;
      while (received.size < HONEST_WINDOWS && performance.now() < untilMs) await sleep(200);
      clearInterval(timer);
      client.stop();
      return received.size;
    },
  };
}

/** What is held once nobody asks any more: sockets that are closing may take their time on a busy machine. */
async function quiet(night: NightUnderTest) {
  await sleep(6_000);
  for (let last = await night.held(), tries = 0; ; tries += 1) {
    await sleep(2_000);
    const held = await night.held();
    if (held.resources.TCPSocketWrap === last.resources.TCPSocketWrap || tries === 15) return held;
    last = held;
  }
}

function merged(one: FuzzReport, other: FuzzReport): FuzzReport {
  const answers: Record<string, number> = { ...one.answers };
  for (const [what, times] of Object.entries(other.answers)) answers[what] = (answers[what] ?? 0) + times;
  return {
    seed: one.seed,
    requests: one.requests + other.requests,
    frames: one.frames + other.frames,
    failures: [...one.failures, ...other.failures],
    answers,
  };
}
