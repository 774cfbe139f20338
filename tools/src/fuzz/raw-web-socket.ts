import { connect, type Socket } from "node:net";
import { WS_SUBPROTOCOL } from "@wanhui/protocol";

/** Longer than any answer takes on a busy machine. */
const ANSWER_WITHIN_MS = 20_000;

/** A WebSocket below the protocol: sends whatever bytes, reads the server's frames. */
export class RawWebSocket {
  readonly #socket: Socket;
  #buffered: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #greeted = false;
  /** Texts the server sent. */
  readonly texts: string[] = [];
  /** Pongs of the protocol. */
  pongs = 0;
  /** Code of the server's close frame. */
  closeCode: number | null = null;
  closed = false;
  /** HTTP status of a refused handshake. */
  refused: number | null = null;

  private constructor(url: string, ticket: string) {
    const { hostname, port, host } = new URL(url);
    const lines = [
      `GET /ws?ticket=${encodeURIComponent(ticket)} HTTP/1.1`,
      `host: ${host}`,
      "connection: upgrade",
      "upgrade: websocket",
      "sec-websocket-version: 13",
      "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
      `sec-websocket-protocol: ${WS_SUBPROTOCOL}`,
    ];
    this.#socket = connect(Number(port), hostname);
    this.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    this.#socket.on("data", (chunk) => this.#take(chunk));
    this.#socket.on("error", () => this.#end());
    this.#socket.on("close", () => this.#end());
  }

  /** Opens one. @returns it once the handshake is answered */
  static async open(url: string, ticket: string): Promise<RawWebSocket> {
    const made = new RawWebSocket(url, ticket);
    await made.until(() => made.#greeted || made.refused !== null, "the handshake's answer");
    return made;
  }

  send(bytes: Buffer): void {
    if (!this.closed) this.#socket.write(bytes);
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** Resolves when it is so or the socket has ended. @throws Error when neither comes */
  async until(isSo: () => boolean, what: string): Promise<void> {
    const untilMs = performance.now() + ANSWER_WITHIN_MS;
    while (!isSo() && !this.closed) {
      if (performance.now() > untilMs) throw new Error(`${what} never came`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, untilMs - performance.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #end(): void {
    this.closed = true;
    this.#wake();
  }

  #take(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    if (!this.#greeted) {
      const end = this.#buffered.indexOf("\r\n\r\n");
      if (end < 0) return;
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.#buffered.toString("latin1", 0, 12))?.[1]);
      if (status === 101) this.#greeted = true;
      else this.refused = status;
      this.#buffered = this.#buffered.subarray(end + 4);
    }
    while (this.#frame()) {}
    this.#wake();
  }

  /** Servers send whole, unmasked frames. */
  #frame(): boolean {
    const [first, second] = this.#buffered;
    if (first === undefined || second === undefined) return false;
    let start = 2;
    let length = second & 0x7f;
    if (length === 126) {
      if (this.#buffered.length < 4) return false;
      length = this.#buffered.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (this.#buffered.length < 10) return false;
      length = Number(this.#buffered.readBigUInt64BE(2));
      start = 10;
    }
    if (this.#buffered.length < start + length) return false;
    const payload = this.#buffered.subarray(start, start + length);
    const opcode = first & 0x0f;
    if (opcode === 1) this.texts.push(payload.toString("utf8"));
    else if (opcode === 8) this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    else if (opcode === 10) this.pongs += 1;
    this.#buffered = this.#buffered.subarray(start + length);
    return true;
  }
}
