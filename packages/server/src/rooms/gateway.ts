import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { CLIENT_FRAME_BYTES_MAX, CLOSE_CODES, type ServerMessage, WS_SUBPROTOCOL } from "@wanhui/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import type { Origins } from "../http/mod.ts";
import { addressBucketOf, type Limits, type People, type Session } from "../people/mod.ts";
import type { Log } from "../platform/mod.ts";
import { Acks } from "./acks.ts";
import { Connection, type ConnectionStats, newConnectionStats } from "./connection.ts";
import { Handshakes, type HandshakesOptions } from "./handshakes.ts";
import { HeldWrites } from "./held-writes.ts";
import type { Intake } from "./intake.ts";
import type { RoomClock } from "./outlet.ts";
import type { Room } from "./room.ts";

const PATH = "/ws";
/** Completes a request's target to an address; its host is never looked at. */
const BASE = "http://room.invalid";
/** One person's phones, tabs and reconnects that overlap; more is an attempt to hold memory. */
const SOCKETS_PER_USER_MAX = 32;
/** How often silent sockets are looked for. */
const SWEEP_EVERY_MS = 5_000;
/** Between the word `goaway` and the close: answers on their way still leave. */
const GOAWAY_GRACE_MS = 500;
/** A socket that does not finish its close by then is cut. */
const CLOSE_TIMEOUT_MS = 1_500;
/** Clients come back spread over this time, so that a restart is not met by all of them at once. */
const COME_BACK_MS = { min: 1_000, max: 6_000 };
/** Sent over to another process, clients need not wait: they are told one after the other. */
const ELSEWHERE_MS = { min: 50, max: 500 };
const ELSEWHERE_SLICE_MS = 50;
/** A full room empties slowly: whoever is turned away asks again later than after a restart, and spread wider. */
const FULL_COME_BACK_MS = { min: 5_000, max: 20_000 };
/** Sockets that are being told to go, each for a second or two; beyond them the handshake itself is refused. */
const TURNED_AWAY_AT_ONCE_MAX = 1_000;
/** How often the log says that the room is full. */
const FULL_TOLD_EVERY_MS = 60_000;

export type GatewayStats = ConnectionStats & {
  readonly sockets: number;
  readonly refusedOrigins: number;
  readonly refusedTickets: number;
  /** Turned away because the room was full. */
  readonly refusedFull: number;
  /** Refused because too many came at once (AB15). */
  readonly refusedRush: number;
  /** Sockets that wait for their turn. */
  readonly waiting: number;
};

export type GatewayOptions = {
  readonly room: Room;
  readonly intake: Intake;
  readonly people: Pick<People, "checkTicket">;
  readonly limits: Limits;
  readonly origins: Origins;
  readonly clock: RoomClock;
  readonly log: Log;
  /** Uniform in [0, 1), to spread those who come back. */
  readonly random: () => number;
  /** Places in this process (`socketsMaxOf`); one more is told to come back later (WR17). */
  readonly socketsMax: number;
  /** For tests of the bounds. */
  readonly turnedAwayAtOnceMax?: number;
  readonly handshakes?: Omit<HandshakesOptions, "clock">;
};

/** The WebSocket side of a room: tickets, origins, limits, packed taps (docs/spec/wire.md). */
export type Gateway = {
  /** Takes the upgrades of a server; call it for every server that listens. */
  attach(server: Server): void;
  /**
   * Says goaway, lets answers leave, closes with 4003, and cuts what does not end.
   *
   * @param options.spreadMs the sockets are told one after the other over this time, and come back at once: elsewhere
   */
  stop(options?: { readonly spreadMs: number }): Promise<void>;
  stats(): GatewayStats;
};

export function createGateway(options: GatewayOptions): Gateway {
  return new SocketGateway(options);
}

class SocketGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: CLIENT_FRAME_BYTES_MAX,
    // Raw shared frames and per-client deflate exclude each other.
    perMessageDeflate: false,
    handleProtocols: () => WS_SUBPROTOCOL,
  });
  readonly #connections = new Set<Connection>();
  readonly #byUser = new Map<string, number>();
  readonly #acks: Acks;
  readonly #held: HeldWrites;
  readonly #handshakes: Handshakes;
  readonly #stats = newConnectionStats();
  readonly #detach: (() => void)[] = [];
  #refusedOrigins = 0;
  #refusedTickets = 0;
  #refusedFull = 0;
  #refusedRush = 0;
  /** Sockets that are being told to go and are not gone yet. */
  #turning = 0;
  #fullToldAtMs = Number.NEGATIVE_INFINITY;
  #stopping = false;
  #cancelSweep: () => void = () => {};

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#acks = new Acks(options.clock);
    this.#held = new HeldWrites(options.clock);
    this.#handshakes = new Handshakes({ ...options.handshakes, clock: options.clock });
    this.#planSweep();
  }

  attach(server: Server): void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // A peer that resets between here and the handshake is nobody's fault.
      socket.on("error", () => socket.destroy());
      this.#upgrade(request, socket, head);
    };
    server.on("upgrade", onUpgrade);
    this.#detach.push(() => server.off("upgrade", onUpgrade));
  }

  stats(): GatewayStats {
    return {
      ...this.#stats,
      sockets: this.#connections.size,
      refusedOrigins: this.#refusedOrigins,
      refusedTickets: this.#refusedTickets,
      refusedFull: this.#refusedFull,
      refusedRush: this.#refusedRush,
      waiting: this.#handshakes.waiting,
    };
  }

  async stop({ spreadMs = 0 }: { readonly spreadMs?: number } = {}): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#cancelSweep();
    this.#handshakes.stop();
    const { clock } = this.#options;
    if (spreadMs > 0) await this.#sendElsewhere(spreadMs);
    else for (const connection of this.#connections) connection.goAway(this.#spreadMs(COME_BACK_MS));
    if (this.#connections.size > 0) await wait(clock, GOAWAY_GRACE_MS);
    for (const connection of this.#connections) connection.close(CLOSE_CODES.goaway);
    const deadlineMs = clock.nowMs() + CLOSE_TIMEOUT_MS;
    while (this.#connections.size > 0 && clock.nowMs() < deadlineMs) await wait(clock, 20);
    for (const connection of [...this.#connections]) connection.cut();
    for (const detach of this.#detach) detach();
    this.#sockets.close();
  }

  /** Others stand ready: a slice of the sockets at a time is sent over to them. */
  async #sendElsewhere(spreadMs: number): Promise<void> {
    const { clock } = this.#options;
    const all = [...this.#connections];
    const slices = Math.min(all.length, Math.ceil(spreadMs / ELSEWHERE_SLICE_MS));
    for (let slice = 0; slice < slices; slice += 1) {
      const from = Math.floor((all.length * slice) / slices);
      const to = Math.floor((all.length * (slice + 1)) / slices);
      const told = all.slice(from, to).filter((connection) => this.#connections.has(connection));
      for (const connection of told) connection.goAway(this.#spreadMs(ELSEWHERE_MS));
      clock.after(GOAWAY_GRACE_MS, () => {
        for (const connection of told) connection.close(CLOSE_CODES.goaway);
      });
      await wait(clock, spreadMs / slices);
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = request.url ?? "/";
    // `//` and `http://[` come through the HTTP parser and are no addresses: one request must not end the night.
    if (!URL.canParse(target, BASE)) {
      refuse(socket, 400, "Bad Request");
      return;
    }
    const url = new URL(target, BASE);
    if (url.pathname !== PATH) {
      refuse(socket, 404, "Not Found");
      return;
    }
    if (this.#stopping) {
      refuse(socket, 503, "Service Unavailable", this.#spreadMs(COME_BACK_MS));
      return;
    }
    // So many more than there are places that even telling each of them would cost too much.
    const { socketsMax, turnedAwayAtOnceMax = TURNED_AWAY_AT_ONCE_MAX } = this.#options;
    const coming = this.#handshakes.waiting;
    if (this.#connections.size + this.#turning + coming >= socketsMax + turnedAwayAtOnceMax) {
      this.#full();
      refuse(socket, 503, "Service Unavailable", this.#spreadMs(FULL_COME_BACK_MS));
      return;
    }
    const { origin } = request.headers;
    // What names no origin is no browser, and its ticket is its own.
    if (origin !== undefined && !this.#options.origins.has(origin)) {
      this.#refusedOrigins += 1;
      refuse(socket, 403, "Forbidden");
      return;
    }
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((word) => word.trim());
    if (!offered.includes(WS_SUBPROTOCOL)) {
      refuse(socket, 400, "Bad Request");
      return;
    }
    const session = this.#options.people.checkTicket(url.searchParams.get("ticket") ?? "");
    const address = session?.address ?? addressBucketOf(request.socket.remoteAddress);
    const take = () => {
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        if (session !== null) this.#welcome(webSocket, socket, session);
        else {
          this.#refusedTickets += 1;
          this.#turnAway(webSocket, CLOSE_CODES.ticket, "ticket.invalid");
        }
      });
    };
    this.#options.limits.slow("connect", address, () => {
      if (!socket.destroyed) this.#admit(socket, address, take);
    });
  }

  /** Lets one in when it is his turn; what is over the edge is told when to come back (AB15). */
  #admit(socket: Duplex, address: string, take: () => void): void {
    const refuseRush = () => {
      this.#refusedRush += 1;
      refuse(socket, 503, "Service Unavailable", this.#spreadMs(COME_BACK_MS));
    };
    if (this.#stopping) refuseRush();
    else this.#handshakes.admit(address, { take, refuse: refuseRush, isGone: () => socket.destroyed });
  }

  /** Pages cannot read a refused handshake, so a refusal is a close code of an accepted one. */
  #turnAway(webSocket: WebSocket, code: number, word: string | { readonly comeBackMs: number }): void {
    this.#turning += 1;
    webSocket.on("close", () => {
      this.#turning -= 1;
    });
    webSocket.on("error", () => webSocket.terminate());
    if (typeof word === "object") {
      webSocket.send(JSON.stringify({ t: "goaway", afterMs: word.comeBackMs } satisfies ServerMessage));
    }
    webSocket.close(code, typeof word === "string" ? word : "");
    this.#options.clock.after(CLOSE_TIMEOUT_MS, () => webSocket.terminate());
  }

  #welcome(webSocket: WebSocket, socket: Duplex, session: Session): void {
    if (this.#stopping) {
      this.#turnAway(webSocket, CLOSE_CODES.goaway, { comeBackMs: this.#spreadMs(COME_BACK_MS) });
      return;
    }
    if (this.#connections.size >= this.#options.socketsMax) {
      this.#full();
      this.#turnAway(webSocket, CLOSE_CODES.goaway, { comeBackMs: this.#spreadMs(FULL_COME_BACK_MS) });
      return;
    }
    const count = this.#byUser.get(session.userId) ?? 0;
    if (count >= SOCKETS_PER_USER_MAX) {
      this.#turnAway(webSocket, CLOSE_CODES.abuse, "");
      return;
    }
    this.#byUser.set(session.userId, count + 1);
    const connection = new Connection({
      ...this.#options,
      webSocket,
      socket,
      session,
      acks: this.#acks,
      held: this.#held,
      stats: this.#stats,
      onGone: () => {
        this.#connections.delete(connection);
        const left = (this.#byUser.get(session.userId) ?? 1) - 1;
        if (left > 0) this.#byUser.set(session.userId, left);
        else this.#byUser.delete(session.userId);
      },
    });
    this.#connections.add(connection);
  }

  /** Counts somebody for whom there is no place, and lets the operator know now and then. */
  #full(): void {
    this.#refusedFull += 1;
    const { clock, log, socketsMax } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs - this.#fullToldAtMs < FULL_TOLD_EVERY_MS) return;
    this.#fullToldAtMs = nowMs;
    log.warn(
      { sockets: this.#connections.size, socketsMax, refused: this.#refusedFull },
      "The room is full: who comes now polls instead. Set SOCKETS_MAX higher if there is memory.",
    );
  }

  #spreadMs({ min, max }: { readonly min: number; readonly max: number }): number {
    return Math.round(min + this.#options.random() * (max - min));
  }

  #planSweep(): void {
    this.#cancelSweep = this.#options.clock.after(SWEEP_EVERY_MS, () => {
      const nowMs = this.#options.clock.nowMs();
      for (const connection of this.#connections) connection.sweep(nowMs);
      if (!this.#stopping) this.#planSweep();
    });
  }
}

function refuse(socket: Duplex, status: number, words: string, retryMs?: number): void {
  const retry = retryMs === undefined ? "" : `retry-after: ${Math.ceil(retryMs / 1_000)}\r\n`;
  socket.end(`HTTP/1.1 ${status} ${words}\r\n${retry}connection: close\r\ncontent-length: 0\r\n\r\n`);
}

function wait(clock: RoomClock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve));
}
