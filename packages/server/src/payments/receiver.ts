import type pg from "pg";
import type { NoticeHeaders, PaymentOutcome, PaymentProvider } from "./provider.ts";

/** What the orders make of a provider's word. */
export type LearnPayment = (
  outcome: PaymentOutcome,
  who: string,
) => Promise<
  | { readonly ok: true; readonly outcome: string }
  | { readonly ok: false; readonly code: "order.unknown" | "payment.bad_amount" }
>;

export type Received =
  | { readonly ok: true; readonly outcome: string }
  | {
      readonly ok: false;
      readonly code: "payment.bad_signature" | "order.unknown" | "payment.bad_amount";
    };

export type ReceiverDeps = {
  readonly pool: pg.Pool;
  readonly provider: PaymentProvider;
  readonly learn: LearnPayment;
  readonly nowMs: () => number;
};

/**
 * Takes a provider's notice: signature first, over the bytes as they came; then what it means; then the fact that it
 * was taken. Any number of times and in any order, the outcome is the same (PY1, PY3). Throws when the outcome could
 * not be kept, so that the provider sends it again.
 */
export async function receiveNotice(
  deps: ReceiverDeps,
  headers: NoticeHeaders,
  rawBody: Buffer,
): Promise<Received> {
  const verified = deps.provider.verifyNotice(headers, rawBody);
  if (!verified.ok) return verified;
  const { notice } = verified;
  const provider = deps.provider.name;
  const seen = await deps.pool.query("select 1 from payment_notices where provider = $1 and notice_id = $2", [
    provider,
    notice.noticeId,
  ]);
  if (seen.rowCount !== 0) return { ok: true, outcome: "seen" };
  const learned = await deps.learn(notice, `notice:${provider}`);
  if (!learned.ok) return learned;
  await deps.pool.query(
    `insert into payment_notices (provider, notice_id, order_id, kind, received_at_ms, outcome)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [provider, notice.noticeId, notice.orderId, notice.state, deps.nowMs(), learned.outcome],
  );
  return learned;
}
