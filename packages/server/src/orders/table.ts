import type { Money, OrderState, Text } from "@wanhui/protocol";
import type pg from "pg";
import type { Tx } from "./transaction.ts";

/** An order as it stands in its table, with the payment it has. Amounts are minor units. */
export type OrderRow = {
  readonly orderId: string;
  readonly awardId: string;
  readonly userId: string;
  readonly pool: string;
  readonly title: Text;
  readonly state: OrderState;
  readonly amount: Money;
  readonly shipTo: Buffer;
  readonly placedAtMs: number;
  readonly payByMs: number;
  readonly paidAtMs: number | null;
  readonly refundDue: boolean;
  /** Null until somebody opened the payment page. */
  readonly payment: null | {
    readonly paymentId: string | null;
    readonly payUrl: string | null;
    readonly captured: boolean;
  };
};

type Raw = {
  order_id: string;
  award_id: string;
  user_id: string;
  pool: string;
  title: Text;
  state: OrderState;
  amount_minor: bigint;
  currency: string;
  ship_to: Buffer;
  placed_at_ms: bigint;
  pay_by_ms: bigint;
  paid_at_ms: bigint | null;
  refund_due: boolean;
  provider: string | null;
  payment_id: string | null;
  pay_url: string | null;
  captured_at_ms: bigint | null;
};

const SELECT = `select o.order_id, o.award_id, o.user_id, o.pool, o.title, o.state, o.amount_minor, o.currency, o.ship_to,
  o.placed_at_ms, o.pay_by_ms, o.paid_at_ms, o.refund_due, p.provider, p.payment_id, p.pay_url, p.captured_at_ms
  from orders o left join payments p using (order_id)`;

/** Orders one person is shown; nobody wins more in a night. */
const LIST_MAX = 200;

function rowOf(raw: Raw): OrderRow {
  const payment = { paymentId: raw.payment_id, payUrl: raw.pay_url, captured: raw.captured_at_ms !== null };
  return {
    orderId: raw.order_id,
    awardId: raw.award_id,
    userId: raw.user_id,
    pool: raw.pool,
    title: raw.title,
    state: raw.state,
    amount: { amountMinor: Number(raw.amount_minor), currency: raw.currency },
    shipTo: raw.ship_to,
    placedAtMs: Number(raw.placed_at_ms),
    payByMs: Number(raw.pay_by_ms),
    paidAtMs: raw.paid_at_ms === null ? null : Number(raw.paid_at_ms),
    refundDue: raw.refund_due,
    payment: raw.provider === null ? null : payment,
  };
}

/** One order, or null. */
export async function readOrder(on: pg.Pool | Tx, orderId: string): Promise<OrderRow | null> {
  const { rows } = await on.query<Raw>(`${SELECT} where o.order_id = $1`, [orderId]);
  return rows[0] === undefined ? null : rowOf(rows[0]);
}

/** One order, locked until the transaction ends: whoever moves it does so alone. */
export async function lockOrder(tx: Tx, orderId: string): Promise<OrderRow | null> {
  const locked = await tx.query("select from orders where order_id = $1 for update", [orderId]);
  // A statement of its own: after waiting for the lock only a new snapshot sees what the other one wrote.
  return locked.rowCount === 0 ? null : readOrder(tx, orderId);
}

/** A person's orders, newest first. */
export async function readOrdersOf(on: pg.Pool, userId: string): Promise<OrderRow[]> {
  const text = `${SELECT} where o.user_id = $1 order by o.placed_at_ms desc, o.order_id limit ${LIST_MAX}`;
  const { rows } = await on.query<Raw>(text, [userId]);
  return rows.map(rowOf);
}

/** The newest order of each of these awards. */
export async function readNewestOrders(on: pg.Pool, awardIds: readonly string[]): Promise<OrderRow[]> {
  const text = `${SELECT} where (o.award_id, o.attempt) in
    (select award_id, max(attempt) from orders where award_id = any($1) group by award_id)`;
  const { rows } = await on.query<Raw>(text, [awardIds]);
  return rows.map(rowOf);
}

/** Writes what happened to an order, with who and when; `n` counts up per order under its row's lock. */
export async function writeEvent(
  tx: Pick<Tx, "query">,
  event: {
    readonly orderId: string;
    readonly atMs: number;
    readonly event: string;
    readonly who: string;
    readonly from: OrderState | null;
    readonly to: OrderState;
    readonly detail?: Readonly<Record<string, string | number>>;
  },
): Promise<void> {
  await tx.query(
    `insert into order_events (order_id, n, at_ms, event, who, from_state, to_state, detail)
     select $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5, $6, $7 from order_events where order_id = $1`,
    [event.orderId, event.atMs, event.event, event.who, event.from, event.to, event.detail ?? {}],
  );
}
