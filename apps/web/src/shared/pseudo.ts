// The pseudo-locale: every text accented, a third longer and in brackets. A text that is not, was never translated;
// a bracket that is missing on the screen was cut off.

const ACCENTS: Readonly<Record<string, string>> = {
  a: "á",
  e: "é",
  i: "í",
  o: "ó",
  u: "ú",
  n: "ñ",
  c: "ç",
  A: "Á",
  E: "É",
  I: "Í",
  O: "Ó",
  U: "Ú",
};

/** One text in the pseudo-locale. */
export function pseudo(text: string): string {
  if (text === "") return "";
  const accented = [...text].map((letter) => ACCENTS[letter] ?? letter).join("");
  return `⟦${accented}${"~".repeat(Math.ceil(text.length / 3))}⟧`;
}

/** A whole catalogue in the pseudo-locale: texts, functions that make texts, and groups of both. */
export function pseudoWords<T>(words: T): T {
  if (typeof words === "string") return pseudo(words) as T;
  if (typeof words === "function") {
    return ((...args: readonly unknown[]) => pseudoWords(words(...args))) as T;
  }
  if (typeof words !== "object" || words === null) return words;
  return Object.fromEntries(Object.entries(words).map(([key, value]) => [key, pseudoWords(value)])) as T;
}
