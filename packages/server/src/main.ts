// The composition root: the only place that chooses concrete parts. What each part is stands in its own folder;
// `night/` puts neighbours together.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createBeacons, QUICKNET } from "./beacons/mod.ts";
import { createApp } from "./http/mod.ts";
import { createAddresses } from "./night/addresses.ts";
import { createBoardTeller } from "./night/board-teller.ts";
import { createBoards } from "./night/boards.ts";
import { makeEngineRoom } from "./night/engine-room.ts";
import { createExpectedBeacon } from "./night/expected-beacon.ts";
import { makeFront, makeRoom } from "./night/front.ts";
import { clockKeeper, type Ground, openGround } from "./night/ground.ts";
import { healthOf } from "./night/health.ts";
import { createOrderNumbers } from "./night/order-numbers.ts";
import { openProofs } from "./night/proofs.ts";
import { mountRoutes } from "./night/routes.ts";
import { removeServerFile, writeServerFile } from "./night/server-file.ts";
import { endingService, engineService, pagesService, watchedDatabase } from "./night/services.ts";
import { openShop } from "./night/shop.ts";
import { makeOperatorLink } from "./people/mod.ts";
import { type Config, Fault, findListenPort, runServices, type Service } from "./platform/mod.ts";
import {
  createCueStore,
  createDirector,
  createDrawer,
  formatProblem,
  loadShow,
  openRun,
  type Run,
  readRuns,
  showClock,
} from "./shows/mod.ts";

/** What `startNight` takes. */
export type NightOptions = {
  readonly config: Config;
  /** Begin a new run instead of continuing the newest. */
  readonly fresh: boolean;
  /** A rehearsal: a run of its own, open to synthetic people. */
  readonly rehearsal: boolean;
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
  /** Runs until the signal aborts or a part fails; then closes everything in order. */
  runUntil(signal: AbortSignal): Promise<void>;
};

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const houseFolder = dirname(dirname(packageFolder));
const webFolder = join(houseFolder, "apps", "web", "dist");
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
  const ground = await openGround(options);
  try {
    const nowMs = Math.floor(ground.clock.nowMs());
    const { fresh, rehearsal } = options;
    const { pool } = ground.database;
    const { run, made } = await openRun({
      pool,
      show: show.show,
      rehearsal,
      fresh,
      nowMs,
      sha256: ground.sha256,
    });
    return await openNight({
      ...options,
      ground,
      run,
      continued: !made,
      picturesFolder: join(dirname(showFile), "pictures"),
    });
  } catch (error) {
    await ground.database.close();
    throw error;
  }
}

type Opening = NightOptions & {
  readonly ground: Ground;
  readonly run: Run;
  readonly continued: boolean;
  readonly picturesFolder: string;
};

async function openNight(opening: Opening): Promise<Night> {
  const { ground, run, config } = opening;
  const { clock, log, signer } = ground;
  const nowMs = () => Math.floor(clock.nowMs());
  const beacons = await createBeacons({ config, clock, log: log.child({ part: "beacons" }) });
  const expectedBeacon = createExpectedBeacon(beacons);
  const addresses = createAddresses({ ...config, tls: ground.tls !== undefined });
  const boards = createBoards({
    runs: await readRuns(ground.database.pool),
    current: run,
    parts: {
      showKey: signer.publicKey,
      sha256: ground.sha256,
      sign: signer.signRecord,
      levelOf: (beacon) => (beacon.chainHash === QUICKNET.chainHash ? "beacon" : "dev"),
      beacon: expectedBeacon.now,
    },
  });
  const room = makeRoom(ground);
  const engineRoom = makeEngineRoom(ground);
  const { engine, materialiser, outbox, journal } = engineRoom;
  const shop = await openShop({ ground, engine, outbox, materialiser, boards, room, addresses });
  const proofs = await openProofs({ ground, journal, version: opening.version });
  // WR3: winners are told before the room is.
  engine.onDurable((batch) => {
    shop.awards.onBatch(batch);
    proofs.onBatch(batch);
    const news = boards.fold(batch);
    if (!batch.replay) room.publish(news);
  });
  opening.onProgress?.("Reading the journal");
  await engine.start();
  const front = makeFront({ ground, engine, boards, run, room });
  const director = createDirector({
    run,
    board: boards.current,
    store: createCueStore(ground.database.pool, run.run),
    engine,
    clock: showClock(nowMs),
    chooseBeacon: expectedBeacon.choose,
    publish: (messages) => room.publish(messages),
    log: log.child({ part: "director" }),
  });
  await director.start();
  const drawer = createDrawer({
    board: boards,
    engine,
    clock: showClock(nowMs),
    fetchBeacon: (chain, round, signal) => beacons.round(chain, round, signal),
    log: log.child({ part: "drawer" }),
  });
  const orderNumbers = createOrderNumbers({ pool: ground.database.pool, run: run.run, log });
  const app = await createApp({
    log: log.child({ part: "http" }),
    version: opening.version,
    origins: ground.origins,
    publicUrl: config.publicUrl,
    trustProxy: config.trustProxy,
    tls: ground.tls,
    webFolder,
    picturesFolder: opening.picturesFolder,
    health: () => healthOf(engineRoom),
  });
  mountRoutes(app, {
    ...engineRoom,
    ...front,
    ground,
    boards,
    director,
    shop,
    proofs,
    orderNumbers,
    addresses,
  });
  front.gateway.attach(app.server);
  const port = await findListenPort(config.host, config.port);
  addresses.listeningOn(port);
  ground.origins.listeningOn(port);
  await app.listen({ host: config.host, port });
  const { dataFolder } = config;
  await writeServerFile(dataFolder, {
    url: addresses.local(),
    pid: process.pid,
    run: run.run,
    rehearsal: run.rehearsal,
  });
  const teller = createBoardTeller({ board: boards.current, room, nowMs });
  const { embedded } = ground.database;
  // Stopped from the end: pages first, then what moves the night, then the engine, the database last.
  const services: Service[] = [
    // Watched from here, ended by `close` below: its clients go before it.
    ...(embedded === undefined ? [] : [watchedDatabase(embedded)]),
    clockKeeper(ground),
    endingService("beacons", () => beacons.stop()),
    endingService("journal", () => journal.close()),
    engineService(engine),
    materialiser,
    outbox,
    ...shop.services,
    proofs,
    drawer,
    director,
    orderNumbers,
    teller,
    pagesService(app, front.gateway),
  ];
  return {
    url: addresses.base(),
    operatorUrl: `${addresses.base()}${(await makeOperatorLink(front.people)).path}`,
    run,
    continued: opening.continued,
    async runUntil(signal) {
      try {
        await runServices(services, signal);
      } finally {
        await removeServerFile(dataFolder);
        await ground.database.close();
      }
    },
  };
}
