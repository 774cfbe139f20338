import type { Money } from "@wanhui/protocol";
import { Fault } from "../platform/mod.ts";

/** What a payment is for. The same order asked again gives the same payment (PY4). */
export type PaymentRequest = {
  readonly orderId: string;
  readonly amount: Money;
  /** Shown on the provider's page, in the buyer's words. */
  readonly title: string;
  /** Where the buyer goes afterwards; says nothing about the outcome. */
  readonly returnUrl: string;
  readonly notifyUrl: string;
};

export type CreatedPayment = { readonly paymentId: string; readonly payUrl: string };

/** `open`: nobody paid and somebody still can. `closed`: declined or cancelled, can never be paid (PY5). */
export type PaymentState = "open" | "paid" | "closed";

/** What the provider says of a payment, by query or in a notice. `atMs` is the provider's clock. */
export type PaymentOutcome = {
  readonly paymentId: string;
  readonly orderId: string;
  readonly state: PaymentState;
  readonly amount: Money;
  readonly atMs: number;
};

/** A notice whose signature was checked. The same `noticeId` again is the same notice. */
export type Notice = PaymentOutcome & { readonly noticeId: string };

export type VerifiedNotice =
  | { readonly ok: true; readonly notice: Notice }
  | { readonly ok: false; readonly code: "payment.bad_signature" };

/** Header names are lower case, as Node gives them. */
export type NoticeHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Whoever moves the money. Every method but `verifyNotice` asks over the network and throws Fault
 * `payment.unavailable` when the answer is not known; each is safe to ask again.
 */
export type PaymentProvider = {
  /** `[a-z]+`, part of the notify address. */
  readonly name: string;
  create(request: PaymentRequest): Promise<CreatedPayment>;
  query(paymentId: string): Promise<PaymentOutcome>;
  /** Asks that the payment be closed; whether it was is what `query` says. */
  cancel(paymentId: string): Promise<void>;
  /** Checks the signature over the body exactly as it came (PY1). */
  verifyNotice(headers: NoticeHeaders, rawBody: Buffer): VerifiedNotice;
};

/** The provider did not answer, or not sensibly; the outcome is whatever it says when asked again. */
export function paymentUnavailable(why: string, cause?: unknown): Fault {
  return new Fault("payment.unavailable", why, { retryable: true, cause });
}
