import { setTimeout as sleep } from "node:timers/promises";
import { newNonce, newRequestId } from "@wanhui/client";
import { encodeTaps, type ServerMessage, type ShowView, WS_SUBPROTOCOL } from "@wanhui/protocol";
import WebSocket from "ws";

/** What the server has promised to somebody, as it was heard on the wire. */
export type Heard = {
  /** `draw window user` of every acknowledged entry, with the nonce it was made with and the key that held. */
  readonly entries: Map<
    string,
    { user: string; draw: string; window: number; nonce: string; fixedKey: string | null }
  >;
  /** Award of every grab that was answered, by `user request`. */
  readonly grants: Map<string, { user: string; pool: string; request: string; awardId: string }>;
  /** Awards told by `won`. */
  readonly wins: Map<string, { user: string; pool: string; draw: string | null; window: number | null }>;
  /** Every grab ever asked for, answered or not. */
  readonly wishes: Map<string, { user: string; pool: string; request: string }>;
  /** Final refusals of grabs, by `user request`. */
  readonly refusals: Map<string, string>;
  /** Answers that differ from an earlier one to the same question: always empty. */
  readonly changed: string[];
  /** Answers heard so far, repeated ones included. */
  answers: number;
  /** How often what went wrong, for a failed test's message. */
  readonly troubles: Map<string, number>;
};

export function createHeard(): Heard {
  return {
    entries: new Map(),
    grants: new Map(),
    wins: new Map(),
    wishes: new Map(),
    refusals: new Map(),
    changed: [],
    answers: 0,
    troubles: new Map(),
  };
}

/** Refusals that leave the wish open: asked again with the same id. */
const passing = new Set([
  "grab.not_open",
  "grab.wait",
  "rate.limited",
  "engine.unknown",
  "engine.busy",
  "server.fault",
]);
const openWishesMax = 3;
const everyMs = 400;
/** Some tap before the opening and behind the close, as people do: none of that may count. */
const earlyMs = 4_000;
/** A server that was killed in the middle of a request never answers it. */
const patienceMs = 5_000;
/** Chance that the socket is cut right behind a wish, so that its answer is lost. */
const cutChance = 0.02;

/** One person, with one or several sockets that come back whenever they break, asking until answered. */
export class Viewer {
  readonly user: string;
  readonly #token: string;
  readonly #urls: readonly string[];
  /** The next process to go to. */
  #turn = Math.floor(Math.random() * 1_000);
  readonly #heard: Heard;
  readonly #nonces = new Map<string, string>();
  readonly #open = new Map<string, { pool: string; request: string }>();
  readonly pseudonyms = new Map<string, string>();

  private constructor(options: { urls: readonly string[]; heard: Heard; user: string; token: string }) {
    this.#urls = options.urls;
    this.#heard = options.heard;
    this.user = options.user;
    this.#token = options.token;
  }

