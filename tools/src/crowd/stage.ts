import type { ShowView } from "@wanhui/protocol";
import type { Latencies } from "./latency.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";

/** Counted over the whole crowd. */
export type Tallies = {
  connects: number;
  reconnects: number;
  frames: number;
  acks: number;
  taps: number;
  takes: number;
  wins: number;
  claims: number;
  paid: number;
  /** Refusals by code, honest people's and cheats' apart. */
  readonly refusals: Map<string, number>;
  readonly cheatRefusals: Map<string, number>;
  readonly closes: Map<string, number>;
};

export function newTallies(): Tallies {
  const maps = { refusals: new Map(), cheatRefusals: new Map(), closes: new Map() };
  return {
    connects: 0,
    reconnects: 0,
    frames: 0,
    acks: 0,
    taps: 0,
    takes: 0,
    wins: 0,
    claims: 0,
    paid: 0,
    ...maps,
  };
}

export function count(map: Map<string, number>, what: string): void {
  map.set(what, (map.get(what) ?? 0) + 1);
}

/** What every person of a crowd shares. */
export type Stage = {
  readonly baseUrl: string;
  readonly run: string;
  readonly grant: string;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly tallies: Tallies;
  /** First unanswered frame to its acknowledgement, over the night and over the last moment. */
  readonly latencies: Latencies;
  readonly recent: { latencies: Latencies };
  /** The show as the one who never leaves sees it; null until then. */
  show(): ShowView | null;
  serverNowMs(): number;
  /** Aborted when the crowd goes home: nothing new is begun. */
  readonly goingHome: AbortSignal;
  /** Things still under way (claims, payments) that the crowd waits for before it compares. */
  readonly underWay: Set<Promise<void>>;
};

/** Lets something run beside everything else; the crowd waits for it at the end. */
export function alongside(stage: Stage, work: Promise<void>): void {
  const tracked: Promise<void> = work.finally(() => stage.underWay.delete(tracked));
  stage.underWay.add(tracked);
}
