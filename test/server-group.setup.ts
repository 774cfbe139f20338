import { startTestServer } from "../packages/server/src/platform/testing.ts";
import { build } from "./build.fixture.ts";

/** Vitest calls it once before the `server` group and calls what it returns at the end. */
export async function setup(): Promise<() => Promise<void>> {
  // Processes under test are the built ones, as people start them.
  build();
  return startTestServer();
}