  /** Signs in as a new guest. @param urls the processes of the night; each socket goes to another one than the last */
  static async signIn(urls: readonly string[], heard: Heard): Promise<Viewer> {
    const answer = await fetch(`${urls[0]}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ bearer: true }),
    });
    const { user, token } = (await answer.json()) as { user: string; token: string };
    return new Viewer({ urls, heard, user, token });
  }

  /** What he has won, as he is shown it. */
  async awards(): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const answer = await fetch(`${this.#urls[0]}/api/me/awards`, { headers });
    return answer.json();
  }

  /** Taps and grabs over `sockets` sockets until the signal ends it. */
  async run(signal: AbortSignal, sockets = 1): Promise<void> {
    await Promise.all(
      Array.from({ length: sockets }, async () => {
        while (!signal.aborted) {
          await this.#oneSocket(signal).catch((error: unknown) => this.#count(String(error)));
          await sleep(100 + Math.random() * 300);
        }
      }),
    );
  }

  async #oneSocket(signal: AbortSignal): Promise<void> {
    this.#turn += 1;
    const url = this.#urls[this.#turn % this.#urls.length] ?? "";
    const headers = { authorization: `Bearer ${this.#token}` };
    const ticketed = await fetch(`${url}/api/socket-ticket`, {
      method: "POST",
      headers,
      signal: AbortSignal.timeout(patienceMs),
    });
    if (!ticketed.ok) return void this.#count(`ticket ${ticketed.status}`);
    const { ticket, pseudonyms } = (await ticketed.json()) as {
      ticket: string;
      pseudonyms: Record<string, string>;
    };
    for (const [draw, pseudonym] of Object.entries(pseudonyms)) this.pseudonyms.set(draw, pseudonym);
    const show = (await (
      await fetch(`${url}/api/show`, { signal: AbortSignal.timeout(patienceMs) })
    ).json()) as ShowView;
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws?ticket=${ticket}`, WS_SUBPROTOCOL);
    const view = { rounds: new Map(show.rounds.map((round) => [round.index, round])), rains: show.rains };
    let frameNumber = 0;
    const act = () => {
      if (socket.readyState !== WebSocket.OPEN) return;
      for (const { index, draw, opensAtMs, closesAtMs } of view.rounds.values()) {
        if (Date.now() < opensAtMs - earlyMs || Date.now() > closesAtMs + earlyMs) continue;
        frameNumber += 1;
        const nonce = Buffer.from(this.#nonceOf(draw), "hex");
        socket.send(encodeTaps({ drawIndex: index, frameNumber, taps: 1 + (frameNumber % 3), nonce }));
      }
      this.#grab(socket, view.rains);
    };
    const timer = setInterval(act, everyMs);
    const end = () => socket.terminate();
    signal.addEventListener("abort", end, { once: true });
    await new Promise<void>((resolve) => {
      socket.on("open", () => {
        socket.send(JSON.stringify({ t: "hello", v: 1 }));
        this.#askAgain(socket);
      });
      socket.on("message", (data) => this.#hear(JSON.parse(String(data)) as ServerMessage, view.rounds));
      socket.on("error", () => undefined);
      socket.on("close", (code) => {
        this.#count(`closed ${code}`);
        resolve();
      });
    });
    clearInterval(timer);
    signal.removeEventListener("abort", end);
  }

  #count(trouble: string): void {
    const { troubles } = this.#heard;
    troubles.set(trouble, (troubles.get(trouble) ?? 0) + 1);
  }

  #nonceOf(draw: string): string {
    const nonce = this.#nonces.get(draw) ?? newNonce();
    this.#nonces.set(draw, nonce);
    return nonce;
  }

  /** A new wish, or the open ones once more. */
  #grab(socket: WebSocket, rains: ShowView["rains"]): void {
    if (this.#open.size < openWishesMax) {
      const rain = rains[Math.floor(Math.random() * rains.length)];
      if (rain === undefined) return;
      const wish = { pool: rain.pool, request: newRequestId() };
      this.#open.set(wish.request, wish);
      this.#heard.wishes.set(`${this.user} ${wish.request}`, { user: this.user, ...wish });
      this.#take(socket, wish);
      if (Math.random() < cutChance) setImmediate(() => socket.terminate());
      return;
    }
    for (const wish of this.#open.values()) this.#take(socket, wish);
  }

  #take(socket: WebSocket, wish: { pool: string; request: string }): void {
    socket.send(JSON.stringify({ t: "take", pool: wish.pool, r: wish.request }));
  }

  /** Behind every reconnect some answered wishes are asked again: the answer must be the one given before (GR3). */
  #askAgain(socket: WebSocket): void {
    const mine = [...this.#heard.grants.values()].filter(({ user }) => user === this.user);
    for (let n = 0; n < 2; n += 1) {
      const one = mine[Math.floor(Math.random() * mine.length)];
      if (one !== undefined) this.#take(socket, one);
    }
  }

  #hear(message: ServerMessage, rounds: ReadonlyMap<number, { readonly draw: string }>): void {
    const heard = this.#heard;
    if (message.t === "no" || message.t === "error") this.#count(message.code);
    if (message.t === "ack") {
      const draw = rounds.get(message.d)?.draw;
      if (draw === undefined) return;
      heard.answers += 1;
      const key = `${draw} ${message.w} ${this.user}`;
      const fixedKey = message.fixedKey ?? null;
      const known = heard.entries.get(key);
      if (known !== undefined && known.fixedKey !== fixedKey) heard.changed.push(`${key}: another key`);
      const { user } = this;
      heard.entries.set(key, { user, draw, window: message.w, nonce: this.#nonceOf(draw), fixedKey });
    } else if (message.t === "got") {
      this.#hearGot(message);
    } else if (message.t === "no" && message.r !== undefined && !passing.has(message.code)) {
      heard.answers += 1;
      const key = `${this.user} ${message.r}`;
      if (heard.grants.has(key)) heard.changed.push(`${key}: granted, then ${message.code}`);
      heard.refusals.set(key, message.code);
      this.#open.delete(message.r);
    } else if (message.t === "me") {
      for (const one of message.m) {
        if (one.t !== "won") continue;
        heard.answers += 1;
        const { awardId, prize, draw, window } = one.award;
        heard.wins.set(awardId, { user: this.user, pool: prize.pool, draw, window });
      }
    }
  }

  #hearGot(message: Extract<ServerMessage, { t: "got" }>): void {
    const heard = this.#heard;
    heard.answers += 1;
    const key = `${this.user} ${message.r}`;
    const wish = heard.wishes.get(key);
    const known = heard.grants.get(key);
    if (wish === undefined) {
      heard.changed.push(`${key}: never asked for`);
      return;
    }
    if (known !== undefined && known.awardId !== message.awardId) {
      heard.changed.push(`${key}: award ${known.awardId}, then ${message.awardId}`);
    }
    heard.grants.set(key, { ...wish, awardId: message.awardId });
    this.#open.delete(message.r);
  }
}
