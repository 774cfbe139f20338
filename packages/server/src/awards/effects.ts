import type { PrizeView } from "@wanhui/protocol";
import type { Tx, Vault } from "../orders/mod.ts";
import { type CouponOf, rightReferenceOf } from "./codes.ts";
import type { AwardRecord } from "./records.ts";

// What a posted award turns into. Each effect is one row per award, made at most once however often it is made.

/** An award whose unit is final, with what it is. */
export type Posted = { readonly record: AwardRecord; readonly prize: PrizeView };

/** Issues the coupons of these awards (CL7). */
export async function issueCoupons(
  tx: Tx,
  posted: readonly Posted[],
  parts: { coupon: CouponOf; nowMs: number },
): Promise<void> {
  const coupons = posted.map(({ record }) => parts.coupon(record));
  await tx.query(
    `insert into coupons (award_id, user_id, pool, code, value_minor, currency, issued_at_ms, valid_until_ms)
     select a, u, p, c, v, y, $8::bigint, until
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[])
       as t (a, u, p, c, v, y, until)
     on conflict (award_id) do nothing`,
    [
      posted.map(({ record }) => record.awardId),
      posted.map(({ record }) => record.userId),
      posted.map(({ record }) => record.pool),
      coupons.map(({ code }) => code),
      posted.map(({ prize }) => prize.value?.amountMinor ?? 0),
      posted.map(({ prize }) => (prize.value ?? prize.worth).currency),
      coupons.map(({ validUntilMs }) => validUntilMs),
      parts.nowMs,
    ],
  );
}

/** Credits these awards' money to their owners' balances, once per award, in the same statement as the credit rows (CL8). */
export async function creditCash(tx: Tx, posted: readonly Posted[], nowMs: number): Promise<void> {
  await tx.query(
    `with fresh as (
       insert into credits (award_id, user_id, pool, amount_minor, currency, credited_at_ms)
       select a, u, p, v, y, $6::bigint from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) as c (a, u, p, v, y)
       on conflict (award_id) do nothing returning user_id, currency, amount_minor
     )
     insert into balances as b (user_id, currency, amount_minor)
     select user_id, currency, sum(amount_minor) from fresh group by user_id, currency order by user_id, currency
     on conflict (user_id, currency) do update set amount_minor = b.amount_minor + excluded.amount_minor`,
    [
      posted.map(({ record }) => record.awardId),
      posted.map(({ record }) => record.userId),
      posted.map(({ record }) => record.pool),
      posted.map(({ prize }) => prize.value?.amountMinor ?? 0),
      posted.map(({ prize }) => prize.value?.currency ?? "CNY"),
      nowMs,
    ],
  );
}

/** Registers who may use a right, under a reference he can name (CL9). */
export async function registerRight(
  tx: Tx,
  record: AwardRecord,
  person: { readonly name: string; readonly contact: string },
  parts: { vault: Vault; nowMs: number },
): Promise<void> {
  const { awardId, userId, pool } = record;
  const sealed = parts.vault.seal(person, `right/${awardId}`);
  await tx.query(
    `insert into rights (award_id, user_id, pool, reference, contact, registered_at_ms)
     values ($1, $2, $3, $4, $5, $6) on conflict (award_id) do nothing`,
    [awardId, userId, pool, rightReferenceOf(parts.vault, awardId), sealed, parts.nowMs],
  );
}
