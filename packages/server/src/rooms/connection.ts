import type { Duplex } from "node:stream";
import {
  CLIENT_FRAMES_BURST,
  CLIENT_FRAMES_PER_SECOND_MAX,
  CLOSE_CODES,
  type Code,
  decodeTaps,
  PROTOCOL_VERSION,
  type ServerMessage,
} from "@wanhui/protocol";
import type { RawData, WebSocket } from "ws";
import type { Limits, Session } from "../people/mod.ts";
import type { Log } from "../platform/mod.ts";
import type { Acks } from "./acks.ts";
import { textFrame } from "./frames.ts";
import type { HeldWrites } from "./held-writes.ts";
import type { Intake, No } from "./intake.ts";
import { type ReadMessage, readMessage } from "./messages.ts";
import type { Outlet, RoomClock } from "./outlet.ts";
import type { Member, Room } from "./room.ts";

/** `hello` must come by then. */
const HELLO_TIMEOUT_MS = 10_000;
/** Clients measure the clock every 20 s; three missed in a row mean that nobody is there. */
const SILENCE_MS_MAX = 65_000;
/** Unreadable or misplaced frames until the socket is closed: an honest client sends none. */
const STRIKES_MAX = 5;
/** Frames above the rate until the socket is closed: a burst of retries is refused, a flood is cut. */
const EXCESS_FRAMES_MAX = 200;
/** Time for the close to travel to somebody who reads slowly. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Counted over all sockets of a gateway. */
export type ConnectionStats = {
  frames: number;
  taps: number;
  replays: number;
  malformed: number;
  /** By their codes; the sum of all is what was refused. */
  refusals: Map<Code, number>;
  /** Frames of taps that were counted, acknowledged each or with the first of their entry. */
  accepted: number;
  abuseClosed: number;
};

export function newConnectionStats(): ConnectionStats {
  return { frames: 0, taps: 0, replays: 0, malformed: 0, refusals: new Map(), accepted: 0, abuseClosed: 0 };
}

type Phase =
  | { readonly state: "greeting"; readonly sinceMs: number }
  | { readonly state: "live"; readonly member: Member }
  | { readonly state: "leaving"; readonly member: Member | null }
  | { readonly state: "gone" };

export type ConnectionParts = {
  readonly webSocket: WebSocket;
  /** The socket under the WebSocket: shared frames are written to it as they are. */
  readonly socket: Duplex;
  readonly session: Session;
  readonly room: Room;
  readonly intake: Intake;
  readonly limits: Limits;
  readonly acks: Acks;
  readonly held: HeldWrites;
  readonly clock: RoomClock;
  readonly log: Log;
  readonly stats: ConnectionStats;
  readonly onGone: () => void;
};

