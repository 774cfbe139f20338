// PostgreSQL's binary array format, packed by hand: node-pg sends a Buffer as a binary parameter untouched, while it
// would write an array of buffers as hex text, twice the bytes and a parse on the other side.
// Source: src/backend/utils/adt/arrayfuncs.c, array_recv.

const oidOfBytea = 17;
const oidOfInt8 = 20;
const headerBytes = 20;

function header(out: Buffer, elementOid: number, count: number): void {
  out.writeInt32BE(1, 0); // dimensions
  out.writeInt32BE(0, 4); // no nulls
  out.writeInt32BE(elementOid, 8);
  out.writeInt32BE(count, 12);
  out.writeInt32BE(1, 16); // lower bound
}

/** A `bigint[]` parameter. @param values integers of at most 2^53 - 1 */
export function int8Array(values: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(headerBytes + values.length * 12);
  header(out, oidOfInt8, values.length);
  let at = headerBytes;
  for (const value of values) {
    at = out.writeInt32BE(8, at);
    at = out.writeBigInt64BE(BigInt(value), at);
  }
  return out;
}

/** A `bytea[]` parameter; copies each value once. */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  let size = headerBytes;
  for (const value of values) size += 4 + value.length;
  const out = Buffer.allocUnsafe(size);
  header(out, oidOfBytea, values.length);
  let at = headerBytes;
  for (const value of values) {
    at = out.writeInt32BE(value.length, at);
    out.set(value, at);
    at += value.length;
  }
  return out;
}
