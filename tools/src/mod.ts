// The door of the tools: simulator, crowd, measurements.
export * from "./sim/mod.ts";
export * from "./witness/mod.ts";
