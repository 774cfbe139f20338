// The composition root: the only place that chooses concrete parts. What each part is stands in its own folder;
// `night/` puts neighbours together.

import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createBeacons, QUICKNET } from "./beacons/mod.ts";
import {
  clockKeeper,
  closeGround,
  createAddresses,
  createBoards,
  createBoardTeller,
  createDatabaseWatch,
  createExpectedBeacon,
  createHouseCounts,
  createOrderNumbers,
  endingService,
  type Ground,
  makeEngineRoom,
  makeFront,
  makeRoom,
  makeShop,
  makeStage,
  openGround,
  openPages,
  openProofs,
  proofsFolder,
  startEngine,
  writtenServerFile,
} from "./night/mod.ts";
import { keyFor, makeOperatorLink } from "./people/mod.ts";
import { type Config, Fault, runServices, type Service } from "./platform/mod.ts";
import {
  formatProblem,
  loadShow,
  type OpenedRun,
  openRun,
  type Run,
  readRuns,
  type ShowDefinition,
} from "./shows/mod.ts";

/** Whoever is first in the house reads the database's clock and opens its run: a moment, or a few on a busy machine. */
const RUN_SAID_WITHIN_MS = 5_000;
const RUN_SAID_EVERY_MS = 100;

/** What `startNight` takes. */
export type NightOptions = {
  readonly config: Config;
  /** Begin a new run instead of continuing the newest. */
  readonly fresh: boolean;
  /** A rehearsal: a run of its own, open to synthetic people. */
  readonly rehearsal: boolean;
  /** Work beside the other processes of the night; the run is the one they play. */
  readonly join?: boolean;
  readonly version: string;
  /** Called with a sentence for people before each step that can take seconds. */
  readonly onProgress?: (sentence: string) => void;
};

/** A night that answers. */
export type Night = {
  /** Address for browsers, without a slash at the end. */
  readonly url: string;
  /** One-time link that makes its first user the operator. */
  readonly operatorUrl: string;
  readonly run: Run;
  /** Whether an earlier start of the same run is continued. */
  readonly continued: boolean;
  /** Processes of the night besides this one. */
  readonly others: number;
  /** Runs until the signal aborts or a part fails; then closes everything in order. */
  runUntil(signal: AbortSignal): Promise<void>;
};

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const houseFolder = dirname(dirname(packageFolder));
/** The example night, played when no show file is named. */
export const exampleShowFile = join(houseFolder, "examples", "spring-gala", "show.yaml");

/**
 * Starts a night: ground, run, engine with its journal replayed, shop, room, director, pages. Resolves when the first
 * page can load.
 *
 * @throws Fault naming what is wrong and what to do; everything taken is let go of again
 */
export async function startNight(options: NightOptions): Promise<Night> {
  const showFile = resolve(options.config.showFile ?? exampleShowFile);
  const show = await loadShow(showFile);
  if (!show.ok) {
    const lines = show.problems.map((problem) => formatProblem(showFile, problem));
    throw new Fault("show.invalid", `The show file has errors:\n${lines.join("\n")}`);
  }
  if (options.join === true && (options.fresh || options.rehearsal)) {
    throw new Fault(
      "server.join_plays",
      "--join plays the run that the other processes play: leave --fresh and --rehearsal to the first of them.",
    );
  }
  const ground = await openGround({ ...options, join: options.join === true });
  // In the order opened; whatever ends the night, at its start or hours later, they are stopped from the end.
  const services: Service[] = [];
  try {
    const { run, made } = await openRunOf(show.show, options, ground);
    return await openNight({
      ...options,
      ground,
      services,
      run,
      continued: !made,
      picturesFolder: join(dirname(showFile), "pictures"),
    });
  } catch (error) {
    for (const service of services.reverse()) await service.stop();
    await closeGround(ground, ground.joined.others.length > 0);
    throw error;
  }
}

/** The run of the house for one who joins it; else the newest, or a new one. */
async function openRunOf(show: ShowDefinition, options: NightOptions, ground: Ground): Promise<OpenedRun> {
  const { store, others } = ground.joined;
  const { fresh, rehearsal } = options;
  const opened = await openRun({
    pool: ground.database.pool,
    show,
    rehearsal,
    fresh,
    playing: options.join === true ? await runOfHouse(ground.joined, show) : null,
    beside: others.length > 0,
    nowMs: Math.floor(ground.clock.nowMs()),
    sha256: ground.sha256,
  });
  if (others.length === 0) await store.decide("run", opened.run.run);
  return opened;
}

/** The run the house plays. While nobody serves yet it may be another night's: the first of them is about to say. */
async function runOfHouse({ store, others }: Ground["joined"], { show }: ShowDefinition) {
  const isSaid = others.length === 0 || others.some(({ serves }) => serves);
  const untilMs = performance.now() + RUN_SAID_WITHIN_MS;
  for (;;) {
    const run = await store.agreed("run");
    const isOfThisShow = run !== null && run.slice(0, run.lastIndexOf("-")) === show;
    if (isSaid || isOfThisShow || performance.now() > untilMs) return run;
    await sleep(RUN_SAID_EVERY_MS);
  }
}

