import type { Hash, Sha256 } from "../ids.ts";
import { InvariantError } from "../invariant.ts";
import { toHex } from "./hex.ts";
import { isWellFormed, utf8 } from "./utf8.ts";

/**
 * Canonical JSON text of a value (CJ1, CJ2): keys sorted by UTF-16 code units, no white space.
 * Floats, -0, `undefined`, bigints, lone surrogates and objects with a class are bugs and throw.
 * Source: RFC 8785, restricted to integers within 2^53 - 1.
 */
export function canonicalText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isSafeInteger(value) || Object.is(value, -0))
        throw new InvariantError("CJ1: not an integer");
      return String(value);
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? arrayText(value) : objectText(value as Record<string, unknown>);
    default:
      throw new InvariantError(`CJ1: ${typeof value} is not a value`);
  }
}

function arrayText(items: readonly unknown[]): string {
  let text = "[";
  for (let i = 0; i < items.length; i++) text += (i === 0 ? "" : ",") + canonicalText(items[i]);
  return `${text}]`;
}

function objectText(fields: Record<string, unknown>): string {
  const prototype: unknown = Object.getPrototypeOf(fields);
  if (prototype !== Object.prototype && prototype !== null)
    throw new InvariantError("CJ1: not a plain object");
  let text = "{";
  // The default sort compares UTF-16 code units, which is the order RFC 8785 asks for.
  for (const key of Object.keys(fields).sort()) {
    text += `${text.length === 1 ? "" : ","}${quoted(key)}:${canonicalText(fields[key])}`;
  }
  return `${text}}`;
}

// JSON.stringify of a well-formed string escapes exactly what CJ2 lists.
function quoted(text: string): string {
  if (!isWellFormed(text)) throw new InvariantError("CJ1: lone surrogate");
  return JSON.stringify(text);
}

/** UTF-8 bytes of the canonical JSON of a value (CJ1). */
export function canonicalJson(value: unknown): Uint8Array {
  return utf8(canonicalText(value));
}

/** SHA-256 of the canonical JSON of a value (CJ3). Every hashed object carries `version`, so no two kinds share a hash. */
export function hashJson(value: { readonly version: string }, sha256: Sha256): Hash {
  return toHex(sha256(canonicalJson(value))) as Hash;
}

/** Bytes that Ed25519 signs for an object: a tag line, then its canonical JSON without `signature` (BY10). */
export function signedBytes(value: Readonly<Record<string, unknown>>): Uint8Array {
  const { signature: _, ...rest } = value;
  return utf8(`wanhui/sign/1\n${canonicalText(rest)}`);
}
