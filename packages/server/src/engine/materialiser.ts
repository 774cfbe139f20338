import { once } from "node:events";
import { type DrawId, GENESIS_HASH, type Hash, type PoolId, type Sha256 } from "@wanhui/core";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { errorCode, errorMessage, Fault, type Service, traced } from "../platform/mod.ts";
import type { CopyRows } from "./copy-binary.ts";
import type { JournalStore } from "./journal-store.ts";
import {
  awardColumns,
  copyOfAwards,
  Projection,
  ProjectionBreak,
  type ProjectionMemory,
} from "./projection.ts";
import { openBatch } from "./replay.ts";
import type { DurableBatch, Engine, EngineLog } from "./types.ts";

/** Events carried in one transaction: about half a second of COPY, so that nobody waits long behind it. */
const EVENTS_PER_TRANSACTION_MAX = 50_000;
/** Passes are no closer together than this: what came meanwhile shares their statements. Nobody waits for a pass but a claim. */
const PASS_EVERY_MS = 30;
/** Batches kept from the engine's feed; beyond these the journal itself is read, at the cost of a query. */
const FEED_EVENTS_MAX = 200_000;
/** A process that does not carry reads the checkpoints this often; what it keeps in memory waits for them. */
const READ_CHECKPOINTS_EVERY_MS = 1_000;
/** Pause after the database failed. */
const RETRY_MS = 500;

/** How far SQL has come, shard by shard. */
export type Checkpoint = { readonly shard: number; readonly seq: number; readonly hash: Hash };

/**
 * Carries durable journal batches to the tables of `0010_engine.sql`. A conflict stops the line for good and not the
 * process: `run` stays until its end is asked for, `status` and the log say why (MT2).
 */
export type Materialiser = Service & {
  /** Resolves when everything durable at the time of the call is in SQL; rejects when the line has stopped. */
  caughtUp(): Promise<void>;
  /** Last checkpoints, and why the line has stopped, or null. */
  status(): { readonly checkpoints: readonly Checkpoint[]; readonly stopped: string | null };
};

/** What the materialiser needs. */
export type MaterialiserParts = {
  readonly url: string;
  readonly store: JournalStore;
  readonly engine: Pick<Engine, "onDurable" | "status">;
  readonly sha256: Sha256;
  readonly log: EngineLog;
  /** Whether this process carries; the others read how far the one that does has come (MP15). Alone it always does. */
  readonly leads?: () => boolean;
};

/** The last batches of the engine, so that the usual case reads nothing back. */
class Feed {
  readonly #batches = new Map<number, DurableBatch[]>();
  readonly #newest = new Map<number, number>();
  #events = 0;

  add(batch: DurableBatch): void {
    this.#newest.set(batch.shard, Math.max(batch.seq, this.newest(batch.shard)));
    const list = this.#batches.get(batch.shard) ?? [];
    const follows = list.length === 0 || list.at(-1)?.seq === batch.seq - 1;
    // Full: remember only that there is more. The reader finds the rest in the journal.
    if (!follows || this.#events + batch.events.length > FEED_EVENTS_MAX) return;
    list.push(batch);
    this.#events += batch.events.length;
    this.#batches.set(batch.shard, list);
  }

  newest(shard: number): number {
    return this.#newest.get(shard) ?? 0;
  }

  /** Forgets batches up to `seq` and returns what follows without a gap, possibly nothing. */
  after(shard: number, seq: number): readonly DurableBatch[] {
    const list = this.#batches.get(shard) ?? [];
    const keep = list.filter((batch) => batch.seq > seq);
    this.#events -= list.reduce((sum, b) => sum + b.events.length, 0);
    const usable = keep[0] === undefined || keep[0].seq === seq + 1 ? keep : [];
    this.#events += usable.reduce((sum, b) => sum + b.events.length, 0);
    this.#batches.set(shard, [...usable]);
    return usable;
  }
}

type Work = { readonly shard: number; readonly from: Checkpoint; readonly batches: readonly DurableBatch[] };

class TableMaterialiser implements Materialiser {
  readonly name = "materialiser";
  readonly #parts: MaterialiserParts;
  readonly #feed = new Feed();
  readonly #unsubscribe: () => void;
  readonly #checkpoints = new Map<number, Checkpoint>();
  #memory: ProjectionMemory = { draws: new Map(), grabClaimTtlMs: new Map() };
  #client: pg.Client | null = null;
  #wake = () => {};
  #waiters: { goal: Map<number, number>; resolve(): void; reject(error: unknown): void }[] = [];
  #ending = false;
  #nextPassMs = 0;
  #stopped: Error | null = null;
  #ended: Promise<void> | null = null;

