import type { Event } from "@wanhui/core";
import type { AwardState, MeMessage, PrizeView } from "@wanhui/protocol";
import type pg from "pg";
import type { DurableBatch, ListenerMemory } from "../engine/mod.ts";
import type { Tx } from "../orders/mod.ts";
import type { CouponOf } from "./codes.ts";
import { AWARDS_LISTED_MAX, type AwardMove, type AwardRecord, readAwards, readAwardsOf } from "./records.ts";
import { wonView } from "./views.ts";

/** A message of the own lane before it is numbered. */
export type MeNews = MeMessage extends infer M ? (M extends MeMessage ? Omit<M, "n"> : never) : never;
export type SendMe = (userId: string, message: MeNews) => void;

/** What is materialised is still kept this long: a query that began before the materialiser may return after it. */
const KEEP_AFTER_MATERIALISED_MS = 60_000;
/** Things looked at per batch when forgetting, so that no batch pays for a whole night. */
const FORGET_PER_BATCH_MAX = 2_048;
/** Awards posted at the moment they were won, waiting for their coupon or credit; beyond it the scan finds them. */
const POSTED_QUEUE_MAX = 100_000;

export type DeskDeps = {
  readonly pool: pg.Pool;
  readonly sendMe: SendMe;
  readonly prize: (pool: string) => PrizeView | null;
  /** The journal's place up to which the `awards` table is complete; 0 when nothing is. */
  readonly materialisedSeq: (shard: number) => number;
  readonly coupon: CouponOf;
  readonly nowMs: () => number;
};

/** Sets an entry as the newest of its map: the order of these maps is the order of the last change. */
function replaceLast<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
}

type Kept<T> = T & { readonly place: { shard: number; seq: number; atMs: number } };

type Saved = {
  readonly grabTtl: ReadonlyMap<string, number | null>;
  readonly draws: ReadonlyMap<string, { pool: string; claimTtlMs: number | null }>;
  readonly won: ReadonlyMap<string, Kept<AwardRecord>>;
  readonly moved: ReadonlyMap<string, Kept<AwardMove>>;
};

/**
 * Knows every award from the moment it is durable. The table knows them a little later: the desk remembers what the
 * table may not have yet, and forgets it once it has (CL11).
 */
export class AwardDesk {
  readonly #deps: DeskDeps;
  /** Claim time of what a pool's grabs and a draw hand out; null is posted at once (GR6). */
  readonly #grabTtl = new Map<string, number | null>();
  readonly #draws = new Map<string, { pool: string; claimTtlMs: number | null }>();
  readonly #won = new Map<string, Kept<AwardRecord>>();
  /** Moves of awards that the table alone knows. */
  readonly #moved = new Map<string, Kept<AwardMove>>();
  readonly #byUser = new Map<string, Set<string>>();
  #changed = new Set<string>();
  #posted: AwardRecord[] = [];
  #postedOverflow = true;
  #wake: () => void = () => undefined;

