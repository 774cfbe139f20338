import { Readable } from "node:stream";

/** Files sent at once: each holds a descriptor and some 128 KiB of buffers, and takes turns from the thread that draws. */
const STREAMS_MAX = 64;
/** A file of tens of MB over a slow phone takes minutes; whoever needs longer than this holds a place others wait for. */
const STREAM_MS_MAX = 10 * 60_000;

/** Sends so many proof files at once and no more (PF7). */
export class Downloads {
  readonly #streamsMax: number;
  readonly #streamMsMax: number;
  #streams = 0;

  /** @param options for tests of the bounds */
  constructor(options: { readonly streamsMax?: number | undefined; readonly streamMsMax?: number } = {}) {
    this.#streamsMax = options.streamsMax ?? STREAMS_MAX;
    this.#streamMsMax = options.streamMsMax ?? STREAM_MS_MAX;
  }

  /** Begins to send; the place is free again once the stream is closed, whoever closes it. Null when all are taken. */
  begin(chunks: AsyncIterable<Uint8Array>): Readable | null {
    if (this.#streams >= this.#streamsMax) return null;
    this.#streams += 1;
    const stream = Readable.from(chunks);
    const late = setTimeout(() => stream.destroy(new Error("A download took too long")), this.#streamMsMax);
    stream.once("close", () => {
      clearTimeout(late);
      this.#streams -= 1;
    });
    // Said to whoever reads it; nobody may be left to hear it.
    stream.on("error", () => undefined);
    return stream;
  }
}