  constructor(parts: MaterialiserParts) {
    this.#parts = parts;
    this.#unsubscribe = parts.engine.onDurable((batch) => {
      this.#feed.add(batch);
      this.#wake();
      // What it has to know is in SQL.
    }, null);
  }

  run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#end(), { once: true });
    if (signal.aborted) this.#end();
    this.#ended ??= this.#loop();
    return this.#ended;
  }

  async stop(): Promise<void> {
    this.#end();
    await this.#ended?.catch(() => undefined);
    await this.#disconnect();
  }

  caughtUp(): Promise<void> {
    const goal = new Map(this.#parts.engine.status().shards.map(({ shard, seq }) => [shard, seq]));
    return new Promise((resolve, reject) => {
      this.#waiters.push({ goal, resolve, reject });
      this.#settleWaiters();
      this.#wake();
    });
  }

  status(): { checkpoints: readonly Checkpoint[]; stopped: string | null } {
    return { checkpoints: [...this.#checkpoints.values()], stopped: this.#stopped?.message ?? null };
  }

  #end(): void {
    this.#ending = true;
    this.#unsubscribe();
    this.#wake();
  }

  async #loop(): Promise<void> {
    let loaded = false;
    while (!this.#ending) {
      try {
        if (this.#parts.leads?.() === false) {
          loaded = false;
          await this.#readCheckpoints(await this.#connected());
          await this.#pause(READ_CHECKPOINTS_EVERY_MS);
          continue;
        }
        if (!loaded) await this.#load();
        loaded = true;
        const work = await this.#next();
        if (work.length === 0) await this.#idle();
        else {
          this.#nextPassMs = performance.now() + PASS_EVERY_MS;
          await traced("materialiser.carry", { "wanhui.shards": work.length }, () => this.#carry(work));
          if (this.#waiters.length === 0) await this.#pause(this.#nextPassMs - performance.now());
        }
      } catch (error) {
        loaded = false;
        await this.#disconnect();
        if (error instanceof LineStopped) {
          await this.#halt(error);
          continue;
        }
        const fields = { err: error };
        this.#parts.log.warn(fields, "The materialiser starts anew from its checkpoints");
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    await this.#disconnect();
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(new Fault("materialiser.stopped", "The materialiser was stopped"));
    }
  }

  /**
   * MT2: loudly, and for good: whoever mends the tables starts the process again. Draws and grabs need no table, and the
   * next to carry would meet the same row: the process stays (JR13). Resolves at the end.
   */
  #halt(error: LineStopped): Promise<void> {
    this.#stopped = error;
    this.#parts.log.error({ err: error, shard: error.shard, seq: error.seq }, error.message);
    this.#unsubscribe();
    this.#settleWaiters();
    return new Promise((resolve) => {
      this.#wake = () => {
        if (this.#ending) resolve();
      };
      this.#wake();
    });
  }

  /** Ends early at the end, and when somebody waits for a pass. */
  #pause(delayMs: number): Promise<void> {
    if (delayMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        if (!this.#ending && this.#waiters.length === 0) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      const behind = this.#newest().some(({ shard, seq }) => seq > (this.#checkpoints.get(shard)?.seq ?? 0));
      if (this.#ending || behind) resolve();
    });
  }

  // ---- what is next

  /** The last durable batch of each shard: told here, or known by the engine from a snapshot (JR14). */
  #newest(): { readonly shard: number; readonly seq: number }[] {
    const { shards } = this.#parts.engine.status();
    return shards.map(({ shard, seq }) => ({ shard, seq: Math.max(seq, this.#feed.newest(shard)) }));
  }

  async #next(): Promise<Work[]> {
    const work: Work[] = [];
    let room = EVENTS_PER_TRANSACTION_MAX;
    for (const { shard, seq } of this.#newest()) {
      const from = this.#checkpoints.get(shard) ?? { shard, seq: 0, hash: GENESIS_HASH };
      const known = this.#feed.after(shard, from.seq);
      if (seq <= from.seq || room <= 0) continue;
      const batches: DurableBatch[] = [];
      for await (const batch of known.length > 0 ? known : this.#read(from)) {
        batches.push(batch);
        room -= batch.events.length;
        if (room <= 0) break;
      }
      if (batches.length > 0) work.push({ shard, from, batches });
    }
    return work;
  }

  /** The journal itself, from the checkpoint on: only batches known to be durable are there. */
  async *#read(from: Checkpoint): AsyncIterable<DurableBatch> {
    const { store, sha256 } = this.#parts;
    let last = from.seq === 0 ? null : await store.readBatch(from.shard, from.seq);
    for await (const batch of store.readTail(from.shard, from.seq + 1)) {
      const events = openBatch(last, batch, sha256);
      last = batch;
      const { shard, seq, epoch, atMs, hash } = batch;
      yield { shard, seq, epoch, atMs, hash, events, replay: true };
    }
  }

  // ---- one transaction

  async #carry(work: readonly Work[]): Promise<void> {
    try {
      await this.#transaction(work);
    } catch (error) {
      if (!isConflict(error)) throw error;
      await this.#findConflict(work);
    }
  }

  /** Some batch conflicts: carries them one by one, so that the one that does is known by its number (MT2). */
  async #findConflict(work: readonly Work[]): Promise<never> {
    await this.#disconnect();
    await this.#load();
    for (const { shard, batches } of work) {
      for (const batch of batches) {
        const from = this.#checkpoints.get(shard) ?? { shard, seq: 0, hash: GENESIS_HASH };
        if (batch.seq <= from.seq) continue;
        try {
          await this.#transaction([{ shard, from, batches: [batch] }]);
        } catch (error) {
          if (isConflict(error)) throw new LineStopped(batch, error);
          throw error;
        }
      }
    }
    throw new Fault("materialiser.conflict_gone", "A conflict was not there any more when looked for", {
      retryable: true,
    });
  }

  async #transaction(work: readonly Work[]): Promise<void> {
    const client = await this.#connected();
    const reached: Checkpoint[] = [];
    await client.query("begin");
    for (const { shard, from, batches } of work) {
      const last = batches.at(-1);
      if (last === undefined) continue;
      const to = { shard, seq: last.seq, hash: last.hash };
      await advance(client, from, to);
      reached.push(to);
    }
    const projection = new Projection(this.#memory);
    for (const { batches } of work) for (const batch of batches) projection.add(batch);
    await writeRows(client, projection);
    await client.query("commit");
    for (const checkpoint of reached) this.#checkpoints.set(checkpoint.shard, checkpoint);
    this.#settleWaiters();
  }

  #settleWaiters(): void {
    const stopped = this.#stopped;
    this.#waiters = this.#waiters.filter((waiter) => {
      if (stopped !== null) waiter.reject(stopped);
      else if ([...waiter.goal].every(([shard, seq]) => (this.#checkpoints.get(shard)?.seq ?? 0) >= seq)) {
        waiter.resolve();
      } else return true;
      return false;
    });
  }

  // ---- connection and memory

  async #connected(): Promise<pg.Client> {
    if (this.#client !== null) return this.#client;
    const client = new pg.Client({
      connectionString: this.#parts.url,
      application_name: "wanhui materialiser",
      statement_timeout: 60_000,
      keepAlive: true,
    });
    client.on("error", () => undefined);
    await client.connect();
    this.#client = client;
    return client;
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  /** How far the process that carries has come; what is in SQL is forgotten here. */
  async #readCheckpoints(client: pg.Client): Promise<void> {
    const { rows } = await client.query("select shard, seq, hash from materialiser_checkpoints");
    const reached = rows.map(({ shard, seq, hash }): Checkpoint => {
      return { shard, seq: Number(seq), hash: hash.toString("hex") as Hash };
    });
    const news = reached.filter(({ shard, seq }) => seq > (this.#checkpoints.get(shard)?.seq ?? 0));
    for (const checkpoint of news) {
      this.#checkpoints.set(checkpoint.shard, checkpoint);
      this.#feed.after(checkpoint.shard, checkpoint.seq);
    }
    this.#settleWaiters();
  }

  async #load(): Promise<void> {
    const client = await this.#connected();
    const checkpoints = await client.query("select shard, seq, hash from materialiser_checkpoints");
    this.#checkpoints.clear();
    for (const row of checkpoints.rows) {
      const checkpoint = { shard: row.shard, seq: Number(row.seq), hash: row.hash.toString("hex") as Hash };
      const batch = await this.#parts.store.readBatch(checkpoint.shard, checkpoint.seq);
      if (batch?.hash !== checkpoint.hash) {
        throw new LineStopped(
          checkpoint,
          new Error("the checkpoint names a batch that the journal does not have"),
        );
      }
      this.#checkpoints.set(checkpoint.shard, checkpoint);
    }
    const draws = await client.query(
      `select d.draw, d.pool, (d.rules->>'claimTtlMs')::bigint as ttl,
         (select count(*) from draw_records r where r.draw = d.draw) as records from draws d`,
    );
    const pools = await client.query("select pool, grab_claim_ttl_ms as ttl from pools");
    const ttlOf = (ttl: string | null) => (ttl === null ? null : Number(ttl));
    this.#memory = {
      draws: new Map(
        draws.rows.map((row) => [
          row.draw as DrawId,
          { pool: row.pool as PoolId, claimTtlMs: ttlOf(row.ttl), records: Number(row.records) },
        ]),
      ),
      grabClaimTtlMs: new Map(pools.rows.map((row) => [row.pool as PoolId, ttlOf(row.ttl)])),
    };
    this.#settleWaiters();
  }
}

