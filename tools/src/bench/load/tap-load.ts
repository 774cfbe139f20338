// The load generator of `bench taps`, a process of its own: raw sockets and frames made beforehand, so that what is
// measured is the server. Usage: node tap-load.js '<TapLoad as JSON>'; says JSON lines.

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeTaps, TAP_FRAME_BYTES, WS_SUBPROTOCOL } from "@wanhui/protocol";

/** What the generator is told. */
export type TapLoad = {
  readonly url: string;
  readonly sockets: number;
  readonly framesPerSecond: number;
  readonly phases: readonly {
    readonly name: string;
    readonly draws: readonly number[];
    readonly seconds: number;
  }[];
  /** When the rounds are open. */
  readonly opensAtMs: number;
};

/** What it says: a line when a phase begins, and one when its last answers had time to come. */
export type TapNews =
  | { readonly event: "ready" | "begin"; readonly phase: string }
  | {
      readonly event: "end";
      readonly phase: string;
      readonly sent: number;
      readonly acked: number;
      readonly refused: number;
      /** One of the refusals, for whoever wonders. */
      readonly refusal: string;
    };

const HEADER_BYTES = 6;
/** A masked binary frame; the mask is zero, which masks nothing and is as good as any for one that hides nothing. */
const frameHead = Buffer.from([0x82, 0x80 | TAP_FRAME_BYTES, 0, 0, 0, 0]);
const CLOSE_FRAME = 0x88;
const nobodyWaitsMs = 1_500;
/** Signing in: enough at once to be quick, few enough to stay polite. */
const SIGN_INS_AT_ONCE = 20;

class Phone {
  readonly #socket: Socket;
  readonly #frames = new Map<number, Buffer>();
  readonly #nonce = randomBytes(16);
  #frameNumber = 0;
  #rest: Buffer = Buffer.alloc(0);
  acked = 0;
  refused = 0;
  /** The last refusal as it came. */
  refusal = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.refusal ||= "the socket was closed";
    });
  }

  static async open(url: URL, ticket: string): Promise<Phone> {
    const socket = connect(Number(url.port), url.hostname);
    socket.setNoDelay(true);
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET /ws?ticket=${ticket} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${WS_SUBPROTOCOL}\r\n\r\n`,
    );
    await new Promise<void>((resolve, reject) => {
      let head = "";
      const read = (chunk: Buffer) => {
        head += chunk.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        socket.off("data", read);
        if (head.startsWith("HTTP/1.1 101")) resolve();
        else reject(new Error(head.split("\r\n")[0]));
      };
      socket.on("data", read);
      socket.once("error", reject);
    });
    const hello = Buffer.from('{"t":"hello","v":1}');
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0]), hello]));
    return new Phone(socket);
  }

  tap(drawIndex: number): void {
    let frame = this.#frames.get(drawIndex);
    if (frame === undefined) {
      const taps = encodeTaps({ drawIndex, frameNumber: 1, taps: 1, nonce: this.#nonce });
      frame = Buffer.concat([frameHead, taps]);
      this.#frames.set(drawIndex, frame);
    }
    this.#frameNumber += 1;
    const copy = Buffer.from(frame);
    copy.writeUInt32BE(this.#frameNumber, HEADER_BYTES + 4);
    this.#socket.write(copy);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Counts acks and refusals; everything else is passed over. */
  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
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
      if (bytes.length < at + head + size) break;
      const begins = bytes.toString("latin1", at + head, at + head + 9);
      if (begins === '{"t":"ack') this.acked += 1;
      else if (begins === '{"t":"no"') {
        this.refused += 1;
        this.refusal = bytes.toString("latin1", at + head, at + head + size);
      }
      at += head + size;
    }
    if (bytes[at] === CLOSE_FRAME && bytes.length >= at + 4)
      this.refusal = `closed with ${bytes.readUInt16BE(at + 2)}`;
    this.#rest = bytes.subarray(at);
  }
}

async function ticketOf(url: string): Promise<string> {
  const signedIn = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"bearer":true}',
  });
  const { token } = (await signedIn.json()) as { token: string };
  const headers = { authorization: `Bearer ${token}` };
  const ticketed = await fetch(`${url}/api/socket-ticket`, { method: "POST", headers });
  return ((await ticketed.json()) as { ticket: string }).ticket;
}

async function openPhones(load: TapLoad): Promise<Phone[]> {
  const phones: Phone[] = [];
  const url = new URL(load.url);
  const one = async () => {
    while (phones.length < load.sockets) phones.push(await Phone.open(url, await ticketOf(load.url)));
  };
  await Promise.all(Array.from({ length: SIGN_INS_AT_ONCE }, one));
  return phones;
}

async function play(
  phones: readonly Phone[],
  load: TapLoad,
  phase: TapLoad["phases"][number],
): Promise<TapNews> {
  const count = (what: "acked" | "refused") => phones.reduce((sum, phone) => sum + phone[what], 0);
  const before = { acked: count("acked"), refused: count("refused") };
  const gapMs = 1_000 / load.framesPerSecond;
  const until = performance.now() + phase.seconds * 1_000;
  let sent = 0;
  for (let n = 0; performance.now() < until; n += 1) {
    const begun = performance.now();
    // In small groups, so that the wire is busy all the time and not in one burst per round.
    for (const [index, phone] of phones.entries()) {
      phone.tap(phase.draws[(n + index) % phase.draws.length] ?? 0);
      sent += 1;
      if (index % 50 === 49) await sleep(0);
    }
    // Never to catch up: a burst would be refused, and that is not what is measured.
    await sleep(Math.max(0, gapMs - (performance.now() - begun)));
  }
  await sleep(nobodyWaitsMs);
  const { name } = phase;
  return {
    event: "end",
    phase: name,
    sent,
    acked: count("acked") - before.acked,
    refused: count("refused") - before.refused,
    refusal: phones.find(({ refusal }) => refusal !== "")?.refusal ?? "",
  };
}

const load = JSON.parse(process.argv[2] ?? "null") as TapLoad | null;
if (load !== null) {
  const say = (news: TapNews) => void process.stdout.write(`${JSON.stringify(news)}\n`);
  const phones = await openPhones(load);
  say({ event: "ready", phase: "" });
  await sleep(Math.max(0, load.opensAtMs + 500 - Date.now()));
  for (const phase of load.phases) {
    say({ event: "begin", phase: phase.name });
    say(await play(phones, load, phase));
  }
  for (const phone of phones) phone.close();
}
