// The packed tap frame, 26 bytes: u8 kind = 1 | u8 version = 1 | u16 draw index | u32 frame number | u16 taps | 16 bytes nonce.
// Big-endian. The nonce is the phone's random half of its user key (docs/spec/canonical.md BY2), the same all round.

import { TAPS_PER_FRAME_MAX } from "./limits.ts";

/** Length of a packed tap frame, exactly; anything else is `frame.malformed`. */
export const TAP_FRAME_BYTES = 26;
const KIND_TAPS = 1;
const TAP_VERSION = 1;

/** What one packed tap frame says: gestures of one phone in one round since its last frame (WR5). */
export type TapFrame = {
  /** `RoundView.index`, 0 to 65,535. */
  readonly drawIndex: number;
  /** Counts up per socket from 1; a frame that does not is a replay and is dropped. */
  readonly frameNumber: number;
  /** Taps since the last frame, 1 to 50. */
  readonly taps: number;
  readonly nonce: Uint8Array;
};

/** Packs one frame into `into` (26 bytes) or a new array. */
export function encodeTaps(frame: TapFrame, into: Uint8Array = new Uint8Array(TAP_FRAME_BYTES)): Uint8Array {
  const view = new DataView(into.buffer, into.byteOffset, TAP_FRAME_BYTES);
  view.setUint8(0, KIND_TAPS);
  view.setUint8(1, TAP_VERSION);
  view.setUint16(2, frame.drawIndex);
  view.setUint32(4, frame.frameNumber);
  view.setUint16(8, frame.taps);
  into.set(frame.nonce.subarray(0, 16), 10);
  return into;
}

/** Reads one frame; null for anything that is not exactly one (`frame.malformed`). The nonce is a view of `bytes`. */
export function decodeTaps(bytes: Uint8Array): TapFrame | null {
  if (bytes.byteLength !== TAP_FRAME_BYTES) return null;
  if (bytes[0] !== KIND_TAPS || bytes[1] !== TAP_VERSION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, TAP_FRAME_BYTES);
  const taps = view.getUint16(8);
  const frameNumber = view.getUint32(4);
  if (taps < 1 || taps > TAPS_PER_FRAME_MAX || frameNumber < 1) return null;
  return { drawIndex: view.getUint16(2), frameNumber, taps, nonce: bytes.subarray(10, TAP_FRAME_BYTES) };
}
