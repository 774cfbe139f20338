import { randomBytes } from "node:crypto";
import type { UserId } from "@wanhui/core";
import {
  CLOSE_CODES,
  type Counts,
  type CtlMessage,
  POLL_MESSAGES_MAX,
  PROTOCOL_VERSION,
  ROOM_TICK_MS_MAX,
  ROOM_TICK_MS_MIN,
  SLOW_SOCKET_CLOSE_BYTES,
  SLOW_SOCKET_DROP_BYTES,
} from "@wanhui/protocol";
import { CtlLane } from "./ctl-lane.ts";
import { MeLane, type MePayload } from "./me-lane.ts";
import type { Framer, Outlet, RoomClock } from "./outlet.ts";
import { Polls } from "./polls.ts";

/** Viewers per millisecond of tick: writing a frame costs 10 to 40 us by machine, so 2,000 a second are some percent of a core. */
const VIEWERS_PER_TICK_MS = 2;
/** ctl leaves at once, but a second flush waits for this part of a tick, and no longer than this: a burst is one frame. */
const CTL_SPACING_TICKS = 0.4;
const CTL_SPACING_MS_MAX = 100;
/** While the lane is never quiet, each flush waits longer than the one before, up to this: writes are what a room costs. */
const CTL_SPACING_GROWTH = 1.5;
const CTL_BUSY_SPACING_MS_MAX = 250;
/** Joins answered in one turn of the event loop, so that a storm of them delays nobody's tap by more than a few ms. */
const JOINS_PER_TURN_MAX = 200;
/** More unsent messages than this leave at once: a frame stays well below what closes a slow socket. */
const UNSENT_MESSAGES_MAX = 256;

/** Counts of the show; the room adds its own viewers. */
export type CountsSource = () => Omit<Counts, "viewers">;

/** What somebody asks for in `hello`. */
export type JoinRequest = {
  readonly userId: UserId;
  readonly resume: { readonly stream: string; readonly offset: number } | null;
  /** Newest own message seen; null with a resume means none. */
  readonly me: number | null;
};

export type RoomStats = {
  readonly viewers: number;
  readonly sockets: number;
  readonly tickMs: number;
  readonly offset: number;
  readonly framesBuilt: number;
  readonly writes: number;
  readonly countsDropped: number;
  readonly slowClosed: number;
  readonly resumed: number;
  readonly resumeRefused: number;
  readonly meUsers: number;
  readonly pollBodiesBuilt: number;
};

/** One place in the room. */
export type Member = {
  readonly userId: UserId;
  /** To this place alone, under the slow-socket rule. */
  write(frame: Buffer): void;
  /** Goes; safe to call twice. */
  leave(): void;
};

type Seat =
  | {
      readonly state: "waiting";
      readonly userId: UserId;
      readonly outlet: Outlet;
      readonly request: JoinRequest;
    }
  | { readonly state: "seated"; readonly userId: UserId; readonly outlet: Outlet }
  | { readonly state: "gone"; readonly userId: UserId };
/** A seat changes its state; the place stays. */
type Place = { seat: Seat };

/**
 * The realtime channel of a show: three lanes to everybody in it (docs/spec/wire.md WR2 to WR4, WR7). It knows no
 * WebSocket: people come in by `join` with an outlet, messages by methods, and bytes leave by the outlets.
 */
export class Room {
  /** Random per start: an offset means something only with the stream it was counted in. */
  readonly stream: string;
  readonly #clock: RoomClock;
  readonly #frame: Framer;
  readonly #ctl: CtlLane;
  readonly #me: MeLane;
  readonly #polls: Polls;
  readonly #places = new Set<Place>();
  readonly #byUser = new Map<UserId, Set<Place>>();
  readonly #waiting: Place[] = [];
  readonly #unsentMe = new Map<UserId, string[]>();
  #counts: CountsSource = () => ({ taps: 0, entries: 0, awards: 0, claims: 0, left: {}, open: {} });
  #sentCounts = "";
  #flushPlanned = false;
  #joinsPlanned = false;
  #flushedAtMs = Number.NEGATIVE_INFINITY;
  /** Wait between two flushes of ctl as busy as the lane is. */
  #spacingMs = 0;
  #cancelTick: () => void = () => {};
  #running = false;
  #ownPlanned = false;
  #framesBuilt = 0;
  #writes = 0;
  #countsDropped = 0;
  #slowClosed = 0;
  #resumed = 0;
  #resumeRefused = 0;

