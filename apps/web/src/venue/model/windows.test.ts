import { expect, test } from "vitest";
import { round } from "../../../e2e/fake/scenes.ts";
import { closeOfMs, NO_FACTS, nextWindow, windowAt, windowState } from "./windows.ts";

const at = 1_000_000;
const shake = round(0, at, "armed", { schedule: [5, 5, 5], firstWindowMs: 10_000 });

test("[DR3] the page's windows close on the round's own grid, without a gap", () => {
  expect([0, 1, 2].map((window) => closeOfMs(shake, window))).toEqual([
    at + 10_000,
    at + 13_000,
    at + 16_000,
  ]);
  expect(windowAt(shake, at - 1)).toBeNull();
  expect(windowAt(shake, at)).toBe(0);
  expect(windowAt(shake, at + 9_999)).toBe(0);
  expect(windowAt(shake, at + 10_000)).toBe(1);
  expect(windowAt(shake, at + 15_999)).toBe(2);
  expect(windowAt(shake, at + 16_000)).toBeNull();
  expect(shake.closesAtMs).toBe(at + 16_000);
  expect(nextWindow(shake, at - 5_000)).toBe(0);
});

test("a result does not show before its stated second, even when it is known", () => {
  const facts = { entered: true, settled: true, won: true, resultAtMs: at + 14_000 };
  expect(windowState(shake, 0, facts, at + 5_000)).toBe("received");
  expect(windowState(shake, 0, facts, at + 13_999)).toBe("received");
  expect(windowState(shake, 0, facts, at + 14_000)).toBe("won");
  expect(windowState(shake, 0, { ...facts, won: false }, at + 14_000)).toBe("lost");
});

test("[WR3] an entered window whose result is not known at its stated time is late, not lost", () => {
  const facts = { entered: true, settled: false, won: false, resultAtMs: null };
  expect(windowState(shake, 0, facts, at + 13_999)).toBe("received");
  expect(windowState(shake, 0, facts, at + 20_000)).toBe("late");
});

test("without an entry a window is ahead, open, then nothing", () => {
  expect(windowState(shake, 1, NO_FACTS, at)).toBe("ahead");
  expect(windowState(shake, 1, NO_FACTS, at + 11_000)).toBe("open");
  expect(windowState(shake, 1, NO_FACTS, at + 13_000)).toBe("none");
});
