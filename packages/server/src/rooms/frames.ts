// Frames as RFC 6455 has them from a server: unmasked, so one buffer serves every socket. Never compressed.

const TEXT_FIN = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** One whole text frame: header and UTF-8 payload in one new buffer. */
export function textFrame(json: string): Buffer {
  const bytes = Buffer.byteLength(json);
  const header = bytes < LENGTH_16 ? 2 : bytes <= 0xffff ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + bytes);
  frame[0] = TEXT_FIN;
  if (header === 2) frame[1] = bytes;
  else if (header === 4) {
    frame[1] = LENGTH_16;
    frame.writeUInt16BE(bytes, 2);
  } else {
    frame[1] = LENGTH_64;
    frame.writeBigUInt64BE(BigInt(bytes), 2);
  }
  frame.write(json, header);
  return frame;
}
