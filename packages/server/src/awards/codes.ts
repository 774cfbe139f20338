import { spokenCode, type Vault } from "../orders/mod.ts";

/** How long a coupon can be used, from the moment it was won; the same day whenever it was looked at. */
export const COUPON_VALID_MS = 90 * 24 * 3_600_000;

/** The award's coupon code: derived, so that making it twice makes it once; 80 bits nobody can guess (CL7). */
export function couponCodeOf(vault: Vault, awardId: string): string {
  return spokenCode(vault.derive("wanhui/coupon/1", awardId).subarray(0, 10), 16);
}

/** What the owner of a right names when asked for it (CL9). */
export function rightReferenceOf(vault: Vault, awardId: string): string {
  return spokenCode(vault.derive("wanhui/right/1", awardId).subarray(0, 8), 12);
}
