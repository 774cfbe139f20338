import { type AwardId, awardView, listAwards, type ShardState } from "@wanhui/core";
import type pg from "pg";

/** Awards asked about in one query. */
const PORTION_AWARDS = 500;

/** Awards that were held and are posted now: somebody claimed each of them. */
function claimedAwards(state: ShardState): { id: AwardId; orderId: string | null }[] {
  const claimed: { id: AwardId; orderId: string | null }[] = [];
  for (const { awardId: id, pool, draw, state: standing, orderId } of listAwards(state)) {
    const claimTtlMs =
      draw === null
        ? state.pools.get(pool)?.parameters.grabClaimTtlMs
        : state.draws.get(draw)?.rules.claimTtlMs;
    if (standing === "posted" && claimTtlMs !== null) claimed.push({ id, orderId });
  }
  return claimed;
}

/**
 * Compares the journal with claims and orders, both ways (MT4): a posted award has its claim, and its paid order when
 * it was posted by one; the award of a paid order is committing to it or posted by it.
 *
 * @returns the first difference, or null
 */
export async function compareClaims(client: pg.ClientBase, state: ShardState): Promise<string | null> {
  const claimed = claimedAwards(state);
  for (let from = 0; from < claimed.length; from += PORTION_AWARDS) {
    const portion = claimed.slice(from, from + PORTION_AWARDS);
    const ids = portion.map(({ id }) => id);
    const claims = await client.query(
      "select distinct award_id from claims where award_id = any($1) and state in ('intended', 'done')",
      [ids],
    );
    const orders = await client.query(
      "select order_id from orders where award_id = any($1) and state = 'paid'",
      [ids],
    );
    const claimedInSql = new Set(claims.rows.map((row) => row.award_id));
    const paid = new Set(orders.rows.map((row) => row.order_id));
    for (const { id, orderId } of portion) {
      if (!claimedInSql.has(id)) return `award ${id} is posted in the journal and has no claim in SQL`;
      if (orderId !== null && !paid.has(orderId))
        return `award ${id} is posted by order ${orderId}, which is not paid in SQL`;
    }
  }
  return compareOrders(client, state);
}

async function compareOrders(client: pg.ClientBase, state: ShardState): Promise<string | null> {
  let after = "";
  for (;;) {
    const { rows } = await client.query(
      `select order_id, award_id from orders where state = 'paid' and order_id > $1 order by order_id
       limit ${PORTION_AWARDS}`,
      [after],
    );
    for (const { order_id, award_id } of rows) {
      after = order_id;
      // Awards of other shards are looked at with theirs.
      const award = awardView(state, award_id);
      if (award === null) continue;
      const holds = award.state === "committing" || award.state === "posted";
      if (!holds || award.orderId !== order_id) {
        return `order ${order_id} is paid in SQL, its award ${award_id} is ${award.state} in the journal`;
      }
    }
    if (rows.length < PORTION_AWARDS) return null;
  }
}
