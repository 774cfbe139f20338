import type { AwardState } from "@wanhui/protocol";
import type pg from "pg";
import type { Tx } from "../orders/mod.ts";

/** An award as the desk knows it; the same from the journal's events and from the materialised table. */
export type AwardRecord = {
  readonly awardId: string;
  readonly pool: string;
  readonly draw: string | null;
  readonly window: number | null;
  readonly userId: string;
  readonly state: AwardState;
  readonly claimByMs: number | null;
  readonly reason: string | null;
  readonly wonAtMs: number;
};

/** What an `award.moved` event says, for an award that is known from the table alone; `undefined` is as it was. */
export type AwardMove = Pick<AwardRecord, "awardId" | "state" | "reason"> & {
  readonly claimByMs: number | null | undefined;
};

type Raw = {
  award_id: string;
  pool: string;
  draw: string | null;
  window_index: number | null;
  user_id: string;
  state: AwardState;
  claim_by_ms: bigint | null;
  reason: string | null;
  won_at_ms: bigint;
};

const SELECT = `select award_id, pool, draw, window_index, user_id, state, claim_by_ms, reason, won_at_ms from awards`;

/** Awards one person is shown, newest first; nobody wins more in a night. */
export const AWARDS_LISTED_MAX = 200;

function recordOf(raw: Raw): AwardRecord {
  return {
    awardId: raw.award_id,
    pool: raw.pool,
    draw: raw.draw,
    window: raw.window_index,
    userId: raw.user_id,
    state: raw.state,
    claimByMs: raw.claim_by_ms === null ? null : Number(raw.claim_by_ms),
    reason: raw.reason,
    wonAtMs: Number(raw.won_at_ms),
  };
}

/** Materialised awards by id. */
export async function readAwards(on: pg.Pool | Tx, awardIds: readonly string[]): Promise<AwardRecord[]> {
  const { rows } = await on.query<Raw>(`${SELECT} where award_id = any($1)`, [awardIds]);
  return rows.map(recordOf);
}

/** Materialised awards of one person, newest first. */
export async function readAwardsOf(on: pg.Pool, userId: string): Promise<AwardRecord[]> {
  const text = `${SELECT} where user_id = $1 order by won_at_ms desc, award_id limit ${AWARDS_LISTED_MAX}`;
  const { rows } = await on.query<Raw>(text, [userId]);
  return rows.map(recordOf);
}

/** Where a page of awards ends: the place of its last one. */
export type AwardPlace = { readonly wonAtMs: number; readonly awardId: string };

/** Awards on one page of the studio: a screen or two, and one query of some tens of rows. */
export const AWARDS_PAGE_MAX = 50;
const STATES: readonly AwardState[] = ["held", "committing", "posted", "expired", "forfeited"];
/** Behind every award there is: Unix milliseconds have at most 15 digits. */
const NEWEST: AwardPlace = { wonAtMs: 1e15, awardId: "" };

/**
 * Materialised awards of everybody, newest first, of one state or of all: a page, and where the next one begins. Each
 * state is one walk along the index (AW6), so a page costs the same however many awards there are.
 */
export async function readNewestAwards(
  on: pg.Pool,
  options: { readonly state: AwardState | null; readonly before: AwardPlace | null },
): Promise<{ records: AwardRecord[]; next: AwardPlace | null }> {
  const { wonAtMs, awardId } = options.before ?? NEWEST;
  const states = options.state === null ? STATES : [options.state];
  const { rows } = await on.query<Raw>(
    `select found.* from unnest($1::text[]) as wanted (state), lateral (
       ${SELECT} where state = wanted.state and (won_at_ms, award_id) < ($2, $3)
       order by won_at_ms desc, award_id desc limit $4
     ) as found order by won_at_ms desc, award_id desc limit $4`,
    [states, wonAtMs, awardId, AWARDS_PAGE_MAX + 1],
  );
  const records = rows.slice(0, AWARDS_PAGE_MAX).map(recordOf);
  const last = records.at(-1);
  return { records, next: rows.length > AWARDS_PAGE_MAX && last !== undefined ? last : null };
}

/** Posted awards since a time that have nothing to show for it: no claim done, none under way. */
export async function readUnsettled(
  on: pg.Pool,
  options: { sinceMs: number; limit: number },
): Promise<AwardRecord[]> {
  const { rows } = await on.query<Raw>(
    `${SELECT} a where state = 'posted' and moved_at_ms >= $1 and not exists
       (select from claims c where c.award_id = a.award_id and c.state in ('done', 'intended')) limit $2`,
    [options.sinceMs, options.limit],
  );
  return rows.map(recordOf);
}
