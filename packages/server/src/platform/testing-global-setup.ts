import { startTestServer } from "./testing.ts";

/** Vitest calls it once before the `server` group and calls what it returns at the end. */
export async function setup(): Promise<() => Promise<void>> {
  return startTestServer();
}
