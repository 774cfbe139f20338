import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { errorMessage } from "../fault.ts";
import type { Log } from "../log.ts";

/** Object id of PostgreSQL's `bigint`. Amounts, sequence numbers and counts arrive as `bigint`, never rounded. */
const bigintTypeId = 20;

const types: pg.CustomTypesConfig = {
  getTypeParser: ((typeId: number, format?: "text" | "binary") =>
    typeId === bigintTypeId && format !== "binary"
      ? (value: string) => BigInt(value)
      : pg.types.getTypeParser(typeId, format)) as typeof pg.types.getTypeParser,
};

/** What `createPool` takes. */
export type PoolOptions = {
  url: string;
  /** Connections at most; the default leaves most of a server's 100 to other processes and to people. */
  connectionsMax?: number;
  /** Shown by `pg_stat_activity`, so an operator sees which part holds a connection. */
  applicationName?: string;
  /** A statement running longer than this is cancelled by the server; 0 for none. */
  statementTimeoutMs?: number;
  log?: Log;
};

/**
 * Makes a connection pool with our conventions: `bigint` columns arrive as `bigint`, sessions are in UTC, and a
 * connection lost, idle or in the middle of a transaction, is not the end of the process.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax ?? 10,
    application_name: options.applicationName ?? "wanhui",
    connectionTimeoutMillis: 10_000,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    options: "-c TimeZone=UTC",
    keepAlive: true,
    types,
  });
  pool.on("error", (error) =>
    options.log?.warn({ part: "database", reason: errorMessage(error) }, "An idle connection broke"),
  );
  // pg's pool listens only while a connection lies idle. Between two statements of a transaction nobody else would,
  // and an `error` nobody hears ends the process; whoever holds the connection learns of it by his next statement.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/** Kysely, the typed SQL builder, over a pool. `Schema` is the caller's own tables; destroying it ends the pool. */
export function createDatabase<Schema>(pool: pg.Pool): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}
