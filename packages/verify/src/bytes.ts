// Bytes, hex and hashes. Written from docs/spec/canonical.md alone: this package shares no code with the server.

import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** SHA-256 of some bytes. Node's own is faster; the default works everywhere. Must not keep its input. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** The default hash: plain JavaScript, no platform. */
export const portableSha256: Sha256 = (bytes) => nobleSha256(bytes);

const notHex = 0xff;
const nibbles = new Uint8Array(256).fill(notHex);
for (let value = 0; value < 16; value++) nibbles["0123456789abcdef".charCodeAt(value)] = value;

/**
 * Decodes lower-case hex into `target` at `offset`.
 *
 * @returns false when a character is not lower-case hex; `target` then holds rubbish
 */
export function decodeHex(hex: string, target: Uint8Array, offset: number): boolean {
  let wrong = 0;
  for (let at = 0; at < hex.length; at += 2) {
    const high = nibbles[hex.charCodeAt(at) & 0xff] ?? notHex;
    const low = nibbles[hex.charCodeAt(at + 1) & 0xff] ?? notHex;
    wrong |= (high | low) & 0xf0;
    wrong |= (hex.charCodeAt(at) | hex.charCodeAt(at + 1)) & 0xff80;
    target[offset + (at >> 1)] = (high << 4) | low;
  }
  return wrong === 0;
}

/** Bytes of a hex string that was checked before. */
export function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  if (hex.length % 2 !== 0 || !decodeHex(hex, bytes, 0)) throw new RangeError("not lower-case hex");
  return bytes;
}

/** Lower-case hex of bytes. */
export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += (byte < 16 ? "0" : "") + byte.toString(16);
  return hex;
}

const encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Joins byte strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Unsigned big-endian integer of `width` bytes (BY1); `value` is at most 2^53 - 1. */
export function bigEndian(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  let rest = value;
  for (let at = width - 1; at >= 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** Compares byte strings of one length: negative, zero or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let at = 0; at < left.length; at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
