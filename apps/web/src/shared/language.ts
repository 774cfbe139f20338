// Which language the page speaks. Chosen by hand it is remembered; else the browser's first wish counts.

import type { Text } from "@wanhui/protocol";
import { recall, remember } from "./memory.ts";

/** `xx` is the pseudo-locale: English made longer and accented, so that a forgotten or cut text is seen at once. */
export type Language = "zh" | "en" | "xx";

const KEY = "wanhui.language";

/** BCP 47 tag for `Intl` and for `<html lang>`. */
export function localeOf(language: Language): "zh-CN" | "en" {
  return language === "zh" ? "zh-CN" : "en";
}

/** The language to start with: `?lang=`, then what was chosen before, then the browser's wish, then Chinese. */
export function firstLanguage(search: string, wishes: readonly string[]): Language {
  const asked = new URLSearchParams(search).get("lang");
  if (asked === "zh" || asked === "en" || asked === "xx") return asked;
  const before = recall<string>(KEY);
  if (before === "zh" || before === "en") return before;
  for (const wish of wishes) {
    if (wish.toLowerCase().startsWith("zh")) return "zh";
    if (wish.toLowerCase().startsWith("en")) return "en";
  }
  return wishes.length === 0 ? "zh" : "en";
}

/** Remembers a choice made by hand. */
export function rememberLanguage(language: Language): void {
  remember(KEY, language);
}

/** The text of a show in the page's language; the other one where the wanted one is empty. */
export function textIn(language: Language, text: Text): string {
  const wanted = language === "zh" ? text.zh : text.en;
  return wanted === "" ? (language === "zh" ? text.en : text.zh) : wanted;
}
