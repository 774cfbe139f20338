// The fuzzer: nonsense of every kind against a whole night (docs/spec/fuzz.md).

export { type FuzzFailure, type FuzzReport, fuzz, routesOf } from "./fuzz.ts";
export { type NightUnderTest, startNightUnderTest } from "./night-under-test.ts";
export { hiddenRoutes } from "./routes.ts";
