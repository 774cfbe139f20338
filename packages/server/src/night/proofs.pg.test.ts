import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DrawId, type Event, type Hash, roundDueMs } from "@wanhui/core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { QUICKNET } from "../beacons/mod.ts";
import type { DurableBatch } from "../engine/mod.ts";
import { type App, createApp } from "../http/mod.ts";
import { migrate, readMigrations, silentLog } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { createShowSigner, type LevelNews } from "../proofs/mod.ts";
import { draw, play } from "../proofs/testing.ts";
import { openProofs, type Proofs } from "./proofs.ts";

// The level everybody sees, told by the real routes and table as seals, witnesses and results come in.

const newKey = () => createShowSigner(generateKeyPairSync("ed25519").privateKey);
const signer = newKey();
const [ada, bo] = [newKey(), newKey()];
const witnesses = [
  { name: "ada", publicKey: ada.publicKey },
  { name: "bo", publicKey: bo.publicKey },
];
type Sealed = Extract<Event, { type: "window.sealed" }>;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;
let told: LevelNews[] = [];
let app: App | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
  folder = await mkdtemp(join(tmpdir(), "wanhui-levels-"));
});
beforeEach(async () => {
  await database.pool.query("delete from witness_signatures");
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function start(draws: readonly DrawId[] = [draw]): Promise<Proofs> {
  await app?.close();
  told = [];
  const ground = {
    signer,
    log: silentLog(),
    database,
    clock: { nowMs: () => QUICKNET.genesisMs },
  };
  const journal = { readBatch: async () => null };
  const onLevel = (news: LevelNews) => void told.push(news);
  const cluster = { tell: () => undefined, onTold: () => () => undefined };
  const own = { path: folder, leave: async () => undefined };
  const proofs = await openProofs({ ground, folder: own, cluster, journal, version: "test", draws, onLevel });
  app = await createApp({ log: silentLog(), version: "test" });
  proofs.mount(app);
  await app.ready();
  return proofs;
}
afterAll(() => app?.close());

const batchOf = (events: readonly Event[], replay: boolean): DurableBatch => ({
  shard: 0,
  seq: 1,
  epoch: 1,
  atMs: 0,
  hash: "00".repeat(32) as Hash,
  events: [...events],
  replay,
});
const lastLevel = () => told.at(-1)?.level;

/** Signs a seal as a witness who heard it this long before its seed was due. */
async function witness(sealed: Sealed, who: typeof ada, aheadMs: number): Promise<unknown> {
  const heardAtMs = roundDueMs(QUICKNET, sealed.header.round) - aheadMs;
  const { sealHash } = sealed;
  const signature = who.signRecord({ version: "wanhui/witness/1", sealHash, heardAtMs });
  const name = who === ada ? "ada" : "bo";
  const answer = await app?.inject({
    method: "POST",
    url: `/api/draws/${encodeURIComponent(draw)}/witness`,
    payload: { name, publicKey: who.publicKey, sealHash, heardAtMs, signature },
  });
  return answer?.json();
}

test("[PF3] a round is told to be witnessed while every drawn window has a declared witness in time", async () => {
  const { events } = play({ showKey: signer.publicKey, entrants: 3, witnesses, beacon: QUICKNET });
  const seals = events.filter((event): event is Sealed => event.type === "window.sealed");
  const [first, second, third] = seals;
  if (first === undefined || second === undefined || third === undefined) throw new Error("no seals");
  const proofs = await start();
  let at = 0;
  const passTo = (type: Event["type"], window: number) => {
    const until = events.findIndex(
      (event) =>
        event.type === type &&
        (event.type === "window.sealed" ? event.header.window : "window" in event ? event.window : -1) ===
          window,
    );
    expect(until).toBeGreaterThanOrEqual(at);
    for (; at <= until; at++) proofs.onBatch(batchOf(events.slice(at, at + 1), false));
  };
  passTo("window.sealed", 0);
  expect(await witness(first, ada, 1_500)).toEqual({ inTime: true });
  expect(lastLevel()).toBe("beacon");
  passTo("window.drawn", 0);
  expect(lastLevel()).toBe("beacon+witness");
  // A result nobody witnessed brings it back, until a signature made in time arrives.
  passTo("window.drawn", 1);
  expect(lastLevel()).toBe("beacon");
  expect(await witness(second, bo, 1)).toEqual({ inTime: true });
  expect(lastLevel()).toBe("beacon+witness");
  passTo("window.sealed", 2);
  expect(await witness(third, ada, 0)).toEqual({ inTime: false });
  // The first of a witness over a seal stays: a second, better dated one changes nothing.
  await witness(third, ada, 2_000);
  passTo("window.drawn", 2);
  expect(lastLevel()).toBe("beacon");
  expect(told.every(({ replay }) => !replay)).toBe(true);

  // A start reads what came before from SQL; what it learns of a replay is nobody's news.
  const again = await start();
  again.onBatch(batchOf(events, true));
  expect(told.at(-1)).toEqual({ draw, level: "beacon", replay: true });
  await witness(third, bo, 500);
  expect(told.at(-1)).toEqual({ draw, level: "beacon+witness", replay: false });
  (await start()).onBatch(batchOf(events, true));
  expect(told.at(-1)).toEqual({ draw, level: "beacon+witness", replay: true });
});

test("[PF3] a local chain is `dev`, whoever witnesses; a draw of another run is not told", async () => {
  const { events } = play({ showKey: signer.publicKey, entrants: 3, witnesses });
  const own = await start();
  own.onBatch(batchOf(events, false));
  for (const event of events) {
    // The drand chain began earlier: by its times every seal of the tests' own chain was heard long ahead.
    if (event.type === "window.sealed") expect(await witness(event, ada, 1)).toEqual({ inTime: true });
  }
  expect(told.length).toBeGreaterThan(0);
  expect(new Set(told.map(({ level }) => level))).toEqual(new Set(["dev"]));
  const other = await start(["night-2/round" as DrawId]);
  other.onBatch(batchOf(events, false));
  expect(told).toEqual([]);
});
