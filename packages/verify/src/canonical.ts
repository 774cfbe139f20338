import { type Sha256, toHex, utf8 } from "./bytes.ts";

/** What canonical JSON can say (CJ1). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Depth no document of ours reaches; a deeper one is an attack on the reader's stack. */
const depthMax = 32;
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Reads one canonical JSON text (docs/spec/canonical.md CJ1, CJ2) and nothing else: white space, unsorted or repeated
 * keys, floats, unsafe integers, needless escapes and lone surrogates are all refused.
 *
 * @returns the value, or undefined when the text is not canonical JSON
 */
export function parseCanonical(text: string): Json | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  // The platform's printer writes shortest numbers and escapes as CJ2 does, keys in the order they came; so equal
  // texts leave only the order of keys, the range of numbers and lone surrogates to look at.
  if (!isCanonical(value, 0) || JSON.stringify(value) !== text) return undefined;
  return value;
}

function isCanonical(value: Json, depth: number): boolean {
  if (depth > depthMax) return false;
  if (typeof value === "string") return !loneSurrogate.test(value);
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0);
  if (typeof value !== "object" || value === null) return true;
  if (isArray(value)) return value.every((item) => isCanonical(item, depth + 1));
  let before: string | undefined;
  for (const key of Object.keys(value)) {
    if (before !== undefined && before >= key) return false;
    if (loneSurrogate.test(key) || !isCanonical(value[key] ?? null, depth + 1)) return false;
    before = key;
  }
  return true;
}

/** Prints a value as canonical JSON, sorting keys by UTF-16 code units; a float or a lone surrogate throws. */
export function printCanonical(value: Json): string {
  if (typeof value === "number" && (!Number.isSafeInteger(value) || Object.is(value, -0))) {
    throw new RangeError("canonical JSON has integers between -(2^53-1) and 2^53-1 only");
  }
  if (typeof value === "string" && loneSurrogate.test(value)) throw new RangeError("a lone surrogate");
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(printCanonical).join(",")}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${printCanonical(value[key] ?? null)}`).join(",")}}`;
}

/** CJ3: hex SHA-256 of a value's canonical JSON. */
export function hashJson(value: Json, sha256: Sha256): string {
  return toHex(sha256(utf8(printCanonical(value))));
}

/** A JSON array; `Array.isArray` alone forgets readonly arrays. */
export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
