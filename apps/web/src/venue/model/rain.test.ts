import { expect, test } from "vitest";
import { canTake, rainFace } from "./rain.ts";

const note = (phase: "asking" | "got" | "wait" | "refused", code: string | null = null) => ({
  request: "r",
  phase,
  place: null,
  code,
});

test("gone is said only when the server said sold out; in line there is nothing to press", () => {
  const faces = [
    [undefined, "take", true],
    [note("asking"), "asking", true],
    [note("refused", "grab.line_full"), "refused", true],
    [note("refused", "pool.sold_out"), "gone", false],
    [note("wait"), "wait", false],
    [note("got"), "got", false],
  ] as const;
  for (const [heard, face, pressable] of faces) {
    expect(rainFace(heard, { left: { p: 0 }, open: { p: 2 } }, "p")).toBe(face);
    expect(rainFace(heard, undefined, "p")).toBe(face);
    expect(canTake(face)).toBe(pressable);
  }
});

test("[GR4] whoever waits is told that it is over as soon as nothing is left and nothing held", () => {
  const waits = note("wait");
  expect(rainFace(waits, { left: { p: 0 }, open: {} }, "p")).toBe("gone");
  expect(rainFace(waits, { left: { p: 0 }, open: { p: 1 } }, "p")).toBe("wait");
  expect(rainFace(waits, { left: { p: 3 }, open: {} }, "p")).toBe("wait");
  expect(rainFace(undefined, { left: { p: 0 }, open: {} }, "p")).toBe("take");
  expect(rainFace(note("got"), { left: { p: 0 }, open: {} }, "p")).toBe("got");
});
