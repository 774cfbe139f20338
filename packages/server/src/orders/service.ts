import { timingSafeEqual } from "node:crypto";
import type { Answer, AwardId, Command } from "@wanhui/core";
import type { Address, Code, Money, OrderView, Text } from "@wanhui/protocol";
import type pg from "pg";
import type { Outbox } from "../engine/mod.ts";
import type { PaymentOutcome, PaymentProvider } from "../payments/mod.ts";
import type { Log } from "../platform/mod.ts";
import { maskAddress } from "./address.ts";
import type { Gate } from "./gate.ts";
import { canMove } from "./rules.ts";
import { lockOrder, type OrderRow, readNewestOrders, readOrder, readOrdersOf, writeEvent } from "./table.ts";
import { type Tx, transaction } from "./transaction.ts";
import type { Vault } from "./vault.ts";

/** The part of the engine that awards move by. */
export type AwardCommand = Extract<Command, { type: "award.commit" | "award.release" | "award.post" }>;
/** The way from SQL to the journal: written in the caller's transaction, delivered after it. */
export type CommandOutbox = Pick<Outbox, "enqueue" | "wake" | "onAnswered">;

export type OrdersDeps = {
  readonly pool: pg.Pool;
  /** Let through before the engine is asked under a row's lock; the same one as the claims'. */
  readonly gate: Gate;
  readonly submit: (command: AwardCommand) => Promise<Answer>;
  readonly outbox: CommandOutbox;
  readonly provider: PaymentProvider;
  readonly vault: Vault;
  readonly nowMs: () => number;
  /** Where the buyer's browser goes after the payment page. */
  readonly returnUrl: (orderId: string) => string;
  /** Where the provider sends its notices. */
  readonly notifyUrl: () => string;
  /** Told after each change has committed. */
  readonly changed: (userId: string, order: OrderView) => void;
  readonly log: Log;
};

/** What a claim places. */
export type NewOrder = {
  readonly orderId: string;
  readonly awardId: AwardId;
  readonly attempt: number;
  readonly userId: string;
  readonly pool: string;
  readonly title: Text;
  readonly amount: Money;
  readonly address: Address;
  /** Time to pay, from the placing. */
  readonly payTtlMs: number;
};

/** What became of something the provider said. */
export type Learned =
  | { readonly ok: true; readonly outcome: "paid" | "expired" | "refund_due" | "unchanged" }
  | { readonly ok: false; readonly code: Extract<Code, "order.unknown" | "payment.bad_amount"> };

export type Orders = {
  /** Writes a placed order in the claim's transaction; the award is committed to it already. Once per order id. */
  place(tx: Tx, order: NewOrder): Promise<void>;
  /** Tells the buyer of a placed order; after the claim's transaction. */
  announce(orderId: string): Promise<void>;
  /** The provider's verified word about a payment, from a notice or a query (OR4, OR5, OR10). */
  learn(outcome: PaymentOutcome, who: string): Promise<Learned>;
  /**
   * The provider's page of a placed order, made when it is first asked for; null when there is nothing to pay.
   *
   * @param returnUrl where this buyer's browser goes afterwards; the first one asked with stands
   */
  payPage(orderId: string, returnUrl?: string): Promise<string | null>;
  /** Asks the provider about an order whose time has come (OR4). Throws what the provider or the engine throw. */
  check(orderId: string): Promise<void>;
  /** Finishes what a crash left between the money and the award (OR5). */
  settle(orderId: string): Promise<void>;
  /** Own orders only; another's is null, as if it did not exist. */
  get(userId: string, orderId: string): Promise<OrderView | null>;
  listOf(userId: string): Promise<OrderView[]>;
  /** The newest order of each award, by award. */
  newestOf(awardIds: readonly string[]): Promise<ReadonlyMap<string, OrderView>>;
  /** Whether a pay link's key is the one of this order. */
  isPayKey(orderId: string, key: string): boolean;
};

/** Outbox ids of posted awards: the order's id stands behind it. */
const POST_PREFIX = "order-paid/";
const PAY_KEY_BYTES = 16;

