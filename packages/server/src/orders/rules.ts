import { createHash } from "node:crypto";
import type { AwardId } from "@wanhui/core";
import type { OrderState } from "@wanhui/protocol";

/** What moves an order: the provider's verified outcome and nothing else (docs/spec/orders.md OR1). */
export type OrderEvent = "paid" | "closed";

/**
 * Where an event takes an order, or null when it may not move it. `paid` after `expired` is the provider's last word:
 * the caller may let it through only once the award is committed to this order again (OR10).
 */
export function canMove(state: OrderState, event: OrderEvent): OrderState | null {
  if (event === "paid") return state === "paid" ? null : "paid";
  return state === "placed" ? "expired" : null;
}

/** Time to pay where the show file says nothing, counted from the placing; long enough for a card or a wallet, short enough to free the award tonight. */
export const PAY_BY_MS = 15 * 60_000;

/**
 * The order's id, derived and never drawn at random: `first 16 bytes of SHA-256("wanhui/order/1" | awardId(16) | u32
 * attempt)`. Asking again after a crash therefore commits the award to the same order (OR2).
 *
 * @param attempt 1 for the award's first order, one more after each that expired or was refused
 */
export function orderIdOf(awardId: AwardId, attempt: number): string {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(attempt);
  return createHash("sha256")
    .update("wanhui/order/1")
    .update(Buffer.from(awardId, "hex"))
    .update(number)
    .digest("hex")
    .slice(0, 32);
}

/** Wait before the provider is asked about an order again, growing so that a provider that is down is not flooded. */
export function checkAgainAfterMs(checks: number): number {
  return Math.min(5_000 * 2 ** Math.min(checks, 6), 300_000);
}
