import { textFrame } from "./frames.ts";
import type { Where } from "./intake.ts";
import type { RoomClock } from "./outlet.ts";

/**
 * Acknowledgements share their bytes: all those of one journal batch and window are one buffer (WR6). A batch's
 * answers leave in one turn of the event loop, so the buffers are forgotten after it.
 */
export class Acks {
  readonly #clock: RoomClock;
  readonly #frames = new Map<string, Buffer>();
  /** The frame asked for last: the answers of a batch come one after the other. */
  #last: { where: Where; drawIndex: number; window: number; frame: Buffer } | null = null;
  #forgetPlanned = false;
  #built = 0;

  constructor(clock: RoomClock) {
    this.#clock = clock;
  }

  /** Frames made so far. */
  get built(): number {
    return this.#built;
  }

  frame(ack: { drawIndex: number; window: number; where: Where; fixedKey: string | null }): Buffer {
    const { drawIndex, window, where, fixedKey } = ack;
    const at = this.#clock.nowMs();
    // An earlier key of the same user: rare, and about him alone.
    if (fixedKey !== null)
      return textFrame(JSON.stringify({ t: "ack", at, d: drawIndex, w: window, fixedKey }));
    const last = this.#last;
    // The engine names a batch by one object for all its answers.
    if (last?.where === where && last.drawIndex === drawIndex && last.window === window) return last.frame;
    const frame = this.#frameOf({ drawIndex, window, where, at });
    this.#last = { where, drawIndex, window, frame };
    return frame;
  }

  #frameOf(ack: { drawIndex: number; window: number; where: Where; at: number }): Buffer {
    const { drawIndex, window, where, at } = ack;
    const name = `${where === null ? "fence" : `${where.shard}:${where.seq}`}:${drawIndex}:${window}`;
    const known = this.#frames.get(name);
    if (known !== undefined) return known;
    const frame = textFrame(JSON.stringify({ t: "ack", at, d: drawIndex, w: window }));
    this.#built += 1;
    this.#frames.set(name, frame);
    this.#planForget();
    return frame;
  }

  #planForget(): void {
    if (this.#forgetPlanned) return;
    this.#forgetPlanned = true;
    this.#clock.soon(() => {
      this.#forgetPlanned = false;
      this.#frames.clear();
      this.#last = null;
    });
  }
}
