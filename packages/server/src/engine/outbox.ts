import type { Answer } from "@wanhui/core";
import type pg from "pg";
import { errorMessage, Fault, type Service, traced } from "../platform/mod.ts";
import { type Engine, type EngineCommand, EngineFault, type EngineLog } from "./types.ts";

/** Rows delivered at once: enough to fill a journal tick, few enough to hold. */
const DELIVERIES_MAX = 64;
/** How often the table is looked at when nobody calls `wake`: another process may have written to it. */
const POLL_MS = 250;
/** First and longest pause after a fault; it doubles in between. */
const RETRY_MS = 100;
const RETRY_MS_MAX = 30_000;

/** A command that waits for its answer, or got it. */
export type OutboxRow = { readonly id: string; readonly command: EngineCommand };

/** Called in the transaction that marks the row done: what it writes happens exactly once. */
export type AnsweredHook = (tx: pg.ClientBase, row: OutboxRow, answer: Answer) => Promise<void>;

/** The only way from SQL to the journal (MT3): a row in the business transaction, delivered until answered. */
export type Outbox = Service & {
  /**
   * Writes a command in the caller's transaction; it is delivered after the commit. Commands about the same award,
   * pool or draw go in the order written. The same id with the same command again changes nothing.
   *
   * @param id derived from what it is for, so that a retry of the business step gives the same (`claim/<id>/commit`)
   * @throws Fault `outbox.conflict` for another command under a known id
   */
  enqueue(tx: Pick<pg.ClientBase, "query">, id: string, command: EngineCommand): Promise<void>;
  /** Registers what happens when commands whose id begins with `prefix` are answered; refusals are answers too. */
  onAnswered(prefix: string, hook: AnsweredHook): void;
  /** Looks at the table now instead of at the next poll: call it after the commit. */
  wake(): void;
  /** Resolves when every row committed before the call is done. */
  drained(): Promise<void>;
};

/** What the outbox needs. */
export type OutboxParts = {
  readonly pool: pg.Pool;
  readonly engine: Pick<Engine, "submit" | "shardOf" | "shardOfAward">;
  readonly log: EngineLog;
  /** Whether this process delivers what is meant for a shard, null when nobody knows whose (MP15). Alone it delivers all. */
  readonly delivers?: (shard: number | null) => boolean;
};

/** The shard that will answer, or null when none knows what the command is about. */
function shardOf(command: EngineCommand, engine: OutboxParts["engine"]): number | null {
  if ("awardId" in command) return engine.shardOfAward(command.awardId);
  if ("pool" in command) return engine.shardOf({ pool: command.pool });
  if (command.type === "draw.plan") return engine.shardOf({ pool: command.rules.pool });
  return engine.shardOf({ draw: command.draw });
}

/** What belongs together keeps its order. */
function laneOf(command: EngineCommand): string {
  if ("awardId" in command) return `award/${command.awardId}`;
  if ("pool" in command) return `pool/${command.pool}`;
  return command.type === "draw.plan" ? `draw/${command.rules.draw}` : `draw/${command.draw}`;
}

class TableOutbox implements Outbox {
  readonly name = "outbox";
  readonly #pool: pg.Pool;
  readonly #engine: OutboxParts["engine"];
  readonly #delivers: (shard: number | null) => boolean;
  readonly #log: EngineLog;
  readonly #hooks: { prefix: string; hook: AnsweredHook }[] = [];
  #wake = () => {};
  #woken = false;
  #ending = false;
  #ended: Promise<void> | null = null;

  constructor(parts: OutboxParts) {
    this.#pool = parts.pool;
    this.#engine = parts.engine;
    this.#delivers = parts.delivers ?? (() => true);
    this.#log = parts.log;
  }

  async enqueue(tx: Pick<pg.ClientBase, "query">, id: string, command: EngineCommand): Promise<void> {
    const { rowCount } = await tx.query(
      "insert into outbox (id, kind, lane, command) values ($1, $2, $3, $4) on conflict (id) do nothing",
      [id, command.type, laneOf(command), JSON.stringify(command)],
    );
    if (rowCount === 1) return;
    const same = await tx.query("select 1 from outbox where id = $1 and command = $2::jsonb", [
      id,
      JSON.stringify(command),
    ]);
    if (same.rowCount !== 1) {
      throw new Fault("outbox.conflict", `Outbox row ${id} exists with another command`);
    }
  }

