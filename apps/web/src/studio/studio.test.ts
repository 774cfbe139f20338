import { expect, test } from "vitest";
import { round } from "../../e2e/fake/scenes.ts";
import { POOLS, pool } from "../../e2e/fake/studio-scene.ts";
import { wholeNumber } from "./field.tsx";
import { linePoints } from "./numbers.tsx";
import { barParts } from "./pool-bar.tsx";
import { stoppable } from "./stop.tsx";

test("a chart begins at zero: a small change does not look like a large one", () => {
  const box = { width: 10, height: 100, slots: 3 };
  expect(linePoints([100, 101], box)).toEqual(["5.0,1.0", "10.0,0.0"]);
  expect(linePoints([], box)).toEqual([]);
  expect(linePoints([0, 0, 0], box)).toEqual(["0.0,100.0", "5.0,100.0", "10.0,100.0"]);
});

test("[DR13] the stop button means the open round, else the armed one, else nothing", () => {
  const armed = round(1, 0, "armed");
  const open = round(0, 0, "open");
  expect(stoppable([armed, open])).toBe(open);
  expect(stoppable([armed])).toBe(armed);
  expect(stoppable([round(0, 0, "closed"), round(1, 0, "planned")])).toBeNull();
});

test("[CU12] a pool's bar is whole: its parts lie side by side and leave nothing out", () => {
  for (const each of POOLS) {
    let from = 0;
    for (const part of barParts(each)) {
      expect(part.from).toBeCloseTo(from);
      expect(part.width).toBeCloseTo((each[part.part] / each.units) * 100);
      from += part.width;
    }
    expect(from).toBeCloseTo(100);
  }
  expect(barParts(pool("empty", 0))).toEqual([]);
});

test("a number field takes whole numbers within its bounds and nothing else", () => {
  expect(["1", " 7 ", "10"].map((text) => wholeNumber(text, 1, 10))).toEqual([1, 7, 10]);
  for (const text of ["", " ", "0", "11", "1.5", "-1", "1e400", "seven"]) {
    expect(wholeNumber(text, 1, 10), text).toBeNull();
  }
});
