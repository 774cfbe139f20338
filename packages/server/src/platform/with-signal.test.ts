import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { withSignal } from "./with-signal.ts";

test("it ends with any of its signals, for the reason of that one", async () => {
  const long = new AbortController();
  const short = new AbortController();
  const run = withSignal([long.signal, short.signal], (signal) => sleep(60_000, undefined, { signal }));
  short.abort(new Error("enough"));
  await expect(run).rejects.toMatchObject({ name: "AbortError", cause: new Error("enough") });
  expect(long.signal.aborted).toBe(false);
  const late = withSignal([long.signal, short.signal], async (signal) => signal.reason);
  await expect(late).resolves.toEqual(new Error("enough"));
});

test("work that goes on afterwards is ended, and a thousand runs leave nothing in a long-lived signal", async () => {
  const long = new AbortController();
  const left: AbortSignal[] = [];
  for (let run = 0; run < 1_000; run += 1) {
    await withSignal([long.signal], async (signal) => void left.push(signal));
    await withSignal([long.signal], () => Promise.reject(new Error("no"))).catch(() => undefined);
  }
  expect(left.every(({ aborted }) => aborted)).toBe(true);
  expect(getEventListeners(long.signal, "abort")).toEqual([]);
});
