import { setTimeout as sleep } from "node:timers/promises";
import { readConnectionFile } from "@wanhui/server";
import pg from "pg";

/** What the database says at the end of a night. */
export type Tables = {
  /** `draw window user` to user key. */
  readonly entries: ReadonlyMap<string, string>;
  /** `draw window user` of every row, twice where somebody has two. */
  readonly entryRows: readonly string[];
  /** `user request` to award and pool. */
  readonly grabs: ReadonlyMap<string, { pool: string; awardId: string }>;
  readonly awards: ReadonlyMap<
    string,
    { pool: string; user: string; draw: string | null; window: number | null }
  >;
  readonly pools: readonly {
    pool: string;
    units: number;
    cap: number | null;
    given: number;
    mostByOne: number;
  }[];
  readonly windows: readonly {
    draw: string;
    window: number;
    units: number;
    winners: number | null;
    awards: number;
  }[];
  /** Positions of each draw's chain, in order. */
  readonly chains: ReadonlyMap<string, readonly { kind: string; from: number; to: number }[]>;
};

const drainPatienceMs = 30_000;

/** A connection to the embedded database of a running server. */
export async function joinDatabase(dataFolder: string): Promise<pg.Pool> {
  const { url } = await readConnectionFile(dataFolder);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on("error", () => undefined);
  return pool;
}

/** Waits until every batch of the journal has been carried to the tables. */
export async function drained(pool: pg.Pool): Promise<void> {
  const text = `select count(*)::int as behind from
    (select shard, max(seq) as seq from journal group by shard) j
    left join materialiser_checkpoints c using (shard) where c.seq is distinct from j.seq`;
  const until = performance.now() + drainPatienceMs;
  for (;;) {
    const { rows } = await pool.query<{ behind: number }>(text);
    if (rows[0]?.behind === 0) return;
    if (performance.now() > until) throw new Error(`${rows[0]?.behind} shards are not materialised`);
    await sleep(50);
  }
}

/** Reads one run's tables. */
export async function readTables(pool: pg.Pool, run: string): Promise<Tables> {
  const like = [`${run}/%`];
  const entries = await pool.query<{ draw: string; window: number; key: string; user: string }>(
    `select draw, window_index as window, encode(user_key, 'hex') as key, encode(user_id, 'hex') as "user"
     from draw_entries where draw like $1`,
    like,
  );
  const grabs = await pool.query<{ pool: string; user_id: string; request_id: string; award_id: string }>(
    "select pool, user_id, request_id, award_id from grabs where pool like $1",
    like,
  );
  const awards = await pool.query<{
    award_id: string;
    pool: string;
    user_id: string;
    draw: string | null;
    window_index: number | null;
  }>("select award_id, pool, user_id, draw, window_index from awards where pool like $1", like);
  const pools = await pool.query<Tables["pools"][number]>(
    `select pool, units::int, cap_per_user::int as cap,
       (select count(*)::int from awards a where a.pool = p.pool) as given,
       (select coalesce(max(n), 0)::int from (select count(*) as n from awards a where a.pool = p.pool group by user_id) c)
         as "mostByOne"
     from pools p where pool like $1`,
    like,
  );
  const windows = await pool.query<Tables["windows"][number]>(
    // What a window may hand out is worked out here anew: all that was released so far, less all that was won before.
    `select draw, window_index as window, winners::int,
       (sum(units_released) over (partition by draw order by window_index)
         - sum(winners) over (partition by draw order by window_index) + winners)::int as units,
       (select count(*)::int from awards a where a.draw = w.draw and a.window_index = w.window_index) as awards
     from draw_windows w where draw like $1`,
    like,
  );
  const entryOf = (row: { draw: string; window: number; user: string }) =>
    `${row.draw} ${row.window} ${row.user}`;
  return {
    entries: new Map(entries.rows.map((row) => [entryOf(row), row.key])),
    entryRows: entries.rows.map(entryOf),
    grabs: new Map(
      grabs.rows.map((row) => [
        `${row.user_id} ${row.request_id}`,
        { pool: row.pool, awardId: row.award_id },
      ]),
    ),
    awards: new Map(
      awards.rows.map((row) => [
        row.award_id,
        { pool: row.pool, user: row.user_id, draw: row.draw, window: row.window_index },
      ]),
    ),
    pools: pools.rows,
    windows: windows.rows,
    chains: await readChains(pool, run),
  };
}

type ChainRow = { draw: string; kind: string; window: number | null; from: number | null; to: number | null };

async function readChains(pool: pg.Pool, run: string): Promise<Tables["chains"]> {
  const { rows } = await pool.query<ChainRow>(
    `select draw, kind, (record->>'window')::int as window, (record->>'fromWindow')::int as "from",
       (record->>'toWindow')::int as "to"
     from draw_records where draw like $1 order by draw, position`,
    [`${run}/%`],
  );
  const chains = new Map<string, { kind: string; from: number; to: number }[]>();
  for (const { draw, kind, window, from, to } of rows) {
    const chain = chains.get(draw) ?? [];
    chains.set(draw, chain);
    chain.push({ kind, from: window ?? from ?? -1, to: window ?? to ?? -1 });
  }
  return chains;
}
