import type { Hash } from "@wanhui/core";
import type { Batch, Fence, JournalStore } from "@wanhui/server";

/** What happens to one statement on its way: delays, and whether and when the caller loses sight of it. */
export type StatementFate = {
  /** Until the server begins it, until it commits after that, and until the answer is back. */
  readonly requestMs: number;
  readonly commitMs: number;
  readonly responseMs: number;
  /**
   * The caller sees a lost connection: `before` it reached the server, `after` it committed, or `early`, while it is
   * still on its way. `full`: the server refuses to write.
   */
  readonly lost: "no" | "before" | "early" | "after" | "full";
};

/** What is asked of the database. */
export type StatementKind = "append" | "fence" | "raise" | "read" | "members";

/** What the store needs of its world. */
export type JournalWorld = {
  sleep(delayMs: number): Promise<void>;
  fate(kind: StatementKind): StatementFate;
};

const start = "0".repeat(64) as Hash;

type Fenced = { readonly rows: number; readonly epoch: number; readonly holder: string };
type Shard = {
  epoch: number;
  holder: string;
  rows: Batch[];
  locks: number;
  waiting: (() => void)[];
  /** The fence after each change, with the rows there were: what a standby that lags still has. */
  history: Fenced[];
};

/**
 * A database's journal, in memory: what is durable survives whoever wrote it. An append holds its shards' fences from
 * its beginning to its commit, as PostgreSQL's row lock does, and a raise waits for that.
 */
export class MemoryDisk {
  readonly shards: Shard[] = [];
  /** Raised when another server takes this one's place: what was begun here is never committed there. */
  #server = 1;

  prepare(shards: number): number {
    if (this.shards.length === 0) {
      for (let shard = 0; shard < shards; shard += 1) {
        this.shards.push({ epoch: 0, holder: "", rows: [], locks: 0, waiting: [], history: [] });
      }
    }
    return this.shards.length;
  }

  shard(shard: number): Shard {
    const found = this.shards[shard];
    if (found === undefined) throw new Error(`There is no shard ${shard}`);
    return found;
  }

  /** Locks the fences that hold and returns their rows, to be committed later. */
  begin(rows: readonly Batch[]): Batch[] {
    const fenced = rows.filter((row) => this.shard(row.shard).epoch === row.epoch);
    for (const row of fenced) this.shard(row.shard).locks += 1;
    return fenced.filter((row) => this.#follows(row));
  }

  commit(all: readonly Batch[], good: readonly Batch[]): Set<number> {
    const written = good.filter((row) => this.#follows(row));
    for (const row of written) this.shard(row.shard).rows.push({ ...row, payload: row.payload.slice() });
    for (const row of all) this.#unlock(row);
    return new Set(written.map((row) => row.shard));
  }

  /** @param heldBy raised only while held by him; null for whoever holds it */
  async raise(shard: number, holder: string, heldBy: string | null): Promise<number | null> {
    const row = await this.#unlocked(shard);
    if (heldBy !== null && row.holder !== heldBy) return null;
    row.epoch += 1;
    this.#hold(row, holder);
    return row.epoch;
  }

  async release(shard: number, holder: string, epoch: number): Promise<boolean> {
    const row = await this.#unlocked(shard);
    if (row.holder !== holder || row.epoch !== epoch) return false;
    this.#hold(row, "");
    return true;
  }

  #hold(row: Shard, holder: string): void {
    row.holder = holder;
    row.history.push({ rows: row.rows.length, epoch: row.epoch, holder });
  }

  /** Which server this is: an append begun on another one is lost. */
  get server(): number {
    return this.#server;
  }

  /**
   * A standby takes over that had not received the last batches of some shards, nor the changes of their fence since.
   *
   * @param lag how many of its last batches a shard loses
   * @returns batches that were committed and are gone
   */
  promote(lag: (shard: number) => number): number {
    this.#server += 1;
    let lost = 0;
    for (const [number, shard] of this.shards.entries()) {
      const kept = Math.max(0, shard.rows.length - lag(number));
      lost += shard.rows.length - kept;
      shard.rows.splice(kept);
      shard.history = shard.history.filter(({ rows }) => rows <= kept);
      const fenced = shard.history.at(-1);
      shard.epoch = fenced?.epoch ?? 0;
      shard.holder = fenced?.holder ?? "";
      shard.locks = 0;
      for (const resolve of shard.waiting.splice(0)) resolve();
    }
    return lost;
  }

  /** An update of the fence's row waits for the appends that hold it. */
  async #unlocked(shard: number): Promise<Shard> {
    const row = this.shard(shard);
    while (row.locks > 0) await new Promise<void>((resolve) => row.waiting.push(resolve));
    return row;
  }

