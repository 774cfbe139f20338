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
    expect(rainFace(heard)).toBe(face);
    expect(canTake(face)).toBe(pressable);
  }
});
