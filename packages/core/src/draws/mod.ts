// Draws: the beacon grid and the lottery, for those who plan rounds or recompute winners (docs/spec/draw.md).

export * from "./grid.ts";
export * from "./lottery.ts";
export { WINDOWS_MAX } from "./plan.ts";
