// The studio's texts, one file a language.

import type { Format } from "../shared/format.ts";
import { en } from "./words/en.ts";
import { type Words, zh } from "./words/zh.ts";

export type { Words };

/** The studio's words in a language. */
export function wordsIn(language: "zh" | "en", format: Format): Words {
  return language === "zh" ? zh(format) : en(format);
}
