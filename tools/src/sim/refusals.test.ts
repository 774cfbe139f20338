import { type Event, encodeEvents, type PoolId } from "@wanhui/core";
import type { Batch } from "@wanhui/server";
import { expect, test } from "vitest";
import { RefusalCheck } from "./refusals.ts";

const pool = "run/cups" as PoolId;

const batch = (seq: number, event: Event): Batch =>
  ({ shard: 0, seq, payload: encodeEvents([event]) }) as unknown as Batch;
const changed = (atMs: number, delta: number): Event => {
  return { type: "pool.changed", atMs, pool, delta, commandId: `at ${atMs}` };
};
const created: Event = {
  type: "pool.created",
  atMs: 10,
  pool,
  units: 1,
  capPerUser: null,
  grabClaimTtlMs: null,
  grantTag: "ab".repeat(10),
};

test.each([
  ["while nothing was free", 25, 26, true],
  ["asked before it was gone", 12, 22, true],
  ["told after there was one again", 29, 35, true],
  ["before it was gone", 12, 15, false],
  ["a process that does not know of the new one", 31, 35, false],
])("[SM5] [JR4] sold out, %s", (_, askedAtMs, toldAtMs, isTrue) => {
  const rows = [batch(1, created), batch(2, changed(20, -1)), batch(3, changed(30, 1))];
  const heardMs = new Map(rows.map(({ seq }) => [seq, seq * 10]));
  const check = new RefusalCheck(rows, heardMs);
  expect(check.knows(pool)).toBe(true);
  expect(check.isTrue({ kind: "sold out", pool, askedAtMs, toldAtMs })).toBe(isTrue);
});