  constructor(options: RoomOptions) {
    this.stream = options.stream ?? randomBytes(8).toString("hex");
    this.#clock = options.clock;
    this.#frame = options.frame;
    this.#ctl = new CtlLane(options.ctlMessagesMax);
    this.#me = new MeLane({ nowMs: () => this.#clock.nowMs(), usersMax: options.meUsersMax });
    this.#polls = new Polls(options.clock);
  }

  /** Begins to tick. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#planTick();
  }

  /** Ends the tick; what is unsent leaves first. */
  stop(): void {
    this.#running = false;
    this.#cancelTick();
    this.#flush(true);
  }

  /** Offset after every message so far; a view of the show made now stands here. */
  get offset(): number {
    return this.#ctl.offset;
  }

  /** People in the room; one with many sockets is one. */
  get viewers(): number {
    return this.#byUser.size;
  }

  get tickMs(): number {
    return tickMsFor(this.#places.size);
  }

  stats(): RoomStats {
    return {
      viewers: this.viewers,
      sockets: this.#places.size,
      tickMs: this.tickMs,
      offset: this.offset,
      framesBuilt: this.#framesBuilt,
      writes: this.#writes,
      countsDropped: this.#countsDropped,
      slowClosed: this.#slowClosed,
      resumed: this.#resumed,
      resumeRefused: this.#resumeRefused,
      meUsers: this.#me.users,
      pollBodiesBuilt: this.#polls.built,
    };
  }

  /** Where the counts come from; asked once per tick. */
  setCounts(source: CountsSource): void {
    this.#counts = source;
  }

  /** To everybody, in order, on the ctl lane; leaves in this or the next turn of the event loop. */
  publish(messages: readonly CtlMessage[]): void {
    if (messages.length === 0) return;
    for (const message of messages) {
      this.#ctl.append(message);
      if (this.#ctl.offset - this.#ctl.flushed >= UNSENT_MESSAGES_MAX) this.#flush(false);
    }
    this.#planFlush();
  }

  /** To one person's sockets and memory. Leaves before any ctl message that is not out yet (WR3). */
  sendMe(userId: UserId, payload: MePayload): void {
    const json = this.#me.append(userId, payload);
    if (!this.#byUser.has(userId)) return;
    const unsent = this.#unsentMe.get(userId);
    if (unsent === undefined) this.#unsentMe.set(userId, [json]);
    else unsent.push(json);
    this.#planOwn();
  }

  /** Takes a place. The greeting, and what was missed, leave soon; joins of a storm are spread over turns. */
  join(outlet: Outlet, request: JoinRequest): Member {
    const { userId } = request;
    const place: Place = { seat: { state: "waiting", userId, outlet, request } };
    this.#waiting.push(place);
    this.#planJoins();
    return {
      userId,
      write: (frame) => {
        if (place.seat.state !== "gone") this.#write(place, place.seat.outlet, frame);
      },
      leave: () => this.#leave(place),
    };
  }

  /**
   * The same lane for those without a socket: what is missed since an offset, or where to begin. JSON as
   * `pollAnswerSchema` has it, put together from texts that exist already; all who ask from one place within a tick
   * share the bytes (WR16).
   */
  poll(stream: string | null, offset: number | null): Buffer {
    const isNear =
      offset !== null && offset <= this.offset && offset >= this.#ctl.flushed - POLL_MESSAGES_MAX;
    const place = stream === this.stream && isNear ? offset : null;
    return this.#polls.body(place, this.tickMs, () => {
      const missed = place === null ? null : this.#missed({ stream: this.stream, offset: place });
      const head = `"stream":"${this.stream}","offset":${this.#ctl.flushed},"resumed":${missed !== null}`;
      const counts = JSON.stringify(this.#countsNow());
      return `{${head},"at":${this.#clock.nowMs()},"ctl":[${missed ?? ""}],"cnt":${counts}}`;
    });
  }

  #countsNow(): Counts {
    return { viewers: this.viewers, ...this.#counts() };
  }

  // --- joining and leaving

  #planJoins(): void {
    if (this.#joinsPlanned) return;
    this.#joinsPlanned = true;
    this.#clock.soon(() => {
      this.#joinsPlanned = false;
      for (const place of this.#waiting.splice(0, JOINS_PER_TURN_MAX)) this.#seat(place);
      if (this.#waiting.length > 0) this.#planJoins();
    });
  }

  #seat(place: Place): void {
    const { seat } = place;
    if (seat.state !== "waiting") return;
    const { outlet, request, userId } = seat;
    // Everybody here already has been sent `flushed`; what is newer comes to this place with the next flush.
    const missed = this.#missed(request.resume);
    const resumed = request.resume === null || missed !== null;
    if (request.resume !== null) {
      if (resumed) this.#resumed += 1;
      else this.#resumeRefused += 1;
    }
    place.seat = { state: "seated", userId, outlet };
    this.#places.add(place);
    const ofUser = this.#byUser.get(userId);
    if (ofUser === undefined) this.#byUser.set(userId, new Set([place]));
    else ofUser.add(place);
    const at = this.#clock.nowMs();
    const hello = {
      t: "hello",
      v: PROTOCOL_VERSION,
      at,
      user: userId,
      stream: this.stream,
      offset: request.resume !== null && resumed ? request.resume.offset : this.#ctl.flushed,
      tickMs: this.tickMs,
      resumed,
      me: this.#me.newest(userId),
    };
    this.#write(place, outlet, this.#frame(JSON.stringify(hello)));
    const own = this.#ownMissed(request);
    if (own.length > 0) this.#write(place, outlet, this.#meFrame(own));
    const counts = this.#sentCounts;
    if ((missed ?? "") === "" && counts === "") return;
    this.#write(place, outlet, this.#roomFrame({ offset: this.#ctl.flushed, ctl: missed ?? "", counts }));
  }

  /** What was missed since a place in a stream; null when that cannot be said. */
  #missed(resume: { readonly stream: string; readonly offset: number } | null): string | null {
    if (resume?.stream !== this.stream) return null;
    // A view made between publish and flush stands ahead of what was sent: send it, then all agree.
    if (resume.offset > this.#ctl.flushed && resume.offset <= this.#ctl.offset) this.#flush(false);
    return this.#ctl.since(resume.offset);
  }

  /** Own messages missed: those a page of another stream saw belong to another count. */
  #ownMissed(request: JoinRequest): string[] {
    if (request.resume === null && request.me === null) return [];
    const sameStream = request.resume === null || request.resume.stream === this.stream;
    const unsent = this.#unsentMe.get(request.userId)?.length ?? 0;
    const missed = this.#me.since(request.userId, sameStream ? (request.me ?? 0) : 0);
    // What waits for the next flush goes to this place with it.
    return unsent === 0 ? missed : missed.slice(0, Math.max(0, missed.length - unsent));
  }

