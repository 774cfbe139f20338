import type pg from "pg";
import type { Config } from "./config/mod.ts";
import { checkDatabase, createPool, type Migration, migrate, readMigrations } from "./database/mod.ts";
import { FolderKeeper } from "./folder-keeper.ts";
import type { Log } from "./log.ts";
import { patiently } from "./patience.ts";
import { readConnectionFile } from "./postgres/mod.ts";

/** The server's database, ready for work: checked and migrated. */
export type ServerDatabase = {
  url: string;
  pool: pg.Pool;
  /** The data folder and the embedded server in it, a service to run. */
  keeper: FolderKeeper;
  /** Names of the migrations applied now. */
  migrated: string[];
  /** Ends the pool, stops the embedded server unless others use it, lets go of the folder; in this order. */
  close(options?: { readonly leaveRunning?: boolean }): Promise<void>;
};

/** What `openServerDatabase` takes. */
export type ServerDatabaseOptions = {
  config: Config;
  log: Log;
  /** Called before steps that can take seconds, with a sentence for people. */
  onProgress?: (sentence: string) => void;
  /** Work beside a process that holds the data folder. */
  share?: boolean;
  /** Called with the database's address before anything in it is changed; what it throws ends the opening. */
  beforeMigrating?: (url: string) => Promise<void>;
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
  const { config, log, share = false, onProgress } = options;
  const keeper = await FolderKeeper.open({ config, log, share, ...(onProgress && { onProgress }) });
  const { url } = keeper;
  let pool: pg.Pool | undefined;
  const close = async (how?: { readonly leaveRunning?: boolean }) => {
    await pool?.end();
    await keeper.close(how);
  };
  try {
    await checkPatiently(url, options);
    await options.beforeMigrating?.(url);
    pool = createPool({ url, connectionsMax: config.databaseConnectionsMax, log });
    const migrated = await migrate(pool, options.migrations ?? (await readMigrations()));
    if (migrated.length > 0) log.info({ part: "database", migrated }, "Migrations applied");
    return { url, pool, keeper, migrated, close };
  } catch (error) {
    await close({ leaveRunning: !keeper.holds }).catch(() => undefined);
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
