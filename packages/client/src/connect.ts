import {
  type ClientMessage,
  type CtlMessage,
  PROTOCOL_VERSION,
  type RoundView,
  type ServerMessage,
  type SessionView,
  type ShowView,
  type SocketTicketView,
  WS_SUBPROTOCOL,
} from "@wanhui/protocol";
import { backoffMs } from "./backoff.ts";
import type { Checks } from "./check/checks.ts";
import { ServerClock } from "./clock.ts";
import { Emitter } from "./emitter.ts";
import { Keepsakes } from "./heard.ts";
import { createHttp, type Http, HttpProblem } from "./http.ts";
import { newRequestId } from "./keys.ts";
import type {
  ClientEvents,
  ClientOptions,
  ClientSocket,
  ClientStatus,
  RoomClient,
  SocketConstructor,
  TakeOutcome,
} from "./options.ts";
import { OwnLane } from "./own-lane.ts";
import { type Polled, Poller } from "./poller.ts";
import { Pulse } from "./pulse.ts";
import { ShowLane } from "./show-lane.ts";
import { SignIn } from "./sign-in.ts";
import { Takes } from "./takes.ts";
import { TapLane } from "./tap-lane.ts";
import { type TapFrameOut, tapBytes } from "./taps.ts";
import { RoundTracker, type TrackedWindow } from "./tracker.ts";

/** Sockets that were never greeted until we poll, because something between us lets no socket through. */
const FAILURES_BEFORE_POLLING = 3;
/** The longest a timer can run; a sign-in that lasts longer is renewed by the next visit. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Between two sign-ins, whatever the server says of their end. */
const SIGN_IN_PAUSE_MS = 1_000;

/** Joins a room and stays in it until `stop`. */
export function connect(options: ClientOptions): RoomClient {
  return new Client(options);
}

