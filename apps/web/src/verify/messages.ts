// What page and worker say to each other.

import type { Verdict } from "@wanhui/verify";
import type { WindowRow } from "./windows.ts";

export type Job = {
  readonly source: { readonly file: Blob } | { readonly url: string };
  readonly heard: readonly unknown[];
  readonly receipts: readonly unknown[];
};

export type Report =
  | {
      readonly t: "progress";
      readonly bytes: number;
      readonly bytesAll: number | null;
      readonly lines: number;
    }
  | { readonly t: "verdict"; readonly verdict: Verdict; readonly rows: readonly WindowRow[] }
  /** The bytes could not be read at all. `status` of the answer, 0 for none. */
  | { readonly t: "unreadable"; readonly status: number };
