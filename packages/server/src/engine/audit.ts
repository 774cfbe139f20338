import {
  type DrawId,
  type Event,
  fromHex,
  type Hash,
  merkleRoot,
  pickWinners,
  type ShardState,
  type UserId,
  type UserKey,
  type WindowDrawn,
  type WindowSealed,
} from "@wanhui/core";
import type pg from "pg";
import { sha256 } from "../platform/mod.ts";
import { compareClaims } from "./audit-claims.ts";
import { Difference, findStrayGrab, RowsAudit } from "./audit-rows.ts";
import type { Batch } from "./journal-store.ts";
import { JournalBreak, replayShard } from "./replay.ts";

/** Rows read at once; the audit holds one portion, not the journal. */
const PORTION_ROWS = 500;

/** How much was looked at. */
export type AuditCounts = {
  shards: number;
  batches: number;
  events: number;
  pools: number;
  draws: number;
  windows: number;
  entries: number;
  awards: number;
};

/** Either everything agrees, or the first thing that does not. */
export type AuditResult =
  | { readonly ok: true; readonly counts: AuditCounts }
  | { readonly ok: false; readonly difference: string };

/** Follows one shard's events with its own bookkeeping of entries, seals and winners: MT4's second opinion. */
class DrawsAudit {
  readonly #counts: AuditCounts;
  /** Entries not sealed yet: per draw, window and key, with the user behind the key. */
  readonly #open = new Map<DrawId, { window: number; userKey: UserKey; user: UserId }[]>();
  readonly #sealed = new Map<string, { event: WindowSealed; keys: UserKey[] }>();
  readonly #caps = new Map<DrawId, number>();
  readonly #wins = new Map<DrawId, Map<UserKey, number>>();
  readonly #released = new Map<DrawId, number>();
  /** What `draw_windows` must say of events at or before the checkpoint. */
  readonly windows = new Map<string, { root: string; count: number; winners: number | null }>();

  constructor(counts: AuditCounts) {
    this.#counts = counts;
  }

  follow(event: Event, inSql: boolean): void {
    if (event.type === "draw.planned") this.#caps.set(event.rules.draw, event.rules.capPerUser);
    else if (event.type === "entered") {
      this.#counts.entries += 1;
      const list = this.#open.get(event.draw) ?? [];
      list.push({ window: event.window, userKey: event.userKey, user: event.user });
      this.#open.set(event.draw, list);
    } else if (event.type === "window.sealed") this.#seal(event, inSql);
    else if (event.type === "window.drawn") this.#draw(event, inSql);
    else if (event.type === "draw.closed") this.#close(event.record.draw);
  }

  #seal(event: WindowSealed, inSql: boolean): void {
    const { draw, window, parts, units } = event.header;
    const waiting = this.#open.get(draw) ?? [];
    const keys = [...new Set(waiting.filter((e) => e.window <= window).map((e) => e.userKey))].sort();
    const root = merkleRoot(
      keys.map((key) => fromHex(key)),
      sha256,
    );
    const [part] = parts;
    if (parts.length !== 1 || part?.count !== keys.length || part.root !== root) {
      throw new Difference(
        `draw ${draw}, window ${window}: the seal does not cover the entries of the journal`,
      );
    }
    this.#open.set(
      draw,
      waiting.filter((e) => e.window > window),
    );
    this.#released.set(draw, (this.#released.get(draw) ?? 0) + units);
    this.#sealed.set(`${draw} ${window}`, { event, keys });
    this.#counts.windows += 1;
    if (inSql) this.windows.set(`${draw} ${window}`, { root, count: keys.length, winners: null });
  }

  #draw(event: WindowDrawn, inSql: boolean): void {
    const { draw, window, randomness, winners } = event;
    const place = `draw ${draw}, window ${window}`;
    const sealed = this.#sealed.get(`${draw} ${window}`);
    if (sealed === undefined) throw new Difference(`${place}: drawn and not sealed, or drawn twice`);
    if (sealed.event.header.round !== event.round) throw new Difference(`${place}: drawn with another round`);
    const won = this.#wins.get(draw) ?? new Map<UserKey, number>();
    const wonSoFar = [...won.values()].reduce((sum, n) => sum + n, 0);
    const units = this.#unitsUpTo(draw, window) - wonSoFar;
    const cap = this.#caps.get(draw) ?? 0;
    const candidates = sealed.keys.filter((key) => (won.get(key) ?? 0) < cap);
    const again = pickWinners({ sealHash: sealed.event.sealHash, randomness, units, candidates }, sha256);
    if (again.map((w) => w.ticket).join() !== winners.map((w) => w.ticket).join() || units !== event.units) {
      throw new Difference(`${place}: the winners are not those of the tickets`);
    }
    for (const { userKey } of winners) won.set(userKey, (won.get(userKey) ?? 0) + 1);
    this.#wins.set(draw, won);
    this.#sealed.delete(`${draw} ${window}`);
    const row = this.windows.get(`${draw} ${window}`);
    if (inSql && row !== undefined) row.winners = winners.length;
  }

  /** Units of headers 0..window: those released since belong to windows sealed later. */
  #unitsUpTo(draw: DrawId, window: number): number {
    let later = 0;
    for (const { event } of this.#sealed.values()) {
      if (event.header.draw === draw && event.header.window > window) later += event.header.units;
    }
    return (this.#released.get(draw) ?? 0) - later;
  }

  #close(draw: DrawId): void {
    if ((this.#open.get(draw)?.length ?? 0) > 0)
      throw new Difference(`draw ${draw}: closed with entries not sealed`);
    for (const { event } of this.#sealed.values()) {
      if (event.header.draw === draw) throw new Difference(`draw ${draw}: closed with a window not drawn`);
    }
    this.#open.delete(draw);
    this.#wins.delete(draw);
  }
}

