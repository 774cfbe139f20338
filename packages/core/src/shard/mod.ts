// A shard: decide what a command means, apply what it leads to, look at the result.

export * from "./apply.ts";
export * from "./decide.ts";
export * from "./digest.ts";
export { EXPIRIES_PER_TICK_MAX, nextDueMs } from "./tick.ts";
export * from "./views.ts";