class Client implements RoomClient {
  readonly #options: ClientOptions;
  readonly #events = new Emitter<ClientEvents>();
  readonly #kept: Keepsakes;
  readonly #random: () => number;
  readonly #http: Http;
  readonly #clock: ServerClock;
  readonly #tracker: RoundTracker;
  readonly #taps: TapLane;
  readonly #takes: Takes;
  readonly #lane: ShowLane;
  readonly #own: OwnLane;
  readonly #pulse: Pulse;
  readonly #poller: Poller;
  /** Loaded once something asks for a bot check: most shows never do. */
  #checks: Checks | null = null;
  #checksLoad = false;
  readonly #localNowMs = () => performance.timeOrigin + performance.now();
  readonly #onLine = () => this.wake();
  readonly #offLine = () => this.#doubt();
  readonly #signIn: SignIn;
  #status: ClientStatus = { state: "connecting" };
  #socket: ClientSocket | null = null;
  #greeted = false;
  #everGreeted = false;
  #frameNumber = 0;
  #tries = 0;
  #failures = 0;
  /** Counts tries to get in: only the newest goes on. */
  #attempts = 0;
  #comeBackMs: number | null = null;
  #pseudonyms: Record<string, string> = {};
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #signInTimer: ReturnType<typeof setTimeout> | undefined;
  #user: string | null = null;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#kept = new Keepsakes(options.storage);
    this.#random = options.random ?? Math.random;
    // Bound, because browsers refuse a `fetch` that is called as anybody's method.
    const ask = options.fetch ?? fetch.bind(globalThis);
    this.#http = createHttp({ baseUrl: options.baseUrl, fetch: ask, token: () => this.#signIn.token });
    this.#signIn = this.#makeSignIn();
    this.#clock = new ServerClock(this.#localNowMs);
    this.#tracker = new RoundTracker((window) => this.#events.emit("window", window));
    this.#taps = new TapLane({
      nowMs: () => this.serverNowMs(),
      rounds: () => this.show?.rounds ?? [],
      send: (round, frame) => this.#sendTaps(round, frame),
      refused: (refused) => this.#events.emit("refused", refused),
    });
    this.#takes = new Takes((pool, requestId) => this.#sendTake(pool, requestId));
    this.#lane = new ShowLane({
      fetchShow: () => this.#fetchShow(),
      random: this.#random,
      onShow: (show) => {
        this.#events.emit("show", show);
        this.#lookAtChecks();
      },
      onCtl: (message) => this.#onCtl(message),
      onRenewed: () => this.#own.renewed(this.#greeted),
    });
    this.#own = new OwnLane({
      random: this.#random,
      onMessage: (message) => {
        this.#tracker.me(message);
        this.#events.emit("me", message);
      },
      onStale: () => this.#events.emit("stale", null),
    });
    this.#pulse = new Pulse({
      ping: () => this.#send({ t: "ping", c: Math.floor(this.#localNowMs()) }),
      dead: () => this.#closed(1006),
    });
    this.#poller = new Poller({
      read: () =>
        this.#http<Polled>("GET", `/api/room/poll?stream=${this.#lane.stream}&offset=${this.#lane.offset}`),
      onRead: (polled) => this.#onPolled(polled),
      onFailed: (retryAtMs) => this.#setStatus({ state: "offline", retryAtMs }),
      random: this.#random,
    });
    globalThis.addEventListener?.("online", this.#onLine);
    globalThis.addEventListener?.("offline", this.#offLine);
    queueMicrotask(() => void this.#attempt());
  }

  get show(): ShowView | null {
    return this.#lane.show;
  }
  get status(): ClientStatus {
    return this.#status;
  }
  get session(): SessionView | null {
    return this.#signIn.session;
  }
  get winsToldFirst(): boolean {
    return this.#greeted && this.#own.complete;
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  serverNowMs(): number {
    return this.#clock.nowMs();
  }

  tap(draw: string, taps = 1): boolean {
    return this.#taps.tap(draw, taps);
  }

  take(pool: string, requestId: string = newRequestId()): Promise<TakeOutcome> {
    return this.#takes.take(pool, requestId);
  }

  windows(draw: string): readonly TrackedWindow[] {
    return this.#tracker.of(draw);
  }

  identityOf(draw: string): { pseudonym: string | null; nonce: string } {
    return { pseudonym: this.#pseudonyms[draw] ?? null, nonce: this.#nonceOf(draw) };
  }

  heard(): string {
    return this.#kept.ndjson();
  }

  signIn(platformToken?: string): void {
    if (this.#isStopped()) return;
    this.#signIn.forget(platformToken);
    this.#drop(1000);
    void this.#attempt();
  }

  wake(): void {
    if (this.#status.state === "offline") void this.#attempt();
    else this.#doubt();
  }

  stop(): void {
    this.#setStatus({ state: "stopped" });
    globalThis.removeEventListener?.("online", this.#onLine);
    globalThis.removeEventListener?.("offline", this.#offLine);
    for (const timer of [this.#retryTimer, this.#signInTimer]) clearTimeout(timer);
    this.#own.stop();
    this.#checks?.stop();
    this.#taps.stop();
    this.#poller.stop();
    this.#lane.stop();
    this.#drop(1000);
    this.#takes.stop();
  }

  #doubt(): void {
    if (this.#greeted) this.#pulse.doubt();
  }

  #setStatus(status: ClientStatus): void {
    if (this.#status.state === "stopped") return;
    const same = this.#status.state === status.state && status.state !== "offline";
    this.#status = status;
    if (!same) this.#events.emit("status", status);
  }

  /** @param asked the server itself asked for a check */
  #lookAtChecks(asked = false): void {
    this.#checks?.look();
    const { rounds = [], rains = [] } = this.show ?? {};
    if (
      this.#checks ||
      this.#checksLoad ||
      !(asked || [...rounds, ...rains].some(({ botCheck }) => botCheck))
    )
      return;
    this.#checksLoad = true;
    import("./check/checks.ts").then(
      (loaded) => {
        if (this.#isStopped()) return;
        this.#checks = this.#makeChecks(loaded.Checks);
        if (this.#greeted) this.#checks.greeted();
        else this.#checks.look();
      },
      () => {
        // The network's trouble: the next message tries again.
        this.#checksLoad = false;
      },
    );
  }

  #makeChecks(Made: typeof Checks): Checks {
    return new Made({
      nowMs: () => this.serverNowMs(),
      show: () => this.show,
      isIn: () => this.#greeted || this.#status.state === "polling",
      user: () => this.#user ?? "",
      http: this.#http,
      solve: this.#options.solve,
      send: (pass) => this.#send({ t: "pass", pass }),
      changed: (state) => this.#events.emit("check", state),
      passed: () => this.#goOn(),
      random: this.#random,
      storage: this.#options.storage,
    });
  }

  /** A way out, or in, that was not there before: what waited for it leaves. */
  #goOn(): void {
    this.#takes.resume();
    this.#taps.resume();
  }

  // --- getting in

  async #attempt(): Promise<void> {
    clearTimeout(this.#retryTimer);
    if (this.#status.state === "stopped" || this.#socket !== null) return;
    this.#attempts += 1;
    const attempt = this.#attempts;
    if (this.#status.state !== "polling") this.#setStatus({ state: "connecting" });
    let key: string;
    try {
      await this.#signIn.ensure();
      if (this.show === null) {
        await this.#lane.begin();
        this.#kept.forgetOld(Date.now());
        this.#tellHeard();
      }
      const ticket = await this.#fetchTicket();
      if (attempt !== this.#attempts) return;
      Object.assign(this.#pseudonyms, ticket.pseudonyms);
      key = ticket.ticket;
    } catch (error) {
      if (attempt !== this.#attempts) return;
      // The sign-in ended: sign in anew, as whoever the server then says.
      if (error instanceof HttpProblem && error.code.startsWith("auth.")) this.#signIn.forget();
      this.#lost(error instanceof HttpProblem ? error.retryMs : null);
      return;
    }
    // Outside: a constructor that cannot be called is a bug to be seen, not a network to be waited for.
    if (this.#socket === null) this.#open(key);
  }

  #makeSignIn(): SignIn {
    return new SignIn({
      options: this.#options,
      post: (body) => this.#http<SessionView>("POST", "/api/session", body),
      signedIn: (session) => this.#onSignedIn(session),
      refused: (code) => this.#events.emit("refused", { draw: null, code, retryMs: null, taps: 0 }),
    });
  }

  #onSignedIn(session: SessionView): void {
    if (this.#user !== null && this.#user !== session.user) {
      // Another person: entries, awards and the count of own messages begin anew.
      this.#own.restart();
      this.#everGreeted = false;
      this.#tracker.clear();
      this.#taps.clear();
      this.#checks?.clear();
    }
    this.#user = session.user;
    this.#events.emit("session", session);
  }

  /** A platform's person is one for as long as his sign-in lasts; then he is asked for again. */
  #planSignIn(): void {
    clearTimeout(this.#signInTimer);
    const leftMs = (this.session?.expiresAtMs ?? Number.POSITIVE_INFINITY) - this.serverNowMs();
    if (leftMs > TIMER_MS_MAX) return;
    this.#signInTimer = setTimeout(() => this.signIn(), Math.max(SIGN_IN_PAUSE_MS, leftMs));
  }

  async #fetchShow(): Promise<ShowView> {
    const show = await (this.#options.fetchShow?.() ?? this.#http<ShowView>("GET", "/api/show"));
    this.#clock.guess(show.nowMs);
    return show;
  }

  #fetchTicket(): Promise<{ ticket: string; pseudonyms?: Readonly<Record<string, string>> }> {
    return this.#options.fetchTicket?.() ?? this.#http<SocketTicketView>("POST", "/api/socket-ticket", {});
  }

  #open(ticket: string): void {
    if (this.#isStopped()) return;
    const Socket =
      this.#options.WebSocket ?? (globalThis.WebSocket as unknown as SocketConstructor | undefined);
    if (Socket === undefined) throw new TypeError("Give connect() a WebSocket: this runtime has none.");
    const url = `${this.#options.baseUrl.replace(/^http/, "ws").replace(/\/$/, "")}/ws?ticket=${ticket}`;
    const socket = new Socket(url, WS_SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#frameNumber = 0;
    this.#pulse.await();
    socket.onopen = () => {
      const resume = { stream: this.#lane.stream, offset: this.#lane.offset };
      const me = this.#own.seen;
      this.#send({ t: "hello", v: PROTOCOL_VERSION, resume, ...(me === 0 ? {} : { me }) });
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#onMessage(JSON.parse(String(data)) as ServerMessage);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) this.#closed(code);
    };
    socket.onerror = () => {};
  }

  #isStopped(): boolean {
    return this.#status.state === "stopped";
  }

  #closed(code: number): void {
    const greeted = this.#greeted;
    this.#drop();
    if (this.#isStopped()) return;
    this.#failures = greeted ? 0 : this.#failures + 1;
    // 4000 and 4001 ask to come again soon with a new ticket; a flood of ours must not repeat itself.
    const waitMs = this.#comeBackMs ?? (code === 4002 ? 10_000 : null);
    this.#comeBackMs = null;
    this.#lost(waitMs);
    if (this.#failures >= FAILURES_BEFORE_POLLING) this.#poller.begin();
  }

  /** Forgets the socket. */
  #drop(code?: number): void {
    this.#pulse.stop();
    const socket = this.#socket;
    this.#socket = null;
    this.#greeted = false;
    if (socket !== null && socket.readyState <= 1) socket.close(code);
  }

  #lost(waitMs: number | null): void {
    if (this.#isStopped()) return;
    this.#tries += 1;
    const delayMs = (waitMs ?? 0) + backoffMs(this.#tries, this.#random);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#attempt(), delayMs);
    if (this.#status.state !== "polling") {
      this.#setStatus({ state: "offline", retryAtMs: Date.now() + delayMs });
    }
  }

  // --- messages

  #send(message: ClientMessage): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #onMessage(message: ServerMessage): void {
    switch (message.t) {
      case "hello":
        this.#onHello(message);
        break;
      case "f":
        this.#lane.take(message);
        break;
      case "me":
        this.#own.take(message.m);
        break;
      case "ack": {
        this.#pulse.acked();
        const draw = this.#drawAt(message.d);
        if (draw !== null) this.#acked(draw, message.w);
        break;
      }
      case "no":
        this.#onNo(message);
        break;
      case "got":
        this.#takes.got(message.r, message.awardId);
        break;
      case "pong":
        this.#pulse.answered();
        this.#clock.add(message.c, message.at, this.#localNowMs());
        break;
      case "goaway":
        this.#comeBackMs = message.afterMs;
        break;
      default:
        // A newer server may say more than we know.
        break;
    }
  }

  #onHello(hello: Extract<ServerMessage, { t: "hello" }>): void {
    this.#pulse.answered();
    this.#poller.stop();
    this.#greeted = true;
    this.#tries = 0;
    this.#failures = 0;
    this.#clock.guess(hello.at);
    const first = this.#status.state !== "online" && !this.#everGreeted;
    this.#everGreeted = true;
    const resumed = hello.resumed && hello.stream === this.#lane.stream;
    if (!resumed) {
      this.#own.restart();
      this.#lane.restart(hello.stream, hello.offset);
    }
    this.#setStatus({ state: "online" });
    this.#own.greeted({ resumed, newest: hello.me, first });
    this.#pulse.begin();
    this.#planSignIn();
    // Before anything they let in.
    this.#checks?.greeted();
    this.#goOn();
  }

  #onCtl(message: CtlMessage): void {
    if (message.t === "seal" || message.t === "chain") {
      const at = { heardAtMs: Date.now(), endsAtMs: this.#endsAtMs() };
      if (this.#kept.keep(message, at)) this.#tellHeard();
    }
    if (message.t !== "drawn" || this.winsToldFirst) this.#tracker.ctl(message);
    else this.#own.drawnUntold();
    this.#events.emit("ctl", message);
  }

  #onNo(no: Extract<ServerMessage, { t: "no" }>): void {
    const { code, retryMs = null, place = null } = no;
    if (code === "pass.invalid") this.#demand(null);
    if (code === "draw.check_required") this.#demanded(no);
    if (no.r !== undefined) {
      this.#takes.refused(no.r, { code, retryMs, place });
      return;
    }
    this.#pulse.acked();
    // Held back as if it had not left: the pass sends it again.
    if (code === "draw.check_required" || code === "pass.invalid") return;
    this.#taps.refused(no.d === undefined ? null : this.#drawAt(no.d), code, retryMs);
  }

  #demanded({ d, r }: { readonly d?: number; readonly r?: string }): void {
    if (d !== undefined) this.#demand(this.#drawAt(d));
    if (r !== undefined) this.#demand(this.#takes.poolOf(r));
  }

  #demand(what: string | null): void {
    this.#checks?.demand(what);
    this.#lookAtChecks(true);
  }

  #acked(draw: string, window: number): void {
    this.#taps.acked(draw, window);
    this.#tracker.acked(draw, window);
  }

  #drawAt(index: number): string | null {
    return this.show?.rounds.find((round) => round.index === index)?.draw ?? null;
  }

  #onPolled(polled: Polled): void {
    if (this.#isStopped()) return;
    const before = this.#status.state;
    this.#setStatus({ state: "polling" });
    if (before !== "polling") this.#goOn();
    this.#clock.guess(polled.at);
    this.#lane.take({ s: polled.stream, o: polled.offset, ctl: polled.ctl, cnt: polled.cnt });
    this.#own.polled();
    this.#lookAtChecks();
  }

  // --- taps and takes

  #nonceOf(draw: string): string {
    return this.#kept.nonceOf(draw, this.#endsAtMs());
  }

  #endsAtMs(): number {
    return this.show?.endsAtMs ?? Date.now();
  }

  #tellHeard(): void {
    this.#events.emit("heard", { count: this.#kept.count, lasting: this.#kept.lasting });
  }

  #sendTaps({ draw, index, botCheck }: RoundView, { window, taps, entered }: TapFrameOut): boolean {
    const pass = this.#checks?.passOf(draw) ?? null;
    if (botCheck && pass === null) return false;
    const nonce = this.#nonceOf(draw);
    if (this.#greeted && this.#socket?.readyState === 1) {
      this.#frameNumber += 1;
      this.#socket.send(tapBytes({ drawIndex: index, frameNumber: this.#frameNumber, taps, nonce }));
      if (!entered) this.#pulse.expectAck();
    } else if (this.#status.state === "polling") {
      const path = `/api/draws/${encodeURIComponent(draw)}/tap`;
      this.#http<{ window: number }>("POST", path, { nonce, taps, ...(pass === null ? {} : { pass }) })
        .then((answer) => this.#acked(draw, answer.window))
        .catch(({ code, retryMs }: HttpProblem) => {
          if (code === "draw.check_required" || code === "pass.invalid") this.#demand(draw);
          else this.#taps.refused(draw, code, retryMs);
        });
    } else return false;
    this.#tracker.sent(draw, window);
    return true;
  }

  #sendTake(pool: string, requestId: string): void {
    const pass = this.#checks?.passOf(pool) ?? null;
    if (pass === null && this.show?.rains.some((rain) => rain.pool === pool && rain.botCheck)) return;
    if (this.#greeted) {
      this.#send({ t: "take", pool, r: requestId });
    } else if (this.#status.state === "polling") {
      this.#http<{ awardId: string }>("POST", `/api/pools/${encodeURIComponent(pool)}/take`, {
        requestId,
        ...(pass === null ? {} : { pass }),
      })
        .then(({ awardId }) => this.#takes.got(requestId, awardId))
        .catch((problem: HttpProblem) => {
          if (problem.code === "draw.check_required") this.#demand(pool);
          this.#takes.failed(requestId, problem);
        });
    }
  }
}
