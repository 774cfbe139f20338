import assert from "node:assert/strict";
import { CTL_RESUME_MESSAGES_MAX, type CtlMessage } from "@wanhui/protocol";

/** A resume that would be longer than this costs more than a fresh view, which every cache can serve. */
export const RESUME_BYTES_MAX = 256 * 1_024;
/** Answers kept between two flushes: a storm comes from a few places, and 32 answers hold at most 8 MiB. Others are made anew. */
const RESUMES_KEPT_MAX = 32;

/**
 * The ordered lane: every message has a place, counted from the start of the stream. Offset n means "has seen the
 * first n". Messages are kept as the JSON they travel as, so that a resume is a join of strings.
 */
export class CtlLane {
  /** Ring: message i (0-based) stands at i % length. */
  readonly #ring: string[] = [];
  readonly #messagesMax: number;
  #offset = 0;
  #flushed = 0;
  /** Answers since the last flush, by offset. */
  readonly #resumes = new Map<number, string | null>();

  constructor(messagesMax: number = CTL_RESUME_MESSAGES_MAX) {
    this.#messagesMax = messagesMax;
  }

  /** Offset after the newest message, sent or not. */
  get offset(): number {
    return this.#offset;
  }

  /** Offset after the newest message that went out to everybody. */
  get flushed(): number {
    return this.#flushed;
  }

  append(message: CtlMessage): void {
    this.#ring[this.#offset % this.#messagesMax] = JSON.stringify(message);
    this.#offset += 1;
  }

  /** What went to nobody yet, now counted as sent. */
  takeUnsent(): string[] {
    assert(this.#offset - this.#flushed <= this.#messagesMax, "unsent ctl messages were overwritten");
    const unsent = this.#slice(this.#flushed, this.#offset);
    this.#flushed = this.#offset;
    if (unsent.length > 0) this.#resumes.clear();
    return unsent;
  }

  /**
   * The messages between an offset somebody has seen and what everybody has been sent, in order, as the inside of a
   * JSON array; null when they are gone, too many, or the offset was never ours. A storm of reconnects from one
   * moment shares one answer.
   */
  since(offset: number): string | null {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.#flushed) return null;
    if (offset < this.#offset - this.#messagesMax) return null;
    const known = this.#resumes.get(offset);
    if (known !== undefined) return known;
    const missed = this.#slice(offset, this.#flushed).join(",");
    const answer = Buffer.byteLength(missed) > RESUME_BYTES_MAX ? null : missed;
    if (this.#resumes.size < RESUMES_KEPT_MAX) this.#resumes.set(offset, answer);
    return answer;
  }

  #slice(from: number, to: number): string[] {
    const messages: string[] = [];
    for (let at = from; at < to; at += 1) messages.push(this.#ring[at % this.#messagesMax] ?? "null");
    return messages;
  }
}
