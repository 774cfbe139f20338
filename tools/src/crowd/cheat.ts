import { randomBytes } from "node:crypto";
import {
  encodeTaps,
  PROTOCOL_VERSION,
  type RoundView,
  type SocketTicketView,
  WS_SUBPROTOCOL,
} from "@wanhui/protocol";
import { WebSocket } from "ws";
import type { Cast } from "./audience.ts";
import { claimBody } from "./buyer.ts";
import { ask, pause } from "./http.ts";
import { userKeyOfHex } from "./person.ts";
import { bearer, type SignedIn, signIn } from "./sign-in.ts";
import { count, type Stage } from "./stage.ts";

const SOCKETS_OF_ONE = 20;
const FRAMES_OF_A_FLOOD = 60;
/** How long before the opening somebody too clever begins. */
const EARLY_MS = 4_000;

/** What came of cheating: how often it was tried, and how often it worked, which must be never (CR5). */
export type CheatScore = { tried: number; worked: string[] };

/** A raw socket, without the client's good manners. */
class Seat {
  readonly #stage: Stage;
  readonly #who: SignedIn;
  readonly #ticket: SocketTicketView;
  readonly socket: WebSocket;
  readonly acks: { draw: number; window: number; fixedKey: string | null }[] = [];
  readonly codes: string[] = [];

  constructor(stage: Stage, who: SignedIn, ticket: SocketTicketView) {
    this.#stage = stage;
    this.#who = who;
    this.#ticket = ticket;
    const url = `${stage.baseUrl.replace(/^http/, "ws")}/ws?ticket=${ticket.ticket}`;
    this.socket = new WebSocket(url, WS_SUBPROTOCOL, { perMessageDeflate: false });
    this.socket.on("error", () => undefined);
    this.socket.on("close", (code) => count(stage.tallies.closes, `cheat ${code}`));
    this.socket.on("message", (data) => this.#hear(String(data)));
  }

  static async take(stage: Stage, who: SignedIn): Promise<Seat | null> {
    const url = `${stage.baseUrl}/api/socket-ticket`;
    const ticket = await ask<SocketTicketView>({ url, method: "POST", body: {}, headers: bearer(who) });
    if (!ticket.ok) {
      count(stage.tallies.cheatRefusals, ticket.code);
      return null;
    }
    const seat = new Seat(stage, who, ticket.value);
    await new Promise((resolve) => {
      seat.socket.once("open", resolve);
      seat.socket.once("close", resolve);
    });
    seat.say({ t: "hello", v: PROTOCOL_VERSION });
    stage.tallies.connects += 1;
    return seat;
  }

  say(message: unknown): void {
    this.raw(typeof message === "string" ? message : JSON.stringify(message));
  }

  raw(data: string | Uint8Array): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  tap(round: RoundView, frameNumber: number, nonce: Buffer): void {
    this.#stage.ledger.asks(this.#who.user, round.draw);
    this.raw(encodeTaps({ drawIndex: round.index, frameNumber, taps: 1, nonce }));
  }

  /** What the server must have for an acknowledgement: the fixed key it names, or the one of the first nonce. */
  note(round: RoundView, nonce: Buffer): void {
    const pseudonym = this.#ticket.pseudonyms[round.draw];
    if (pseudonym === undefined) return;
    for (const { draw, window, fixedKey } of this.acks) {
      if (draw !== round.index) continue;
      const userKey = fixedKey ?? userKeyOfHex(pseudonym, nonce.toString("hex"));
      const { user } = this.#who;
      this.#stage.ledger.add({ k: "ack", atMs: Date.now(), user, draw: round.draw, window, userKey });
    }
  }

  #hear(text: string): void {
    if (!/^\{"t":"(?:ack|no|error)"/.test(text)) return;
    const message = JSON.parse(text) as {
      t: string;
      d?: number;
      w?: number;
      fixedKey?: string;
      code?: string;
    };
    if (message.t === "ack" && message.d !== undefined && message.w !== undefined) {
      this.acks.push({ draw: message.d, window: message.w, fixedKey: message.fixedKey ?? null });
    } else if (message.code !== undefined) {
      this.codes.push(message.code);
      count(this.#stage.tallies.cheatRefusals, message.code);
    }
  }
}

/** Somebody who wants more than his share. Each sort tries its trick in every round. */
export class CheatPerson {
  readonly cast: Cast;
  readonly #stage: Stage;
  readonly #score: CheatScore;
  readonly #nonces = new Map<string, Buffer>();
  readonly #tried = new Set<string>();
  #who: SignedIn | null = null;

  constructor(cast: Cast, stage: Stage, score: CheatScore) {
    this.cast = cast;
    this.#stage = stage;
    this.#score = score;
  }

  /** Looks at a round; begins its trick once, when it is near. */
  consider(round: RoundView): void {
    const near = round.opensAtMs - this.#stage.serverNowMs() < EARLY_MS + 1_500;
    const on = round.phase === "armed" || round.phase === "open";
    if (!on || !near || this.#tried.has(round.draw) || this.#stage.goingHome.aborted) return;
    this.#tried.add(round.draw);
    this.#play(round).catch((error: unknown) => {
      // A cheat whose server is away has tried nothing.
      count(this.#stage.tallies.cheatRefusals, error instanceof Error ? error.message : "failed");
    });
  }

  async #play(round: RoundView): Promise<void> {
    this.#who ??= await signIn(this.#stage, this.cast);
    const nonce = this.#nonces.get(round.draw) ?? randomBytes(16);
    this.#nonces.set(round.draw, nonce);
    const { cheat } = this.cast;
    if (cheat === "early") await this.#early(this.#who, round, nonce);
    await this.#until(round.opensAtMs + 300);
    if (cheat === "replay") await this.#replay(this.#who, round, nonce);
    else if (cheat === "many") await this.#many(this.#who, round, nonce);
    else if (cheat === "forger") await this.#forge(this.#who, round, nonce);
    else if (cheat === "garbage") await this.#garbage(this.#who);
    else if (cheat === "flood") await this.#flood(this.#who, round, nonce);
    else if (cheat === "thief") await this.#steal(this.#who);
  }

  #until(serverMs: number): Promise<void> {
    return pause(serverMs - this.#stage.serverNowMs(), this.#stage.goingHome);
  }

  #worked(how: string): void {
    this.#score.worked.push(`${this.cast.cheat}: ${how}`);
  }