/** MT1: compare-and-set. Whoever finds another checkpoint than he left has been overtaken and begins anew. */
async function advance(client: pg.Client, from: Checkpoint, to: Checkpoint): Promise<void> {
  const hash = Buffer.from(to.hash, "hex");
  const result =
    from.seq === 0
      ? await client.query(
          "insert into materialiser_checkpoints (shard, seq, hash) values ($1, $2, $3) on conflict do nothing",
          [to.shard, to.seq, hash],
        )
      : await client.query(
          "update materialiser_checkpoints set seq = $4, hash = $5 where shard = $1 and seq = $2 and hash = $3",
          [to.shard, from.seq, Buffer.from(from.hash, "hex"), to.seq, hash],
        );
  if (result.rowCount !== 1) {
    throw new Fault("materialiser.overtaken", `Shard ${to.shard} was carried on by another materialiser`, {
      retryable: true,
    });
  }
}

async function writeRows(client: pg.Client, projection: Projection): Promise<void> {
  for (const { text, values, key } of projection.statements) {
    const { rowCount } = await client.query(text, [...values]);
    if (rowCount !== 1) throw new ProjectionBreak(`no row to change for ${key}`);
  }
  const entryColumns = "draw, window_index, user_key, user_id, at_ms, shard, seq";
  await copyInto(client, `draw_entries (${entryColumns})`, projection.entries);
  await copyInto(client, "grabs (pool, user_id, request_id, award_id, granted_at_ms)", projection.grabs);
  await copyInto(client, "grab_waits (pool, user_id, request_id, since_ms)", projection.waits);
  await copyInto(client, `awards (${awardColumns})`, copyOfAwards(projection.awards.values()));
  await moveAwards(client, projection);
}

