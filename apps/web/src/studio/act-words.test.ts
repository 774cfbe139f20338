import type { ActView } from "@wanhui/protocol";
import { expect, test } from "vitest";
import { allActs, studioScene } from "../../e2e/fake/studio-scene.ts";
import { makeFormat } from "../shared/format.ts";
import { textIn } from "../shared/language.ts";
import { actWords, repeatedActs } from "./act-words.ts";
import { wordsIn } from "./words.ts";

const reader = (language: "zh" | "en") => {
  const format = makeFormat(language === "zh" ? "zh-CN" : "en", "UTC");
  return {
    words: wordsIn(language, format),
    format,
    text: (text: { zh: string; en: string }) => textIn(language, text),
    view: studioScene(1_800_000_000_000),
  };
};
const act = (part: Partial<ActView>): ActView => ({
  act: 1,
  atMs: 0,
  who: "operator-7c01aa20",
  role: "operator",
  action: "arm",
  target: "round-1",
  reason: null,
  ...part,
});

// The reasons are written by the server: packages/server/src/shows/studio-acts.test.ts has the same texts.
test("[CU6] what the server wrote of an act is said in the page's language, what a person typed as it was", () => {
  const restock = act({
    action: "restock",
    target: "spring-gala-1/tea-set",
    reason: "5 units, command 01010101: two crates: 3 units more",
  });
  expect(actWords(restock, reader("en"))).toEqual({
    name: "restock",
    target: "Porcelain tea set",
    award: null,
    reason: "5 units: two crates: 3 units more",
  });
  expect(actWords(restock, reader("zh")).reason).toBe("5 份：two crates: 3 units more");
  const award = "ab".repeat(16);
  const extend = act({
    action: "extend",
    target: award,
    reason: "until 2027-01-15T09:00:00.000Z: parcel service closed",
  });
  expect(actWords(extend, reader("en"))).toMatchObject({
    target: "award abababab",
    award,
    reason: "until January 15 at 09:00: parcel service closed",
  });
  const refused = act({ action: "forfeit refused", target: award, reason: "award.wrong_state" });
  expect(actWords(refused, reader("en"))).toMatchObject({
    name: "refused: forfeit",
    reason: "It has just changed: only held awards can be extended or forfeited.",
  });
  expect(
    actWords(act({ action: "hold", target: "finale", reason: "5 units: no" }), reader("en")).reason,
  ).toBe("5 units: no");
});

test("no act of the studio is left in the server's words, in either language", () => {
  for (const language of ["zh", "en"] as const) {
    for (const each of allActs(1_800_000_000_000)) {
      const { name, reason } = actWords(each, reader(language));
      if (language === "zh") expect(name).toMatch(/[\u4e00-\u9fff]/);
      expect(`${name} ${reason}`).not.toMatch(/units, command|until \d|\w\.\w+_\w/);
    }
  }
});

test("[PL3] a change sent again is told from another one", () => {
  const change = (number: number, command: string, target = "spring-gala-1/tea-set") =>
    act({ act: number, action: "restock", target, reason: `5 units, command ${command}: more` });
  const acts = [
    change(4, "0a1b2c3d"),
    change(3, "ffffffff"),
    change(2, "0a1b2c3d"),
    change(1, "0a1b2c3d", "x"),
  ];
  expect([...repeatedActs([...acts, act({ act: 5 })])]).toEqual([4]);
});
