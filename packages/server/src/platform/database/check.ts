import { randomBytes } from "node:crypto";
import pg from "pg";
import { errorMessage, Fault } from "../fault.ts";

/** One setting of a database that is not as it should be. */
export type DatabaseFinding = {
  /** The setting or property, by PostgreSQL's own name where it has one. */
  setting: string;
  value: string;
  /** Why it matters and what to do, in one sentence. */
  advice: string;
};

/** What `inspectDatabase` found: `unsafe` stops a start, `doubtful` is worth a line in the log. */
export type DatabaseReport = { version: string; unsafe: DatabaseFinding[]; doubtful: DatabaseFinding[] };

/** Before 15 there is no `unique nulls not distinct`, and 14 leaves support in 2026. */
const oldestVersion = 150_000;

type SettingsRow = {
  version_number: number;
  version: string;
  fsync: string;
  synchronous_commit: string;
  full_page_writes: string;
  standbys: string;
  in_recovery: boolean;
  encoding: string;
  connections_max: number;
};

const settingsQuery = `
  select current_setting('server_version_num')::int as version_number,
         current_setting('server_version') as version,
         current_setting('fsync') as fsync,
         current_setting('synchronous_commit') as synchronous_commit,
         current_setting('full_page_writes') as full_page_writes,
         current_setting('synchronous_standby_names') as standbys,
         pg_is_in_recovery() as in_recovery,
         current_setting('server_encoding') as encoding,
         current_setting('max_connections')::int as connections_max`;

function judge(row: SettingsRow): DatabaseReport {
  const unsafe: DatabaseFinding[] = [];
  const doubtful: DatabaseFinding[] = [];
  const add = (list: DatabaseFinding[], setting: string, value: string, advice: string) =>
    list.push({ setting, value, advice });
  if (row.version_number < oldestVersion) {
    add(unsafe, "server_version", row.version, "Use PostgreSQL 15 or newer.");
  }
  if (row.fsync !== "on") {
    add(
      unsafe,
      "fsync",
      row.fsync,
      "A power cut would lose acknowledged awards and can destroy the database: set it on.",
    );
  }
  if (row.full_page_writes !== "on") {
    add(
      unsafe,
      "full_page_writes",
      row.full_page_writes,
      "A power cut can tear pages beyond repair: set it on.",
    );
  }
  if (row.synchronous_commit === "off") {
    add(
      unsafe,
      "synchronous_commit",
      "off",
      "A crash would lose acknowledged awards: set it on, for this role as well.",
    );
  } else if (["local", "remote_write"].includes(row.synchronous_commit) && row.standbys !== "") {
    // Both wait for this machine's disk, which is what the journal promises; only a failover could lose something.
    const advice =
      "Safe on this machine, but a failover to the standby can lose the last acknowledged awards.";
    add(doubtful, "synchronous_commit", row.synchronous_commit, advice);
  }
  if (row.in_recovery) {
    add(
      unsafe,
      "pg_is_in_recovery",
      "true",
      "This is a replica, which cannot write: connect to the primary.",
    );
  }
  if (row.encoding !== "UTF8") {
    add(
      unsafe,
      "server_encoding",
      row.encoding,
      "Names and titles need every script: create the database with UTF8.",
    );
  }
  if (row.connections_max < 40) {
    add(
      doubtful,
      "max_connections",
      String(row.connections_max),
      "One process of ours uses up to 30: allow 40.",
    );
  }
  return { version: row.version, unsafe, doubtful };
}

function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    query_timeout: 15_000,
  });
  client.on("error", () => undefined);
  return client.connect().then(() => client);
}

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

/**
 * Whether session state survives between statements. A transaction pooler hands every transaction to any server
 * connection: advisory locks, `listen`, settings and prepared statements then belong to nobody. Seen by making a
 * second client hold a transaction, so that a pooler must give the first one another backend than before.
 */
async function hasPooler(url: string): Promise<boolean> {
  const first = await connect(url);
  const second = await connect(url);
  try {
    const mark = randomBytes(8).toString("hex");
    const backend = await backendOf(first);
    await first.query("select set_config('wanhui.session_probe', $1, false)", [mark]);
    for (let round = 0; round < 3; round += 1) {
      await second.query("begin");
      if ((await backendOf(second)) === backend) return true;
      const { rows } = await first.query<{ pid: number; mark: string | null }>(
        "select pg_backend_pid() as pid, current_setting('wanhui.session_probe', true) as mark",
      );
      if (rows[0]?.pid !== backend || rows[0]?.mark !== mark) return true;
      await second.query("commit");
    }
    return false;
  } finally {
    await Promise.allSettled([first.end(), second.end()]);
  }
}

/**
 * Looks at the settings a database promises its durability with, on the address and role we will use.
 *
 * @throws Fault `database.unreachable` (retryable) when it cannot be connected to
 */
export async function inspectDatabase(url: string): Promise<DatabaseReport> {
  const client = await connect(url).catch((cause: unknown) => {
    const where = new URL(url);
    const place = `${where.hostname}:${where.port || "5432"}${where.pathname}`;
    const advice = "Check DATABASE_URL, and that the server runs and lets this machine in.";
    throw new Fault(
      "database.unreachable",
      `The database at ${place} cannot be reached: ${errorMessage(cause)}. ${advice}`,
      {
        retryable: true,
        cause,
      },
    );
  });
  let report: DatabaseReport;
  try {
    const { rows } = await client.query<SettingsRow>(settingsQuery);
    if (rows[0] === undefined) throw new Fault("database.unreachable", "The database gave no answer.");
    report = judge(rows[0]);
  } finally {
    await client.end().catch(() => undefined);
  }
  if (await hasPooler(url)) {
    report.unsafe.push({
      setting: "transaction pooler",
      value: "in between",
      advice: "Sessions do not keep their state: connect to PostgreSQL itself, or set pool_mode = session.",
    });
  }
  return report;
}

/**
 * Refuses a database that could lose or corrupt what we acknowledge.
 *
 * @returns the report, for its doubtful findings
 * @throws Fault `database.unsafe_setting` naming every unsafe setting, its value and what to do
 */
export async function checkDatabase(url: string): Promise<DatabaseReport> {
  const report = await inspectDatabase(url);
  if (report.unsafe.length === 0) return report;
  const lines = report.unsafe.map(({ setting, value, advice }) => `  ${setting} = ${value}: ${advice}`);
  throw new Fault("database.unsafe_setting", `This database is not safe to run on:\n${lines.join("\n")}`);
}
