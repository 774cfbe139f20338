// Messages of the WebSocket. Everything is JSON text, but taps, which are packed (taps.ts).

import type { AwardView, Counts, CueView, OrderView, RainView, RoundView } from "./views.ts";

/** Ordered, resumable by (stream, offset). `round`, `cue` and `rain` replace what was known under their id. */
export type CtlMessage =
  | { readonly t: "round"; readonly round: RoundView }
  | { readonly t: "cue"; readonly cue: CueView }
  | { readonly t: "rain"; readonly rain: RainView }
  /** A window's seal, out before its seed; keep it. `resultAtMs` is the stated time of the result. */
  | {
      readonly t: "seal";
      readonly draw: string;
      readonly window: number;
      readonly header: unknown;
      readonly hash: string;
      readonly signature: string;
      readonly entries: number;
      readonly resultAtMs: number;
    }
  /** Gap, stop or close record of a draw's chain. */
  | {
      readonly t: "chain";
      readonly draw: string;
      readonly record: unknown;
      readonly hash: string;
      readonly signature: string;
    }
  /**
   * A window's result. Comes after the winners' own `won` on every socket: entered and nothing won means not won.
   * `resultAtMs` is the stated time, or the moment of the draw where that was later: show it to everybody then.
   */
  | {
      readonly t: "drawn";
      readonly draw: string;
      readonly window: number;
      readonly entries: number;
      readonly units: number;
      readonly winners: number;
      readonly round: number;
      readonly resultAtMs: number;
    };

/** Own lane. `n` counts up per user; a gap means: ask `GET /api/me/awards`. */
export type MeMessage = { readonly n: number } & (
  | { readonly t: "won"; readonly award: AwardView }
  | { readonly t: "award"; readonly award: AwardView }
  | { readonly t: "order"; readonly order: OrderView }
);

/** What a server says on a socket, as JSON; `at` is the time of the server, Unix milliseconds. */
export type ServerMessage =
  | {
      readonly t: "hello";
      readonly v: number;
      readonly at: number;
      readonly user: string;
      readonly stream: string;
      readonly offset: number;
      readonly tickMs: number;
      /** False: the offset asked for is gone; fetch `GET /api/show` and go on from `offset`. */
      readonly resumed: boolean;
      /** Newest own message kept; older than the first resumed one: ask `GET /api/me/awards`. */
      readonly me: number;
    }
  /** One per room and tick, the same bytes to everybody. `o` is the offset after `ctl`. */
  | {
      readonly t: "f";
      readonly at: number;
      readonly s: string;
      readonly o: number;
      readonly ctl?: readonly CtlMessage[];
      readonly cnt?: Counts;
    }
  | { readonly t: "me"; readonly at: number; readonly m: readonly MeMessage[] }
  /** The entry is durable. `fixedKey` when an earlier key of the same user holds (DR7). */
  | {
      readonly t: "ack";
      readonly at: number;
      readonly d: number;
      readonly w: number;
      readonly fixedKey?: string;
    }
  /** The tap frame or grab was refused. `d` is the draw's index for taps, `r` the request id for grabs. */
  | {
      readonly t: "no";
      readonly at: number;
      readonly code: string;
      readonly d?: number;
      readonly r?: string;
      readonly retryMs?: number;
      readonly place?: number;
    }
  | { readonly t: "got"; readonly at: number; readonly r: string; readonly awardId: string }
  | { readonly t: "pong"; readonly c: number; readonly at: number }
  | { readonly t: "goaway"; readonly afterMs: number }
  | { readonly t: "error"; readonly code: string; readonly field?: string; readonly retryMs?: number };

/**
 * What a client says on a socket, as JSON of at most `CLIENT_FRAME_BYTES_MAX` bytes; its taps are packed instead
 * (`encodeTaps`).
 */
export type ClientMessage =
  /** First message on a socket. Without resume the lane begins at the server's newest offset. */
  | {
      readonly t: "hello";
      readonly v: number;
      readonly resume?: { readonly stream: string; readonly offset: number };
      readonly me?: number;
    }
  | { readonly t: "ping"; readonly c: number }
  /** The pass of a bot check (AB4); on each new socket again, before what it lets in. Only a bad one is answered. */
  | { readonly t: "pass"; readonly pass: string }
  /** Grab one unit; the same `r` again is the same wish. */
  | { readonly t: "take"; readonly pool: string; readonly r: string };
