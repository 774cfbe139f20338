// The load generator, a process of its own, told what to do by lines of JSON on its standard input and answering each
// with one on its standard output. Raw sockets and frames made beforehand: what is measured is the server.

import { createInterface } from "node:readline";
import { openAudience, playStart, type StartAnswer, type Viewer } from "./audience.ts";
import { type DialectName, dialects, keepAlive } from "./dialects.ts";
import type { RawSocket } from "./raw-socket.ts";
import { openRedisSockets } from "./redis-sockets.ts";
import { Phone, playTaps, type TapOrder } from "./tap-phase.ts";

/** Longer than any round takes. */
const ANSWERED_WITHIN_MS = 120_000;

/** What the generator can be told. */
export type LoadOrder =
  /** The same, beside those that are open already. */
  | { readonly do: "more"; readonly dialect: DialectName; readonly url: string; readonly sockets: number }
  | { readonly do: "openAudience"; readonly url: string; readonly viewers: number }
  | { readonly do: "start"; readonly draw: string }
  | { readonly do: "open"; readonly dialect: DialectName; readonly url: string; readonly sockets: number }
  | {
      readonly do: "openRedis";
      readonly socketPath: string;
      readonly sockets: number;
      readonly script: string;
    }
  /** Each of the first `clients` sockets asks `each` times, the next time when it was answered. */
  | { readonly do: "grab"; readonly pool: string; readonly clients: number; readonly each: number }
  | TapOrder
  /** Everybody leaves. */
  | { readonly do: "close" }
  /** Says that somebody is still there: who is silent for a minute is let go of. */
  | { readonly do: "ping" }
  /** Begins to count messages. */
  | { readonly do: "listen" }
  | { readonly do: "heard" };

/** What it says to an order. */
export type LoadAnswer = Partial<StartAnswer> & {
  readonly sockets?: number;
  readonly ms?: number;
  readonly won?: number;
  readonly refused?: number;
  readonly sent?: number;
  readonly acked?: number;
  readonly refusal?: string;
  readonly messages?: number;
  readonly fewest?: number;
  readonly lost?: number;
  readonly error?: string;
};

/** One who asks and is answered, whatever the wire. */
export type Asker = {
  /** Sends the n-th wish of a list made beforehand. */
  send(n: number): void;
  prepare(pool: string, each: number): void;
  onAnswer: (won: boolean) => void;
};

function askerOf(dialect: DialectName, socket: RawSocket, client: number): Asker {
  const words = dialects[dialect];
  let frames: Buffer[] = [];
  const asker: Asker = {
    prepare(pool, each) {
      frames = Array.from({ length: each }, (_, n) => words.wish(pool, client, n));
    },
    send: (n) => socket.send(frames[n] as Buffer),
    onAnswer: () => undefined,
  };
  socket.onPayload = (bytes, from, to) => {
    const answer = words.answer(bytes, from, to);
    if (answer !== null) asker.onAnswer(answer === "won");
    else keepAlive(dialect, socket, bytes, from);
  };
  return asker;
}

function grab(askers: readonly Asker[], order: Extract<LoadOrder, { do: "grab" }>): Promise<LoadAnswer> {
  const { pool, clients, each } = order;
  const asking = askers.slice(0, clients);
  for (const asker of asking) asker.prepare(pool, each);
  const counts = { won: 0, refused: 0 };
  return new Promise((resolve, reject) => {
    let left = asking.length * each;
    const overdue = () => reject(new Error(`${left} of ${asking.length * each} wishes were never answered`));
    const timer = setTimeout(overdue, ANSWERED_WITHIN_MS);
    const begun = performance.now();
    for (const asker of asking) {
      let sent = 1;
      asker.onAnswer = (won) => {
        if (won) counts.won += 1;
        else counts.refused += 1;
        left -= 1;
        if (left === 0) {
          clearTimeout(timer);
          resolve({ ...counts, ms: performance.now() - begun });
        }
        if (sent < each) {
          asker.send(sent);
          sent += 1;
        }
      };
      asker.send(0);
    }
  });
}

/** Who is connected, and what they have heard. */
class Load {
  #dialect: DialectName = "ws";
  #sockets: RawSocket[] = [];
  #askers: Asker[] = [];
  #phones: Phone[] = [];
  #viewers: Viewer[] = [];
  #heard: number[] = [];

  async obey(order: LoadOrder): Promise<LoadAnswer> {
    switch (order.do) {
      case "open":
        return this.#open(order);
      case "more":
        this.#sockets.push(...(await dialects[order.dialect].open(new URL(order.url), order.sockets)));
        return { sockets: this.#sockets.length };
      case "openAudience":
        this.#viewers = await openAudience(order.url, order.viewers);
        return { sockets: this.#viewers.length };
      case "openRedis":
        this.#askers = await openRedisSockets(order);
        return { sockets: this.#askers.length };
      case "start":
        return playStart(this.#viewers, order.draw);
      case "grab":
        return grab(this.#askers, order);
      case "tap":
        return playTaps(this.#phones, order);
      case "close":
        for (const socket of this.#sockets) socket.close();
        this.#sockets = [];
        this.#askers = [];
        this.#phones = [];
        return {};
      case "ping":
        for (const socket of this.#sockets) dialects[this.#dialect].ping?.(socket);
        return {};
      case "listen":
        this.#listen();
        return {};
      case "heard":
        return {
          messages: this.#heard.reduce((sum, count) => sum + count, 0),
          fewest: this.#heard.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY),
          lost: this.#sockets.filter(({ closed }) => closed !== null).length,
        };
    }
  }

  async #open({ dialect, url, sockets }: Extract<LoadOrder, { do: "open" }>): Promise<LoadAnswer> {
    this.#dialect = dialect;
    this.#sockets = await dialects[dialect].open(new URL(url), sockets);
    this.#askers = this.#sockets.map((socket, client) => askerOf(dialect, socket, client));
    this.#phones = this.#sockets.map((socket) => new Phone(socket));
    return { sockets: this.#sockets.length };
  }

  #listen(): void {
    const words = dialects[this.#dialect];
    this.#heard = this.#sockets.map(() => 0);
    for (const [index, socket] of this.#sockets.entries()) {
      socket.onPayload = (bytes, from, to) => {
        keepAlive(this.#dialect, socket, bytes, from);
        this.#heard[index] = (this.#heard[index] ?? 0) + words.messages(bytes, from, to);
      };
    }
  }
}

const load = new Load();
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await load
    .obey(JSON.parse(line) as LoadOrder)
    .catch(
      (error: unknown): LoadAnswer => ({ error: error instanceof Error ? error.message : String(error) }),
    );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
