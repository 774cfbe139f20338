// The door of the independent proof checker. It shares no code with the server that makes proofs, needs nothing but
// @noble/*, and runs in Node and in browsers. Reading files in Node: `@wanhui/verify/node`.
//
// Use in a page:
//   const verdict = await verifyProof(streamOf(file), { onProgress: ({ bytes }) => show(bytes / file.size) });
//   const receipt = verifyReceipt(JSON.parse(text), { showKey });
// Run it in a worker for files above a few MiB: a million entries keep a thread busy for some seconds.

export { portableSha256, type Sha256 } from "./bytes.ts";
export { hashJson, type Json, parseCanonical, printCanonical } from "./canonical.ts";
export { type ChainFacts, knownChains, quicknet, roundDueMs } from "./chains.ts";
export { describeVerdict } from "./describe.ts";
export { isBeacon, isSigned } from "./signatures.ts";
export { streamOf } from "./stream.ts";
export type { Counts, Failure, HeardVerdict, Level, ReceiptVerdict, SealedCode, Verdict } from "./verdict.ts";
export { type VerifyOptions, verifyProof } from "./verify-proof.ts";
export { type ReceiptCheck, verifyReceipt } from "./verify-receipt.ts";
