import type { Verdict } from "./verdict.ts";

const levelMeaning = {
  dev: "dev (UNSAFE: a local beacon; whoever runs it knows every seed beforehand)",
  beacon: "beacon (a public beacon decides; nobody outside shows that the seals came before it)",
  "beacon+witness": "beacon+witness (a public beacon decides; declared witnesses heard every seal before it)",
} as const;

/** A verdict in plain words, one line each, for terminals. */
export function describeVerdict(verdict: Verdict): readonly string[] {
  const { counts, failure } = verdict;
  const number = (value: number) => value.toLocaleString("en");
  const words = [`draw       ${verdict.draw ?? "?"}${verdict.title === null ? "" : `  ${verdict.title}`}`];
  if (failure !== null) {
    const where = failure.line > 0 ? `line ${failure.line}` : "what you brought";
    const field = failure.field === "" ? "" : `, ${failure.field}`;
    words.push(`REJECTED   ${where}${field} (${failure.rule}): ${failure.message}`);
  }
  if (verdict.consistent)
    words.push("consistent yes: everything in the file was worked out again and agrees");
  if (verdict.accepted) {
    words.push(`sealed before the seed: ${verdict.sealedBeforeSeed} (${verdict.sealedReason})`);
  }
  if (verdict.level !== null) words.push(`level      ${levelMeaning[verdict.level]}`);
  words.push(
    `windows    ${number(counts.windowsDrawn)} drawn of ${number(counts.windowsSealed)} sealed, ${number(counts.windowsSkipped)} skipped${verdict.final ? "; the draw is closed" : "; the draw is not closed yet"}`,
    `entries    ${number(counts.entries)}; winners ${number(counts.winners)} of ${number(counts.units)} units; forfeited ${number(counts.forfeits)}; witness signatures ${number(counts.witnessSignatures)}`,
  );
  for (const receipt of verdict.receipts) {
    const won = receipt.won === null ? "" : receipt.won ? "; it won" : "; it did not win";
    words.push(`receipt    window ${receipt.window}: ${receipt.status}, ${receipt.reason}${won}`);
  }
  for (const heard of verdict.heard) {
    words.push(`heard      ${heard.hash.slice(0, 16) || "?"}: ${heard.status}, ${heard.reason}`);
  }
  return words;
}
