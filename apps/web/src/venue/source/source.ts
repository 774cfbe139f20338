// Where the page's facts come from, as the page wants to see it. The SDK stands behind it (client-source.ts).

import type { AwardView, ShowView } from "@wanhui/protocol";

/** connecting: never been live; lost: was live, will be again by itself. */
export type LinkState = "connecting" | "live" | "lost";

export type HeardSeal = {
  readonly draw: string;
  readonly window: number;
  readonly header: unknown;
  readonly hash: string;
  readonly signature: string;
  readonly heardAtMs: number;
};

export type VenueEvent =
  /** The whole show, after anything in it changed. */
  | { readonly type: "show"; readonly show: ShowView }
  | { readonly type: "link"; readonly link: LinkState }
  | { readonly type: "seal"; readonly seal: HeardSeal; readonly resultAtMs: number }
  | {
      readonly type: "drawn";
      readonly draw: string;
      readonly window: number;
      readonly entries: number;
      readonly units: number;
      readonly winners: number;
      readonly resultAtMs: number;
    }
  /** Windows that were never sealed; their entries count in the window after `toWindow`. */
  | { readonly type: "gap"; readonly draw: string; readonly fromWindow: number; readonly toWindow: number }
  | { readonly type: "received"; readonly draw: string; readonly window: number }
  | {
      readonly type: "refused";
      readonly draw: string | null;
      readonly request: string | null;
      readonly code: string;
      readonly place: number | null;
    }
  | { readonly type: "got"; readonly request: string; readonly awardId: string }
  /** An own award, new or changed. `fresh`: won just now. */
  | { readonly type: "award"; readonly award: AwardView; readonly fresh: boolean }
  /** All own awards, read anew. */
  | { readonly type: "awards"; readonly awards: readonly AwardView[] };

export type Boot = "ready" | "unknown" | "unreachable";

export type VenueSource = {
  /** Makes the visit, fetches the show, connects; events come from now on until `stop`. */
  readonly start: (listener: (event: VenueEvent) => void) => Promise<Boot>;
  readonly stop: () => void;
  /** The server's clock, Unix milliseconds. */
  readonly nowMs: () => number;
  /** One gesture; false when it cannot count because there is no connection. */
  readonly tap: (draw: string) => boolean;
  /** Grab one unit; the same request again is the same wish. */
  readonly take: (pool: string, request: string) => boolean;
  /** Reads own awards anew (after a claim or a return from paying). */
  readonly refreshAwards: () => Promise<void>;
};
