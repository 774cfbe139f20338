// Events as journal bytes, and the chain of batches (docs/spec/canonical.md BY7, BY8; journal.md JR2, JR8).

export * from "./batch.ts";
export { decodeEvents } from "./decode.ts";
export { encodeEvents } from "./encode.ts";
