import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { errorMessage, Fault } from "../fault.ts";
import type { Log } from "../log.ts";
import type { Service } from "../service.ts";
import { findBinaries } from "./binaries.ts";
import { type ClusterSecrets, clusterVersion, createCluster, readSecrets, wasShutDown } from "./cluster.ts";
import { readConnectionFile, removeConnectionFile, writeConnectionFile } from "./connection-file.ts";
import type { LockedFolder } from "./folder-lock.ts";
import { chooseLauncher, type Launcher } from "./launcher.ts";
import { adminUrl, adoptPostmaster, type Postmaster, startPostmaster, stopPostmaster } from "./postmaster.ts";
import { isPostgresOf } from "./processes.ts";

/** Role and database the server works with; it owns its database and is no superuser. */
const workingRole = "wanhui";

/** How often the running server is looked at; a lost one is started again at the same address. */
const watchMs = 250;
/** Pause after a restart that failed; twice as long after each further one, up to the most. Nobody gives up. */
const reviveAgainMs = 250;
/** A disk that was freed or a port that was let go of is noticed within this. */
const reviveAgainMsMax = 5_000;

/** What `startEmbeddedPostgres` takes. */
export type EmbeddedOptions = {
  /** The data folder, held by this process (`lockDataFolder`). */
  folder: LockedFolder;
  log: Log;
  /** Settings on top of ours; tests use it to try unsafe ones. */
  settings?: Record<string, string>;
  /** False when others are connected already: it runs at the port it had, or not at all. */
  mayMove?: boolean;
  /** Called before a step that can take seconds, with a sentence for people. */
  onProgress?: (sentence: string) => void;
  /** False only in tests: behave as on a machine without user namespaces. */
  allowNamespace?: boolean;
};

/**
 * How the server came to run: `created` (a new cluster), `started` (after a clean stop), `adopted` (it outlived
 * our process), `recovered` (it had crashed and replayed its log).
 */
export type EmbeddedOutcome = "created" | "started" | "adopted" | "recovered";

/**
 * The embedded PostgreSQL, running. As a service it watches the server and starts it again, at the same address,
 * when someone kills it; connections of that moment break with a retryable error, nothing committed is lost.
 */