/** One socket: greeting, then live, then leaving, then gone. */
export class Connection {
  readonly #parts: ConnectionParts;
  #phase: Phase;
  #heardAtMs: number;
  #frameNumber = 0;
  #strikes = 0;
  #excess = 0;
  #tokens = CLIENT_FRAMES_BURST;
  #tokensAtMs: number;
  /** The entry this socket was told of last (WR6). */
  #toldDrawIndex = -1;
  #toldWindow = -1;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    const nowMs = parts.clock.nowMs();
    this.#phase = { state: "greeting", sinceMs: nowMs };
    this.#heardAtMs = nowMs;
    this.#tokensAtMs = nowMs;
    parts.webSocket.on("message", (data, isBinary) => this.#onFrame(data, isBinary));
    // An error is always followed by a close: an oversized or broken frame ends the socket with RFC 6455's own code.
    parts.webSocket.on("error", () => {
      parts.stats.malformed += 1;
    });
    parts.webSocket.on("close", () => this.#gone());
  }

  /** Tells the client to come back, and takes nothing new. */
  goAway(afterMs: number): void {
    this.#send({ t: "goaway", afterMs });
    if (this.#phase.state === "live") this.#phase = { state: "leaving", member: this.#phase.member };
  }

  /** Ends the socket with a code; it is cut when the other side does not answer. */
  close(code: number): void {
    if (this.#phase.state === "gone") return;
    const member = "member" in this.#phase ? this.#phase.member : null;
    member?.leave();
    this.#phase = { state: "leaving", member: null };
    const { webSocket, clock } = this.#parts;
    webSocket.close(code);
    clock.after(CLOSE_TIMEOUT_MS, () => webSocket.terminate());
  }

  /** Ends it without a word. */
  cut(): void {
    this.#parts.webSocket.terminate();
    this.#gone();
  }

  /** Ends sockets that never greet, have fallen silent, or whose sign-in is over. */
  sweep(nowMs: number): void {
    if (this.#phase.state === "greeting" && nowMs - this.#phase.sinceMs > HELLO_TIMEOUT_MS) {
      this.close(CLOSE_CODES.abuse);
    } else if (this.#phase.state === "live" && nowMs - this.#heardAtMs > SILENCE_MS_MAX) {
      this.close(CLOSE_CODES.resume);
    } else if (this.#phase.state === "live" && this.#isSignInOver(nowMs)) {
      this.close(CLOSE_CODES.ticket);
    }
  }

  /** A level ends with its sign-in, on an open socket too (PE4). */
  #isSignInOver(nowMs: number): boolean {
    const { expiresAtMs } = this.#parts.session;
    return expiresAtMs !== null && nowMs >= expiresAtMs;
  }

  #gone(): void {
    if (this.#phase.state === "gone") return;
    if ("member" in this.#phase) this.#phase.member?.leave();
    this.#phase = { state: "gone" };
    this.#parts.onGone();
  }

  #onFrame(data: RawData, isBinary: boolean): void {
    const { clock, stats } = this.#parts;
    // Frames behind a close or a goaway are read and forgotten: nothing was promised for them.
    if (this.#phase.state === "leaving" || this.#phase.state === "gone") return;
    stats.frames += 1;
    this.#heardAtMs = clock.nowMs();
    const bytes = Array.isArray(data)
      ? Buffer.concat(data)
      : Buffer.isBuffer(data)
        ? data
        : Buffer.from(data);
    if (this.#phase.state === "greeting") {
      const message = isBinary ? null : readMessage(bytes.toString("utf8"));
      if (message?.t === "hello" && message.v === PROTOCOL_VERSION) {
        this.#greet(message);
        return;
      }
      stats.malformed += 1;
      this.#send({ t: "error", code: "frame.out_of_order" });
      this.#abuse();
      return;
    }
    if (isBinary) this.#onTaps(bytes);
    else this.#onMessage(readMessage(bytes.toString("utf8")));
  }

  #greet(message: Extract<ReadMessage, { t: "hello" }>): void {
    const { room, session } = this.#parts;
    const member = room.join(this.#outlet(), {
      userId: session.userId,
      resume: message.resume ?? null,
      me: message.me ?? null,
    });
    this.#phase = { state: "live", member };
  }

  #outlet(): Outlet {
    const { socket } = this.#parts;
    return {
      write: (frame) => {
        if (socket.writable) socket.write(frame);
      },
      bufferedBytes: () => socket.writableLength,
      close: (code) => this.close(code),
    };
  }

  #onTaps(bytes: Buffer): void {
    const { stats, session, intake, limits, acks } = this.#parts;
    const frame = decodeTaps(bytes);
    if (frame === null) {
      this.#strike({ t: "error", code: "frame.malformed" });
      return;
    }
    // Dropped and counted, not answered: whoever replays learns nothing.
    if (frame.frameNumber <= this.#frameNumber) {
      stats.replays += 1;
      return;
    }
    this.#frameNumber = frame.frameNumber;
    const d = frame.drawIndex;
    const waitMs = this.#overRateMs();
    if (waitMs > 0) {
      this.#no(rateLimited(waitMs), { d });
      return;
    }
    stats.taps += frame.taps;
    limits.slow("frame", session.address, () => {
      intake.tap(session, frame, (outcome) => {
        if (!outcome.ok) {
          this.#no(outcome, { d });
          return;
        }
        stats.accepted += 1;
        const { window, fixedKey, where } = outcome;
        // What was said of an entry on this socket is not said again with each of its further taps (WR6).
        if (fixedKey === null && window === this.#toldWindow && d === this.#toldDrawIndex) return;
        this.#toldDrawIndex = d;
        this.#toldWindow = window;
        this.#answer(acks.frame({ drawIndex: d, window, fixedKey, where }));
      });
    });
  }

