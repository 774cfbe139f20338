// The rules: pure, synchronous, deterministic. The door of the package.

export * from "./bytes/mod.ts";
export * from "./codec/mod.ts";
export * from "./commands.ts";
export * from "./draws/mod.ts";
export * from "./events.ts";
export * from "./ids.ts";
export { InvariantError } from "./invariant.ts";
export * from "./pools/mod.ts";
export * from "./shard/mod.ts";
export * from "./state/mod.ts";
