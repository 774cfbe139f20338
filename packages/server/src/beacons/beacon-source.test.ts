import { createHash } from "node:crypto";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BeaconChain, type Hex, roundDueMs } from "@wanhui/core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Clock, silentLog, systemClock } from "../platform/mod.ts";
import { type BeaconSource, type Patience, SCHEME } from "./beacon-source.ts";
import {
  type Bls,
  type BlsKey,
  createBeacons,
  createBls,
  createClockWatch,
  createDevSource,
  createDrandSource,
  createFileSource,
  openOldDevSource,
} from "./mod.ts";

const patience: Patience = { totalMs: 400, firstDelayMs: 10, delayMsMax: 40 };
const never = new AbortController().signal;

let bls: Bls;
let key: BlsKey;
let folder: string;
/** As the server derives it from its secret. */
const devKey = new Uint8Array(32).fill(7);
let chain: BeaconChain;
/** Signatures by round, so that each is made once. */
const signed = new Map<number, Promise<string>>();
const open: Server[] = [];

beforeAll(async () => {
  bls = createBls();
  key = await bls.generate();
  folder = await mkdtemp(join(tmpdir(), "wanhui-beacons-"));
  const genesisMs = Math.floor(Date.now() / 3_000) * 3_000 - 300_000;
  chain = {
    chainHash: "ab".repeat(32),
    publicKey: key.publicKey,
    scheme: SCHEME,
    genesisMs,
    // A second, so that looking for an early round (BC9) takes no longer.
    periodMs: 1_000,
  };
});
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
afterAll(async () => {
  await bls.stop();
  await rm(folder, { recursive: true, force: true });
});

function signature(round: number): Promise<string> {
  const known = signed.get(round) ?? bls.sign({ secretKey: key.secretKey, round });
  signed.set(round, known);
  return known;
}

type Handler = (round: number, response: ServerResponse) => void | Promise<void>;

