import type { RoundView } from "@wanhui/protocol";
import type { RefusedTaps } from "./options.ts";
import { TapBatcher, type TapFrameOut } from "./taps.ts";

const FLUSH_EVERY_MS = 250;
/** No answer at all says nothing of when to ask again. */
const NO_ANSWER_RETRY_MS = 1_000;

export type TapLaneParts = {
  readonly nowMs: () => number;
  readonly rounds: () => readonly RoundView[];
  /** Sends a frame; false when there is no way out now. */
  readonly send: (round: RoundView, frame: TapFrameOut) => boolean;
  readonly refused: (refused: RefusedTaps) => void;
};

/** Gestures on their way: batched, sent again where that is the answer, and told of where they were refused. */
export class TapLane {
  readonly #parts: TapLaneParts;
  readonly #batcher: TapBatcher;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(parts: TapLaneParts) {
    this.#parts = parts;
    this.#batcher = new TapBatcher(parts.nowMs, (frame) => {
      const round = this.#roundOf(frame.draw);
      return round ? parts.send(round, frame) : false;
    });
  }

  tap(draw: string, taps: number): boolean {
    const round = this.#roundOf(draw);
    const counted = round !== undefined && !this.#stopped && this.#batcher.tap(round, taps);
    this.#planFlush();
    return counted;
  }

  acked(draw: string, window: number): void {
    this.#batcher.acked(draw, window);
  }

  /** A refusal with a time to wait means "the same again" (`next: retry`): the entry is, while its window is open. */
  refused(draw: string | null, code: string, retryMs: number | null): void {
    const round = draw === null ? undefined : this.#roundOf(draw);
    const refused = round === undefined ? { taps: 0, window: null } : this.#batcher.refused(round);
    const tell = () => this.#parts.refused({ draw, code, retryMs, taps: refused.taps });
    const waitMs = code === "offline" ? NO_ANSWER_RETRY_MS : retryMs;
    if (draw === null || refused.window === null || waitMs === null) {
      tell();
      return;
    }
    setTimeout(() => {
      if (this.#stopped) return;
      const again = this.#roundOf(draw);
      if (again === undefined || !this.#batcher.again(again, refused)) tell();
      this.#planFlush();
    }, waitMs);
  }

  clear(): void {
    this.#batcher.clear();
  }

  /** A new way out. */
  resume(): void {
    for (const round of this.#parts.rounds()) this.#batcher.resume(round);
    this.#planFlush();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#flushTimer);
  }

  #roundOf(draw: string): RoundView | undefined {
    return this.#parts.rounds().find((round) => round.draw === draw);
  }

  #planFlush(): void {
    clearTimeout(this.#flushTimer);
    if (!this.#batcher.waits() || this.#stopped) return;
    this.#flushTimer = setTimeout(() => {
      for (const round of this.#parts.rounds()) this.#batcher.flush(round);
      this.#planFlush();
    }, FLUSH_EVERY_MS);
  }
}