function payKey(vault: Vault, orderId: string): string {
  return vault.derive("wanhui/pay-link/1", orderId).subarray(0, PAY_KEY_BYTES).toString("base64url");
}

/** What the buyer is shown: no address but a few letters of it (CL6). */
export function orderView(row: OrderRow, vault: Vault): OrderView {
  const address = vault.open(row.shipTo, `order/${row.orderId}`) as Address;
  return {
    orderId: row.orderId,
    awardId: row.awardId,
    title: row.title,
    state: row.state,
    amount: row.amount,
    placedAtMs: row.placedAtMs,
    paidAtMs: row.paidAtMs,
    payByMs: row.payByMs,
    payUrl: row.state === "placed" ? `/api/orders/${row.orderId}/pay?k=${payKey(vault, row.orderId)}` : null,
    refundDue: row.refundDue,
    shipTo: maskAddress(address),
  };
}

/** Makes the orders' service. It holds no state: everything is in its tables. */
export function createOrders(deps: OrdersDeps): Orders {
  const { gate } = deps;
  const moves = createMoves(deps);
  deps.outbox.onAnswered(POST_PREFIX, (tx, row, answer) => posted(tx, row.id, answer));
  const view = (row: OrderRow) => orderView(row, deps.vault);

  async function announce(orderId: string): Promise<void> {
    const row = await readOrder(deps.pool, orderId);
    if (row !== null) deps.changed(row.userId, view(row));
  }

  /** A committed award can always be posted; if not, a rule is broken, and the order itself says so. */
  async function posted(tx: Pick<Tx, "query">, outboxId: string, answer: Answer): Promise<void> {
    if (answer.ok) return;
    const orderId = outboxId.slice(POST_PREFIX.length);
    deps.log.error({ order: orderId, code: answer.code }, "A paid order's award was not posted");
    const event = { orderId, atMs: deps.nowMs(), event: "post.refused", who: "outbox" };
    await writeEvent(tx, { ...event, from: "paid", to: "paid", detail: { code: answer.code } });
  }

  /** Runs a move alone on its order, with the engine asked under the row's lock, then tells the buyer. */
  async function move(orderId: string, work: (tx: Tx, row: OrderRow) => Promise<Learned>): Promise<Learned> {
    const learned = await gate.run(() =>
      transaction(deps.pool, async (tx): Promise<Learned> => {
        const row = await lockOrder(tx, orderId);
        return row === null ? { ok: false, code: "order.unknown" } : work(tx, row);
      }),
    );
    if (!learned.ok || learned.outcome === "unchanged") return learned;
    deps.outbox.wake();
    await announce(orderId);
    return learned;
  }

  async function learn(outcome: PaymentOutcome, who: string): Promise<Learned> {
    if (outcome.state === "open") return { ok: true, outcome: "unchanged" };
    // The fact of the money first and by itself: an engine that is down must not make us forget it.
    const noted = await transaction(deps.pool, (tx) => moves.note(tx, outcome, who));
    if (!noted.ok) return noted;
    return outcome.state === "paid"
      ? move(outcome.orderId, (tx, row) => moves.paid(tx, row, who))
      : move(outcome.orderId, (tx, row) => moves.closed(tx, row, who));
  }

  async function payment(
    row: OrderRow,
    returnUrl = deps.returnUrl(row.orderId),
  ): Promise<{ paymentId: string; payUrl: string } | null> {
    if (row.payment?.paymentId && row.payment.payUrl) {
      return { paymentId: row.payment.paymentId, payUrl: row.payment.payUrl };
    }
    if (!(await transaction(deps.pool, (tx) => moves.startPayment(tx, row.orderId)))) return null;
    const created = await deps.provider.create({
      orderId: row.orderId,
      amount: row.amount,
      title: row.title.zh === row.title.en ? row.title.zh : `${row.title.zh} · ${row.title.en}`,
      returnUrl,
      notifyUrl: deps.notifyUrl(),
    });
    await deps.pool.query(
      `update payments set payment_id = $2, pay_url = $3, state = case state when 'creating' then 'open' else state end
       where order_id = $1`,
      [row.orderId, created.paymentId, created.payUrl],
    );
    return created;
  }

  return {
    place: (tx, order) => moves.place(tx, order),
    announce,
    learn,
    async payPage(orderId, returnUrl) {
      const row = await readOrder(deps.pool, orderId);
      if (row === null || row.state !== "placed" || row.payByMs <= deps.nowMs()) return null;
      return (await payment(row, returnUrl))?.payUrl ?? null;
    },
    async check(orderId) {
      const row = await readOrder(deps.pool, orderId);
      if (row === null || row.state !== "placed") return;
      const overdue = row.payByMs <= deps.nowMs();
      if (row.payment === null) {
        if (overdue) await move(orderId, (tx, now) => moves.closedUnasked(tx, now));
        return;
      }
      const known = await payment(row);
      if (known === null) return;
      let outcome = await deps.provider.query(known.paymentId);
      if (outcome.state === "open" && overdue) {
        await deps.provider.cancel(known.paymentId);
        outcome = await deps.provider.query(known.paymentId);
      }
      await learn(outcome, `query:${deps.provider.name}`);
    },
    async settle(orderId) {
      await move(orderId, (tx, row) => moves.paid(tx, row, "recovery"));
    },
    async get(userId, orderId) {
      const row = await readOrder(deps.pool, orderId);
      return row === null || row.userId !== userId ? null : view(row);
    },
    async listOf(userId) {
      return (await readOrdersOf(deps.pool, userId)).map(view);
    },
    async newestOf(awardIds) {
      const rows = awardIds.length === 0 ? [] : await readNewestOrders(deps.pool, awardIds);
      return new Map(rows.map((row) => [row.awardId, view(row)]));
    },
    isPayKey(orderId, key) {
      const expected = Buffer.from(payKey(deps.vault, orderId));
      const given = Buffer.from(key);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}

/** The moves themselves, each inside a transaction that holds the order's row. */
function createMoves(deps: OrdersDeps) {
  const { nowMs } = deps;

  async function expire(
    tx: Tx,
    row: OrderRow,
    event: string,
    who: string,
    refundDue: boolean,
  ): Promise<void> {
    const atMs = nowMs();
    await tx.query(
      `update orders set state = 'expired', expired_at_ms = coalesce(expired_at_ms, $2), refund_due = refund_due or $3
       where order_id = $1`,
      [row.orderId, atMs, refundDue],
    );
    await writeEvent(tx, { orderId: row.orderId, atMs, event, who, from: row.state, to: "expired" });
  }

  async function closed(tx: Tx, row: OrderRow, who: string): Promise<Learned> {
    if (canMove(row.state, "closed") === null || row.payment?.captured)
      return { ok: true, outcome: "unchanged" };
    // Released before the order shows as expired: whoever sees it expired can order again at once. A refusal means
    // that the award was let go before a crash, and has gone its way since.
    await deps.submit({ type: "award.release", awardId: row.awardId as AwardId, orderId: row.orderId });
    await expire(tx, row, "expired", who, false);
    await tx.query("update payments set state = 'closed' where order_id = $1", [row.orderId]);
    return { ok: true, outcome: "expired" };
  }

  return {
    closed,

    /** Nobody ever opened the payment page, and under this lock nobody can begin to: there is nothing to ask. */
    async closedUnasked(tx: Tx, row: OrderRow): Promise<Learned> {
      return row.payment === null ? closed(tx, row, "job") : { ok: true, outcome: "unchanged" };
    },

    async place(tx: Tx, order: NewOrder): Promise<void> {
      const atMs = nowMs();
      const payByMs = atMs + order.payTtlMs;
      const placed = await tx.query(
        `insert into orders (order_id, award_id, attempt, user_id, pool, title, state, amount_minor, currency, ship_to,
           placed_at_ms, pay_by_ms, next_check_at_ms)
         values ($1, $2, $3, $4, $5, $6, 'placed', $7, $8, $9, $10, $11, $11) on conflict (order_id) do nothing`,
        [
          order.orderId,
          order.awardId,
          order.attempt,
          order.userId,
          order.pool,
          order.title,
          order.amount.amountMinor,
          order.amount.currency,
          deps.vault.seal(order.address, `order/${order.orderId}`),
          atMs,
          payByMs,
        ],
      );
      if (placed.rowCount === 0) return;
      const event = { orderId: order.orderId, atMs, event: "placed", who: "buyer", from: null };
      await writeEvent(tx, { ...event, to: "placed" });
    },

    /** Remembers, before the provider is first asked, that it is about to be. False once the order is not placed. */
    async startPayment(tx: Tx, orderId: string): Promise<boolean> {
      const row = await lockOrder(tx, orderId);
      if (row === null || row.state !== "placed") return false;
      const { amount } = row;
      const atMs = nowMs();
      await tx.query(
        `insert into payments (order_id, provider, state, amount_minor, currency, created_at_ms)
         values ($1, $2, 'creating', $3, $4, $5) on conflict (order_id) do nothing`,
        [orderId, deps.provider.name, amount.amountMinor, amount.currency, atMs],
      );
      await tx.query("update orders set next_check_at_ms = least(next_check_at_ms, $2) where order_id = $1", [
        orderId,
        atMs + FIRST_LOOK_MS,
      ]);
      return true;
    },

    /** Checks that the word is about this order's money, and keeps the fact that it arrived (PY2). */
    async note(tx: Tx, outcome: PaymentOutcome, who: string): Promise<Learned> {
      const row = await lockOrder(tx, outcome.orderId);
      if (row === null || row.payment === null) return { ok: false, code: "order.unknown" };
      const { paymentId } = row.payment;
      if (paymentId !== null && paymentId !== outcome.paymentId) return { ok: false, code: "order.unknown" };
      const same =
        outcome.amount.amountMinor === row.amount.amountMinor &&
        outcome.amount.currency === row.amount.currency;
      const base = { orderId: row.orderId, atMs: nowMs(), who, from: row.state, to: row.state };
      if (!same) {
        const detail = { amountMinor: outcome.amount.amountMinor, currency: outcome.amount.currency };
        await writeEvent(tx, { ...base, event: "payment.bad_amount", detail });
        return { ok: false, code: "payment.bad_amount" };
      }
      if (outcome.state === "paid" && !row.payment.captured) {
        await tx.query(
          "update payments set captured_at_ms = $2, state = 'paid', payment_id = $3 where order_id = $1",
          [row.orderId, nowMs(), outcome.paymentId],
        );
        await writeEvent(tx, { ...base, event: "payment.captured" });
      }
      return { ok: true, outcome: "unchanged" };
    },

    /**
     * Money arrived: the award is committed to this order (already so, but after an expiry or a crash), and order,
     * payment and the posting of the award are one transaction. Where another has the award by now, a refund is due.
     */
    async paid(tx: Tx, row: OrderRow, who: string): Promise<Learned> {
      if (row.payment === null || !row.payment.captured) return { ok: true, outcome: "unchanged" };
      const settled = () => tx.query("update payments set settled = true where order_id = $1", [row.orderId]);
      if (canMove(row.state, "paid") === null || row.refundDue) {
        await settled();
        return { ok: true, outcome: "unchanged" };
      }
      const awardId = row.awardId as AwardId;
      const answer = await deps.submit({ type: "award.commit", awardId, orderId: row.orderId });
      await settled();
      if (!answer.ok) {
        deps.log.warn({ order: row.orderId, code: answer.code }, "Money arrived too late: a refund is due");
        await expire(tx, row, "refund.due", who, true);
        return { ok: true, outcome: "refund_due" };
      }
      const atMs = nowMs();
      await tx.query(
        "update orders set state = 'paid', paid_at_ms = $2, expired_at_ms = null where order_id = $1",
        [row.orderId, atMs],
      );
      await writeEvent(tx, { orderId: row.orderId, atMs, event: "paid", who, from: row.state, to: "paid" });
      const post: AwardCommand = { type: "award.post", awardId, orderId: row.orderId };
      await deps.outbox.enqueue(tx, `${POST_PREFIX}${row.orderId}`, post);
      return { ok: true, outcome: "paid" };
    },
  };
}

/** When the provider is first asked about a payment nobody sent a notice of. */
const FIRST_LOOK_MS = 10_000;
