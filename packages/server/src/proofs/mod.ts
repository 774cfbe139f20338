// The door of `proofs`: the show's key, proof files, receipts and witnesses (docs/spec/proof.md).
export { createEntryFinder } from "./find-entry.ts";
export {
  createProofArchive,
  moveWholeProofs,
  type ProofArchive,
  type ProofArchiveParts,
  type ServedProof,
} from "./proof-archive.ts";
export type { ChainRecord, Level, ProofHead, WitnessSignature } from "./proof-story.ts";
export { type ProofRoutesDeps, proofRoutes } from "./routes.ts";
export { createShowSigner, isRecordSigned, loadShowSigner, type ShowSigner } from "./show-key.ts";
export { type Receipt, type TickBatch, TickReceipts, type TickReceiptsParts } from "./tick-receipts.ts";
export { createWitnessLevels, type LevelNews, type WitnessLevels } from "./witness-levels.ts";
export { createWitnessStore, keepWitnesses, type WitnessAnswer, type WitnessStore } from "./witnesses.ts";
export { writeProof } from "./write-proof.ts";
