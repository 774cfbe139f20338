import type { AwardView, PrizeView } from "@wanhui/protocol";
import type pg from "pg";
import { type Tx, transaction } from "../orders/mod.ts";
import { errorMessage, type Log, type Service } from "../platform/mod.ts";
import type { Claims } from "./claims.ts";
import type { CouponOf } from "./codes.ts";
import type { AwardDesk, SendMe } from "./desk.ts";
import { creditCash, issueCoupons, type Posted } from "./effects.ts";
import { sweepWishes } from "./idempotency.ts";
import { type AwardRecord, readUnsettled } from "./records.ts";

/** Awards told about, or settled, in one go. */
const CHUNK_MAX = 1_000;
/** How often claims under way are looked at; a claim takes milliseconds, so one this old was interrupted. */
const RESUME_EVERY_MS = 2_000;
const INTERRUPTED_AFTER_MS = 5_000;
const RESUME_MAX = 100;
/** How often the table itself is searched for posted awards that were overlooked. */
const SCAN_EVERY_MS = 60_000;
/** How far a search looks back behind the one before: longer than any row takes to be materialised. */
const SCAN_OVERLAP_MS = 600_000;
const SWEEP_EVERY_MS = 600_000;

export type SettlerDeps = {
  readonly pool: pg.Pool;
  readonly desk: AwardDesk;
  readonly claims: Claims;
  readonly coupon: CouponOf;
  readonly prize: (pool: string) => PrizeView | null;
  readonly views: (records: readonly AwardRecord[]) => Promise<AwardView[]>;
  readonly sendMe: SendMe;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Whether this process settles and finishes; telling owners is every process's own (MP15). */
  readonly leads: () => boolean;
  /** Says that an award looks different now, to other processes too. */
  readonly touched: (awardId: string) => void;
};

/**
 * Everything about awards that happens by itself: owners are told of changes, coupons and credits that were posted as
 * they were won get their rows, claims that a crash interrupted are finished.
 */
export class AwardSettler implements Service {
  readonly name = "awards";
  readonly #deps: SettlerDeps;
  readonly #ended = new AbortController();
  #nextResumeMs = 0;
  #nextScanMs = 0;
  #scannedFromMs = 0;
  #nextSweepMs = 0;

  constructor(deps: SettlerDeps) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#ended.signal]);
    while (!ended.aborted) {
      await this.runOnce();
      await this.#deps.desk.whenChanged(RESUME_EVERY_MS, ended);
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
  }

  /** Does all that is due, each part by itself: one that fails is tried again and keeps no other from its turn. */
  async runOnce(): Promise<void> {
    const nowMs = this.#deps.nowMs();
    this.#deps.desk.forget();
    await this.#part("tell", () => this.#tell());
    if (!this.#deps.leads()) {
      // The one that leads hears of them too; who leads next searches the whole table first.
      this.#deps.desk.takePosted(Number.POSITIVE_INFINITY);
      this.#nextScanMs = 0;
      this.#scannedFromMs = 0;
      return;
    }
    await this.#part("settle", () => this.#settlePosted());
    if (nowMs >= this.#nextResumeMs) {
      this.#nextResumeMs = nowMs + RESUME_EVERY_MS;
      const { claims } = this.#deps;
      await this.#part("resume", () =>
        claims.resume({ olderThanMs: INTERRUPTED_AFTER_MS, limit: RESUME_MAX }),
      );
    }
    if (nowMs >= this.#nextScanMs) await this.#part("scan", () => this.#scan(nowMs));
    if (nowMs >= this.#nextSweepMs) {
      this.#nextSweepMs = nowMs + SWEEP_EVERY_MS;
      await this.#part("sweep", () => sweepWishes(this.#deps.pool, nowMs));
    }
  }

  async #part(what: string, work: () => Promise<unknown>): Promise<void> {
    await work().catch((error: unknown) =>
      this.#deps.log.warn({ part: this.name, what, why: errorMessage(error) }, "Tried again later"),
    );
  }

  /** Sends owners what changed. What cannot be read now is read again: a change is never lost, only told once. */
  async #tell(): Promise<void> {
    const changed = this.#deps.desk.takeChanged();
    while (changed.length > 0) {
      const ids = changed.splice(0, CHUNK_MAX);
      try {
        const records = await this.#deps.desk.findAll(ids);
        const owners = new Map(records.map(({ awardId, userId }) => [awardId, userId]));
        for (const award of await this.#deps.views(records)) {
          const owner = owners.get(award.awardId);
          if (owner !== undefined) this.#deps.sendMe(owner, { t: "award", award });
        }
      } catch (error) {
        for (const awardId of [...ids, ...changed]) this.#deps.desk.touch(awardId);
        throw error;
      }
    }
  }

  async #settlePosted(): Promise<void> {
    for (;;) {
      const { records, overflow } = this.#deps.desk.takePosted(CHUNK_MAX);
      if (overflow) this.#nextScanMs = 0;
      if (records.length === 0) return;
      await this.#settle(records).catch((error: unknown) => {
        // The table will have them: the search finds whatever is left here.
        this.#nextScanMs = 0;
        throw error;
      });
    }
  }

  /** Searches the table for what no event told of: posted before a crash, or more than the queue holds. */
  async #scan(nowMs: number): Promise<void> {
    for (;;) {
      const options = { sinceMs: this.#scannedFromMs, limit: CHUNK_MAX };
      const records = await readUnsettled(this.#deps.pool, options);
      const settled = await this.#settle(records);
      if (settled < CHUNK_MAX) break;
    }
    this.#scannedFromMs = nowMs - SCAN_OVERLAP_MS;
    this.#nextScanMs = nowMs + SCAN_EVERY_MS;
  }

  /** Makes coupons and credits of awards that were posted as they were won (CL10). @returns how many it could */
  async #settle(records: readonly AwardRecord[]): Promise<number> {
    const { pool, coupon, prize, nowMs, touched } = this.#deps;
    const posted = records.flatMap((record): Posted[] => {
      const known = prize(record.pool);
      return known !== null && (known.kind === "coupon" || known.kind === "cash")
        ? [{ record, prize: known }]
        : [];
    });
    if (posted.length === 0) return 0;
    const coupons = posted.filter((one) => one.prize.kind === "coupon");
    const credits = posted.filter((one) => one.prize.kind === "cash");
    await transaction(pool, async (tx) => {
      await writeClaims(tx, posted, nowMs());
      if (coupons.length > 0) await issueCoupons(tx, coupons, { coupon, nowMs: nowMs() });
      if (credits.length > 0) await creditCash(tx, credits, nowMs());
    });
    // A coupon showed its code already; money is told about once it is there.
    for (const { record } of credits) touched(record.awardId);
    return posted.length;
  }
}

/** Claims nobody had to make: the award was posted as it was won. */
async function writeClaims(tx: Tx, posted: readonly Posted[], nowMs: number): Promise<void> {
  await tx.query(
    `insert into claims (claim_id, award_id, attempt, user_id, pool, kind, state, params_hash, intended_at_ms, settled_at_ms)
     select 'posted/' || a, a, 1, u, p, k, 'done', '', $5, $5
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as c (a, u, p, k) on conflict do nothing`,
    [
      posted.map(({ record }) => record.awardId),
      posted.map(({ record }) => record.userId),
      posted.map(({ record }) => record.pool),
      posted.map(({ prize }) => prize.kind),
      nowMs,
    ],
  );
}
