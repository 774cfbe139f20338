// Where the page's facts come from, as the page wants to see it. The SDK stands behind it (client-source.ts).

import type { CheckState, TakeOutcome } from "@wanhui/client";
import type { AwardView, SessionView, ShowView } from "@wanhui/protocol";

/** connecting: never been live; lost: was live, will be again by itself. */
export type LinkState = "connecting" | "live" | "lost";

export type VenueEvent =
  /** There is no show to be seen; asked again at `retryAtMs` of the page's own clock. */
  | { readonly type: "boot"; readonly boot: "unknown" | "unreachable"; readonly retryAtMs: number }
  /** The whole show, after anything in it changed. */
  | { readonly type: "show"; readonly show: ShowView }
  | { readonly type: "link"; readonly link: LinkState }
  | { readonly type: "seal"; readonly draw: string; readonly window: number; readonly resultAtMs: number }
  | {
      readonly type: "drawn";
      readonly draw: string;
      readonly window: number;
      readonly entries: number;
      readonly units: number;
      readonly winners: number;
      readonly resultAtMs: number;
      /** Whether an own win of this window would have been told before (WR3). */
      readonly winsToldFirst: boolean;
    }
  /** Windows that were never sealed; their entries count in the window after `toWindow`. */
  | { readonly type: "gap"; readonly draw: string; readonly fromWindow: number; readonly toWindow: number }
  | { readonly type: "received"; readonly draw: string; readonly window: number }
  | {
      readonly type: "refused";
      readonly draw: string | null;
      readonly code: string;
      /** Gestures that count for nothing. */
      readonly taps: number;
    }
  /** How the bot check of a draw or a rain goes (AB8). */
  | { readonly type: "check"; readonly check: CheckState }
  /** Signed in, at first or anew: how well one is known. */
  | { readonly type: "level"; readonly level: SessionView["level"] }
  /** Seals and other records this device has heard, and whether they are there when the page comes back. */
  | { readonly type: "heard"; readonly count: number; readonly lasting: boolean }
  /** An own award, new or changed. `fresh`: won just now. */
  | { readonly type: "award"; readonly award: AwardView; readonly fresh: boolean }
  /** All own awards, one of them changed. */
  | { readonly type: "awards"; readonly awards: readonly AwardView[] }
  /** Own awards are asked for; `read` names the question. */
  | { readonly type: "reading"; readonly read: number }
  /** The answer to it: all own awards, null when there was none. */
  | { readonly type: "read"; readonly read: number; readonly awards: readonly AwardView[] | null };

export type VenueSource = {
  /** Makes the visit, fetches the show, connects, and goes on until `stop`. */
  readonly start: (listener: (event: VenueEvent) => void) => void;
  readonly stop: () => void;
  /** Tries again now. */
  readonly wake: () => void;
  /** The server's clock, Unix milliseconds. */
  readonly nowMs: () => number;
  /** One gesture; false when it cannot count because there is no connection. */
  readonly tap: (draw: string) => boolean;
  /** Grabs one unit; the same request again is the same wish. */
  readonly take: (pool: string, request: string) => Promise<TakeOutcome>;
  /** Reads own awards anew (after a claim or a return from paying). */
  readonly refreshAwards: () => Promise<void>;
  /** What requests are sent with where cookies do not reach; else null. */
  readonly token: () => string | null;
  /** Seals this device heard, one JSON line each, for the checker. */
  readonly heard: () => string;
};
