import { hkdfSync } from "node:crypto";
import type { Sha256 } from "@wanhui/core";
import { type Joined, meetHouse, type Visitor } from "../cluster/mod.ts";
import { createOrigins, loadTls, type Origins, type Tls } from "../http/mod.ts";
import { loadSecrets, type Secret } from "../people/mod.ts";
import {
  AnchoredClock,
  type Bus,
  type Config,
  createLog,
  createMemoryBus,
  createNatsBus,
  Fault,
  type Log,
  Metrics,
  openServerDatabase,
  patiently,
  readDatabaseClock,
  type ServerDatabase,
  type Service,
  sha256,
} from "../platform/mod.ts";
import { loadShowSigner, type ShowSigner } from "../proofs/mod.ts";

/** What every capability stands on: database, clock, keys, log. */
export type Ground = {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly database: ServerDatabase;
  readonly clock: AnchoredClock;
  readonly secret: Secret;
  readonly signer: ShowSigner;
  readonly tls: Tls | undefined;
  readonly origins: Origins;
  readonly sha256: Sha256;
  /** Messages to and from other processes of the house; alone it reaches nobody. */
  readonly bus: Bus;
  /** This process's place in the house. */
  readonly joined: Joined;
};

/** The database's clock is read again this often; a drift of 50 ppm is 3 ms in that time. */
const CLOCK_READ_EVERY_MS = 60_000;

export type GroundOptions = {
  readonly config: Config;
  /** Work beside the other processes on the same database, if there are any. */
  readonly join: boolean;
  readonly onProgress?: (sentence: string) => void;
};

/**
 * Opens the ground: takes the data folder or shares it, starts the database or joins it, loads or makes the keys, enters
 * the house, reads the database's clock.
 *
 * @throws Fault with what to do; everything taken is let go of again
 */
export async function openGround(options: GroundOptions): Promise<Ground> {
  const { config, join, onProgress } = options;
  const log = createLog({
    level: config.logLevel,
    ...(config.logFile !== undefined && { file: config.logFile }),
  });
  if (join && config.nats === undefined) {
    throw new Fault(
      "bus.missing",
      "--join needs NATS_URL: the NATS server that carries messages between the processes. Every process of the " +
        "night is started with the same one, the first too.",
    );
  }
  const bus = await openBus(config, log);
  let visitor: Visitor | undefined;
  let database: ServerDatabase | undefined;
  let joined: Joined | undefined;
  try {
    let keys: Keys | undefined;
    database = await openServerDatabase({
      config,
      log,
      share: join,
      ...(onProgress && { onProgress }),
      async beforeMigrating(url) {
        keys = await loadKeys(config);
        visitor = await meetHouse({
          url,
          join,
          keys: fingerprintOf(keys),
          bus: config.nats !== undefined,
          ...(onProgress && { onProgress }),
        });
      },
    });
    joined = await visitor?.enter();
    if (keys === undefined || joined === undefined)
      throw new Error("The database was opened without its check");
    return {
      config,
      log,
      metrics: new Metrics({ process: true }),
      database,
      bus,
      joined,
      ...keys,
      ...(await openTime({ config, log, database, onProgress })),
    };
  } catch (error) {
    await joined?.begun();
    await joined?.store.leave().catch(() => undefined);
    await visitor?.store.close();
    await database?.close({ leaveRunning: joined !== undefined && joined.others.length > 0 });
    await bus.close();
    throw error;
  }
}

function openBus({ nats }: Config, log: Log): Promise<Bus> | Bus {
  return nats === undefined ? createMemoryBus() : createNatsBus({ address: nats, name: "wanhui", log });
}

type Keys = Pick<Ground, "secret" | "signer">;

async function loadKeys({ dataFolder }: Config): Promise<Keys> {
  return { secret: await loadSecrets(dataFolder), signer: await loadShowSigner(dataFolder) };
}

/** Equal for processes with the same keys, and tells nothing of them. */
function fingerprintOf({ secret, signer }: Keys): string {
  const derived = Buffer.from(hkdfSync("sha256", secret, "", "wanhui/house/1", 16)).toString("hex");
  return `${derived}/${signer.publicKey}`;
}

async function openTime(parts: {
  readonly config: Config;
  readonly log: Log;
  readonly database: ServerDatabase;
  readonly onProgress: GroundOptions["onProgress"] | undefined;
}): Promise<Pick<Ground, "clock" | "tls" | "origins" | "sha256">> {
  const { config, log, database, onProgress } = parts;
  const clock = new AnchoredClock({
    // A machine that is busy for a moment is no reason to end before the night began.
    reading: await patiently(() => readDatabaseClock(database.pool), {
      onWait: () => onProgress?.("Waiting for the database's clock"),
    }),
    onStep: (step) =>
      log.warn({ part: "clock", ...step }, "The database's clock stepped; ours follows slowly"),
  });
  const tls = config.tls
    ? await loadTls({ dataFolder: config.dataFolder, certFile: config.tlsCert, keyFile: config.tlsKey })
    : undefined;
  const origins = createOrigins({
    secure: tls !== undefined,
    publicUrl: config.publicUrl,
    allowedOrigins: config.allowedOrigins,
  });
  return { clock, tls, origins, sha256 };
}

/** Lets go of the ground: the house first, the database last. @param leaveRunning others use the embedded database */
export async function closeGround(ground: Ground, leaveRunning: boolean): Promise<void> {
  await ground.joined.begun();
  await ground.joined.store.leave().catch(() => undefined);
  await ground.joined.store.close();
  await ground.bus.close();
  await ground.database.close({ leaveRunning });
}

/** Keeps the shard clock on the database's (JR10). */
export function clockKeeper(ground: Pick<Ground, "clock" | "database" | "log">): Service {
  const ended = new AbortController();
  return {
    name: "clock keeper",
    async run(signal) {
      const end = AbortSignal.any([signal, ended.signal]);
      while (!end.aborted) {
        await pause(CLOCK_READ_EVERY_MS, end);
        if (end.aborted) return;
        await readDatabaseClock(ground.database.pool).then(
          (reading) => ground.clock.adjust(reading),
          (error: unknown) =>
            ground.log.warn({ part: "clock", err: error }, "The database's clock could not be read"),
        );
      }
    },
    async stop() {
      ended.abort();
    },
  };
}

/** Waits, or less when the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener("abort", end, { once: true });
  });
}
