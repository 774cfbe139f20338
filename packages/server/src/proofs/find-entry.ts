import type { DrawId, UserId } from "@wanhui/core";
import type pg from "pg";

/** Where a user's entry stands in the journal, by what the materialiser wrote; null before it came that far. */
export function createEntryFinder(pool: Pick<pg.Pool, "query">) {
  return async (of: {
    readonly draw: DrawId;
    readonly window: number;
    readonly user: UserId;
  }): Promise<{ shard: number; seq: number } | null> => {
    const { rows } = await pool.query<{ shard: number; seq: bigint }>(
      "select shard, seq from draw_entries where draw = $1 and window_index = $2 and user_id = $3 limit 1",
      [of.draw, of.window, Buffer.from(of.user, "hex")],
    );
    const row = rows[0];
    return row === undefined ? null : { shard: row.shard, seq: Number(row.seq) };
  };
}
