import type { Sha256 } from "@wanhui/core";
import { createOrigins, loadTls, type Origins, type Tls } from "../http/mod.ts";
import { loadSecrets, type Secret } from "../people/mod.ts";
import {
  AnchoredClock,
  type Config,
  createLog,
  type Log,
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
  readonly database: ServerDatabase;
  readonly clock: AnchoredClock;
  readonly secret: Secret;
  readonly signer: ShowSigner;
  readonly tls: Tls | undefined;
  readonly origins: Origins;
  readonly sha256: Sha256;
};

/** The database's clock is read again this often; a drift of 50 ppm is 3 ms in that time. */
const CLOCK_READ_EVERY_MS = 60_000;

/**
 * Opens the ground: takes the data folder, starts the database, reads its clock, loads or makes the keys.
 *
 * @throws Fault with what to do; everything taken is let go of again
 */
export async function openGround(options: {
  readonly config: Config;
  readonly onProgress?: (sentence: string) => void;
}): Promise<Ground> {
  const { config, onProgress } = options;
  const log = createLog({
    level: config.logLevel,
    ...(config.logFile !== undefined && { file: config.logFile }),
  });
  const database = await openServerDatabase({ config, log, ...(onProgress && { onProgress }) });
  try {
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
    return {
      config,
      log,
      database,
      clock,
      secret: await loadSecrets(config.dataFolder),
      signer: await loadShowSigner(config.dataFolder),
      tls,
      origins: createOrigins({
        secure: tls !== undefined,
        publicUrl: config.publicUrl,
        allowedOrigins: config.allowedOrigins,
      }),
      sha256,
    };
  } catch (error) {
    await database.close();
    throw error;
  }
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
