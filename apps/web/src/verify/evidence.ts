// What the checker brings himself: receipts and heard seals, told apart by their shape.

export type Evidence = { readonly heard: readonly unknown[]; readonly receipts: readonly unknown[] };

/** No evidence. */
export const NO_EVIDENCE: Evidence = { heard: [], receipts: [] };

/** Largest file of evidence read; a night's heard seals are some hundred kilobytes. */
export const EVIDENCE_BYTES_MAX = 20_000_000;

function put(evidence: Evidence, value: unknown): Evidence {
  const record = value as { version?: unknown; record?: unknown } | null;
  if (typeof record !== "object" || record === null) return evidence;
  if (record.version === "wanhui/receipt/1") return { ...evidence, receipts: [...evidence.receipts, value] };
  if (record.record !== undefined) return { ...evidence, heard: [...evidence.heard, value] };
  return evidence;
}

/** Reads receipts and heard seals out of a file: one JSON value, a list, or one value per line. */
export function readEvidence(text: string): Evidence {
  const values = asWhole(text) ?? asLines(text);
  return values.reduce<Evidence>(put, NO_EVIDENCE);
}

function asWhole(text: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    return null;
  }
}

function asLines(text: string): readonly unknown[] {
  return text.split("\n").flatMap((line) => {
    try {
      return line.trim() === "" ? [] : [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}

/** Both together. */
export function together(one: Evidence, other: Evidence): Evidence {
  return { heard: [...one.heard, ...other.heard], receipts: [...one.receipts, ...other.receipts] };
}
