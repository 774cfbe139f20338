import { expect, test } from "vitest";
import { round } from "../../e2e/fake/scenes.ts";
import { linePoints } from "./numbers.tsx";
import { stoppable } from "./stop.tsx";

test("a chart begins at zero: a small change does not look like a large one", () => {
  expect(linePoints([100, 101], 10, 100)).toBe("0.0,1.0 10.0,0.0");
  expect(linePoints([], 10, 100)).toBe("");
  expect(linePoints([0, 0], 10, 100)).toBe("0.0,100.0 10.0,100.0");
});

test("[DR13] the stop button means the open round, else the armed one, else nothing", () => {
  const armed = round(1, 0, "armed");
  const open = round(0, 0, "open");
  expect(stoppable([armed, open])).toBe(open);
  expect(stoppable([armed])).toBe(armed);
  expect(stoppable([round(0, 0, "closed"), round(1, 0, "planned")])).toBeNull();
});
