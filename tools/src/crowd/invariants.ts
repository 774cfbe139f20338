import { audit } from "@wanhui/server";
import type pg from "pg";
import type { Ledger } from "./ledger.ts";

/** One thing that must hold, and whether it did (CR8). */
export type Finding = {
  readonly name: string;
  readonly rule: string;
  readonly ok: boolean;
  /** What was looked at, or the first things that are wrong. */
  readonly detail: string;
};

/** Rows compared per statement. */
const PORTION = 5_000;
/** Wrong things named per finding. */
const NAMED_MAX = 5;
/** The materialiser is some milliseconds behind; after a fault it may have to read the journal. */
const CATCH_UP_MS = 60_000;
/** Beyond the stated time the first viewer must have heard a result by: the network's and the room's tick. */
const RESULT_LATE_MS = 1_000;

type Judge = { readonly pool: pg.Pool; readonly ledger: Ledger; readonly run: string };

function finding(name: string, rule: string, looked: string, wrong: readonly string[]): Finding {
  const named = wrong.slice(0, NAMED_MAX).join("; ");
  const more = wrong.length > NAMED_MAX ? `; and ${wrong.length - NAMED_MAX} more` : "";
  return { name, rule, ok: wrong.length === 0, detail: wrong.length === 0 ? looked : `${named}${more}` };
}

function* portions<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += PORTION) yield list.slice(at, at + PORTION);
}

