import type { Money } from "@wanhui/protocol";

/** What the shop asked for, as the sandbox keeps it. */
export type SandboxPayment = {
  readonly paymentId: string;
  readonly orderId: string;
  readonly amount: Money;
  readonly title: string;
  readonly returnUrl: string;
  readonly notifyUrl: string;
  readonly createdAtMs: number;
  readonly state: "open" | "paid" | "closed";
  readonly why: "created" | "paid" | "declined" | "cancelled";
  readonly changedAtMs: number;
};

/** A notice on its way to the shop; gone from the store once the shop took it or the tries are used up. */
export type SandboxNotice = {
  readonly noticeId: string;
  readonly paymentId: string;
  readonly state: "open" | "paid" | "closed";
  readonly atMs: number;
  readonly tries: number;
  readonly nextAtMs: number;
};

/** How a tester wants the shop to hear of the payment. */
export type Delivery = "at once" | "late" | "twice" | "reordered" | "never";

export const DELIVERIES: readonly Delivery[] = ["at once", "late", "twice", "reordered", "never"];
/** A late notice is this late: longer than anybody waits on the page, shorter than the time to pay. */
export const LATE_MS = 20_000;
/** Times a notice is tried; with the waits below this is about a day, as real providers do. */
export const TRIES_MAX = 24;

/** Wait after the given number of failed tries. */
export function retryAfterMs(tries: number): number {
  return Math.min(1_000 * 2 ** Math.min(tries, 12), 3_600_000);
}

/**
 * What a button does. Only an open payment moves, once; everything else leaves it as it is, so that a second press, a
 * press after the cancellation, or a reload changes nothing (PY5).
 */
export function pressed(
  payment: SandboxPayment,
  action: "pay" | "decline" | "cancel",
  nowMs: number,
): SandboxPayment | null {
  if (payment.state !== "open") return null;
  const why = action === "pay" ? "paid" : action === "decline" ? "declined" : "cancelled";
  return { ...payment, state: action === "pay" ? "paid" : "closed", why, changedAtMs: nowMs };
}

/**
 * Notices that tell the shop of a change, in the order they are to be sent. `reordered` sends the outcome first and
 * an older word ("still open") after it; `twice` the same notice twice.
 */
export function noticesOf(payment: SandboxPayment, delivery: Delivery, newId: () => string): SandboxNotice[] {
  const atMs = payment.changedAtMs;
  const base = { paymentId: payment.paymentId, state: payment.state, atMs, tries: 0 };
  const first = { ...base, noticeId: newId(), nextAtMs: delivery === "late" ? atMs + LATE_MS : atMs };
  if (delivery === "never") return [];
  if (delivery === "twice") return [first, { ...first, nextAtMs: atMs + 1_000 }];
  if (delivery === "reordered") {
    const older = { ...base, state: "open" as const, atMs: payment.createdAtMs };
    return [first, { ...older, noticeId: newId(), nextAtMs: atMs + 1_000 }];
  }
  return [first];
}
