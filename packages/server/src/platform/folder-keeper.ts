import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "./config/mod.ts";
import { errorCode, errorMessage, Fault } from "./fault.ts";
import type { Log } from "./log.ts";
import {
  type EmbeddedPostgres,
  type LockedFolder,
  lockDataFolder,
  readConnectionFile,
  startEmbeddedPostgres,
} from "./postgres/mod.ts";
import type { Service } from "./service.ts";

/** How often a guest looks whether the folder has lost its holder. */
const LOOK_EVERY_MS = 500;
/** The same trouble after a minute without is another one. */
const TROUBLE_OVER_MS = 60_000;
/** The holder of a folder writes its database's address seconds after it took the folder. */
const ADDRESS_WITHIN_MS = 60_000;

export type FolderKeeperOptions = {
  readonly config: Pick<Config, "dataFolder" | "databaseUrl">;
  readonly log: Log;
  /** Work beside the process that holds the folder, instead of being refused. */
  readonly share: boolean;
  readonly onProgress?: (sentence: string) => void;
};

/**
 * The data folder of a server and the embedded database in it. One process at a time holds the folder and watches the
 * database; processes that share it are guests, and the first to see that the holder is gone takes its place, so that
 * the database goes on being watched (MP17).
 */
export class FolderKeeper implements Service {
  readonly name = "data folder";
  readonly url: string;
  readonly #options: FolderKeeperOptions;
  readonly #ended = new AbortController();
  #folder: LockedFolder | null;
  #embedded: EmbeddedPostgres | null;
  #ran: Promise<void> | null = null;
  /** What kept this process from looking after the folder, and when it last did. */
  #trouble: { readonly what: string; readonly seenAtMs: number } | null = null;

  private constructor(
    options: FolderKeeperOptions,
    held: { folder: LockedFolder | null; embedded: EmbeddedPostgres | null; url: string },
  ) {
    this.#options = options;
    this.#folder = held.folder;
    this.#embedded = held.embedded;
    this.url = held.url;
  }

  /**
   * Takes the folder and brings its database to life, or joins the process that did.
   *
   * @throws Fault `folder.*`, `postgres.*`
   */
  static async open(options: FolderKeeperOptions): Promise<FolderKeeper> {
    const { config, log, onProgress } = options;
    const deadlineMs = performance.now() + ADDRESS_WITHIN_MS;
    for (;;) {
      const folder = await lockOrShare(options);
      if (folder !== null) return await FolderKeeper.#hold(options, folder);
      if (config.databaseUrl !== undefined) {
        return new FolderKeeper(options, { folder: null, embedded: null, url: config.databaseUrl });
      }
      const connection = await readConnectionFile(config.dataFolder).catch((error: unknown) => {
        if (performance.now() > deadlineMs) throw error;
        return null;
      });
      if (connection !== null) {
        log.info({ part: "postgres", port: connection.port }, "Embedded PostgreSQL: shared");
        return new FolderKeeper(options, { folder: null, embedded: null, url: connection.url });
      }
      onProgress?.("Waiting for the other process to start the database");
      await sleep(LOOK_EVERY_MS);
    }
  }

  static async #hold(options: FolderKeeperOptions, folder: LockedFolder): Promise<FolderKeeper> {
    const { config, log, onProgress } = options;
    const { databaseUrl } = config;
    if (databaseUrl !== undefined)
      return new FolderKeeper(options, { folder, embedded: null, url: databaseUrl });
    try {
      const embedded = await startEmbeddedPostgres({ folder, log, ...(onProgress && { onProgress }) });
      const { outcome, pid, port, url } = embedded;
      log.info({ part: "postgres", outcome, pid, port }, `Embedded PostgreSQL: ${outcome}`);
      return new FolderKeeper(options, { folder, embedded, url });
    } catch (error) {
      await folder.release();
      throw error;
    }
  }

  /** The embedded server if this process watches it. */
  get embedded(): EmbeddedPostgres | undefined {
    return this.#embedded ?? undefined;
  }

  /** Whether this process holds the folder, and not another one it shares it with. */
  get holds(): boolean {
    return this.#folder !== null;
  }

  run(signal: AbortSignal): Promise<void> {
    this.#ran ??= this.#keep(AbortSignal.any([signal, this.#ended.signal]));
    return this.#ran;
  }

  /** Ends the watching alone: the database is needed until everybody else has stopped; `close` ends it. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#ran?.catch(() => undefined);
  }

  /** Lets go of everything. @param options.leaveRunning others use the embedded database */
  async close(options: { readonly leaveRunning?: boolean } = {}): Promise<void> {
    await this.stop();
    if (options.leaveRunning === true) await this.#embedded?.leave();
    else await this.#embedded?.stop();
    await this.#folder?.release();
  }

  async #keep(end: AbortSignal): Promise<void> {
    while (this.#folder === null && !end.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: end }).catch(() => undefined);
      if (!end.aborted) await this.#inherit();
    }
    if (this.#embedded !== null && !end.aborted) await this.#embedded.run(end);
    else if (!end.aborted)
      await new Promise<void>((resolve) => end.addEventListener("abort", () => resolve(), { once: true }));
  }

  /**
   * If the holder is gone this process looks after the database from here on. Trouble of the world (a full disk, nothing
   * more can be opened) is no end: the next look tries again (FT9).
   */
  async #inherit(): Promise<void> {
    const { log, config } = this.#options;
    let folder: LockedFolder | null = null;
    try {
      folder = await lockOrShare(this.#options);
      if (folder !== null && config.databaseUrl === undefined) {
        this.#embedded = await startEmbeddedPostgres({ folder, log, mayMove: false });
      }
      this.#folder = folder;
      if (folder === null) return;
      log.info({ part: "data folder", outcome: this.#embedded?.outcome }, "Holds the data folder now");
    } catch (error) {
      this.#tell(error);
      await folder?.release().catch((again: unknown) => this.#tell(again));
    }
  }

  /** A trouble that lasts is one line of the log, not two a second. */
  #tell(error: unknown): void {
    const before = this.#trouble;
    const what = errorCode(error) ?? errorMessage(error);
    const seenAtMs = performance.now();
    this.#trouble = { what, seenAtMs };
    if (before?.what === what && seenAtMs - before.seenAtMs < TROUBLE_OVER_MS) return;
    this.#options.log.error(
      { part: "data folder", reason: errorMessage(error) },
      "The data folder could not be looked after; trying again",
    );
  }
}

/** The folder, or null when another process holds it and it may be shared. */
async function lockOrShare({ config, share }: FolderKeeperOptions): Promise<LockedFolder | null> {
  try {
    return await lockDataFolder(config.dataFolder);
  } catch (error) {
    if (share && error instanceof Fault && errorCode(error) === "folder.locked") return null;
    throw error;
  }
}