/** Waits until SQL has everything the journal had when this was called. @returns whether it came to that */
export async function caughtUp(pool: pg.Pool): Promise<boolean> {
  const goal = await pool.query("select shard, max(seq) as seq from journal group by shard");
  const untilMs = performance.now() + CATCH_UP_MS;
  while (performance.now() < untilMs) {
    const reached = await pool.query("select shard, seq from materialiser_checkpoints");
    const seqs = new Map(reached.rows.map(({ shard, seq }) => [shard as number, BigInt(seq)]));
    if (goal.rows.every(({ shard, seq }) => (seqs.get(shard) ?? 0n) >= BigInt(seq))) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

async function entriesThere({ pool, ledger }: Judge): Promise<Finding> {
  const wrong: string[] = [];
  for (const acks of portions([...ledger.acks.values()])) {
    const { rows } = await pool.query(
      `select a.draw, a.w, a.key from unnest($1::text[], $2::int[], $3::text[], $4::text[]) as a (draw, w, key, person)
       left join draw_entries e on e.draw = a.draw and e.window_index = a.w and e.user_key = decode(a.key, 'hex')
         and e.user_id = decode(a.person, 'hex')
       where e.draw is null`,
      [
        acks.map(({ draw }) => draw),
        acks.map(({ window }) => window),
        acks.map(({ userKey }) => userKey),
        acks.map(({ user }) => user),
      ],
    );
    for (const { draw, w, key } of rows) wrong.push(`${draw} window ${w} has no ${key}`);
  }
  const looked = `${ledger.acks.size} acknowledged entries, each there once under its key`;
  return finding("every acknowledged entry is in its window", "DR9", looked, wrong);
}

async function entriesOnce({ pool, ledger, run }: Judge): Promise<Finding> {
  const twice = await pool.query(
    `select draw, window_index, encode(user_id, 'hex') as person, count(*)::int as n from draw_entries
     where starts_with(draw, $1) group by 1, 2, 3 having count(*) > 1 limit 20`,
    [`${run}/`],
  );
  const wrong = twice.rows.map(
    ({ draw, window_index, person, n }) => `${person} is ${n} times in ${draw} window ${window_index}`,
  );
  const all = await pool.query(
    `select distinct draw, encode(user_id, 'hex') as person from draw_entries
     where starts_with(draw, $1) and get_byte(user_id, 0) = 15`,
    [`${run}/`],
  );
  const ours = new Set([...ledger.asked].map((key) => key.split(" ")[1]));
  for (const { draw, person } of all.rows) {
    if (ours.has(person) && !ledger.asked.has(`${draw} ${person}`))
      wrong.push(`${person} never tapped in ${draw}`);
  }
  const looked = `${all.rows.length} people in draws, nobody twice in a window, nobody who did not tap`;
  return finding("nobody is twice in a window, nobody comes from nowhere", "DR6, M19", looked, wrong);
}

async function windowsExact({ pool, run }: Judge): Promise<Finding> {
  const { rows } = await pool.query(
    `select w.draw, w.window_index, w.units_drawn::int as units, w.winners::int as winners,
       (select count(*)::int from awards a where a.draw = w.draw and a.window_index = w.window_index) as awards
     from draw_windows w where w.drawn_at_ms is not null and starts_with(w.draw, $1)`,
    [`${run}/`],
  );
  const wrong = rows
    .filter(({ units, winners, awards }) => winners > units || winners !== awards)
    .map(
      (row) =>
        `${row.draw} window ${row.window_index}: ${row.winners} winners, ${row.awards} awards, ${row.units} units`,
    );
  const winners = rows.reduce((sum, row) => sum + row.winners, 0);
  const looked = `${rows.length} windows drawn, ${winners} winners, never more than units`;
  return finding("winners are awards and never more than the units", "DR17, M1", looked, wrong);
}

async function poolsExact({ pool, run }: Judge): Promise<Finding> {
  const { rows } = await pool.query(
    `select p.pool, p.units::int as units, p.cap_per_user::int as cap,
       (select count(*)::int from awards a where a.pool = p.pool and a.state not in ('expired', 'forfeited')) as out,
       (select coalesce(max(n), 0)::int from (select count(*) as n from awards a where a.pool = p.pool group by user_id) c) as most
     from pools p where starts_with(p.pool, $1)`,
    [`${run}/`],
  );
  const wrong = rows
    .filter(({ units, cap, out, most }) => out > units || (cap !== null && most > cap))
    .map(
      ({ pool: name, units, cap, out, most }) =>
        `${name}: ${out} of ${units} out, ${most} to one of at most ${cap}`,
    );
  return finding(
    "no pool gave more than it has, nobody had more than one may",
    "PL1, PL6, GR4",
    `${rows.length} pools`,
    wrong,
  );
}

async function grantsThere({ pool, ledger }: Judge): Promise<Finding> {
  const wrong: string[] = [];
  const grants = [...ledger.grants.values()];
  for (const portion of portions(grants)) {
    const { rows } = await pool.query(
      `select g.award, g.person from unnest($1::text[], $2::text[], $3::text[]) as g (award, person, pool)
       left join awards a on a.award_id = g.award and a.user_id = g.person and a.pool = g.pool where a.award_id is null`,
      [
        portion.map(({ awardId }) => awardId),
        portion.map(({ user }) => user),
        portion.map(({ pool: name }) => name),
      ],
    );
    for (const { award, person } of rows) wrong.push(`${person} was granted ${award}, which is not there`);
  }
  for (const line of ledger.contradictions) wrong.push(`two answers to one question: ${line}`);
  return finding(
    "every grab that was granted is there, and was answered one way",
    "GR3",
    `${grants.length} grabs`,
    wrong,
  );
}

async function winsThere({ pool, ledger, run }: Judge): Promise<Finding> {
  const wins = [...ledger.wins.values()];
  const { rows } = await pool.query(
    "select award_id, user_id, pool, draw, window_index from awards where starts_with(pool, $1)",
    [`${run}/`],
  );
  const table = new Map(rows.map((row) => [row.award_id as string, row]));
  const wrong = wins.flatMap(({ awardId, user, pool: name, draw, window }) => {
    const row = table.get(awardId);
    const same =
      row?.user_id === user && row.pool === name && row.draw === draw && row.window_index === window;
    return same ? [] : [`${user} was told of ${awardId}, the table says ${JSON.stringify(row ?? null)}`];
  });
  const looked = `${wins.length} wins told, ${table.size} awards in the run`;
  return finding("every win that was told is in the table", "CL11", looked, wrong);
}

/** Own awards as the page shows them, compared with the table: a winner whose socket was away sees his win here. */
async function pagesShow(
  { pool, run }: Judge,
  pages: ReadonlyMap<string, readonly string[] | null>,
): Promise<Finding> {
  const { rows } = await pool.query(
    `select user_id, array_agg(award_id order by award_id) as ids from awards
     where starts_with(pool, $1) and user_id = any($2) group by user_id`,
    [`${run}/`, [...pages.keys()]],
  );
  const table = new Map(rows.map(({ user_id, ids }) => [user_id as string, ids as string[]]));
  const wrong: string[] = [];
  for (const [user, shown] of pages) {
    const have = table.get(user) ?? [];
    if (shown === null) wrong.push(`${user} could not read his awards`);
    else if (have.join() !== [...shown].sort().join())
      wrong.push(`${user} sees ${shown.length} of ${have.length} awards`);
  }
  return finding("everybody sees exactly what he won", "CL11", `${pages.size} people's own awards`, wrong);
}

async function ordersThere({ pool, ledger }: Judge): Promise<Finding> {
  const paid = [...ledger.paid.values()];
  const { rows } = await pool.query(
    `select o.order_id, o.state, a.state as award, a.order_id as by from orders o join awards a on a.award_id = o.award_id
     where o.order_id = any($1)`,
    [paid.map(({ orderId }) => orderId)],
  );
  const table = new Map(rows.map((row) => [row.order_id as string, row]));
  const wrong = paid.flatMap(({ orderId }) => {
    const row = table.get(orderId);
    const fine =
      row?.state === "paid" && row.by === orderId && (row.award === "posted" || row.award === "committing");
    return fine ? [] : [`order ${orderId} was paid, the tables say ${JSON.stringify(row ?? null)}`];
  });
  const twice = await pool.query(
    "select award_id from orders where state = 'paid' group by award_id having count(*) > 1 limit 5",
  );
  for (const { award_id } of twice.rows) wrong.push(`award ${award_id} is paid twice`);
  const claims = [...ledger.claims.values()];
  const done = await pool.query("select award_id from claims where award_id = any($1) and state = 'done'", [
    claims.map(({ awardId }) => awardId),
  ]);
  const claimed = new Set(done.rows.map(({ award_id }) => award_id as string));
  for (const { awardId } of claims) if (!claimed.has(awardId)) wrong.push(`claim of ${awardId} is lost`);
  const looked = `${claims.length} claims, ${paid.length} payments`;
  return finding("every claim and payment that was answered is there, none twice", "OR5, OR9", looked, wrong);
}

function resultsInTime({ ledger }: Judge): Finding {
  const results = [...ledger.results.values()];
  const wrong = results
    .filter(({ heardAtMs, resultAtMs }) => heardAtMs > resultAtMs + RESULT_LATE_MS)
    .map((result) => {
      const late = Math.round(result.heardAtMs - result.resultAtMs);
      return `${result.draw} window ${result.window} came ${late} ms after its stated time`;
    });
  return finding("results come by their stated time", "DR14", `${results.length} results heard`, wrong);
}

async function nobodyElsewhere({ pool }: Judge): Promise<Finding> {
  const { rows } = await pool.query(
    `select r.run from runs r where not r.rehearsal and (
       exists (select from awards a where starts_with(a.pool, r.run || '/') and starts_with(a.user_id, '0f'))
       or exists (select from draw_entries e join draws d on d.draw = e.draw
                  where starts_with(d.draw, r.run || '/') and get_byte(e.user_id, 0) = 15))`,
  );
  const wrong = rows.map(({ run }) => `${run} is real and has synthetic people in it`);
  return finding("no synthetic person is in a real run", "PE9", "all runs of this database", wrong);
}

async function journalAgrees({ pool }: Judge): Promise<Finding> {
  const result = await audit(pool);
  const looked = result.ok ? `${result.counts.events} events, ${result.counts.awards} awards` : "";
  return finding("the journal and the tables agree", "MT4", looked, result.ok ? [] : [result.difference]);
}

/**
 * Compares what the crowd was told with what the tables say (CR8). Reads only.
 *
 * @param options.faults the server was killed on the way: results may have come late
 * @param options.pages award ids each of the crowd's people is shown by `GET /api/me/awards`, null where it did not answer
 */
export async function judge(
  options: Judge & {
    readonly pages: ReadonlyMap<string, readonly string[] | null>;
    readonly faults: boolean;
  },
): Promise<Finding[]> {
  if (!(await caughtUp(options.pool))) {
    return [finding("the tables caught up with the journal", "MT1", "", ["they did not within a minute"])];
  }
  return [
    await entriesThere(options),
    await entriesOnce(options),
    await windowsExact(options),
    await poolsExact(options),
    await grantsThere(options),
    await winsThere(options),
    await pagesShow(options, options.pages),
    await ordersThere(options),
    ...(options.faults ? [] : [resultsInTime(options)]),
    await nobodyElsewhere(options),
    await journalAgrees(options),
  ];
}
