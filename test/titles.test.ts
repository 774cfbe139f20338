import ts from "typescript";
import { expect, test } from "vitest";
import { isNamed, textsOf, titlesOf } from "./titles.fixture.ts";

function fileOf(text: string) {
  const tree = ts.createSourceFile("a.test.ts", text, ts.ScriptTarget.Latest, true);
  return { titles: titlesOf(tree), texts: textsOf(tree) };
}

const file = fileOf(`
  describe("a group", () => {
    test("[XX1] plain words", () => {});
    test.each([1, 2])("[XX2] with %i of (many)", () => {});
    test(\`[XX3] killed \${when} the end\`, () => {});
  });
  describe.each(nights)("night %i", () => {});
  for (const kind of kinds) test(kind.name, () => {});
  const cases = [["a case of the table"]];
`);

test.each([
  "a group",
  "[XX1] plain words",
  "[XX2] with 4 of (many)",
  "[XX2] with %i of (many)",
  "[XX3] killed before the end",
  "night 1",
  "a case of the table",
])("found: %s", (name) => {
  expect(isNamed(name, file)).toBe(true);
});

test.each([
  "[XX1] plain word",
  "plain words",
  "[XX2] with 4 of (few)",
  "[XX2] with of (many)",
  "[XX3] killed at the ends",
  "night",
  "a case of another table",
])("not found: %s", (name) => {
  expect(isNamed(name, file)).toBe(false);
});

test("where no title is made elsewhere, a text in the file is not a title", () => {
  expect(isNamed("only data", fileOf(`test("a title", () => {}); const data = "only data";`))).toBe(false);
});