export class EmbeddedPostgres implements Service {
  readonly name = "postgres";
  readonly outcome: EmbeddedOutcome;
  readonly launcherKind: Launcher["kind"];
  readonly dataDirectory: string;
  readonly #options: EmbeddedOptions;
  readonly #launcher: Launcher;
  readonly #secrets: ClusterSecrets;
  #postmaster: Postmaster;
  readonly #ended = new AbortController();
  #reviving: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    options: EmbeddedOptions,
    started: {
      launcher: Launcher;
      secrets: ClusterSecrets;
      postmaster: Postmaster;
      outcome: EmbeddedOutcome;
    },
  ) {
    this.#options = options;
    this.#launcher = started.launcher;
    this.#secrets = started.secrets;
    this.#postmaster = started.postmaster;
    this.outcome = started.outcome;
    this.launcherKind = started.launcher.kind;
    this.dataDirectory = started.launcher.dataDirectory;
  }

  /** Address for the working role and its database: `postgres://wanhui:...@127.0.0.1:port/wanhui`. */
  get url(): string {
    return workingUrl(this.#secrets, this.#postmaster.port);
  }

  /** Address of the administrator (superuser) on the maintenance database. For set-up and tests, not for work. */
  get adminUrl(): string {
    return adminUrl(this.#secrets, this.#postmaster.port);
  }

  /** Process id of the server. */
  get pid(): number {
    return this.#postmaster.pid;
  }

  /** TCP port on 127.0.0.1. */
  get port(): number {
    return this.#postmaster.port;
  }

  async run(signal: AbortSignal): Promise<void> {
    const end = AbortSignal.any([signal, this.#ended.signal]);
    while (!end.aborted) {
      await sleep(watchMs, undefined, { signal: end }).catch(() => undefined);
      // What cannot be told is looked at again: no second server is started beside one that may live.
      const lives = await isPostgresOf(this.#postmaster.pid, this.dataDirectory).catch(() => true);
      // Looked at again after the wait: a server that `stop` has just ended is not a lost one.
      if (lives || end.aborted) continue;
      this.#reviving = this.#revive(end);
      await this.#reviving;
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#stopping ??= this.#end();
    await this.#stopping;
  }

  /** Looks no more and leaves the server running, for other processes that use it; the next start adopts it. */
  async leave(): Promise<void> {
    this.#ended.abort();
    this.#stopping ??= this.#reviving ?? Promise.resolve();
    await this.#stopping;
  }

  async #end(): Promise<void> {
    // A restart under way finishes first, so that what it started is stopped too.
    await this.#reviving;
    await removeConnectionFile(this.#options.folder.path);
    await stopPostmaster(this.#postmaster.pid, this.dataDirectory, this.#options.log);
  }

  /** Tries until it runs or the end is asked for: a night outlasts a full disk or a port that is taken (FT6). */
  async #revive(end: AbortSignal): Promise<void> {
    const { log } = this.#options;
    log.error({ part: "postgres", pid: this.#postmaster.pid }, "PostgreSQL is gone; starting it again");
    for (let attempt = 1, againMs = reviveAgainMs; !end.aborted; attempt += 1) {
      try {
        return await this.#startAgain();
      } catch (error) {
        const fields = { part: "postgres", attempt, againMs, err: error };
        log.error(fields, "PostgreSQL could not be started again; the next try follows");
      }
      await sleep(againMs, undefined, { signal: end }).catch(() => undefined);
      againMs = Math.min(againMs * 2, reviveAgainMsMax);
    }
  }

  async #startAgain(): Promise<void> {
    const { log, folder } = this.#options;
    // Everybody's connections lead to this port: at another one the server would be as good as gone.
    const port = { wanted: this.#postmaster.port, mayMove: false };
    const { postmaster } = await ensureRunning(this.#options, this.#launcher, this.#secrets, port);
    this.#postmaster = postmaster;
    await announce(folder.path, this.#secrets, postmaster);
    log.info({ part: "postgres", pid: postmaster.pid }, "PostgreSQL answers again");
  }
}

function workingUrl(secrets: ClusterSecrets, port: number): string {
  return `postgres://${workingRole}:${secrets.password}@127.0.0.1:${port}/${workingRole}`;
}

async function announce(folder: string, secrets: ClusterSecrets, { pid, port }: Postmaster): Promise<void> {
  await writeConnectionFile(folder, { url: workingUrl(secrets, port), port, pid });
}

/** Adopts the server of this cluster if it lives, starts it if it does not. */
async function ensureRunning(
  options: EmbeddedOptions,
  launcher: Launcher,
  secrets: ClusterSecrets,
  port: { wanted: number | undefined; mayMove: boolean },
): Promise<{ postmaster: Postmaster; outcome: EmbeddedOutcome }> {
  const { folder, log } = options;
  const found = await adoptPostmaster(launcher.dataDirectory, secrets);
  if (typeof found === "object") return { postmaster: found, outcome: "adopted" };
  const crashed = found === "gone" || !(await wasShutDown(launcher.dataDirectory));
  if (crashed) options.onProgress?.("Recovering the database after a crash");
  const postmaster = await startPostmaster({
    launcher,
    secrets,
    log,
    port,
    logPath: join(folder.path, "postgres.log"),
    settings: options.settings ?? {},
  });
  return { postmaster, outcome: crashed ? "recovered" : "started" };
}

/** Makes the working role and database where they are missing; a kill between the two is repaired next time. */
async function ensureWorkingDatabase(secrets: ClusterSecrets, port: number): Promise<void> {
  const client = new pg.Client({
    connectionString: adminUrl(secrets, port),
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const password = client.escapeLiteral(secrets.password);
    const roles = await client.query("select 1 from pg_roles where rolname = $1", [workingRole]);
    if (roles.rowCount === 0) await client.query(`create role ${workingRole} login password ${password}`);
    const databases = await client.query("select 1 from pg_database where datname = $1", [workingRole]);
    if (databases.rowCount === 0) await client.query(`create database ${workingRole} owner ${workingRole}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function checkVersion(dataDirectory: string, packaged: string): Promise<"present" | "absent"> {
  const version = await clusterVersion(dataDirectory);
  if (version === undefined) return "absent";
  if (version === packaged.split(".")[0]) return "present";
  throw new Fault(
    "postgres.version_mismatch",
    `${dataDirectory} was made by PostgreSQL ${version}, and this release carries ${packaged.split("-")[0]}. ` +
      "Start the previous release once to export the data, or choose a new folder with WANHUI_DATA.",
  );
}

/**
 * Brings the embedded PostgreSQL of a data folder to life: makes the cluster when there is none, adopts the server
 * when it outlived our process, recovers it when it crashed. Writes `<folder>/connection.json` for tools.
 *
 * @returns the running server; give it to `runServices` (it restarts a killed server) and `stop` it at the end
 * @throws Fault `postgres.*` with what to do: binaries missing, disk full, folder of another user, stuck server
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { folder } = options;
  const binaries = await findBinaries();
  const launcher = await chooseLauncher(binaries, folder.path, options.allowNamespace ?? true);
  const isNew = (await checkVersion(launcher.dataDirectory, binaries.version)) === "absent";
  if (isNew) {
    options.onProgress?.("Creating the database");
    await createCluster(launcher);
  }
  const secrets = await readSecrets(launcher.dataDirectory).catch((cause: unknown) => {
    const why = errorMessage(cause);
    const where = launcher.dataDirectory;
    throw new Fault("postgres.secrets_missing", `The passwords in ${where} cannot be read: ${why}`, {
      cause,
    });
  });
  // The address of last time, so that tools and psql sessions of the operator find the server again.
  const last = await readConnectionFile(folder.path).catch(() => undefined);
  const { postmaster, outcome } = await ensureRunning(options, launcher, secrets, {
    wanted: last?.port,
    mayMove: options.mayMove ?? true,
  });
  await ensureWorkingDatabase(secrets, postmaster.port);
  await announce(folder.path, secrets, postmaster);
  return new EmbeddedPostgres(options, {
    launcher,
    secrets,
    postmaster,
    outcome: isNew ? "created" : outcome,
  });
}