  async #seat(who: SignedIn): Promise<Seat | null> {
    this.#score.tried += 1;
    return Seat.take(this.#stage, who);
  }

  /** Taps before the opening count for nothing (DR6, M14). */
  async #early(who: SignedIn, round: RoundView, nonce: Buffer): Promise<void> {
    const seat = await this.#seat(who);
    if (seat === null) return;
    let frame = 0;
    while (this.#stage.serverNowMs() < round.opensAtMs - 200 && !this.#stage.goingHome.aborted) {
      frame += 1;
      seat.tap(round, frame, nonce);
      await pause(300, this.#stage.goingHome);
    }
    if (seat.acks.length > 0) this.#worked("an entry before the opening");
    await this.#until(round.opensAtMs + 500);
    seat.tap(round, frame + 1, nonce);
    await this.#leave(seat, round, nonce);
  }

  /** The same frame again is dropped: one answer, one entry (WR5). */
  async #replay(who: SignedIn, round: RoundView, nonce: Buffer): Promise<void> {
    const seat = await this.#seat(who);
    if (seat === null) return;
    for (const frame of [1, 1, 1, 1, 1]) seat.tap(round, frame, nonce);
    await this.#leave(seat, round, nonce);
    if (seat.acks.length > 1) this.#worked("an answer to a frame sent again");
  }

  async #many(who: SignedIn, round: RoundView, nonce: Buffer): Promise<void> {
    const seats = await Promise.all(Array.from({ length: SOCKETS_OF_ONE }, () => this.#seat(who)));
    const taken = seats.filter((seat) => seat !== null);
    for (const seat of taken) seat.tap(round, 1, nonce);
    for (const seat of taken) await this.#leave(seat, round, nonce);
  }

  /** Another nonce later in the round is answered with the key that was fixed first (DR7). */
  async #forge(who: SignedIn, round: RoundView, nonce: Buffer): Promise<void> {
    const seat = await this.#seat(who);
    if (seat === null) return;
    seat.tap(round, 1, nonce);
    await pause(700, this.#stage.goingHome);
    const honest = seat.acks.length;
    // Somebody else's nonce makes another key under this pseudonym: it must not count.
    seat.tap(round, 2, randomBytes(16));
    await pause(1_500, this.#stage.goingHome);
    const forged = seat.acks.slice(honest);
    if (honest > 0 && forged.some(({ fixedKey }) => fixedKey === null)) this.#worked("a second key");
    await this.#leave(seat, round, nonce);
  }

  async #garbage(who: SignedIn): Promise<void> {
    const nonsense: (string | Uint8Array)[] = [
      "{",
      '{"t":"take"}',
      '{"t":"hello","v":1}',
      '{"t":"take","pool":"../../x","r":"zz"}',
      new Uint8Array(25),
      new Uint8Array(27).fill(1),
      randomBytes(26),
      "x".repeat(2_000),
    ];
    for (const data of nonsense) {
      const seat = await this.#seat(who);
      if (seat === null) return;
      for (let times = 0; times < 6; times += 1) seat.raw(data);
      await pause(400, this.#stage.goingHome);
      if (seat.acks.length > 0) this.#worked("nonsense was acknowledged");
      seat.socket.close();
    }
  }

  async #flood(who: SignedIn, round: RoundView, nonce: Buffer): Promise<void> {
    const seat = await this.#seat(who);
    if (seat === null) return;
    for (let frame = 1; frame <= FRAMES_OF_A_FLOOD; frame += 1) seat.tap(round, frame, nonce);
    await pause(500, this.#stage.goingHome);
    // All of them counted: the entry was acknowledged, and of the rest nothing was said (WR6).
    const stillThere = seat.socket.readyState === WebSocket.OPEN && seat.acks.length > 0;
    if (stillThere && !seat.codes.includes("rate.limited")) {
      this.#worked("a flood was not limited");
    }
    await this.#leave(seat, round, nonce);
  }

  /** Award ids are public in the proof file; knowing one is no right to it (CL1). */
  async #steal(who: SignedIn): Promise<void> {
    const others = [...this.#stage.ledger.wins.values()].filter(({ user }) => user !== who.user).slice(-3);
    for (const { awardId } of others) {
      this.#score.tried += 1;
      for (const kind of ["goods", "coupon", "cash", "right"] as const) {
        const prize = { kind } as Parameters<typeof claimBody>[0]["prize"];
        const answer = await ask({
          url: `${this.#stage.baseUrl}/api/awards/${awardId}/claim`,
          method: "POST",
          body: claimBody({ prize } as Parameters<typeof claimBody>[0]),
          headers: { ...bearer(who), "idempotency-key": randomBytes(8).toString("hex") },
        });
        if (answer.ok) this.#worked("somebody else's prize");
        else count(this.#stage.tallies.cheatRefusals, answer.code);
      }
    }
  }

  async #leave(seat: Seat, round: RoundView, nonce: Buffer): Promise<void> {
    await pause(1_200, this.#stage.goingHome);
    seat.note(round, nonce);
    seat.socket.close();
  }
}
