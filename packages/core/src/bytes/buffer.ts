import { assert } from "../invariant.ts";
import { writeHex } from "./hex.ts";

const U48_LIMIT = 2 ** 48;
const INITIAL_BYTES = 4096;

/** A growing byte buffer for BY1 layouts: unsigned big-endian integers, raw bytes, hex. */
export type ByteWriter = { bytes: Uint8Array; length: number };

export function createWriter(): ByteWriter {
  return { bytes: new Uint8Array(INITIAL_BYTES), length: 0 };
}

function grow(writer: ByteWriter, needed: number): void {
  if (writer.length + needed <= writer.bytes.length) return;
  const larger = new Uint8Array(Math.max(writer.bytes.length * 2, writer.length + needed));
  larger.set(writer.bytes);
  writer.bytes = larger;
}

export function putU(writer: ByteWriter, width: 1 | 2 | 4 | 6, value: number): void {
  grow(writer, width);
  writeU(writer.bytes, writer.length, width, value);
  writer.length += width;
}

/** Writes an unsigned big-endian integer of `width` bytes; a value that does not fit is a bug. */
export function writeU(target: Uint8Array, offset: number, width: 1 | 2 | 4 | 6, value: number): number {
  const limit = width === 6 ? U48_LIMIT : 2 ** (8 * width);
  assert(Number.isInteger(value) && value >= 0 && value < limit, "BY1: integer out of range", value);
  let rest = value;
  for (let i = width - 1; i >= 0; i--) {
    target[offset + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return offset + width;
}

export function putBytes(writer: ByteWriter, bytes: Uint8Array): void {
  grow(writer, bytes.length);
  writer.bytes.set(bytes, writer.length);
  writer.length += bytes.length;
}

export function putHex(writer: ByteWriter, hex: string, byteLength: number): void {
  assert(hex.length === byteLength * 2, "BY1: wrong length", hex);
  grow(writer, byteLength);
  writer.length = writeHex(hex, writer.bytes, writer.length);
}

export function finishWriter(writer: ByteWriter): Uint8Array {
  return writer.bytes.slice(0, writer.length);
}

/** A position in bytes being read; reading past the end throws. */
export type ByteReader = { readonly bytes: Uint8Array; offset: number };

export function takeBytes(reader: ByteReader, length: number): Uint8Array {
  assert(reader.offset + length <= reader.bytes.length, "payload is cut off at byte", reader.offset);
  const taken = reader.bytes.subarray(reader.offset, reader.offset + length);
  reader.offset += length;
  return taken;
}

export function takeU(reader: ByteReader, width: 1 | 2 | 4 | 6): number {
  let value = 0;
  for (const byte of takeBytes(reader, width)) value = value * 256 + byte;
  return value;
}