type Client = pg.PoolClient;

async function* batchesOf(client: Client, shard: number): AsyncIterable<Batch> {
  for (let next = 1; ; ) {
    const { rows } = await client.query(
      `select seq, epoch, previous_hash, hash, at_ms, payload from journal
       where shard = $1 and seq >= $2 order by seq limit $3`,
      [shard, next, PORTION_ROWS],
    );
    for (const row of rows) {
      next = Number(row.seq) + 1;
      yield {
        shard,
        seq: Number(row.seq),
        epoch: Number(row.epoch),
        previousHash: row.previous_hash.toString("hex") as Hash,
        hash: row.hash.toString("hex") as Hash,
        atMs: Number(row.at_ms),
        payload: row.payload,
      };
    }
    if (rows.length < PORTION_ROWS) return;
  }
}

async function auditShard(client: Client, shard: number, counts: AuditCounts): Promise<void> {
  const found = await client.query("select seq, hash from materialiser_checkpoints where shard = $1", [
    shard,
  ]);
  const checkpoint = { seq: Number(found.rows[0]?.seq ?? 0), hash: found.rows[0]?.hash.toString("hex") };
  const draws = new DrawsAudit(counts);
  const inTables = new RowsAudit();
  // The journal runs ahead of SQL: the facts are taken at the checkpoint, from a replay that ends there.
  const replayed = await replayShard({
    store: { readTail: () => batchesOf(client, shard) },
    shard,
    sha256,
    onBatch: (batch, events) => {
      counts.batches += 1;
      counts.events += events.length;
      const inSql = batch.seq <= checkpoint.seq;
      for (const event of events) {
        draws.follow(event, inSql);
        if (inSql) inTables.follow(event, batch.seq);
      }
      if (batch.seq === checkpoint.seq && batch.hash !== checkpoint.hash) {
        throw new Difference(
          `shard ${shard}: the materialiser's checkpoint names another batch ${batch.seq}`,
        );
      }
    },
  });
  if (checkpoint.seq > replayed.end.seq) {
    throw new Difference(
      `shard ${shard}: SQL is at batch ${checkpoint.seq}, the journal ends at ${replayed.end.seq}`,
    );
  }
  counts.pools += replayed.state.pools.size;
  counts.draws += replayed.state.draws.size;
  const atCheckpoint =
    checkpoint.seq === replayed.end.seq ? replayed.state : await replayUpTo(client, shard, checkpoint.seq);
  counts.awards += await inTables.compareAwards(client, shard, atCheckpoint);
  await inTables.compareGrabs(client);
  await compareWindows(client, shard, draws);
  await inTables.compareEntries(client, shard);
  const claim = await compareClaims(client, replayed.state);
  if (claim !== null) throw new Difference(claim);
}

async function replayUpTo(client: Client, shard: number, seq: number): Promise<ShardState> {
  const readTail = async function* () {
    for await (const batch of batchesOf(client, shard)) {
      if (batch.seq > seq) return;
      yield batch;
    }
  };
  return (await replayShard({ store: { readTail }, shard, sha256 })).state;
}

async function compareWindows(client: Client, shard: number, draws: DrawsAudit): Promise<void> {
  const windows = await client.query(
    "select draw, window_index, root, count, winners from draw_windows where shard = $1",
    [shard],
  );
  for (const row of windows.rows) {
    const key = `${row.draw} ${row.window_index}`;
    const place = `draw ${row.draw}, window ${row.window_index}`;
    const fact = draws.windows.get(key);
    if (fact === undefined) throw new Difference(`${place} is in SQL and not in the journal`);
    if (row.root !== fact.root || Number(row.count) !== fact.count) {
      throw new Difference(`${place}: root and count in SQL are not those of its entries`);
    }
    if ((row.winners === null ? null : Number(row.winners)) !== fact.winners) {
      throw new Difference(
        `${place}: ${String(row.winners)} winners in SQL, ${String(fact.winners)} in the journal`,
      );
    }
    draws.windows.delete(key);
  }
  const [missing] = draws.windows.keys();
  if (missing !== undefined) throw new Difference(`window ${missing} is in the journal and not in SQL`);
}

/**
 * Reads the whole journal and compares it with SQL, in one snapshot (MT4): chain and hashes, every invariant, each
 * seal against its entries, each draw's winners recomputed, every award, grab and entry both ways up to the
 * materialiser's checkpoint, claims and paid orders. Changes nothing; takes about as long as a restart.
 */
export async function audit(pool: pg.Pool): Promise<AuditResult> {
  const counts = { shards: 0, batches: 0, events: 0, pools: 0, draws: 0, windows: 0, entries: 0, awards: 0 };
  const client = await pool.connect();
  try {
    await client.query("begin isolation level repeatable read read only");
    await client.query("set local statement_timeout = 0");
    const shards = await client.query("select shard from shards order by shard");
    for (const { shard } of shards.rows) {
      counts.shards += 1;
      await auditShard(client, shard, counts);
    }
    const stray = await findStrayGrab(client);
    return stray === null ? { ok: true, counts } : { ok: false, difference: stray };
  } catch (error) {
    if (error instanceof Difference || error instanceof JournalBreak)
      return { ok: false, difference: error.message };
    throw error;
  } finally {
    await client.query("rollback").catch(() => undefined);
    client.release();
  }
}