type Opening = NightOptions & {
  readonly ground: Ground;
  /** Filled while opening. */
  readonly services: Service[];
  readonly run: Run;
  readonly continued: boolean;
  readonly picturesFolder: string;
};

async function openNight(opening: Opening): Promise<Night> {
  const backstage = await openBackstage(opening);
  const { people } = await openDoors(opening, backstage);
  const { ground, services, run, config } = opening;
  const { addresses, cluster } = backstage;
  cluster.present({ address: addresses.base() });
  const file = { url: addresses.local(), pid: process.pid, run: run.run, rehearsal: run.rehearsal };
  const serverFile = writtenServerFile({ folder: config.dataFolder, file, keeper: ground.database.keeper });
  await serverFile.start();
  services.push(serverFile);
  return {
    url: addresses.base(),
    operatorUrl: `${addresses.base()}${(await makeOperatorLink(people)).path}`,
    run,
    continued: opening.continued,
    others: cluster.others().length,
    async runUntil(signal) {
      try {
        await runServices(services, signal);
      } finally {
        await closeGround(ground, cluster.others().length > 0);
      }
    },
  };
}

/** What decides, remembers and tells: beacons, boards, engine, shop, proofs, room. The journal is replayed at its end. */
async function openBackstage(opening: Opening) {
  const { ground, services, run, config, version } = opening;
  const { clock, log, database } = ground;
  const beacons = await createBeacons({ config, devKey: keyFor(ground.secret, "dev-beacon"), clock, log });
  services.push(clockKeeper(ground), database.keeper);
  services.push(endingService("beacons", () => beacons.stop()));
  const expectedBeacon = createExpectedBeacon(beacons);
  const addresses = createAddresses({ ...config, tls: ground.tls !== undefined });
  const boards = createBoards({
    runs: await readRuns(database.pool),
    current: run,
    parts: {
      showKey: ground.signer.publicKey,
      sha256: ground.sha256,
      sign: ground.signer.signRecord,
      levelOf: (beacon) => (beacon.chainHash === QUICKNET.chainHash ? "beacon" : "dev"),
      beacon: expectedBeacon.now,
    },
  });
  const room = makeRoom(ground);
  const engineRoom = makeEngineRoom(ground);
  const { engine, cluster, materialiser, outbox, journal } = engineRoom;
  services.push(
    endingService("journal", () => journal.close()),
    cluster,
    engine,
    materialiser,
    outbox,
  );
  const shop = makeShop({ ground, ...engineRoom, boards, room, addresses });
  services.push(...shop.services);
  const proofs = await openProofs({
    ground,
    folder: await proofsFolder(ground),
    cluster,
    journal,
    version,
    draws: boards.current.rules().map(({ draw }) => draw),
    onLevel: ({ draw, level, replay }) => {
      const news = boards.current.setLevel(draw, level, Math.floor(clock.nowMs()));
      if (!replay) room.publish(news);
    },
  });
  services.push(proofs);
  // Called in this order: winners are told before the room is (WR3).
  engine.onDurable(shop.awards.onBatch, shop.awards.memory);
  engine.onDurable(proofs.onBatch, proofs.memory);
  engine.onDurable((batch) => {
    const news = boards.fold(batch);
    if (!batch.replay) room.publish(news);
  }, boards.memory);
  opening.onProgress?.("Reading the journal");
  await startEngine(engineRoom, ground);
  // What came from a snapshot does not know who signed since.
  proofs.recalled();
  await shop.sandbox.start();
  return { ...engineRoom, addresses, beacons, boards, expectedBeacon, proofs, room, shop };
}

/** Who moves the night, and the pages that let people in; the first page can load at its end. */
async function openDoors(opening: Opening, backstage: Awaited<ReturnType<typeof openBackstage>>) {
  const { ground, services, run, version, picturesFolder } = opening;
  const { boards, room, cluster } = backstage;
  const nowMs = () => Math.floor(ground.clock.nowMs());
  const counts = createHouseCounts({ cluster, room, board: boards.current, nowMs });
  const front = makeFront({ ...backstage, ground, run, counts });
  const { director, drawer, clockWatch } = makeStage({ ...backstage, ground, run });
  const { pool } = ground.database;
  const orderNumbers = createOrderNumbers({ pool, run: run.run, log: ground.log });
  const databaseWatch = createDatabaseWatch({ pool });
  services.push(counts, drawer, clockWatch, director, orderNumbers, databaseWatch);
  await director.start();
  const parts = { ...backstage, ...front, ground, counts, director, orderNumbers, databaseWatch };
  const pages = await openPages({ ...parts, picturesFolder, version });
  services.push(createBoardTeller({ board: boards.current, room, nowMs }), pages);
  return front;
}
