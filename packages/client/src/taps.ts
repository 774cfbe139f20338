import { encodeTaps, type RoundView, TAPS_PER_FRAME_MAX } from "@wanhui/protocol";
import { bytesOf } from "./keys.ts";

/** Between two frames of one window. */
const BATCH_MS = 1_000;

export type TapFrameOut = { readonly draw: string; readonly window: number; readonly taps: number };
type Waiting = { taps: number; sentWindow: number; sentAtMs: number };

/** Window of a round that is open at a moment of the server's clock; null before the opening and after the close. */
export function openWindow(round: RoundView, serverMs: number): number | null {
  if (serverMs < round.opensAtMs || serverMs >= round.closesAtMs) return null;
  const sinceFirst = serverMs - round.opensAtMs - round.firstWindowMs;
  return sinceFirst < 0 ? 0 : 1 + Math.floor(sinceFirst / round.windowMs);
}

/**
 * Decides when gestures leave: the first of a window at once, the rest once a second, at most 50 a frame (WR5).
 * More gestures than that in a second are no thumbs; they are dropped.
 */
export class TapBatcher {
  readonly #waiting = new Map<string, Waiting>();
  readonly #nowMs: () => number;
  readonly #send: (frame: TapFrameOut) => boolean;

  /** @param send false when there is no way out now; the gestures then wait for the next flush */
  constructor(nowMs: () => number, send: (frame: TapFrameOut) => boolean) {
    this.#nowMs = nowMs;
    this.#send = send;
  }

  tap(round: RoundView, taps: number): void {
    const waiting = this.#waiting.get(round.draw) ?? { taps: 0, sentWindow: -1, sentAtMs: 0 };
    waiting.taps = Math.min(TAPS_PER_FRAME_MAX, waiting.taps + taps);
    this.#waiting.set(round.draw, waiting);
    this.flush(round);
  }

  /** Sends what may leave now. Call it about four times a second while a round is open. */
  flush(round: RoundView): void {
    const waiting = this.#waiting.get(round.draw);
    const nowMs = this.#nowMs();
    const window = openWindow(round, nowMs);
    if (waiting === undefined || waiting.taps === 0 || window === null) return;
    if (window === waiting.sentWindow && nowMs - waiting.sentAtMs < BATCH_MS) return;
    if (!this.#send({ draw: round.draw, window, taps: waiting.taps })) return;
    waiting.taps = 0;
    waiting.sentWindow = window;
    waiting.sentAtMs = nowMs;
  }

  /** Whether gestures wait for their second. */
  waits(): boolean {
    return [...this.#waiting.values()].some(({ taps }) => taps > 0);
  }

  /** The socket was lost: what it carried may be lost too, so the next gesture leaves at once. */
  reset(): void {
    for (const waiting of this.#waiting.values()) waiting.sentWindow = -1;
  }
}

/** The packed frame of a socket. */
export function tapBytes(frame: {
  drawIndex: number;
  frameNumber: number;
  taps: number;
  nonce: string;
}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(26));
  encodeTaps({ ...frame, nonce: bytesOf(frame.nonce) }, bytes);
  return bytes;
}
