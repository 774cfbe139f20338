import type {
  CheckChallenge,
  CheckSolution,
  CtlMessage,
  MeMessage,
  SessionView,
  ShowView,
} from "@wanhui/protocol";
import type { CheckState } from "./check/checks.ts";
import type { OnProgress } from "./check/solve.ts";
import type { TrackedWindow } from "./tracker.ts";

/** The part of `localStorage` we use; give another to a program, or none to remember nothing. */
export type ClientStorage = {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem?(key: string): void;
};

/** The part of a WebSocket we use: the browser's own, Node 22's, or the `ws` package's. */
export type ClientSocket = {
  binaryType: string;
  readonly readyState: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: ((event: never) => void) | null;
};
export type SocketConstructor = new (url: string, protocol: string) => ClientSocket;

/**
 * `connecting` at first and while trying again; `online` once greeted; `polling` when sockets do not get through but
 * HTTP does; `offline` until `retryAtMs` of the local clock; `stopped` for ever.
 */
export type ClientStatus =
  | { readonly state: "connecting" | "online" | "polling" | "stopped" }
  | { readonly state: "offline"; readonly retryAtMs: number };

export type HeardCount = {
  /** Headers and other signed records kept here, of all shows of the last 30 days. */
  readonly count: number;
  /** False: the storage is full, refused or none; what was heard since is gone with the page. */
  readonly lasting: boolean;
};

/** Gestures that were refused for good. `draw` is null where the refusal names no round we know. */
export type RefusedTaps = {
  readonly draw: string | null;
  readonly code: string;
  readonly retryMs: number | null;
  /** Gestures that were told to `tap` and count for nothing. */
  readonly taps: number;
};

export type ClientEvents = {
  status: ClientStatus;
  /** The show as it stands now, after every message. */
  show: ShowView;
  /** Each ctl message, once, in order, after it was folded into the show. */
  ctl: CtlMessage;
  /** An own message: a win, an award's or order's new state. */
  me: MeMessage;
  /** Own messages may have been missed: read `GET /api/me/awards`. Comes once after the first greeting, too. */
  stale: null;
  /** What became of an own entry. */
  window: TrackedWindow;
  /** What is kept of what was heard here, when it became known and after each new header. */
  heard: HeardCount;
  /** Signed in, at first and anew: who one is, and how well known. */
  session: SessionView;
  /** How the bot check of a draw or a rain goes (AB7). */
  check: CheckState;
  /** A tap was refused, and is not sent again. */
  refused: RefusedTaps;
};

export type TakeOutcome =
  | { readonly ok: true; readonly awardId: string }
  | {
      readonly ok: false;
      readonly code: string;
      readonly retryMs: number | null;
      readonly place: number | null;
    };

export type ClientOptions = {
  /** Where the server is: `https://gala.example`. */
  readonly baseUrl: string;
  readonly fetch?: typeof fetch;
  /** Needed in Node 20, which has none of its own. */
  readonly WebSocket?: SocketConstructor;
  /** `localStorage` where there is one. */
  readonly storage?: ClientStorage | null;
  /** Instead of a cookie: for programs. */
  readonly token?: string;
  /** Whether the client signs in without cookies and keeps the token while it runs: so by itself on a foreign page. */
  readonly bearer?: boolean;
  /**
   * Token of the host platform's own sign-in (PE4). A function is asked at every sign-in, also when the one before has
   * ended; null is nobody known, so a guest. A string is used once. Refused ones are told as `refused`; then a guest.
   */
  readonly platformToken?: string | (() => string | null | Promise<string | null>);
  /** Instead of `POST /api/socket-ticket`. */
  readonly fetchTicket?: () => Promise<{ ticket: string; pseudonyms?: Readonly<Record<string, string>> }>;
  /** Instead of `GET /api/show`. */
  readonly fetchShow?: () => Promise<ShowView>;
  /** Solves a bot check elsewhere, in a worker; in slices of this thread when left out. */
  readonly solve?: (challenge: CheckChallenge, onProgress: OnProgress) => Promise<CheckSolution>;
  /** Uniform in [0, 1); spreads those who come back. */
  readonly random?: () => number;
};

/** One person in one room. */
export type RoomClient = {
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void;
  readonly show: ShowView | null;
  readonly status: ClientStatus;
  readonly session: SessionView | null;
  /** Signs in anew, with this token of the platform or what `platformToken` gives, and comes into the room as that person. */
  signIn(platformToken?: string): void;
  /**
   * Whether an own win would have been told before the `drawn` of its window (WR3). While false, a `drawn` says nothing
   * of one's own entry until `GET /api/me/awards`, asked after it, is answered; `stale` comes for that.
   */
  readonly winsToldFirst: boolean;
  /** Unix milliseconds of the server's clock (WR9). */
  serverNowMs(): number;
  /** Counts gestures of a round; frames leave by the rules of WR5. False: no window is open, they count for nothing. */
  tap(draw: string, taps?: number): boolean;
  /** Takes one unit; goes on asking with the same request id until there is an answer. */
  take(pool: string, requestId?: string): Promise<TakeOutcome>;
  /** Own entries of a round, by window. */
  windows(draw: string): readonly TrackedWindow[];
  /** Own pseudonym and nonce in a round, from which `userKeyOf` makes the key in the proof file. */
  identityOf(draw: string): { readonly pseudonym: string | null; readonly nonce: string };
  /** Headers heard here, one JSON line each, for `wanhui verify --heard`. */
  heard(): string;
  /** Tries again now: the page came back, the network is there. */
  wake(): void;
  stop(): void;
};
