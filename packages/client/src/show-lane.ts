import type { Counts, CtlMessage, ShowView } from "@wanhui/protocol";
import { foldCounts, foldShow } from "./fold.ts";

/** What of a room's frame the lane needs; a poll's answer has it too. */
export type Frame = {
  readonly s: string;
  readonly o: number;
  readonly ctl?: readonly CtlMessage[];
  readonly cnt?: Counts;
};

/** A view may come from a cache that is older than our greeting. */
const STALE_VIEW_RETRY_MS = 700;

export type ShowLaneParts = {
  readonly fetchShow: () => Promise<ShowView>;
  readonly random: () => number;
  readonly onShow: (show: ShowView) => void;
  /** Each message once, in order, after the show was folded. */
  readonly onCtl: (message: CtlMessage) => void;
  /** A view was read anew, after something was missed; what waited for it was told. */
  readonly onRenewed: () => void;
};

/** The ordered lane as this client has it: a view, and the place in the stream up to which it is true. */
export class ShowLane {
  readonly #parts: ShowLaneParts;
  #show: ShowView | null = null;
  #stream = "";
  #offset = 0;
  /** Frames that wait for a new view; null when none is on its way. */
  #waiting: Frame[] | null = null;
  #stopped = false;

  constructor(parts: ShowLaneParts) {
    this.#parts = parts;
  }

  get show(): ShowView | null {
    return this.#show;
  }
  get stream(): string {
    return this.#stream;
  }
  get offset(): number {
    return this.#offset;
  }

  /** Reads the first view. */
  async begin(): Promise<void> {
    if (this.#show === null) this.#adopt(await this.#parts.fetchShow());
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Begins again at a place the server named, with a new view. */
  restart(stream: string, offset: number): void {
    this.#stream = stream;
    this.#offset = offset;
    if (this.#waiting !== null) return;
    this.#waiting = [];
    this.#renew();
  }

  /** Reads the show anew; frames wait until it is at least as new as the place we begin at. */
  #renew(): void {
    if (this.#stopped) return;
    this.#parts
      .fetchShow()
      .then((show) => {
        if (show.stream !== this.#stream || show.offset < this.#offset) throw new Error("an older view");
        const frames = this.#waiting ?? [];
        this.#waiting = null;
        this.#adopt(show);
        for (const frame of frames) this.take(frame);
        this.#parts.onRenewed();
      })
      .catch(() => setTimeout(() => this.#renew(), STALE_VIEW_RETRY_MS * (1 + this.#parts.random())));
  }

  #adopt(show: ShowView): void {
    this.#show = show;
    this.#stream = show.stream;
    this.#offset = show.offset;
    this.#parts.onShow(show);
  }

  take(frame: Frame): void {
    if (this.#waiting !== null) {
      this.#waiting.push(frame);
      return;
    }
    const { ctl = [], cnt } = frame;
    const first = frame.o - ctl.length;
    if (frame.s !== this.#stream || first > this.#offset) {
      // Something is missing: nothing is guessed, the view is read anew.
      this.restart(frame.s, frame.o);
      return;
    }
    const fresh = ctl.slice(this.#offset - first);
    this.#offset = Math.max(this.#offset, frame.o);
    if (this.#show !== null) {
      const folded = fresh.reduce(foldShow, this.#show);
      this.#show = cnt === undefined ? folded : foldCounts(folded, cnt);
    }
    for (const message of fresh) this.#parts.onCtl(message);
    if (this.#show !== null) this.#parts.onShow(this.#show);
  }
}
