import { encodeTaps, openWindow, type RoundView, TAPS_PER_FRAME_MAX } from "@wanhui/protocol";
import { bytesOf } from "./keys.ts";

/** Between two frames of one window. */
const BATCH_MS = 1_000;
/**
 * Further gestures do not leave this shortly before a window closes: what arrives behind the close is an entry of the
 * next window, and the person may have stopped. It is more than most phones need to reach the server.
 */
const CLOSE_GUARD_MS = 250;

export type TapFrameOut = {
  readonly draw: string;
  readonly window: number;
  readonly taps: number;
  /** The entry is known to be durable: the frame is answered by a refusal only (WR6). */
  readonly entered: boolean;
};

/** Gestures of one window of one draw; another window begins with none. */
type Book = {
  readonly window: number;
  /** Not sent yet. */
  waiting: number;
  /** Null: the first has not left. */
  sentAtMs: number | null;
  /** Gestures of each frame that is not answered, oldest first. */
  readonly unanswered: number[];
  /** The entry is durable: nothing of it needs to be sent again. */
  entered: boolean;
};

/** When a window of a round closes. */
function closeOf(round: RoundView, window: number): number {
  return Math.min(round.closesAtMs, round.opensAtMs + round.firstWindowMs + window * round.windowMs);
}

/**
 * Decides when gestures leave: the first of a window at once, the rest once a second, at most 50 a frame (WR5).
 * More gestures than that in a second are no thumbs; they are dropped. A gesture counts for the window it was made in
 * or for none: what has not left when the window is over is dropped, too.
 */
export class TapBatcher {
  readonly #books = new Map<string, Book>();
  readonly #nowMs: () => number;
  readonly #send: (frame: TapFrameOut) => boolean;

  /** @param send false when there is no way out now; the gestures then wait for the next flush */
  constructor(nowMs: () => number, send: (frame: TapFrameOut) => boolean) {
    this.#nowMs = nowMs;
    this.#send = send;
  }

  /** @returns false when no window is open: the gesture counts for nothing */
  tap(round: RoundView, taps: number): boolean {
    const window = openWindow(round, this.#nowMs());
    if (window === null) return false;
    let book = this.#open(round);
    if (book === null) {
      book = { window, waiting: 0, sentAtMs: null, unanswered: [], entered: false };
      this.#books.set(round.draw, book);
    }
    book.waiting = Math.min(TAPS_PER_FRAME_MAX, book.waiting + taps);
    this.flush(round);
    return true;
  }

  /** Sends what may leave now. Call it about four times a second while a round is open. */
  flush(round: RoundView): void {
    const book = this.#open(round);
    if (!book?.waiting) return;
    const nowMs = this.#nowMs();
    if (book.sentAtMs !== null) {
      if (nowMs - book.sentAtMs < BATCH_MS) return;
      if (closeOf(round, book.window) - nowMs <= CLOSE_GUARD_MS) return;
    }
    if (!this.#send({ ...book, draw: round.draw, taps: book.waiting })) return;
    // Of an entry that stands only a refusal is heard, and of the newest frame.
    if (book.entered) book.unanswered.shift();
    book.unanswered.push(book.waiting);
    book.waiting = 0;
    book.sentAtMs = nowMs;
  }

  /** Somebody else is here now: nothing of before is his. */
  clear(): void {
    this.#books.clear();
  }

  /** Whether gestures wait for their second. */
  waits(): boolean {
    return [...this.#books.values()].some(({ waiting }) => waiting);
  }

  /** An entry of this window is durable. It may be a later one than the gesture's, by the server's clock. */
  acked(draw: string, window: number): void {
    const book = this.#books.get(draw);
    if (book === undefined || window < book.window) return;
    book.unanswered.shift();
    book.entered = true;
  }

  /**
   * A frame was refused. Refusals come at once and acknowledgements after the disk, so it was the newest.
   *
   * @returns its gestures, and whether they were the entry of a window that is still open
   */
  refused(round: RoundView): { readonly taps: number; readonly window: number | null } {
    const taps = this.#books.get(round.draw)?.unanswered.pop() ?? 0;
    const book = this.#open(round);
    return { taps, window: book === null || book.entered || taps === 0 ? null : book.window };
  }

  /** Sends a refused entry again, if its window is open and nothing else has entered it meanwhile. */
  again(round: RoundView, refused: { readonly taps: number; readonly window: number | null }): boolean {
    const book = this.#open(round);
    if (book === null || book.window !== refused.window) return false;
    if (book.entered || book.unanswered.length > 0) return true;
    this.#sendAgain(round, book, refused.taps);
    return true;
  }

  /** A new way out: an entry nobody acknowledged is sent again, if its window is still open. */
  resume(round: RoundView): void {
    const book = this.#open(round);
    if (book === null) return;
    const lost = book.unanswered.splice(0).reduce((sum, taps) => sum + taps, 0);
    if (book.entered || lost === 0) this.flush(round);
    else this.#sendAgain(round, book, lost);
  }

  #sendAgain(round: RoundView, book: Book, taps: number): void {
    book.waiting = Math.min(TAPS_PER_FRAME_MAX, book.waiting + taps);
    // At once, but as little as any other frame into the close: an entry that comes too late would be the next window's.
    book.sentAtMs = this.#nowMs() - BATCH_MS;
    this.flush(round);
  }

  /** The gestures of the window that is open now. Those of another one are forgotten. */
  #open(round: RoundView): Book | null {
    const book = this.#books.get(round.draw);
    if (book === undefined || book.window === openWindow(round, this.#nowMs())) return book ?? null;
    this.#books.delete(round.draw);
    return null;
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
