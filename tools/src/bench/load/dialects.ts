import { randomBytes } from "node:crypto";
import { WS_SUBPROTOCOL } from "@wanhui/protocol";
import { type Guest, loopbackAddress, signInGuests } from "./guests.ts";
import { clientFrame, type Dial, RawSocket } from "./raw-socket.ts";

/** Whose server is spoken to. */
export type DialectName = "wanhui" | "bare" | "recipe" | "socket.io" | "ws";

/** How one kind of server is spoken to: everything else of the load is the same for all of them. */
export type Dialect = {
  /** Opens sockets that are ready to ask. */
  open(url: URL, count: number): Promise<RawSocket[]>;
  /** A wish for one unit that nobody had before. */
  wish(pool: string, client: number, n: number): Buffer;
  /** What a payload answers to a wish; null when it answers none. */
  answer(bytes: Buffer, from: number, to: number): "won" | "refused" | null;
  /** For servers that let go of whoever is silent for long. */
  readonly ping?: (socket: RawSocket) => void;
  /** Messages of a broadcast in a payload. */
  messages(bytes: Buffer, from: number, to: number): number;
};

/** Sockets that open at the same time. */
const OPENING = 64;

async function openAll(dials: readonly Dial[], ready: (socket: RawSocket) => void): Promise<RawSocket[]> {
  const sockets: RawSocket[] = [];
  let next = 0;
  const one = async () => {
    for (let dial = dials[next]; dial !== undefined; dial = dials[next]) {
      next += 1;
      const socket = await RawSocket.open(dial);
      ready(socket);
      sockets.push(socket);
    }
  };
  await Promise.all(Array.from({ length: OPENING }, one));
  return sockets;
}

function anyone(url: URL, count: number, target: string): Dial[] {
  return Array.from({ length: count }, (_, n) => ({ url, target, from: loopbackAddress(n) }));
}

const begins = (bytes: Buffer, from: number, word: string) =>
  bytes.toString("latin1", from, from + word.length) === word;

/** How often a word stands in a payload: messages of one frame each begin with it. */
function occurrences(bytes: Buffer, from: number, to: number, word: string): number {
  let count = 0;
  for (let at = bytes.indexOf(word, from); at >= 0 && at < to; at = bytes.indexOf(word, at + 1)) count += 1;
  return count;
}

/** Each message of `bench fanout` holds this word once. */
export const MESSAGE_WORD = "bench-message";

const hello = clientFrame('{"t":"hello","v":1}');
const ping = clientFrame('{"t":"ping","c":1}');

function dialTo(url: URL, { ticket, from }: Guest): Dial {
  return { url, target: `/ws?ticket=${encodeURIComponent(ticket)}`, protocol: WS_SUBPROTOCOL, from };
}

const wanhui: Dialect = {
  async open(url, count) {
    const guests = await signInGuests(url, count);
    return openAll(
      guests.map((guest) => dialTo(url, guest)),
      (socket) => socket.send(hello),
    );
  },
  wish: (pool) => clientFrame(JSON.stringify({ t: "take", pool, r: randomBytes(16).toString("hex") })),
  answer(bytes, from) {
    if (begins(bytes, from, '{"t":"got"')) return "won";
    return begins(bytes, from, '{"t":"no"') ? "refused" : null;
  },
  ping: (socket) => socket.send(ping),
  messages: (bytes, from, to) => occurrences(bytes, from, to, MESSAGE_WORD),
};

/** The gateway without a night behind: any ticket is one. */
const bare: Dialect = {
  ...wanhui,
  open: (url, count) =>
    openAll(
      Array.from({ length: count }, (_, n) =>
        dialTo(url, { ticket: `guest-${n}`, from: loopbackAddress(n) }),
      ),
      (socket) => socket.send(hello),
    ),
};

const plain: Dialect = {
  open: (url, count) => openAll(anyone(url, count, "/"), () => undefined),
  wish: (_pool, client, n) => clientFrame(JSON.stringify({ user: `${client}-${n}` })),
  answer(bytes, from) {
    if (begins(bytes, from, '{"ok":true')) return "won";
    return begins(bytes, from, '{"ok":false') ? "refused" : null;
  },
  messages: (bytes, from, to) => occurrences(bytes, from, to, MESSAGE_WORD),
};

const CONNECT = clientFrame("40");
const PONG = clientFrame("3");
const PING = "2".charCodeAt(0);

const socketIo: Dialect = {
  ...plain,
  async open(url, count) {
    // Engine.IO 4 over WebSocket alone: join the namespace, then answer pings.
    return openAll(anyone(url, count, "/socket.io/?EIO=4&transport=websocket"), (socket) => {
      socket.onPayload = (bytes, from) => {
        if (bytes[from] === PING) socket.send(PONG);
      };
      socket.send(CONNECT);
    });
  },
};

/** Every dialect by its name. */
export const dialects: Readonly<Record<DialectName, Dialect>> = {
  wanhui,
  bare,
  recipe: plain,
  ws: plain,
  "socket.io": socketIo,
};

/** Somebody has to answer Socket.IO's pings, whoever listens. */
export function keepAlive(dialect: DialectName, socket: RawSocket, bytes: Buffer, from: number): void {
  if (dialect === "socket.io" && bytes[from] === PING) socket.send(PONG);
}
