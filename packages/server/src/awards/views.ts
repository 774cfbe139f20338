import type { AwardView, OrderView, PrizeView } from "@wanhui/protocol";
import type pg from "pg";
import { maskContact, type Vault } from "../orders/mod.ts";
import type { CouponOf } from "./codes.ts";
import type { AwardRecord } from "./records.ts";

type Claim = NonNullable<AwardView["claim"]>;

/** A coupon posted as it was won shows its code at once: both are derived, the row only follows (CL10). */
function instantCoupon(record: AwardRecord, prize: PrizeView, couponOf: CouponOf): Claim | null {
  return prize.kind === "coupon" && record.state === "posted"
    ? { type: "coupon", ...couponOf(record) }
    : null;
}

/** An award as its owner sees it, with what its claim made of it. */
export function awardView(record: AwardRecord, prize: PrizeView, claim: Claim | null): AwardView {
  const { awardId, draw, window, wonAtMs, state, claimByMs, reason } = record;
  return { awardId, prize, draw, window, wonAtMs, state, claimByMs, reason, claim };
}

/** An award in the moment it was won. */
export function wonView(record: AwardRecord, prize: PrizeView, couponOf: CouponOf): AwardView {
  return awardView(record, prize, instantCoupon(record, prize, couponOf));
}

export type ViewParts = {
  readonly pool: pg.Pool;
  readonly vault: Vault;
  readonly prize: (pool: string) => PrizeView | null;
  readonly newestOrders: (awardIds: readonly string[]) => Promise<ReadonlyMap<string, OrderView>>;
  readonly coupon: CouponOf;
};

/** Adds to awards what their claims made of them. An award whose prize nobody can name any more is left out. */
export async function viewsOf(records: readonly AwardRecord[], parts: ViewParts): Promise<AwardView[]> {
  const shown = records.flatMap((record) => {
    const prize = parts.prize(record.pool);
    return prize === null ? [] : [{ record, prize }];
  });
  const claims = await claimsOf(shown, parts);
  return shown.map(({ record, prize }) => {
    const claim = claims.get(record.awardId) ?? instantCoupon(record, prize, parts.coupon);
    return awardView(record, prize, claim);
  });
}

type Shown = { readonly record: AwardRecord; readonly prize: PrizeView };

async function claimsOf(shown: readonly Shown[], parts: ViewParts): Promise<Map<string, Claim>> {
  const idsOf = (kind: PrizeView["kind"]) =>
    shown.filter(({ prize }) => prize.kind === kind).map(({ record }) => record.awardId);
  const orders = await parts.newestOrders(idsOf("goods"));
  const claims = new Map<string, Claim>();
  for (const [awardId, order] of orders) claims.set(awardId, { type: "order", order });
  await addCoupons(parts.pool, idsOf("coupon"), claims);
  await addCredits(parts.pool, idsOf("cash"), claims);
  await addRights(parts, idsOf("right"), claims);
  return claims;
}

async function addCoupons(pool: pg.Pool, ids: readonly string[], claims: Map<string, Claim>): Promise<void> {
  if (ids.length === 0) return;
  const { rows } = await pool.query<{ award_id: string; code: string; valid_until_ms: bigint }>(
    "select award_id, code, valid_until_ms from coupons where award_id = any($1)",
    [ids],
  );
  for (const { award_id, code, valid_until_ms } of rows) {
    claims.set(award_id, { type: "coupon", code, validUntilMs: Number(valid_until_ms) });
  }
}

async function addCredits(pool: pg.Pool, ids: readonly string[], claims: Map<string, Claim>): Promise<void> {
  if (ids.length === 0) return;
  type Row = { award_id: string; amount_minor: bigint; currency: string; credited_at_ms: bigint };
  const { rows } = await pool.query<Row>(
    "select award_id, amount_minor, currency, credited_at_ms from credits where award_id = any($1)",
    [ids],
  );
  for (const { award_id, amount_minor, currency, credited_at_ms } of rows) {
    const amount = { amountMinor: Number(amount_minor), currency };
    claims.set(award_id, { type: "credit", amount, creditedAtMs: Number(credited_at_ms) });
  }
}

async function addRights(
  { pool, vault }: ViewParts,
  ids: readonly string[],
  claims: Map<string, Claim>,
): Promise<void> {
  if (ids.length === 0) return;
  type Row = { award_id: string; reference: string; contact: Buffer; registered_at_ms: bigint };
  const { rows } = await pool.query<Row>(
    "select award_id, reference, contact, registered_at_ms from rights where award_id = any($1)",
    [ids],
  );
  for (const { award_id, reference, contact, registered_at_ms } of rows) {
    const known = vault.open(contact, `right/${award_id}`) as { contact: string };
    const registeredAtMs = Number(registered_at_ms);
    claims.set(award_id, { type: "right", reference, contact: maskContact(known.contact), registeredAtMs });
  }
}
