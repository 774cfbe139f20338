import pg from "pg";

/** Connections that ask at the same time: more of them only wait for the one row. */
const CONNECTIONS = 16;
/** Buyers of one statement in the batched form. */
const BATCH = 64;

const tables = `
  drop table if exists bench_stock, bench_buyers;
  create table bench_stock (id int primary key, free int not null check (free >= 0));
  create table bench_buyers (user_id text primary key);`;

// The hot row of every shop: the stock counted down under its row lock, the buyer once, both or neither.
const hotRow = `
  with buyer as (insert into bench_buyers select $1 on conflict do nothing returning 1)
  update bench_stock set free = free - 1 where id = 1 and free > 0 and exists (select from buyer) returning free`;

const batch = `
  with buyers as (
    insert into bench_buyers select unnest($1::text[]) on conflict do nothing returning 1),
  wins as (select count(*)::int as n from buyers)
  update bench_stock set free = free - wins.n from wins where id = 1 and free >= wins.n returning wins.n`;

export type PostgresForm = "one by one" | "64 per statement";

/** One round over the same server our engine writes to: every user wants one unit, there is one for each. */
export async function postgresGrabs(input: {
  readonly url: string;
  readonly form: PostgresForm;
  readonly users: readonly string[];
}): Promise<{ readonly perSecond: number }> {
  const { url, form, users } = input;
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  try {
    await pool.query(tables);
    await pool.query("insert into bench_stock values (1, $1)", [users.length]);
    // Connected and planned before the clock starts.
    await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query("select 1")));
    const size = form === "one by one" ? 1 : BATCH;
    let next = 0;
    let wins = 0;
    const one = async () => {
      const client = await pool.connect();
      try {
        while (next < users.length) {
          const mine = users.slice(next, next + size);
          next += size;
          const { rows } =
            size === 1
              ? await client.query({ name: "hot-row", text: hotRow, values: [mine[0]] })
              : await client.query<{ n: number }>({ name: "batch", text: batch, values: [mine] });
          wins += size === 1 ? rows.length : (rows[0]?.n ?? 0);
        }
      } finally {
        client.release();
      }
    };
    const begun = performance.now();
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
    const perSecond = (users.length / (performance.now() - begun)) * 1_000;
    const { rows } = await pool.query<{ free: number; buyers: number }>(
      "select free, (select count(*)::int from bench_buyers) as buyers from bench_stock",
    );
    if (wins !== users.length || rows[0]?.free !== 0 || rows[0].buyers !== users.length)
      throw new Error(`PostgreSQL: ${wins} wins, ${JSON.stringify(rows[0])} of ${users.length}`);
    await pool.query("drop table bench_stock, bench_buyers");
    return { perSecond };
  } finally {
    await pool.end();
  }
}