  #onMessage(message: ReadMessage): void {
    const { clock, limits, session, intake } = this.#parts;
    if (message.t === "unreadable") {
      const field = message.field === null ? {} : { field: message.field };
      this.#strike({ t: "error", code: "frame.malformed", ...field });
      return;
    }
    if (message.t === "hello") {
      this.#strike({ t: "error", code: "frame.out_of_order" });
      return;
    }
    const waitMs = this.#overRateMs();
    if (message.t === "ping") {
      if (waitMs > 0) this.#send({ t: "error", code: "rate.limited", retryMs: waitMs });
      else this.#send({ t: "pong", c: message.c, at: clock.nowMs() });
      return;
    }
    if (message.t === "pass") {
      const refused = waitMs > 0 ? rateLimited(waitMs) : intake.pass(session, message.pass);
      if (refused !== null) this.#no(refused, {});
      return;
    }
    const { pool, r } = message;
    if (waitMs > 0) {
      this.#no(rateLimited(waitMs), { r });
      return;
    }
    limits.slow("frame", session.address, () => {
      intake.take(session, { pool, requestId: r }, (outcome) => {
        if (outcome.ok) this.#send({ t: "got", at: clock.nowMs(), r, awardId: outcome.awardId });
        else this.#no(outcome, { r });
      });
    });
  }

  /** The socket's own rate. @returns 0, or how long until the next frame may come */
  #overRateMs(): number {
    const nowMs = this.#parts.clock.nowMs();
    const refill = (Math.max(0, nowMs - this.#tokensAtMs) * CLIENT_FRAMES_PER_SECOND_MAX) / 1_000;
    this.#tokens = Math.min(CLIENT_FRAMES_BURST, this.#tokens + refill);
    this.#tokensAtMs = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    this.#excess += 1;
    if (this.#excess > EXCESS_FRAMES_MAX) this.#abuse();
    return Math.ceil(((1 - this.#tokens) * 1_000) / CLIENT_FRAMES_PER_SECOND_MAX);
  }

  #strike(error: Extract<ServerMessage, { t: "error" }>): void {
    this.#parts.stats.malformed += 1;
    this.#strikes += 1;
    this.#send(error);
    if (this.#strikes >= STRIKES_MAX) this.#abuse();
  }

  #abuse(): void {
    if (this.#phase.state === "leaving" || this.#phase.state === "gone") return;
    this.#parts.stats.abuseClosed += 1;
    this.close(CLOSE_CODES.abuse);
  }

  #no(refusal: No, about: { readonly d?: number; readonly r?: string }): void {
    const { code, retryMs, place } = refusal;
    const { refusals } = this.#parts.stats;
    refusals.set(code, (refusals.get(code) ?? 0) + 1);
    const at = this.#parts.clock.nowMs();
    this.#send({
      t: "no",
      at,
      code: code satisfies Code,
      ...about,
      ...(retryMs === undefined ? {} : { retryMs }),
      ...(place === undefined ? {} : { place }),
    });
  }

  #send(message: ServerMessage): void {
    this.#answer(textFrame(JSON.stringify(message)));
  }

  /** With whatever else leaves for this socket in this turn. */
  #answer(frame: Buffer): void {
    this.#parts.held.hold(this.#parts.socket);
    this.#write(frame);
  }

  /** Through the place in the room where there is one, so that the slow-socket rule holds for every byte. */
  #write(frame: Buffer): void {
    const member = "member" in this.#phase ? this.#phase.member : null;
    if (member !== null) {
      member.write(frame);
      return;
    }
    const { socket, webSocket } = this.#parts;
    if (webSocket.readyState === webSocket.OPEN && socket.writable) socket.write(frame);
  }
}

function rateLimited(waitMs: number): No {
  return { ok: false, code: "rate.limited", retryMs: waitMs };
}
