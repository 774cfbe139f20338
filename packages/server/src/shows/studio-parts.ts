import type { AwardId, PoolId } from "@wanhui/core";
import type {
  AwardState,
  Code,
  HealthView,
  ShowView,
  StudioAwardsView,
  StudioAwardView,
  StudioNumbers,
  StudioView,
} from "@wanhui/protocol";
import { problem } from "../http/mod.ts";
import type { Session } from "../people/mod.ts";
import type { Board } from "./board-port.ts";
import type { Actor, ActResult, Director } from "./director-port.ts";

/** What a forfeit or an extension came to. */
export type AwardActResult =
  | { readonly ok: true; readonly award: StudioAwardView }
  | { readonly ok: false; readonly code: Code };

/** Awards as staff see them (AW6), and what operators do to them. */
export type StudioAwards = {
  /** A page, newest first; `before` is the `next` of the page before. */
  list(ask: { readonly state: AwardState | null; readonly before: string | null }): Promise<StudioAwardsView>;
  find(awardId: AwardId): Promise<StudioAwardView | null>;
  /** Takes a held award back with a reason (AW4). */
  forfeit(input: { readonly awardId: AwardId; readonly reason: string }): Promise<AwardActResult>;
  /** Gives the winner of a held award more time, once (AW5). */
  extend(input: { readonly awardId: AwardId; readonly claimByMs: number }): Promise<AwardActResult>;
};

/** What `studioRoutes` needs. */
export type StudioRoutesDeps = {
  readonly director: Director;
  readonly board: Board;
  /** The show as it stands now, not a kept one. */
  readonly view: () => ShowView;
  readonly nowMs: () => number;
  /** What other capabilities count. */
  readonly numbers: () => Pick<
    StudioNumbers,
    "viewers" | "orders" | "paid" | "journalAppendMs" | "materialiserLagBatches"
  >;
  /** How the server is (JR13). */
  readonly health: () => HealthView;
  readonly awards: StudioAwards;
  /** Adds units to a pool or withdraws free ones, once per command id (PL3). */
  readonly changePool: (input: {
    readonly pool: PoolId;
    readonly delta: number;
    readonly commandId: string;
  }) => Promise<ActResult>;
};

/** Everything the studio shows, read in one go. */
export async function studioView(deps: StudioRoutesDeps): Promise<StudioView> {
  const { director, board, view, nowMs, numbers } = deps;
  const { viewers, ...others } = numbers();
  const all = { ...board.counts(viewers), ...board.rates(nowMs()), ...others };
  return { ...(await director.studio({ show: view(), numbers: all })), health: deps.health() };
}

/** An operator acts as operator, also when he is a host as well. */
export function actorOf(session: Session): Actor {
  const role = session.roles.includes("operator") ? "operator" : "host";
  return { who: session.staff ?? session.userId, role };
}

/** Lets a refused act leave as its problem. */
export function insist(result: ActResult): void {
  if (result.ok) return;
  const { code, field, rule } = result;
  throw problem(code, { ...(field === undefined ? {} : { field }), ...(rule === undefined ? {} : { rule }) });
}
