// Every limit on the wire, with its reason. Server and client share these numbers.

/** Protocol version in the WebSocket subprotocol `wanhui.1` and in `hello`. A server serves this version and the one before. */
export const PROTOCOL_VERSION = 1;
/** The subprotocol a WebSocket has to offer (WR1); its number is `PROTOCOL_VERSION`. */
export const WS_SUBPROTOCOL = "wanhui.1";

/** The largest frame a client may send; a tap frame is 26 bytes, the largest JSON message some 300. */
export const CLIENT_FRAME_BYTES_MAX = 1_024;
/** The largest JSON body of an HTTP request: an address form with room to spare. */
export const BODY_BYTES_MAX = 16_384;
/** Taps one frame may carry: a second of the fastest thumbs is about 15, a shaken phone 20. */
export const TAPS_PER_FRAME_MAX = 50;
/** Frames per second and socket, with a burst; honest clients send one at each window's first tap and one a second. */
export const CLIENT_FRAMES_PER_SECOND_MAX = 10;
/** Frames a socket that was silent may send at once (LM6): three seconds of the steady rate. */
export const CLIENT_FRAMES_BURST = 30;
/** Counters the answer of a bot check is one of (AB2): what is left to do is counted against it. */
export const CHECK_COUNTERS = 512;
/** Room tick: what happened in between is one frame. Grows with the crowd so that frames, the real cost, do not. */
export const ROOM_TICK_MS_MIN = 100;
/** The slowest tick, in milliseconds, reached at 10,000 sockets (WR2). */
export const ROOM_TICK_MS_MAX = 1_000;
/** ctl messages kept for resume; a night has some thousands, a reconnect misses some dozens. */
export const CTL_RESUME_MESSAGES_MAX = 4_096;
/** ctl messages one poll may be behind: a client polls every 3 s and misses a few; beyond it a fresh view is cheaper for all. */
export const POLL_MESSAGES_MAX = 100;
/** me messages kept per user in the owner's memory; older ones come from `GET /api/me/awards`. */
export const ME_RESUME_MESSAGES_MAX = 32;
/** Bytes queued on a slow socket before cnt is dropped, then before it is closed to resume. */
export const SLOW_SOCKET_DROP_BYTES = 64 * 1_024;
/** Bytes queued on a socket beyond which it is closed with `CLOSE_CODES.resume` instead of written to (WR7). */
export const SLOW_SOCKET_CLOSE_BYTES = 512 * 1_024;
/** A socket ticket lives this long; it is checked by its signature alone. */
export const SOCKET_TICKET_TTL_MS = 60_000;
/** How often a client measures the server's clock: often at first, then once in this time. */
export const CLOCK_PING_EVERY_MS = 20_000;
/** Result of a window is stated as its close plus this: 2 s to the beacon, then fetch, verify, journal. */
export const RESULT_AFTER_CLOSE_MS = 4_000;

/** Close codes of the WebSocket, beyond RFC 6455's own. */
export const CLOSE_CODES = {
  /** Come again with resume; nothing is lost. */
  resume: 4000,
  /** The ticket is missing, expired or forged: fetch another. */
  ticket: 4001,
  /** Malformed or oversized frame, or too many of them. */
  abuse: 4002,
  /** The server is leaving; come again after the time in `goaway`. */
  goaway: 4003,
} as const;
