import { CODES } from "@wanhui/protocol";
import { expect, test } from "vitest";
import { makeFormat } from "../../shared/format.ts";
import { pseudoWords } from "../../shared/pseudo.ts";
import { wordsIn as studioWords } from "../../studio/words.ts";
import { wordsIn as verifyWords } from "../../verify/words.ts";
import { en } from "./en.ts";
import { zh } from "./zh.ts";

const formats = { zh: makeFormat("zh-CN", "Asia/Shanghai"), en: makeFormat("en", "Asia/Shanghai") };

/** Every text of a catalogue by its path; functions are called with numbers and words. */
function texts(words: unknown, path = ""): Map<string, string> {
  if (typeof words === "string") return new Map([[path, words]]);
  if (typeof words === "function") {
    return texts(words("2", "2", "2", "2"), path);
  }
  return new Map(
    Object.entries(words as object).flatMap(([key, value]) => [...texts(value, `${path}.${key}`)]),
  );
}

const catalogues = [
  ["venue", zh(formats.zh), en(formats.en)],
  ["studio", studioWords("zh", formats.zh), studioWords("en", formats.en)],
  ["verify", verifyWords("zh", formats.zh), verifyWords("en", formats.en)],
] as const;

test.each(catalogues)(
  "%s: both languages say everything, and nothing is left untranslated",
  (_name, chinese, english) => {
    const left = texts(chinese);
    const right = texts(english);
    expect([...right.keys()].sort()).toEqual([...left.keys()].sort());
    for (const [path, text] of left) {
      expect(text, path).not.toBe("");
      // The button that changes the language is written in the other one.
      if (path === ".language") continue;
      expect(right.get(path), path).not.toMatch(/[\u4e00-\u9fff]/);
      expect(text, path).toMatch(/[\u4e00-\u9fff]|^2/);
    }
  },
);

test.each([
  ["zh", zh(formats.zh), /自动再/, /再按一次/],
  ["en", en(formats.en), /again by itself/, /Press once more/],
] as const)(
  "%s: an engine that did not answer yet is told apart: taps go again by themselves, a form is pressed again",
  (_name, words, byItself, pressed) => {
    for (const code of Object.keys(CODES).filter((each) => each.startsWith("engine."))) {
      expect(words.refusal[code], code).toMatch(byItself);
      expect(words.claim.troubles[code], code).toMatch(pressed);
    }
  },
);

test("the pseudo-locale reaches every text, also those made by functions", () => {
  const plain = texts(en(formats.en));
  for (const [path, text] of texts(pseudoWords(en(formats.en)))) {
    expect(text, path).toMatch(/^⟦.*⟧$/s);
    expect(text.length, path).toBeGreaterThan((plain.get(path) ?? "").length * 1.3);
  }
});
