import type { SocketConstructor } from "@wanhui/client";
import { WebSocket } from "ws";

/** What a watched socket tells: times, refusals, closes. */
export type SocketWatcher = {
  /** A tap frame left for this draw. */
  readonly sent: (drawIndex: number) => void;
  /** Window of a draw that is open now; null between them. */
  readonly windowOf: (drawIndex: number) => number | null;
  readonly acked: (ack: {
    drawIndex: number;
    window: number;
    fixedKey: string | null;
    latencyMs: number | null;
  }) => void;
  readonly refused: (code: string) => void;
  readonly closed: (code: number) => void;
};

/** A socket's handle for those who treat it badly. */
export type WatchedSocket = { cut(): void; stopReading(): void; readAgain(): void };

const QUOTE = '{"t":"'.length;
const A = "a".charCodeAt(0);
const N = "n".charCodeAt(0);
const E = "e".charCodeAt(0);

/**
 * The `ws` package's socket, with a look at what passes: when the first unanswered tap frame of a draw left, and when
 * its acknowledgement came. Only answers are parsed; the room's frames pass unread.
 */
export function watchedSocket(
  watcher: SocketWatcher,
  opened: (socket: WatchedSocket) => void,
): SocketConstructor {
  class Watched extends WebSocket {
    /** When the first frame of a window left; its further ones are not answered (WR6). */
    readonly #since = new Map<
      number,
      { readonly window: number | null; readonly atMs: number; answered: boolean }
    >();

    constructor(url: string, protocol: string) {
      super(url, protocol, { perMessageDeflate: false });
      this.on("message", (data, isBinary) => {
        if (!isBinary && Buffer.isBuffer(data)) this.#look(data);
      });
      this.on("close", (code) => watcher.closed(code));
      this.on("error", () => undefined);
      opened({
        cut: () => this.terminate(),
        stopReading: () => this.pause(),
        readAgain: () => this.resume(),
      });
    }

    override send(data: string | Uint8Array<ArrayBuffer>): void {
      if (typeof data !== "string" && data.length >= 4) {
        const drawIndex = ((data[2] ?? 0) << 8) | (data[3] ?? 0);
        const window = watcher.windowOf(drawIndex);
        if (this.#since.get(drawIndex)?.window !== window)
          this.#since.set(drawIndex, { window, atMs: performance.now(), answered: false });
        watcher.sent(drawIndex);
      }
      super.send(data);
    }

    #look(data: Buffer): void {
      const kind = data[QUOTE];
      if (kind !== A && kind !== N && kind !== E) return;
      const message = JSON.parse(data.toString("utf8")) as {
        t: string;
        d?: number;
        w?: number;
        fixedKey?: string;
        code?: string;
      };
      if (message.t === "ack" && message.d !== undefined && message.w !== undefined) {
        const since = this.#since.get(message.d);
        const latencyMs = since === undefined || since.answered ? null : performance.now() - since.atMs;
        if (since !== undefined) since.answered = true;
        const { d: drawIndex, w: window, fixedKey = null } = message;
        watcher.acked({ drawIndex, window, fixedKey, latencyMs });
      } else if ((message.t === "no" || message.t === "error") && message.code !== undefined) {
        if (message.d !== undefined) this.#since.delete(message.d);
        watcher.refused(message.code);
      }
    }
  }
  return Watched as unknown as SocketConstructor;
}