  #leave(place: Place): void {
    const { userId } = place.seat;
    place.seat = { state: "gone", userId };
    this.#places.delete(place);
    const ofUser = this.#byUser.get(userId);
    ofUser?.delete(place);
    if (ofUser?.size === 0) this.#byUser.delete(userId);
  }

  // --- flushing

  #planTick(): void {
    this.#cancelTick = this.#clock.after(this.tickMs, () => {
      this.#flush(true);
      if (this.#running) this.#planTick();
    });
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    const leastMs = Math.min(CTL_SPACING_MS_MAX, this.tickMs * CTL_SPACING_TICKS);
    const spacingMs = Math.max(leastMs, Math.min(this.#spacingMs, this.tickMs));
    const waitMs = this.#flushedAtMs + spacingMs - this.#clock.nowMs();
    this.#spacingMs =
      waitMs <= 0 ? leastMs : Math.min(CTL_BUSY_SPACING_MS_MAX, spacingMs * CTL_SPACING_GROWTH);
    const run = () => {
      this.#flushPlanned = false;
      this.#flush(false);
    };
    // A clock set back must not hold the lane: never longer than one spacing.
    if (waitMs <= 0) this.#clock.soon(run);
    else this.#clock.after(Math.min(waitMs, spacingMs), run);
  }

  /** Own messages never wait for the room's: they leave together with the answer they belong to. */
  #planOwn(): void {
    if (this.#ownPlanned) return;
    this.#ownPlanned = true;
    this.#clock.soon(() => {
      this.#ownPlanned = false;
      this.#flushOwn();
    });
  }

  /** One frame to everybody with what is new; own messages go before it. */
  #flush(withCounts: boolean): void {
    this.#flushOwn();
    const ctl = this.#ctl.takeUnsent().join(",");
    const counts = withCounts ? this.#changedCounts() : "";
    if (ctl === "" && counts === "") return;
    if (ctl !== "") this.#flushedAtMs = this.#clock.nowMs();
    if (this.#places.size === 0) return;
    const offset = this.#ctl.flushed;
    const whole = this.#roomFrame({ offset, ctl, counts });
    const lean = counts === "" ? whole : ctl === "" ? null : this.#roomFrame({ offset, ctl, counts: "" });
    for (const place of this.#places) {
      if (place.seat.state !== "seated") continue;
      const { outlet } = place.seat;
      if (counts === "" || outlet.bufferedBytes() <= SLOW_SOCKET_DROP_BYTES) {
        this.#write(place, outlet, whole);
        continue;
      }
      this.#countsDropped += 1;
      if (lean !== null) this.#write(place, outlet, lean);
    }
  }

  #flushOwn(): void {
    for (const [userId, messages] of this.#unsentMe) {
      const places = this.#byUser.get(userId);
      if (places === undefined) continue;
      const frame = this.#meFrame(messages);
      for (const place of places) {
        if (place.seat.state === "seated") this.#write(place, place.seat.outlet, frame);
      }
    }
    this.#unsentMe.clear();
  }

  #changedCounts(): string {
    const counts = JSON.stringify(this.#countsNow());
    if (counts === this.#sentCounts) return "";
    this.#sentCounts = counts;
    return counts;
  }

  #meFrame(messages: readonly string[]): Buffer {
    return this.#frame(`{"t":"me","at":${this.#clock.nowMs()},"m":[${messages.join(",")}]}`);
  }

  #roomFrame(parts: { offset: number; ctl: string; counts: string }): Buffer {
    this.#framesBuilt += 1;
    const ctl = parts.ctl === "" ? "" : `,"ctl":[${parts.ctl}]`;
    const counts = parts.counts === "" ? "" : `,"cnt":${parts.counts}`;
    const head = `{"t":"f","at":${this.#clock.nowMs()},"s":"${this.stream}","o":${parts.offset}`;
    return this.#frame(`${head}${ctl}${counts}}`);
  }

  /** Nothing of ctl or me is ever left out: a place that cannot take it is closed, and comes back to resume (WR7). */
  #write(place: Place, outlet: Outlet, frame: Buffer): void {
    if (outlet.bufferedBytes() + frame.length > SLOW_SOCKET_CLOSE_BYTES) {
      this.#slowClosed += 1;
      this.#leave(place);
      outlet.close(CLOSE_CODES.resume);
      return;
    }
    this.#writes += 1;
    outlet.write(frame);
  }
}

export type RoomOptions = {
  readonly clock: RoomClock;
  readonly frame: Framer;
  /** Name of the stream; random when not given. */
  readonly stream?: string;
  readonly ctlMessagesMax?: number;
  readonly meUsersMax?: number;
};

/** Makes a room. `start` it, and `stop` it before the process ends. */
export function createRoom(options: RoomOptions): Room {
  return new Room(options);
}

/** The tick of a room: 100 ms up to 200 sockets, then growing with them to 1 s at 2,000. */
export function tickMsFor(sockets: number): number {
  const wished = Math.ceil(sockets / VIEWERS_PER_TICK_MS);
  return Math.min(ROOM_TICK_MS_MAX, Math.max(ROOM_TICK_MS_MIN, wished));
}
