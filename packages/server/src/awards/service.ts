import type { Answer } from "@wanhui/core";
import type { AwardState, AwardView, PrizeView } from "@wanhui/protocol";
import type pg from "pg";
import type { DurableBatch, ListenerMemory } from "../engine/mod.ts";
import type { AwardCommand, Gate, Orders, Tx, Vault } from "../orders/mod.ts";
import type { Log, Service } from "../platform/mod.ts";
import { type Claims, createClaims } from "./claims.ts";
import { type ClaimTerms, createCoupons, DEFAULT_TERMS } from "./codes.ts";
import { AwardDesk, type SendMe } from "./desk.ts";
import { type AwardPlace, type AwardRecord, readNewestAwards } from "./records.ts";
import { AwardSettler } from "./settler.ts";
import { viewsOf } from "./views.ts";

export type AwardsDeps = {
  readonly pool: pg.Pool;
  /** Let through before the engine is asked under a row's lock; the same one as the orders'. */
  readonly gate: Gate;
  readonly submit: (command: AwardCommand) => Promise<Answer>;
  readonly orders: Orders;
  readonly vault: Vault;
  /** What a unit of a pool is, of this run or an earlier one; null when nobody knows any more. */
  readonly prize: (pool: string) => PrizeView | null;
  /** What the show file says of a pool's claims; null when nobody knows any more. */
  readonly terms: (pool: string) => ClaimTerms | null;
  readonly sendMe: SendMe;
  /** The journal's place up to which the `awards` table is complete, by shard; 0 when nothing is. */
  readonly materialisedSeq: (shard: number) => number;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Whether this process settles what needs no claim and finishes what was interrupted; alone it always does (MP15). */
  readonly leads?: () => boolean;
  /** Reads on what other processes wrote; false when there are none. */
  readonly catchUp?: () => Promise<boolean>;
  /** Told of awards that look different because of something only this process knows of (MP16). */
  readonly onTouched?: (awardId: string) => void;
};

/** Awards from the moment they are won to what they turn into. */
export type Awards = {
  /** Takes each durable batch, the replayed ones at the start too; of a live one the winners are told at once. */
  onBatch(batch: DurableBatch): void;
  /** What a snapshot keeps of that (JR14). */
  readonly memory: ListenerMemory;
  /** Own awards, newest first. */
  listOf(userId: string): Promise<AwardView[]>;
  /** One award of anybody, for the studio; null when there is none. */
  find(awardId: string): Promise<AwardRecord | null>;
  /** Awards of everybody for the studio, newest first, a page at a time (AW6). */
  newest(ask: AwardsAsk): Promise<AwardsPage>;
  readonly claim: Claims["claim"];
  /** Says that an award's order moved, or that another process did something for its owner. */
  changedElsewhere(awardId: string): void;
  /** Tells owners of changes, settles what needs no claim, finishes what a crash interrupted. */
  readonly settler: AwardSettler & Service;
  /** Awards held in memory, for metrics. */
  kept(): number;
};

/** Which page of awards, and of which state; null is every one. */
export type AwardsAsk = { readonly state: AwardState | null; readonly before: AwardPlace | null };
/** A page of awards, and the `before` of the following one; null at the end. */
export type AwardsPage = { readonly awards: readonly AwardRecord[]; readonly next: AwardPlace | null };

/** Puts the desk, the claims and the settler together. */
export function createAwards(deps: AwardsDeps): Awards {
  const { pool, vault, prize, nowMs } = deps;
  const terms = (name: string) => deps.terms(name) ?? DEFAULT_TERMS;
  const coupon = createCoupons(vault, terms);
  const desk = new AwardDesk({ ...deps, coupon });
  const viewParts = { pool, vault, prize, coupon, newestOrders: deps.orders.newestOf };
  const views = (records: readonly AwardRecord[]) => viewsOf(records, viewParts);
  const view = async (record: AwardRecord) => (await views([record]))[0] ?? null;
  const touched = (awardId: string) => {
    desk.touch(awardId);
    deps.onTouched?.(awardId);
  };
  /** Somebody who won at another process a moment ago may be faster here than the news of it. */
  const find = async (awardId: string, on?: Tx) => {
    const found = await desk.find(awardId, on);
    if (found !== null || (await deps.catchUp?.().catch(() => false)) !== true) return found;
    return desk.find(awardId, on);
  };
  const claims = createClaims({ ...deps, terms, coupon, find, view, touched });
  const { sendMe, log, leads = () => true } = deps;
  const parts = { pool, desk, claims, coupon, prize, views, sendMe, nowMs, log };
  const settler = new AwardSettler({ ...parts, leads, touched });
  return {
    onBatch: (batch) => desk.onBatch(batch),
    memory: desk.memory,
    listOf: async (userId) => views(await desk.listOf(userId)),
    find,
    async newest(ask) {
      const { records, next } = await readNewestAwards(pool, ask);
      // The table is a moment behind: what has just left the state asked for is not shown in it.
      const awards = desk.asNow(records).filter(({ state }) => ask.state === null || state === ask.state);
      return { awards, next };
    },
    claim: claims.claim,
    changedElsewhere: (awardId) => desk.touch(awardId),
    settler,
    kept: () => desk.kept,
  };
}