async function copyInto(client: pg.Client, target: string, rows: CopyRows): Promise<void> {
  if (rows.rows === 0) return;
  const stream = client.query(copyFrom(`copy ${target} from stdin (format binary)`));
  stream.end(rows.finish());
  await once(stream, "finish");
}

async function moveAwards(client: pg.Client, { moves }: Projection): Promise<void> {
  if (moves.size === 0) return;
  const rows = [...moves].map(([award_id, move]) => ({
    award_id,
    state: move.state,
    order_id: move.orderId,
    keep: move.claimByMs === undefined,
    claim_by_ms: move.claimByMs ?? null,
    reason: move.reason,
    moved_at_ms: move.movedAtMs,
  }));
  const { rowCount } = await client.query(
    `update awards a set state = m.state, order_id = coalesce(m.order_id, a.order_id), reason = m.reason,
       claim_by_ms = case when m.keep then a.claim_by_ms else m.claim_by_ms end, moved_at_ms = m.moved_at_ms
     from jsonb_to_recordset($1::jsonb) as m (award_id text, state text, order_id text, keep boolean,
       claim_by_ms bigint, reason text, moved_at_ms bigint)
     where a.award_id = m.award_id and a.state in ('held', 'committing')`,
    [JSON.stringify(rows)],
  );
  if (rowCount !== moves.size) {
    const [first] = moves.keys();
    throw new ProjectionBreak(
      `${moves.size - (rowCount ?? 0)} awards to move are not open in SQL (from ${first} on)`,
    );
  }
}

/** MT2: the same key with other content, or no row where one must be. Anything else is the world's trouble. */
function isConflict(error: unknown): error is Error {
  const integrityViolations = "23";
  return error instanceof ProjectionBreak || (errorCode(error) ?? "").startsWith(integrityViolations);
}

/** The materialiser met a conflict and carries nothing more: says which batch, and which key. Thrown by `caughtUp`. */
export class LineStopped extends Error {
  override readonly name = "LineStopped";
  readonly code = "materialiser.conflict";
  readonly retryable = false;
  readonly shard: number;
  readonly seq: number;

  constructor(place: { readonly shard: number; readonly seq: number }, cause: Error) {
    const detail = "detail" in cause && typeof cause.detail === "string" ? ` ${cause.detail}` : "";
    const where = `shard ${place.shard}, batch ${place.seq}`;
    super(`The materialiser stops at ${where}: ${errorMessage(cause)}${detail}`, { cause });
    this.shard = place.shard;
    this.seq = place.seq;
  }
}

/** Makes the materialiser and subscribes it to the engine: make it before the engine starts. */
export function createMaterialiser(parts: MaterialiserParts): Materialiser {
  return new TableMaterialiser(parts);
}
