import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** Where a raw socket goes, and from which of this machine's own addresses. */
export type Dial = {
  readonly url: URL;
  /** Path and query of the handshake. */
  readonly target: string;
  readonly protocol?: string;
  /** One of 127.0.0.0/8, so that many clients are not one address. */
  readonly from?: string;
};

/** Hears each frame's payload: the buffer it lies in, where it begins and ends. */
export type OnPayload = (bytes: Buffer, from: number, to: number) => void;

const CLOSE = 0x8;

/**
 * A WebSocket client that does as little as one can: a handshake, prebuilt frames out, payloads in where they lie. It
 * checks nothing, so that what is measured is the server.
 */
export class RawSocket {
  readonly #socket: Socket;
  #rest: Buffer | null = null;
  onPayload: OnPayload = () => {};
  /** Code of the server's close, 1006 when it just ended, null while it is open. */
  closed: number | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed ??= 1_006;
    });
  }

  /** @throws Error with the status line when the handshake is refused */
  static async open({ url, target, protocol, from }: Dial): Promise<RawSocket> {
    const socket = connect({
      port: Number(url.port),
      host: url.hostname,
      noDelay: true,
      ...(from === undefined ? {} : { localAddress: from }),
    });
    const lines = [
      `GET ${target} HTTP/1.1`,
      `Host: ${url.host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      "Sec-WebSocket-Version: 13",
      ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const early = await new Promise<Buffer>((resolve, reject) => {
      let head: Buffer = Buffer.alloc(0);
      const read = (chunk: Buffer) => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        socket.off("data", read);
        if (head.toString("latin1", 0, 12) === "HTTP/1.1 101") resolve(head.subarray(end + 4));
        else reject(new Error(head.toString("latin1", 0, head.indexOf("\r\n"))));
      };
      socket.on("data", read);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("The server ended the connection")));
    });
    const raw = new RawSocket(socket);
    if (early.length > 0) queueMicrotask(() => raw.#read(early));
    return raw;
  }

  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Leaves without a word, as phones do. */
  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      if (bytes.length < at + 2) break;
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length < at + head) break;
      const size =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      const to = at + head + size;
      if (bytes.length < to) break;
      if (((bytes[at] ?? 0) & 0xf) === CLOSE) this.closed = size >= 2 ? bytes.readUInt16BE(at + head) : 1_005;
      else this.onPayload(bytes, at + head, to);
      at = to;
    }
    this.#rest = at === bytes.length ? null : bytes.subarray(at);
  }
}

/** A masked frame as clients send it; the mask is zero, which masks nothing and is as good as any for who hides nothing. */
export function clientFrame(payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const opcode = typeof payload === "string" ? 0x81 : 0x82;
  const { length } = bytes;
  if (length > 65_535) throw new Error("A frame of the bench has at most 65,535 bytes");
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([opcode, ...size, 0, 0, 0, 0]), bytes]);
}
