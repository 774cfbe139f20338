import { expect, test } from "vitest";
import { round } from "../../e2e/fake/scenes.ts";
import { linePoints } from "./numbers.tsx";
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
