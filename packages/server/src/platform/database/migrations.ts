import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { errorMessage, Fault } from "../fault.ts";

/** One forward-only step of the schema. */
export type Migration = { name: string; sql: string };

/** The package's own migrations; the same relative place from `src` and from `dist`. */
const builtIn = fileURLToPath(new URL("../../../migrations/", import.meta.url));

/** Any number will do, it only has to be the same in every release: "wanhui" in ASCII. */
const lockKey = 0x77616e687569n;

const namePattern = /^\d{4}_[a-z0-9_]+\.sql$/;

/**
 * Reads `NNNN_name.sql` files in order of their numbers.
 *
 * @param folder the server package's own when left out
 * @throws Fault `database.migration_name` for a file that does not follow the pattern, or a number used twice
 */
export async function readMigrations(folder: string = builtIn): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  const numbers = new Set<string>();
  const migrations: Migration[] = [];
  for (const name of names) {
    const number = name.slice(0, 4);
    if (!namePattern.test(name) || numbers.has(number)) {
      throw new Fault(
        "database.migration_name",
        `Migration ${name}: want a number of its own, NNNN_name.sql`,
      );
    }
    numbers.add(number);
    migrations.push({ name, sql: await readFile(`${folder}/${name}`, "utf8") });
  }
  return migrations;
}

function digest(sql: string): string {
  return createHash("sha256").update(sql).digest("hex");
}

/** Refuses a database that another, newer or edited set of migrations made. */
function compare(applied: { name: string; sha256: string }[], migrations: readonly Migration[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, digest(migration.sql)]));
  for (const { name, sha256 } of applied) {
    const expected = known.get(name);
    if (expected === undefined) {
      throw new Fault(
        "database.migration_unknown",
        `The database has migration ${name}, which this release does not know: it was made by a newer release. ` +
          "Start that release, or use another database.",
      );
    }
    if (expected !== sha256) {
      throw new Fault(
        "database.migration_changed",
        `Migration ${name} was applied to this database with other content. Migrations never change once ` +
          "released: add a new one instead.",
      );
    }
  }
  const last = applied.at(-1)?.name;
  const done = new Set(applied.map(({ name }) => name));
  for (const { name } of migrations) {
    if (last !== undefined && name < last && !done.has(name)) {
      throw new Fault(
        "database.migration_order",
        `Migration ${name} comes before ${last}, which is applied.`,
      );
    }
  }
}

async function applyOne(client: pg.PoolClient, { name, sql }: Migration): Promise<void> {
  try {
    await client.query("begin");
    await client.query(sql);
    await client.query("insert into wanhui_migrations (name, sha256) values ($1, $2)", [name, digest(sql)]);
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback").catch(() => undefined);
    const why = errorMessage(cause);
    throw new Fault("database.migration_failed", `Migration ${name} failed and was undone: ${why}`, {
      cause,
    });
  }
}

/**
 * Applies the migrations the database does not have yet, each in a transaction of its own, under an advisory lock:
 * of several processes starting at once one migrates, the others wait and find it done.
 *
 * @returns the names applied now, in order
 * @throws Fault `database.migration_changed`, `_unknown`, `_order` or `_failed`, naming the migration
 */
export async function migrate(pool: pg.Pool, migrations: readonly Migration[]): Promise<string[]> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // A long migration and the wait for another process's one are not subject to the pool's statement timeout.
    await client.query("set statement_timeout = 0");
    await client.query("select pg_advisory_lock($1)", [lockKey]);
    await client.query(
      "create table if not exists wanhui_migrations (name text primary key, sha256 text not null, " +
        "applied_at timestamptz not null default clock_timestamp())",
    );
    const { rows } = await client.query<{ name: string; sha256: string }>(
      "select name, sha256 from wanhui_migrations order by name",
    );
    compare(rows, migrations);
    const done = new Set(rows.map(({ name }) => name));
    const missing = migrations.filter(({ name }) => !done.has(name));
    for (const migration of missing) await applyOne(client, migration);
    return missing.map(({ name }) => name);
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // A session that failed is closed instead of returned: closing it is what surely lets go of the lock.
    if (broken === undefined) {
      await client.query("select pg_advisory_unlock($1)", [lockKey]);
      await client.query("reset statement_timeout");
    }
    client.release(broken);
  }
}
