// Bytes everybody agrees on: canonical JSON, hex, UTF-8, Merkle trees, and what is derived from them (docs/spec/canonical.md).

export * from "./canonical-json.ts";
export * from "./derived.ts";
export * from "./hex.ts";
export * from "./merkle.ts";
export * from "./utf8.ts";
