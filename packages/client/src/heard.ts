import type { CtlMessage } from "@wanhui/protocol";
import { keep } from "./memory.ts";
import type { ClientStorage } from "./options.ts";

const INDEX = "wanhui.heard";
/** Rounds remembered, the newest: a line has some 600 bytes, a round some dozens of windows, a page 5 MB in all. */
const ROUNDS_MAX = 60;
const LINES_PER_ROUND_MAX = 200;

/**
 * Keeps a seal's header, or another signed record of a draw's chain, with the moment this device heard it, by this device's own clock: nobody's word but ours
 * that it was out before its seed.
 */
export function keepHeard(
  storage: ClientStorage,
  message: Extract<CtlMessage, { t: "seal" | "chain" }>,
  heardAtMs: number,
): void {
  const rounds = roundsOf(storage);
  if (!rounds.includes(message.draw)) {
    rounds.push(message.draw);
    keep(storage, INDEX, JSON.stringify(rounds.slice(-ROUNDS_MAX)));
  }
  const lines = linesOf(storage, message.draw);
  // Heard again after a resume: the first time counts.
  if (lines.some((line) => line.includes(message.hash))) return;
  const { hash, signature } = message;
  const record = message.t === "seal" ? message.header : message.record;
  lines.push(JSON.stringify({ record, hash, signature, heardAtMs }));
  keep(storage, `${INDEX}.${message.draw}`, lines.slice(-LINES_PER_ROUND_MAX).join("\n"));
}

/** Everything heard, one line `{record, hash, signature, heardAtMs}` each, for `wanhui verify --heard FILE`. */
export function heardNdjson(storage: ClientStorage): string {
  const lines = roundsOf(storage).flatMap((draw) => linesOf(storage, draw));
  return lines.map((line) => `${line}\n`).join("");
}

function roundsOf(storage: ClientStorage): string[] {
  return JSON.parse(storage.getItem(INDEX) ?? "[]") as string[];
}

function linesOf(storage: ClientStorage, draw: string): string[] {
  const text = storage.getItem(`${INDEX}.${draw}`) ?? "";
  return text === "" ? [] : text.split("\n");
}
