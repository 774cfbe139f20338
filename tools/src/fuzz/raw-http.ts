import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** An answer as it came. */
export type RawAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** Longer than any answer takes on a busy machine. */
const ANSWER_WITHIN_MS = 20_000;

/** One connection that is kept: requests one after the other, answers as bytes. */
export class RawHttp {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | null = null;
  #buffered = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #ended = true;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** Sends one whole request. @returns its answer, or null when the server closed without one */
  async ask(bytes: Buffer, method: string): Promise<RawAnswer | null> {
    await this.#open();
    this.#socket?.write(bytes);
    return await this.#answer(method);
  }

  close(): void {
    this.#socket?.destroy();
  }

  /** Anew when the server closed it after the answer before. */
  async #open(): Promise<void> {
    if (!this.#ended) return;
    this.#buffered = Buffer.alloc(0);
    this.#ended = false;
    const socket = connect(this.#port, this.#host);
    this.#socket = socket;
    const end = () => {
      if (this.#socket !== socket) return;
      this.#ended = true;
      this.#wake();
    };
    socket.on("data", (chunk) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk]);
      this.#wake();
    });
    socket.on("error", end);
    socket.on("close", end);
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
  }

  async #answer(method: string): Promise<RawAnswer | null> {
    const untilMs = performance.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const parsed = parseAnswer(this.#buffered, { method, ended: this.#ended });
      if (parsed === "broken") throw new Error("an answer that is none");
      if (parsed !== null) {
        this.#buffered = this.#buffered.subarray(parsed.length);
        if (parsed.answer.headers.connection === "close") {
          this.#ended = true;
          this.#socket?.destroy();
        }
        return parsed.answer;
      }
      if (this.#ended) return null;
      if (performance.now() > untilMs) throw new Error("no answer");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, untilMs - performance.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** Sends bytes that may be no request on a connection of their own, half closed behind them. @returns the first answer, if any */
export async function askWildly(url: string, bytes: Buffer, method: string): Promise<RawAnswer | null> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => void chunks.push(chunk));
  socket.on("error", () => undefined);
  const closed = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_WITHIN_MS);
    const end = () => {
      clearTimeout(timer);
      resolve(true);
    };
    socket.on("end", end);
    socket.on("close", end);
  });
  socket.end(bytes);
  const isClosed = await closed;
  socket.destroy();
  if (!isClosed) throw new Error("the connection was never closed");
  const parsed = parseAnswer(Buffer.concat(chunks), { method, ended: true });
  if (parsed === "broken") throw new Error("an answer that is none");
  return parsed?.answer ?? null;
}

type Parsed = { readonly answer: RawAnswer; readonly length: number };

/** Reads one answer off the beginning of the bytes; null while it is not whole. */
export function parseAnswer(bytes: Buffer, at: { method: string; ended: boolean }): Parsed | "broken" | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const [first = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) ?/.exec(first)?.[1]);
  if (!Number.isInteger(status)) return "broken";
  if (status === 100) return parseAfterContinue(bytes.subarray(headEnd + 4), at, headEnd + 4);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const start = headEnd + 4;
  const hasNone = at.method === "HEAD" || status === 204 || status === 304 || status < 200;
  if (hasNone) return { answer: { status, headers, body: "" }, length: start };
  if (headers["transfer-encoding"] === "chunked") {
    const chunked = chunkedBody(bytes, start);
    return chunked === null ? null : { answer: { status, headers, body: chunked.body }, length: chunked.end };
  }
  const length = headers["content-length"];
  if (length === undefined) {
    if (!at.ended) return null;
    return { answer: { status, headers, body: bytes.toString("utf8", start) }, length: bytes.length };
  }
  const end = start + Number(length);
  if (bytes.length < end) return null;
  return { answer: { status, headers, body: bytes.toString("utf8", start, end) }, length: end };
}

/** The chunks of a body put together; null while the last is not there. */
function chunkedBody(bytes: Buffer, start: number): { body: string; end: number } | null {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const from = lineEnd + 2;
    if (bytes.length < from + size + 2) return null;
    if (size === 0) return { body: Buffer.concat(parts).toString("utf8"), end: from + 2 };
    parts.push(bytes.subarray(from, from + size));
    at = from + size + 2;
  }
}

function parseAfterContinue(rest: Buffer, at: { method: string; ended: boolean }, skipped: number) {
  const parsed = parseAnswer(rest, at);
  return parsed === null || parsed === "broken" ? parsed : { ...parsed, length: parsed.length + skipped };
}