  constructor(deps: DeskDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one durable batch. Of a live one the winners are told before this returns, so before their window's
   * result can leave on any socket (WR3); of a replayed one nobody is told anything.
   */
  onBatch(batch: DurableBatch): void {
    const inTable = batch.replay && batch.seq <= this.#deps.materialisedSeq(batch.shard);
    const place = { shard: batch.shard, seq: batch.seq, atMs: this.#deps.nowMs() };
    for (const event of batch.events) this.#take(event, { place, inTable, live: !batch.replay });
    this.forget();
    if (this.#changed.size > 0 || this.#posted.length > 0) this.#wake();
  }

  /** What a snapshot keeps of the desk: what the table has by then is forgotten as ever. */
  readonly memory: ListenerMemory = {
    name: "awards",
    save: (): Saved => ({
      grabTtl: this.#grabTtl,
      draws: this.#draws,
      won: this.#won,
      moved: this.#moved,
    }),
    load: (saved) => {
      const { grabTtl, draws, won, moved } = saved as Saved;
      for (const [pool, ttlMs] of grabTtl) this.#grabTtl.set(pool, ttlMs);
      for (const [draw, handsOut] of draws) this.#draws.set(draw, handsOut);
      for (const [awardId, move] of moved) this.#moved.set(awardId, move);
      for (const record of won.values()) this.#keep(record);
    },
  };

  /** One award whoever it belongs to, or null. */
  async find(awardId: string, on: pg.Pool | Tx = this.#deps.pool): Promise<AwardRecord | null> {
    return (await this.findAll([awardId], on))[0] ?? null;
  }

  /** These awards as far as they exist, in no order. */
  async findAll(awardIds: readonly string[], on: pg.Pool | Tx = this.#deps.pool): Promise<AwardRecord[]> {
    const missing = awardIds.filter((awardId) => !this.#won.has(awardId));
    const table = missing.length === 0 ? [] : await readAwards(on, missing);
    const known = new Map(table.map((record) => [record.awardId, record]));
    return awardIds.flatMap((awardId) => this.#newest(awardId, known.get(awardId)) ?? []);
  }

  /** Awards of the table as they stand now. */
  asNow(table: readonly AwardRecord[]): AwardRecord[] {
    return table.flatMap((record) => this.#newest(record.awardId, record) ?? []);
  }

  /** A person's awards, newest first: the table's, and those it does not have yet. */
  async listOf(userId: string): Promise<AwardRecord[]> {
    const table = await readAwardsOf(this.#deps.pool, userId);
    const known = new Map(table.map((record) => [record.awardId, record]));
    const ids = new Set([...(this.#byUser.get(userId) ?? []), ...known.keys()]);
    const all = [...ids].flatMap((awardId) => this.#newest(awardId, known.get(awardId)) ?? []);
    all.sort((a, b) => b.wonAtMs - a.wonAtMs || (a.awardId < b.awardId ? -1 : 1));
    return all.slice(0, AWARDS_LISTED_MAX);
  }

  /** Awards somebody should be told about again. Asking empties the list. */
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed = new Set();
    return changed;
  }

  /** Says that an award looks different for its owner now: a claim is done, an order moved. */
  touch(awardId: string): void {
    this.#changed.add(awardId);
    this.#wake();
  }

  /** Awards posted as they were won, whose coupon or credit is to be made. `overflow`: not all of them, look at the table. */
  takePosted(max: number): { records: AwardRecord[]; overflow: boolean } {
    const overflow = this.#postedOverflow;
    this.#postedOverflow = false;
    return { records: this.#posted.splice(0, max), overflow };
  }

  /** Resolves when there is something to take, at the latest after `maxMs`. */
  whenChanged(maxMs: number, signal: AbortSignal): Promise<void> {
    if (this.#changed.size > 0 || this.#posted.length > 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, maxMs);
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
    });
  }

  /** Awards and moves held in memory, for metrics. */
  get kept(): number {
    return this.#won.size + this.#moved.size;
  }

  #newest(awardId: string, table: AwardRecord | undefined): AwardRecord | undefined {
    const kept = this.#won.get(awardId);
    const record = kept ?? table;
    if (record === undefined) return undefined;
    const { pool, draw, window, userId, wonAtMs } = record;
    const move = kept ?? this.#moved.get(awardId) ?? record;
    const { state, reason } = move;
    const claimByMs = move.claimByMs === undefined ? record.claimByMs : move.claimByMs;
    return { awardId, pool, draw, window, userId, wonAtMs, state, claimByMs, reason };
  }

  #take(event: Event, how: { place: Kept<AwardMove>["place"]; inTable: boolean; live: boolean }): void {
    if (event.type === "pool.created") this.#grabTtl.set(event.pool, event.grabClaimTtlMs);
    else if (event.type === "draw.planned") {
      const { draw, pool, claimTtlMs } = event.rules;
      this.#draws.set(draw, { pool, claimTtlMs });
    } else if (how.inTable) return;
    else if (event.type === "granted") {
      const { awardId, pool, user, atMs } = event;
      const won = { awardId, pool, draw: null, window: null, userId: user, wonAtMs: atMs };
      this.#add(won, this.#grabTtl.get(pool) ?? null, how);
    } else if (event.type === "window.drawn") {
      const draw = this.#draws.get(event.draw);
      if (draw === undefined) throw new Error(`Drawn before it was planned: ${event.draw}`);
      for (const { awardId, user } of event.winners) {
        const where = { pool: draw.pool, draw: event.draw, window: event.window };
        this.#add({ awardId, userId: user, wonAtMs: event.atMs, ...where }, draw.claimTtlMs, how);
      }
    } else if (event.type === "award.moved") {
      const { awardId, to: state, claimByMs, reason } = event;
      const won = this.#won.get(awardId);
      const { place } = how;
      // A committing award keeps its deadline for the day it is released (AW3); every other move says its own.
      const kept = state === "committing" ? (won ?? this.#moved.get(awardId))?.claimByMs : claimByMs;
      if (won === undefined) {
        replaceLast(this.#moved, awardId, { awardId, state, claimByMs: kept, reason, place });
      } else replaceLast(this.#won, awardId, { ...won, state, claimByMs: kept ?? null, reason, place });
      if (how.live) this.#changed.add(awardId);
    }
  }

  #add(
    won: Pick<AwardRecord, "awardId" | "pool" | "draw" | "window" | "userId" | "wonAtMs">,
    claimTtlMs: number | null,
    how: { place: Kept<AwardMove>["place"]; live: boolean },
  ): void {
    const state: AwardState = claimTtlMs === null ? "posted" : "held";
    const claimByMs = claimTtlMs === null ? null : won.wonAtMs + claimTtlMs;
    const record = { ...won, state, claimByMs, reason: null, place: how.place };
    this.#keep(record);
    if (state === "posted") {
      if (!how.live || this.#posted.length >= POSTED_QUEUE_MAX) this.#postedOverflow = true;
      else this.#posted.push(record);
    }
    if (!how.live) return;
    const prize = this.#deps.prize(won.pool);
    if (prize === null) return;
    const award = wonView(record, prize, this.#deps.coupon);
    this.#deps.sendMe(won.userId, { t: "won", award });
  }

  #keep(record: Kept<AwardRecord>): void {
    this.#won.set(record.awardId, record);
    const own = this.#byUser.get(record.userId);
    if (own === undefined) this.#byUser.set(record.userId, new Set([record.awardId]));
    else own.add(record.awardId);
  }

  /** Lets go of what the table has had for a while; called with each batch, and now and then. */
  forget(): void {
    const beforeMs = this.#deps.nowMs() - KEEP_AFTER_MATERIALISED_MS;
    const stale = ({ place }: Kept<object>) =>
      place.atMs < beforeMs && place.seq <= this.#deps.materialisedSeq(place.shard);
    let looked = 0;
    for (const [awardId, record] of this.#won) {
      if (looked++ >= FORGET_PER_BATCH_MAX || !stale(record)) break;
      this.#won.delete(awardId);
      const own = this.#byUser.get(record.userId);
      own?.delete(awardId);
      if (own?.size === 0) this.#byUser.delete(record.userId);
    }
    for (const [awardId, move] of this.#moved) {
      if (looked++ >= FORGET_PER_BATCH_MAX || !stale(move)) break;
      this.#moved.delete(awardId);
    }
  }
}
