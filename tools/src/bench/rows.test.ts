import { expect, test } from "vitest";
import { type BoundRow, cellsOf, isBetween } from "./rows.ts";

test("a bound may have two sides", () => {
  const row = (ours: number): BoundRow => {
    const bound = [0.85, 1.15] as const;
    return { work: "w", unit: "x", ours, bound, ok: isBetween(ours, bound) };
  };
  expect([0.84, 0.85, 1, 1.15, 1.16, Number.NaN].map((ours) => row(ours).ok)).toEqual([
    false,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(cellsOf(row(0.2))).toEqual(["w", "0.20 x", "bound 0.85 to 1.15", "SHORT", ""]);
  expect(cellsOf({ ...row(1), bound: 4 })).toEqual(["w", "1.00 x", "bound 4.00", "ok", ""]);
});
