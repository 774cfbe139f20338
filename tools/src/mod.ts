// The door of the tools: simulator, crowd, measurements.
export * from "./bench/mod.ts";
export * from "./crowd/mod.ts";
export * from "./sim/mod.ts";
export * from "./witness/mod.ts";
