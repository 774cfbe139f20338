import { InvariantError } from "../invariant.ts";

const DIGIT_CODES: readonly number[] = [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102];
// Engines limit how many arguments one call takes; 4,096 characters stay far below every limit.
const CHARACTERS_PER_CALL = 4096;

/**
 * Lower-case hex of raw bytes, or of the first `length` of them (BY1). Made from character codes at once: joining digit by digit leaves a chain of
 * partial strings in memory, which a million ids would keep.
 */
export function toHex(bytes: Uint8Array, length: number = bytes.length): string {
  const codes = new Uint8Array(length * 2);
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number;
    codes[i * 2] = DIGIT_CODES[byte >> 4] as number;
    codes[i * 2 + 1] = DIGIT_CODES[byte & 15] as number;
  }
  if (codes.length <= CHARACTERS_PER_CALL)
    return String.fromCharCode.apply(null, codes as unknown as number[]);
  let text = "";
  for (let i = 0; i < codes.length; i += CHARACTERS_PER_CALL) {
    text += String.fromCharCode.apply(
      null,
      codes.subarray(i, i + CHARACTERS_PER_CALL) as unknown as number[],
    );
  }
  return text;
}

/** Value of each character code; 255 is no digit. */
const DIGITS: Uint8Array = (() => {
  const digits = new Uint8Array(128).fill(255);
  for (const [value, code] of DIGIT_CODES.entries()) digits[code] = value;
  return digits;
})();

/** 0 to 15, or more than that for anything that is no lower-case digit. */
function digit(code: number): number {
  return code < 128 ? (DIGITS[code] as number) : 255;
}

/** Reads 32 lower-case hex digits as four words; false, with `target` spoilt, when it is anything else (BY1). */
export function readWords128(hex: string, target: Uint32Array, offset: number): boolean {
  if (hex.length !== 32) return false;
  let worst = 0;
  for (let word = 0; word < 4; word++) {
    let value = 0;
    for (let i = word * 8, end = i + 8; i < end; i++) {
      const next = digit(hex.charCodeAt(i));
      worst |= next;
      value = (value << 4) | next;
    }
    target[offset + word] = value;
  }
  return worst < 16;
}

/** The 32 hex digits of four words. */
export function fromWords128(words: Uint32Array, offset: number): string {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = (words[offset + (i >> 2)] as number) >>> (24 - 8 * (i & 3));
  return toHex(bytes);
}

/** Writes `hex` into `target` from `offset`; returns the offset behind it. Upper case, odd length and anything else that is not hex throw. */
export function writeHex(hex: string, target: Uint8Array, offset: number): number {
  const length = hex.length;
  if (length % 2 !== 0) throw new InvariantError("hex of odd length");
  let end = offset;
  for (let i = 0; i < length; i += 2) {
    const high = digit(hex.charCodeAt(i));
    const low = digit(hex.charCodeAt(i + 1));
    if ((high | low) > 15) throw new InvariantError("not lower-case hex");
    target[end++] = (high << 4) | low;
  }
  return end;
}

/** Raw bytes of lower-case hex; anything else throws. */
export function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  writeHex(hex, bytes, 0);
  return bytes;
}

/** True for exactly `byteLength` bytes in lower-case hex. */
export function isHex(text: string, byteLength: number): boolean {
  if (text.length !== byteLength * 2) return false;
  for (let i = 0; i < text.length; i++) if (digit(text.charCodeAt(i)) > 15) return false;
  return true;
}

/** Orders byte strings as unsigned bytes, first byte first; a prefix comes before what it begins (BY4). */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