/** A relay speaking drand's HTTP API over the test's chain. */
async function relay(handler?: Handler): Promise<string> {
  const honest: Handler = async (round, response) => {
    if (roundDueMs(chain, round) > Date.now()) return void response.writeHead(425).end();
    response.end(JSON.stringify({ round, randomness: "00", signature: await signature(round) }));
  };
  const server = createServer((request, response) => {
    const [, hash, what, round] = (request.url ?? "").split("/");
    if (hash !== chain.chainHash) response.writeHead(404).end();
    else if (what === "info") response.end(JSON.stringify(infoOf(chain)));
    else void (handler ?? honest)(Number(round), response);
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
}

function infoOf(of: BeaconChain) {
  return {
    public_key: of.publicKey,
    period: of.periodMs / 1_000,
    genesis_time: of.genesisMs / 1_000,
    schemeID: SCHEME,
  };
}

/** A clock a test moves; its timers still run in real time. */
function clockAt(nowMs: number): Clock & { set(nowMs: number): void } {
  let now = nowMs;
  const set = (value: number) => {
    now = value;
  };
  return { nowMs: () => now, monotonicMs: systemClock.monotonicMs, set };
}

type Adapter = {
  readonly name: string;
  /** A source of rounds that exist from genesis on, under the clock given. */
  make(clock: Clock): Promise<BeaconSource>;
};

let files = 0;
const adapters: Adapter[] = [
  {
    name: "drand",
    make: async (clock) => createDrandSource({ urls: [await relay()], clock, bls, chain, patience }),
  },
  {
    name: "file",
    async make(clock) {
      const path = join(folder, `rounds-${files++}.ndjson`);
      const lines = [1, 2, 50].map(async (round) =>
        JSON.stringify({ round, signature: await signature(round) }),
      );
      await writeFile(path, `${(await Promise.all(lines)).join("\n")}\n`);
      return createFileSource({ path, clock, bls, chain, patience });
    },
  },
  { name: "dev", make: (clock) => createDevSource({ key: devKey, clock, bls, patience }) },
];

describe.each(adapters)("every source keeps the contract: $name", ({ make }) => {
  /** A source all of whose rounds asked for here are due. */
  const makeDue = async () => {
    const clock = clockAt(Date.now());
    const source = await make(clock);
    clock.set(Date.now() + 3_600_000);
    return source;
  };

  test("[BC3] a round comes with the chain's signature and its hash as randomness", async () => {
    const source = await makeDue();
    const { publicKey } = source.chain;
    for (const round of [1, 50]) {
      const beacon = await source.round(round, never);
      expect(beacon.round).toBe(round);
      expect(await bls.verify({ publicKey, round, signature: beacon.signature })).toBe(true);
      expect(await bls.verify({ publicKey, round: round + 1, signature: beacon.signature })).toBe(false);
      const hash = createHash("sha256").update(Buffer.from(beacon.signature, "hex")).digest("hex");
      expect(beacon.randomness).toBe(hash);
    }
  });

  test("[BC4] the same round is always the same value", async () => {
    const source = await makeDue();
    expect(await source.round(2, never)).toEqual(await source.round(2, never));
  });

  test("[BC2] a round is not given out before it is due", async () => {
    const clock = clockAt(Date.now());
    const source = await make(clock);
    const dueMs = source.chain.genesisMs + 49 * source.chain.periodMs;
    clock.set(dueMs - 40);
    let given = false;
    const promise = source.round(50, never).then((beacon) => {
      given = true;
      return beacon;
    });
    await expect(source.round(50, AbortSignal.timeout(150))).rejects.toThrow();
    expect(given).toBe(false);
    clock.set(dueMs);
    expect((await promise).round).toBe(50);
  });

  test("[BC5] waiting ends at once when aborted, with the caller's reason", async () => {
    const clock = clockAt(Date.now());
    const source = await make(clock);
    clock.set(source.chain.genesisMs);
    const over = new AbortController();
    const waiting = source.round(50, over.signal);
    over.abort(new Error("the show ended"));
    await expect(waiting).rejects.toThrow("the show ended");
  });

  test.each([0, -1, 1.5, Number.NaN])("[BC2] there is no round %s", async (round) => {
    const source = await make(clockAt(Date.now()));
    await expect(source.round(round, never)).rejects.toMatchObject({ code: "beacon.bad_round" });
  });

  test("[BC6] the chain is on a grid of whole seconds and says its level", async () => {
    const source = await make(clockAt(Date.now()));
    expect(source.chain.genesisMs % 3_000).toBe(0);
    expect(source.chain.scheme).toBe(SCHEME);
    expect(source.level).toBe(source.name === "dev" ? "dev" : "beacon");
    expect(await source.probe()).toBe(true);
  });
});

describe("relays that fail", () => {
  const forged: Handler = async (round, response) => {
    response.end(JSON.stringify({ round, signature: await signature(round + 1) }));
  };
  const wrongRound: Handler = async (round, response) => {
    response.end(JSON.stringify({ round: round + 1, signature: await signature(round + 1) }));
  };
  const silent: Handler = () => undefined;
  const broken: Handler = (_, response) => void response.writeHead(503).end("no");
  const rubbish: Handler = (_, response) => void response.end("<html>");
  const flood: Handler = (_, response) => void response.end(`"${"x".repeat(200_000)}"`);
  const bad = { forged, wrongRound, broken, rubbish, flood };

  const source = (urls: string[]) => createDrandSource({ urls, clock: systemClock, bls, chain, patience });

  test.each(Object.entries(bad))("[BC3] %s alone is a retryable fault that says why", async (_, handler) => {
    const failing = source([await relay(handler)]).round(5, never);
    await expect(failing).rejects.toMatchObject({ code: "beacon.unavailable", retryable: true });
    await expect(failing).rejects.toThrow(/127\.0\.0\.1/);
  });

  test("[BC3] an answer with another round is told apart from a forged one", async () => {
    const failing = source([await relay(wrongRound)]).round(5, never);
    await expect(failing).rejects.toThrow(/answered with round 6/);
  });

  test.each(Object.entries({ ...bad, silent }))(
    "[BC5] %s beside an honest relay does no harm",
    async (_, handler) => {
      const beacon = await source([await relay(handler), await relay()]).round(5, never);
      expect(beacon.signature).toBe(await signature(5));
    },
  );

  test("[BC5] a round that is published late is asked for again", async () => {
    let asked = 0;
    const late = await relay(async (round, response) => {
      asked++;
      if (asked < 4) response.writeHead(asked % 2 === 0 ? 404 : 425).end();
      else response.end(JSON.stringify({ round, signature: await signature(round) }));
    });
    expect((await source([late]).round(6, never)).signature).toBe(await signature(6));
    expect(asked).toBe(4);
  });

  test("[BC6] a relay that serves another chain, or nobody at all, is not reachable", async () => {
    const other = { ...chain, publicKey: "bb".repeat(96) };
    const probe = (urls: string[], of: BeaconChain) =>
      createDrandSource({ urls, clock: systemClock, bls, chain: of, patience }).probe();
    const url = await relay();
    expect(await probe([url], other)).toBe(false);
    expect(await probe(["http://127.0.0.1:1", url], chain)).toBe(true);
    expect(await probe(["http://127.0.0.1:1"], chain)).toBe(false);
  });
});

describe("the operator's file", () => {
  test("[BC7] a round appended while somebody waits is found; foreign and half lines are passed over", async () => {
    const path = join(folder, "growing.ndjson");
    await writeFile(path, 'not json\n{"round":7}\n');
    const source = createFileSource({
      path,
      clock: systemClock,
      bls,
      chain,
      patience: { ...patience, totalMs: 10_000 },
    });
    const waiting = source.round(8, never);
    await appendFile(path, JSON.stringify({ round: 8, signature: await signature(9) }));
    await appendFile(path, `\n${JSON.stringify({ round: 8, signature: await signature(8) })}\n`);
    expect((await waiting).signature).toBe(await signature(8));
  });

  test("[BC3] a forged line is a fault, and the newest line forged means: not reachable", async () => {
    const path = join(folder, "forged.ndjson");
    await writeFile(path, `${JSON.stringify({ round: 8, signature: await signature(9) })}\n`);
    const source = createFileSource({ path, clock: systemClock, bls, chain, patience });
    await expect(source.round(8, never)).rejects.toThrow(/forged/);
    expect(await source.probe()).toBe(false);
    expect(
      await createFileSource({ path: join(folder, "none"), clock: systemClock, bls, chain }).probe(),
    ).toBe(false);
  });
});

describe("the local beacon", () => {
  test("[BC8] every process with the server's secret has the same one, and rounds of it are drawn at any", async () => {
    const make = (key: Uint8Array) => createDevSource({ key, clock: systemClock, bls });
    const [here, there, elsewhere] = await Promise.all(
      [devKey, devKey.slice(), new Uint8Array(32)].map(make),
    );
    if (here === undefined || there === undefined || elsewhere === undefined) throw new Error("not made");
    expect(there.chain).toEqual(here.chain);
    expect(elsewhere.chain.chainHash).not.toBe(here.chain.chainHash);
    const beacon = await there.round(7, never);
    const { publicKey } = here.chain;
    expect(await bls.verify({ publicKey, round: 7, signature: beacon.signature })).toBe(true);
  });

  test("[BC8] draws armed on the key file of an earlier version are drawn, new ones are not armed on it", async () => {
    const data = await mkdtemp(join(folder, "old-"));
    const genesisMs = systemClock.nowMs() - (systemClock.nowMs() % 3_000) - 3_000;
    const file = { version: "wanhui/dev-beacon/1", secretKey: key.secretKey, genesisMs };
    await writeFile(join(data, "dev-beacon.json"), JSON.stringify(file));
    const old = await openOldDevSource({ folder: data, clock: systemClock, bls });
    if (old === null) throw new Error("not found");
    const beacons = await createBeacons({
      config: { dataFolder: data, beacon: "dev", drandUrls: [] },
      devKey,
      clock: systemClock,
      log: silentLog(),
      bls,
      chain,
    });
    expect(await beacons.round(old.chain, 1)).toMatchObject({ round: 1, signature: await signature(1) });
    expect((await beacons.choose()).chain.chainHash).not.toBe(old.chain.chainHash);
    expect(await openOldDevSource({ folder, clock: systemClock, bls })).toBeNull();
  });

  test("[BC8] a damaged key file of an earlier version is a fault", async () => {
    const other = await mkdtemp(join(folder, "damaged-"));
    await writeFile(join(other, "dev-beacon.json"), "{");
    await expect(openOldDevSource({ folder: other, clock: systemClock, bls })).rejects.toMatchObject({
      code: "beacon.dev_key",
    });
    expect(await readFile(join(other, "dev-beacon.json"), "utf8")).toBe("{");
  });
});

describe("choosing at arming", () => {
  const beaconsFor = (beacon: "auto" | "drand" | "dev", urls: readonly string[]) =>
    createBeacons({
      config: { dataFolder: folder, beacon, drandUrls: urls },
      devKey,
      clock: systemClock,
      log: silentLog(),
      bls,
      chain,
    });

  test("[BC6] drand when it answers, dev when it does not, and what was asked for by name", async () => {
    const url = await relay();
    const nobody = "http://127.0.0.1:1";
    expect((await (await beaconsFor("auto", [url])).choose()).level).toBe("beacon");
    expect((await (await beaconsFor("auto", [nobody])).choose()).level).toBe("dev");
    expect((await (await beaconsFor("drand", [nobody])).choose()).name).toBe("drand");
    expect((await (await beaconsFor("dev", [url])).choose()).level).toBe("dev");
  });

  test("[BC6] an armed draw keeps its chain under other settings", async () => {
    const beacons = await beaconsFor("drand", ["http://127.0.0.1:1"]);
    const dev = await (await beaconsFor("dev", [])).choose();
    expect(beacons.ofChain(dev.chain)?.name).toBe("dev");
    expect(beacons.ofChain(chain)?.name).toBe("drand");
    expect(beacons.ofChain({ chainHash: "00" })).toBeNull();
    expect((await beacons.round(dev.chain, 1)).round).toBe(1);
    await expect(beacons.round({ chainHash: "00" }, 1)).rejects.toMatchObject({ code: "beacon.no_source" });
  });
});

describe("a clock behind drand's", () => {
  const behind = (ms: number): Clock => ({
    nowMs: () => Date.now() - ms,
    monotonicMs: systemClock.monotonicMs,
  });
  const drandAt = async (clock: Clock) =>
    createDrandSource({ urls: [await relay()], clock, bls, chain, patience });

  /** Looks until something is found: on a busy machine a relay may take longer than a look. */
  const found = async (source: BeaconSource) => {
    for (let look = 0; look < 8; look += 1) {
      const early = await source.early(never);
      if (early !== null) return early;
    }
    return null;
  };

  test("[BC9] is proven by a round that is public too early; a right or a fast clock is not accused", async () => {
    const [slow, far] = await Promise.all(
      [1_400, 200_000].map(async (ms) => found(await drandAt(behind(ms)))),
    );
    const [right, fast] = await Promise.all(
      [0, -10_000].map(async (ms) => (await drandAt(behind(ms))).early(never)),
    );
    expect(slow).toMatchObject({ signature: await signature(slow?.round ?? 0) });
    expect(roundDueMs(chain, slow?.round ?? 0)).toBeLessThanOrEqual(Date.now());
    expect(far).not.toBeNull();
    expect([right, fast]).toEqual([null, null]);
  });

  test("[BC9] [BC3] cannot be made up: a forged round, or nobody who answers, proves nothing", async () => {
    const clock = behind(3_000);
    const forging = await relay(async (round, response) => {
      response.end(JSON.stringify({ round, signature: await signature(round + 1) }));
    });
    const forged = createDrandSource({ urls: [forging], clock, bls, chain, patience });
    const nobody = createDrandSource({ urls: ["http://127.0.0.1:1"], clock, bls, chain, patience });
    expect(await Promise.all([forged.early(never), nobody.early(never)])).toEqual([null, null]);
  });

  test("[BC9] [BC7] an operator's file that is ahead of the clock proves it as well", async () => {
    const path = join(folder, "ahead.ndjson");
    const newest = Math.floor((Date.now() - chain.genesisMs) / chain.periodMs) + 1;
    await writeFile(path, `${JSON.stringify({ round: newest, signature: await signature(newest) })}\n`);
    const at = (clock: Clock) => createFileSource({ path, clock, bls, chain, patience });
    const [slow, right] = await Promise.all([found(at(behind(6_000))), at(systemClock).early(never)]);
    expect(slow?.round).toBe(newest);
    expect(right).toBeNull();
  });

  test("[BC9] nobody arms on drand with it: `auto` takes the local beacon, `drand` refuses and says why", async () => {
    const url = await relay();
    const make = (beacon: "auto" | "drand") =>
      createBeacons({
        config: { dataFolder: folder, beacon, drandUrls: [url] },
        devKey,
        clock: behind(3_000),
        log: silentLog(),
        bls,
        chain,
      });
    const [auto, insisting] = await Promise.all([make("auto"), make("drand")]);
    const refusal = () => insisting.choose().catch((error: unknown) => error);
    await expect
      .poll(refusal, { timeout: 12_000 })
      .toMatchObject({ code: "beacon.clock_behind", retryable: true });
    await expect.poll(async () => (await auto.choose()).level, { timeout: 12_000 }).toBe("dev");
  });

  test("[BC9] [DR11] the watch tells the engine of the round that is out, and only while it is needed", async () => {
    const saw: { round: number; chainHash: Hex }[] = [];
    let looks = 0;
    let needed = false;
    const watch = createClockWatch({
      beacons: {
        publicChain: chain,
        early: async () => {
          looks += 1;
          return { round: 77, randomness: "00" as never, signature: "00" };
        },
      },
      engine: { sawBeacon: (round, chainHash) => void saw.push({ round, chainHash }) },
      needed: () => needed,
      log: silentLog(),
      everyMs: 5,
    });
    const over = new AbortController();
    const running = watch.run(over.signal);
    expect(looks).toBe(0);
    needed = true;
    await expect.poll(() => saw.length).toBeGreaterThan(1);
    expect(saw[0]).toEqual({ round: 77, chainHash: chain.chainHash });
    over.abort();
    await running;
  });
});

test("[BC1] drand's published vector: right for round 38, wrong for round 39", async () => {
  const publicKey =
    "81d320f220ee9c79e60e19dedc838c31e3ab919b15481e9feb52f643628c4f6a13fdc52129493875a818109d767272ca0541cbcdcea9335f2870d781b39b845ba8cbd44fdfe4967781cf72ca5917fc9398bcf97ca0548ed5a709016c4b1ff0f3";
  const value =
    "95c93585c513ebbcb4777ff15599b3140e5ec0295faa0e483f3deadd88fa6d43f0d3703e3a4ce106e8fd6c6987f32126";
  expect(await bls.verify({ publicKey, round: 38, signature: value })).toBe(true);
  expect(await bls.verify({ publicKey, round: 39, signature: value })).toBe(false);
  expect(await bls.verify({ publicKey, round: 38, signature: "00" })).toBe(false);
});

test("[BC3] jobs of a thread that ends fail, and the next one starts a new thread", async () => {
  const other = createBls();
  const job = other.verify({ publicKey: key.publicKey, round: 1, signature: await signature(1) });
  const failing = expect(job).rejects.toMatchObject({ code: "beacon.bls_worker", retryable: true });
  await other.stop();
  await failing;
  expect(await other.verify({ publicKey: key.publicKey, round: 1, signature: await signature(1) })).toBe(
    true,
  );
  await other.stop();
});
