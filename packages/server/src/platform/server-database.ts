import type pg from "pg";
import type { Config } from "./config/mod.ts";
import { checkDatabase, createPool, type Migration, migrate, readMigrations } from "./database/mod.ts";
import type { Log } from "./log.ts";
import { patiently } from "./patience.ts";
import {
  type EmbeddedPostgres,
  type LockedFolder,
  lockDataFolder,
  readConnectionFile,
  startEmbeddedPostgres,
} from "./postgres/mod.ts";

/** The server's database, ready for work: checked, migrated, its data folder held by this process. */
export type ServerDatabase = {
  url: string;
  pool: pg.Pool;
  folder: LockedFolder;
  /** The embedded server, a service to run; undefined when DATABASE_URL names another one. */
  embedded: EmbeddedPostgres | undefined;
  /** Names of the migrations applied now. */
  migrated: string[];
  /** Ends the pool, stops the embedded server, lets go of the folder; in this order. */
  close(): Promise<void>;
};

/** What `openServerDatabase` takes. */
export type ServerDatabaseOptions = {
  config: Config;
  log: Log;
  /** Called before steps that can take seconds, with a sentence for people. */
  onProgress?: (sentence: string) => void;
  /** The package's own when left out. */
  migrations?: readonly Migration[];
};

async function checkPatiently(url: string, options: ServerDatabaseOptions): Promise<void> {
  const { doubtful } = await patiently(() => checkDatabase(url), {
    onWait: () => options.onProgress?.("Waiting for the database"),
  });
  for (const { setting, value, advice } of doubtful) options.log.warn({ setting, value }, advice);
}

/**
 * Opens the database the settings name: takes the data folder, starts or adopts the embedded PostgreSQL unless
 * `DATABASE_URL` is set, refuses unsafe settings, applies missing migrations.
 *
 * @throws Fault `folder.*`, `postgres.*`, `database.*`, each with what to do; everything taken is let go of again
 */
export async function openServerDatabase(options: ServerDatabaseOptions): Promise<ServerDatabase> {
  const { config, log } = options;
  const folder = await lockDataFolder(config.dataFolder);
  let embedded: EmbeddedPostgres | undefined;
  let pool: pg.Pool | undefined;
  const close = async () => {
    await pool?.end();
    await embedded?.stop();
    await folder.release();
  };
  try {
    if (config.databaseUrl === undefined) {
      const { onProgress } = options;
      embedded = await startEmbeddedPostgres({ folder, log, ...(onProgress && { onProgress }) });
      const { outcome, pid, port } = embedded;
      log.info({ part: "postgres", outcome, pid, port }, `Embedded PostgreSQL: ${outcome}`);
    }
    const url = config.databaseUrl ?? embedded?.url ?? "";
    await checkPatiently(url, options);
    pool = createPool({ url, connectionsMax: config.databaseConnectionsMax, log });
    const migrated = await migrate(pool, options.migrations ?? (await readMigrations()));
    if (migrated.length > 0) log.info({ part: "database", migrated }, "Migrations applied");
    return { url, pool, folder, embedded, migrated, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/**
 * The address of a server's database, for tools that join it: `DATABASE_URL`, else the connection file of the
 * server running on the data folder. Takes no lock.
 *
 * @throws Fault `folder.no_server` when there is neither
 */
export async function findServerDatabase(config: Config): Promise<string> {
  return config.databaseUrl ?? (await readConnectionFile(config.dataFolder)).url;
}
