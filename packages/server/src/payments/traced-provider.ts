import { traced } from "../platform/mod.ts";
import type { PaymentProvider } from "./provider.ts";

/** The same provider; each question to it is a span, without the order it is about (OB6). */
export function tracedProvider(provider: PaymentProvider): PaymentProvider {
  const attributes = { "wanhui.provider": provider.name };
  return {
    name: provider.name,
    create: (request) => traced("payment.create", attributes, () => provider.create(request)),
    query: (paymentId) => traced("payment.query", attributes, () => provider.query(paymentId)),
    cancel: (paymentId) => traced("payment.cancel", attributes, () => provider.cancel(paymentId)),
    verifyNotice: (headers, rawBody) => provider.verifyNotice(headers, rawBody),
  };
}