  #follows(row: Batch): boolean {
    const { rows } = this.shard(row.shard);
    const last = rows.at(-1);
    if (last === undefined) return row.seq === 1 && row.previousHash === start;
    return row.seq === last.seq + 1 && row.previousHash === last.hash && row.epoch >= last.epoch;
  }

  #unlock(row: Batch): void {
    const shard = this.shard(row.shard);
    // A row whose epoch was not the shard's at the beginning never held the lock.
    if (shard.epoch !== row.epoch) return;
    shard.locks -= 1;
    if (shard.locks > 0) return;
    const waiting = shard.waiting.splice(0);
    for (const resolve of waiting) resolve();
  }
}

/** One process's connection to a MemoryDisk; must pass `journalStoreContract` like any other store. */
export class MemoryJournal implements JournalStore {
  readonly #disk: MemoryDisk;
  readonly #world: JournalWorld;

  constructor(disk: MemoryDisk, world: JournalWorld) {
    this.#disk = disk;
    this.#world = world;
  }

  async prepare(shards: number): Promise<number> {
    return this.#disk.prepare(shards);
  }

  raiseEpoch(shard: number, holder: string): Promise<number> {
    return this.#statement("raise", async () => (await this.#disk.raise(shard, holder, null)) ?? 0);
  }

  raiseEpochIfHeld(shard: number, holder: string, next = holder): Promise<number | null> {
    return this.#statement("raise", () => this.#disk.raise(shard, next, holder));
  }

  release(shard: number, holder: string, epoch: number): Promise<boolean> {
    return this.#statement("raise", () => this.#disk.release(shard, holder, epoch));
  }

  async *readTail(shard: number, fromSeq: number): AsyncIterable<Batch> {
    // In portions, as from a real server: a crash or a lost connection may fall between two of them.
    for (let next = fromSeq; ; ) {
      const portion = await this.#statement("read", async () => {
        return this.#disk.shard(shard).rows.slice(next - 1, next - 1 + 16);
      });
      yield* portion;
      if (portion.length < 16) return;
      next += portion.length;
    }
  }

  readBatch(shard: number, seq: number): Promise<Batch | null> {
    return this.#statement("read", async () => this.#disk.shard(shard).rows[seq - 1] ?? null);
  }

  append(rows: readonly Batch[]): Promise<ReadonlySet<number>> {
    return this.#statement("append", async (fate) => {
      const { server } = this.#disk;
      const good = this.#disk.begin(rows);
      if (fate.commitMs > 0) await this.#world.sleep(fate.commitMs);
      if (this.#disk.server !== server) throw lostConnection();
      return this.#disk.commit(rows, good);
    });
  }

  checkFence(fences: readonly Fence[]): Promise<ReadonlySet<number>> {
    return this.#statement("fence", async () => {
      const held = fences.filter(({ shard, epoch, seq, hash }) => {
        const { epoch: now, rows } = this.#disk.shard(shard);
        return now === epoch && (seq === 0 || rows[seq - 1]?.hash === hash);
      });
      return new Set(held.map(({ shard }) => shard));
    });
  }

  async close(): Promise<void> {}

  #statement<T>(kind: StatementKind, work: (fate: StatementFate) => Promise<T>): Promise<T> {
    return statement(this.#world, kind, work);
  }
}

const lostConnection = () => Object.assign(new Error("The connection was lost"), { code: "08006" });

/** Sends something to the database and back, with the fate the world has for it. */
export async function statement<T>(
  world: JournalWorld,
  kind: StatementKind,
  work: (fate: StatementFate) => Promise<T>,
): Promise<T> {
  const fate = world.fate(kind);
  if (fate.lost === "early") {
    // The caller has given up, the statement has not: it arrives later, and must meet the fence.
    void world.sleep(fate.requestMs * 2).then(() => work(fate).catch(() => undefined));
    await world.sleep(fate.requestMs);
    throw lostConnection();
  }
  if (fate.requestMs > 0) await world.sleep(fate.requestMs);
  if (fate.lost === "before") throw lostConnection();
  if (fate.lost === "full") throw Object.assign(new Error("No space left on device"), { code: "53100" });
  const result = await work(fate);
  if (fate.responseMs > 0) await world.sleep(fate.responseMs);
  if (fate.lost === "after") throw lostConnection();
  return result;
}
