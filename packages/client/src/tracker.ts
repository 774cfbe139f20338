import type { CtlMessage, MeMessage } from "@wanhui/protocol";

/**
 * What became of an own entry: `sent` until the server says it is durable, then `received`, `sealed` when its window
 * closed, and `won` or `not_won` when it was drawn. A gap carries `received` on to a later window.
 */
export type WindowFate = "sent" | "received" | "sealed" | "won" | "not_won";
export type TrackedWindow = {
  readonly draw: string;
  readonly window: number;
  readonly fate: WindowFate;
  /** Won here, else null. */
  readonly awardId: string | null;
  /** Stated time of the result, once sealed, in the server's clock. */
  readonly resultAtMs: number | null;
};

const ORDER: readonly WindowFate[] = ["sent", "received", "sealed", "not_won", "won"];

/** Follows own entries through their windows. Input by methods, output by `changed`; fates only go forward. */
export class RoundTracker {
  readonly #windows = new Map<string, Map<number, TrackedWindow>>();
  readonly #changed: (window: TrackedWindow) => void;

  constructor(changed: (window: TrackedWindow) => void) {
    this.#changed = changed;
  }

  /** Somebody else is here now. */
  clear(): void {
    this.#windows.clear();
  }

  of(draw: string): readonly TrackedWindow[] {
    return [...(this.#windows.get(draw)?.values() ?? [])].sort((a, b) => a.window - b.window);
  }

  /** A tap left for the window that is open by our clock; the server may count it for the next. */
  sent(draw: string, window: number): void {
    this.#move(draw, window, "sent", {});
  }

  /** The entry is durable. Taps that were sent for an earlier window and counted for this one are forgotten. */
  acked(draw: string, window: number): void {
    for (const other of this.of(draw)) {
      if (other.fate === "sent" && other.window <= window) this.#windows.get(draw)?.delete(other.window);
    }
    this.#move(draw, window, "received", {});
  }

  /** A win; it comes before the `drawn` of its window on every socket (WR3). */
  me(message: MeMessage): void {
    if (message.t !== "won") return;
    const { draw, window, awardId } = message.award;
    if (draw !== null && window !== null) this.#move(draw, window, "won", { awardId });
  }

  ctl(message: CtlMessage): void {
    if (message.t === "seal") {
      const own = this.#windows.get(message.draw)?.get(message.window);
      if (own?.fate === "received") {
        this.#move(message.draw, message.window, "sealed", { resultAtMs: message.resultAtMs });
      }
    } else if (message.t === "drawn") {
      const own = this.#windows.get(message.draw)?.get(message.window);
      if (own !== undefined && own.fate !== "sent") this.#move(message.draw, message.window, "not_won", {});
    } else if (message.t === "chain") {
      this.#gap(message.draw, message.record);
    }
  }

  /** Entries of windows that can never be drawn are entries of the next (DR12). */
  #gap(draw: string, record: unknown): void {
    const gap = record as { version?: unknown; fromWindow?: unknown; toWindow?: unknown };
    if (gap.version !== "wanhui/gap/1") return;
    const windows = this.#windows.get(draw);
    for (const own of this.of(draw)) {
      if (own.window < Number(gap.fromWindow) || own.window > Number(gap.toWindow)) continue;
      windows?.delete(own.window);
      if (own.fate !== "sent") this.#move(draw, Number(gap.toWindow) + 1, "received", {});
    }
  }

  #move(
    draw: string,
    window: number,
    fate: WindowFate,
    more: { awardId?: string; resultAtMs?: number },
  ): void {
    const windows = this.#windows.get(draw) ?? new Map<number, TrackedWindow>();
    this.#windows.set(draw, windows);
    const known = windows.get(window) ?? {
      draw,
      window,
      fate: "sent" as const,
      awardId: null,
      resultAtMs: null,
    };
    if (windows.has(window) && ORDER.indexOf(fate) <= ORDER.indexOf(known.fate)) return;
    const next = { ...known, ...more, fate };
    windows.set(window, next);
    this.#changed(next);
  }
}
