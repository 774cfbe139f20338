import type pg from "pg";
import type { Log } from "../platform/mod.ts";
import { errorMessage, type Service } from "../platform/mod.ts";
import { checkAgainAfterMs } from "./rules.ts";
import type { Orders } from "./service.ts";
import { transaction } from "./transaction.ts";

/** How often the table is looked at; one indexed query. */
const LOOK_EVERY_MS = 1_000;
/** Orders asked about per look: a provider answers some hundred queries a second, and each look waits for its answers. */
const BATCH_MAX = 50;
/** Questions to the provider under way at once. */
const AT_ONCE_MAX = 8;

/**
 * Asks the provider about orders whose time has come, and finishes what a crash interrupted. Whatever fails is asked
 * again later: an order ends only by the provider's word, never by time alone (OR4).
 */
export class OrderChecker implements Service {
  readonly name = "order checks";
  readonly #pool: pg.Pool;
  readonly #orders: Orders;
  readonly #nowMs: () => number;
  readonly #log: Log;
  readonly #leads: () => boolean;
  readonly #ended = new AbortController();

  /** @param options.leads whether this process checks; alone it always does (MP15) */
  constructor(options: {
    pool: pg.Pool;
    orders: Orders;
    nowMs: () => number;
    log: Log;
    leads?: () => boolean;
  }) {
    this.#pool = options.pool;
    this.#orders = options.orders;
    this.#nowMs = options.nowMs;
    this.#log = options.log;
    this.#leads = options.leads ?? (() => true);
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#ended.signal]);
    while (!ended.aborted) {
      const done = !this.#leads()
        ? 0
        : await this.runOnce().catch((error: unknown) => {
            this.#log.warn({ part: this.name, err: error }, "Could not look for orders");
            return 0;
          });
      if (done < BATCH_MAX) await pause(LOOK_EVERY_MS, ended);
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
  }

  /**
   * One look at everything that is due.
   *
   * @returns for how many orders that went well; what failed is no reason to look again at once
   */
  async runOnce(): Promise<number> {
    const settled = await this.#each(await this.#takeCaptured(), (orderId) => this.#orders.settle(orderId));
    const checked = await this.#each(await this.#takeDue(), (orderId) => this.#orders.check(orderId));
    return settled + checked;
  }

  /**
   * Takes payments whose money is noted and whose order has not moved. Each that fails comes back by itself, later and
   * later; those never tried stand before all others, so that no number of failing ones keeps them waiting (OR5).
   */
  #takeCaptured(): Promise<{ order_id: string }[]> {
    const nowMs = this.#nowMs();
    return transaction(this.#pool, async (tx) => {
      const { rows } = await tx.query<{ order_id: string; settle_tries: number }>(
        `select order_id, settle_tries from payments
         where captured_at_ms is not null and not settled and next_settle_at_ms <= $1
         order by next_settle_at_ms, captured_at_ms limit ${BATCH_MAX} for update skip locked`,
        [nowMs],
      );
      if (rows.length === 0) return rows;
      await tx.query(
        `update payments p set next_settle_at_ms = t.at_ms, settle_tries = settle_tries + 1
         from unnest($1::text[], $2::bigint[]) as t (order_id, at_ms) where p.order_id = t.order_id`,
        [
          rows.map(({ order_id }) => order_id),
          rows.map(({ settle_tries }) => nowMs + checkAgainAfterMs(settle_tries)),
        ],
      );
      return rows;
    });
  }

  /** Takes due orders and sets their next time before anything is asked: a second checker finds others. */
  #takeDue(): Promise<{ order_id: string }[]> {
    const nowMs = this.#nowMs();
    return transaction(this.#pool, async (tx) => {
      const { rows } = await tx.query<{ order_id: string; checks: number; pay_by_ms: bigint }>(
        `select order_id, checks, pay_by_ms from orders where state = 'placed' and next_check_at_ms <= $1
         order by next_check_at_ms limit ${BATCH_MAX} for update skip locked`,
        [nowMs],
      );
      for (const { order_id, checks, pay_by_ms } of rows) {
        const later = nowMs + checkAgainAfterMs(checks);
        // Never past the time to pay, so that an order that nobody pays ends on time.
        const next = Number(pay_by_ms) > nowMs ? Math.min(later, Number(pay_by_ms)) : later;
        await tx.query("update orders set next_check_at_ms = $2, checks = checks + 1 where order_id = $1", [
          order_id,
          next,
        ]);
      }
      return rows;
    });
  }

  /** Works on each by itself. @returns for how many it went well */
  async #each(
    rows: readonly { order_id: string }[],
    work: (orderId: string) => Promise<void>,
  ): Promise<number> {
    const left = [...rows];
    let done = 0;
    const one = async () => {
      for (let row = left.shift(); row !== undefined; row = left.shift()) {
        const orderId = row.order_id;
        await work(orderId).then(
          () => {
            done += 1;
          },
          (error: unknown) =>
            this.#log.info(
              { order: orderId, why: errorMessage(error) },
              "An order is asked about again later",
            ),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, one));
    return done;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