  onAnswered(prefix: string, hook: AnsweredHook): void {
    this.#hooks.push({ prefix, hook });
  }

  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  async drained(): Promise<void> {
    const { rows } = await this.#pool.query("select coalesce(max(number), 0) as last from outbox");
    const { last } = rows[0];
    for (;;) {
      this.wake();
      const open = await this.#pool.query(
        "select 1 from outbox where done_at is null and number <= $1 limit 1",
        [last],
      );
      if (open.rowCount === 0) return;
      if (this.#ending) throw new Fault("outbox.stopped", "The outbox was stopped");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#end(), { once: true });
    if (signal.aborted) this.#end();
    this.#ended ??= this.#loop();
    return this.#ended;
  }

  async stop(): Promise<void> {
    this.#end();
    await this.#ended;
  }

  #end(): void {
    this.#ending = true;
    this.wake();
  }

  async #loop(): Promise<void> {
    while (!this.#ending) {
      this.#woken = false;
      let delivered = 0;
      try {
        delivered = await this.#deliver();
      } catch (error) {
        this.#log.warn({ err: error }, "The outbox could not be read or marked: trying again");
      }
      if (delivered === 0) await this.#idle();
    }
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#woken) this.#wake();
    });
  }

  /** Submits the oldest undone row of each lane whose time has come; returns how many were answered. */
  async #deliver(): Promise<number> {
    const own = await this.#ownHeads();
    const answered = await Promise.all(own.map((row) => this.#deliverOne(row)));
    return answered.filter(Boolean).length;
  }

  /** Reads on past what other processes deliver, so that a slow one holds nobody up. */
  async #ownHeads(): Promise<OutboxRow[]> {
    const own: OutboxRow[] = [];
    for (let after = "0"; own.length < DELIVERIES_MAX; ) {
      const { rows } = await this.#pool.query<OutboxRow & { number: string }>(
        `select number::text, id, command from (
           select distinct on (lane) number, id, command, next_at from outbox where done_at is null order by lane, number
         ) heads where next_at <= clock_timestamp() and number > $2::bigint order by number limit $1`,
        [DELIVERIES_MAX, after],
      );
      own.push(...rows.filter(({ command }) => this.#delivers(shardOf(command, this.#engine))));
      const last = rows.at(-1);
      if (last === undefined || rows.length < DELIVERIES_MAX) break;
      after = last.number;
    }
    return own.slice(0, DELIVERIES_MAX);
  }

  async #deliverOne(row: OutboxRow): Promise<boolean> {
    try {
      const answer = await traced("outbox.deliver", { "wanhui.command": row.command.type }, () =>
        this.#engine.submit(row.command),
      );
      await this.#markDone(row, answer);
      return true;
    } catch (error) {
      await this.#postpone(row, error);
      return false;
    }
  }

  async #markDone(row: OutboxRow, answer: Answer): Promise<void> {
    const client = await this.#pool.connect();
    let broken = true;
    try {
      await client.query("begin");
      const { rowCount } = await client.query(
        `update outbox set done_at = clock_timestamp(), attempts = attempts + 1, answer = $2
         where id = $1 and done_at is null`,
        [row.id, JSON.stringify(answer)],
      );
      if (rowCount === 1) {
        for (const { prefix, hook } of this.#hooks)
          if (row.id.startsWith(prefix)) await hook(client, row, answer);
      }
      await client.query("commit");
      broken = false;
    } finally {
      // A session whose transaction failed is closed: that is what surely ends it.
      client.release(broken);
    }
  }

  async #postpone(row: OutboxRow, error: unknown): Promise<void> {
    if (!(error instanceof EngineFault)) {
      this.#log.error({ outboxId: row.id, err: error }, "An answered command could not be marked done");
    }
    await this.#pool.query(
      `update outbox set attempts = attempts + 1, last_error = $2,
         next_at = clock_timestamp() + least($3 * power(2, least(attempts, 20)), $4) * interval '1 millisecond'
       where id = $1 and done_at is null`,
      [row.id, errorMessage(error), RETRY_MS, RETRY_MS_MAX],
    );
  }
}

/** Makes the outbox over the business database's pool. */
export function createOutbox(parts: OutboxParts): Outbox {
  return new TableOutbox(parts);
}
