// The door of `payments`: the port to whoever moves the money, the receiver of notices, and a sandbox where none moves.

export {
  type CreatedPayment,
  type Notice,
  type NoticeHeaders,
  type PaymentOutcome,
  type PaymentProvider,
  type PaymentRequest,
  type PaymentState,
  paymentUnavailable,
  type VerifiedNotice,
} from "./provider.ts";
export { type LearnPayment, type Received, type ReceiverDeps, receiveNotice } from "./receiver.ts";
export { noticePath, paymentRoutes } from "./routes.ts";
export { createSandbox, type Sandbox, type SandboxOptions } from "./sandbox/mod.ts";
export { createSandboxProvider } from "./sandbox-provider.ts";
export { isSigned, SIGNATURE_TOLERANCE_MS, signedHeaders } from "./signature.ts";
export { tracedProvider } from "./traced-provider.ts";
