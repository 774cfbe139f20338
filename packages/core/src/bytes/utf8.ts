// UTF-8 by hand: TextEncoder and TextDecoder are not part of ECMAScript, and a decoder that forgives
// (overlong forms, surrogates) would let two payloads mean the same.

import { InvariantError } from "../invariant.ts";

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** True when a string has no lone surrogate, so that UTF-8 can carry it. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/** UTF-8 of a well-formed string; a lone surrogate throws (CJ1). */
export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  let end = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) bytes[end++] = code;
    else if (code < 0x800) {
      bytes[end++] = 0xc0 | (code >> 6);
      bytes[end++] = 0x80 | (code & 63);
    } else if (code >= 0xd800 && code <= 0xdfff) {
      const point = text.codePointAt(i++) as number;
      bytes[end++] = 0xf0 | (point >> 18);
      bytes[end++] = 0x80 | ((point >> 12) & 63);
      bytes[end++] = 0x80 | ((point >> 6) & 63);
      bytes[end++] = 0x80 | (point & 63);
    } else {
      bytes[end++] = 0xe0 | (code >> 12);
      bytes[end++] = 0x80 | ((code >> 6) & 63);
      bytes[end++] = 0x80 | (code & 63);
    }
  }
  return bytes;
}

function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) length += 1;
    else if (code < 0x800) length += 2;
    else if (code >= 0xd800 && code <= 0xdfff) {
      const next = text.charCodeAt(i + 1);
      if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff))
        throw new InvariantError("CJ1: lone surrogate");
      length += 4;
      i++;
    } else length += 3;
  }
  return length;
}

/** The string of strict UTF-8 bytes; overlong forms, surrogates, stray and missing bytes throw. */
export function fromUtf8(bytes: Uint8Array): string {
  let text = "";
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i] as number;
    if (first < 0x80) {
      // Nearly all payload text is ASCII: taken in runs, so that each run is one string operation.
      let end = i + 1;
      while (end < bytes.length && end - i < 4096 && (bytes[end] as number) < 0x80) end++;
      text += String.fromCharCode.apply(null, bytes.subarray(i, end) as unknown as number[]);
      i = end;
      continue;
    }
    const length =
      first >= 0xc2 && first <= 0xdf
        ? 2
        : first >= 0xe0 && first <= 0xef
          ? 3
          : first >= 0xf0 && first <= 0xf4
            ? 4
            : 0;
    if (length === 0 || i + length > bytes.length) throw new InvariantError("malformed UTF-8");
    let point = first & (0x7f >> length);
    for (let k = 1; k < length; k++) {
      const next = bytes[i + k] as number;
      if ((next & 0xc0) !== 0x80) throw new InvariantError("malformed UTF-8");
      point = (point << 6) | (next & 63);
    }
    const overlong = (length === 3 && point < 0x800) || (length === 4 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      throw new InvariantError("malformed UTF-8");
    }
    text += String.fromCodePoint(point);
    i += length;
  }
  return text;
}
