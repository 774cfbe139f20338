import { PAY_BY_MS, spokenCode, type Vault } from "../orders/mod.ts";
import type { AwardRecord } from "./records.ts";

/** What the show file says of a pool's claims: time to pay its orders, time to use its coupons. */
export type ClaimTerms = { readonly payTtlMs: number; readonly validMs: number };
/** For pools that nobody says anything of. */
export const DEFAULT_TERMS: ClaimTerms = { payTtlMs: PAY_BY_MS, validMs: 30 * 24 * 3_600_000 };

export type Coupon = { readonly code: string; readonly validUntilMs: number };
/** An award's coupon, the same whenever it is looked at. */
export type CouponOf = (award: Pick<AwardRecord, "awardId" | "pool" | "wonAtMs">) => Coupon;

/**
 * Makes coupons: the code is derived, so that making it twice makes it once, 80 bits nobody can guess; it is valid
 * from the moment it was won (CL7).
 */
export function createCoupons(vault: Vault, terms: (pool: string) => ClaimTerms): CouponOf {
  return ({ awardId, pool, wonAtMs }) => ({
    code: spokenCode(vault.derive("wanhui/coupon/1", awardId).subarray(0, 10), 16),
    validUntilMs: wonAtMs + terms(pool).validMs,
  });
}

/** What the owner of a right names when asked for it (CL9). */
export function rightReferenceOf(vault: Vault, awardId: string): string {
  return spokenCode(vault.derive("wanhui/right/1", awardId).subarray(0, 8), 12);
}
