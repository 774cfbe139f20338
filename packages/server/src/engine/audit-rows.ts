import { createHash } from "node:crypto";
import {
  type AwardId,
  awardView,
  type DrawId,
  type Entered,
  type Event,
  listAwards,
  type PoolId,
  type ShardState,
  type UserId,
  type WindowDrawn,
} from "@wanhui/core";
import type pg from "pg";

/** Rows read at once; the audit holds one portion of a table, never the table. */
const PORTION_ROWS = 2_000;

/** The first thing found that does not agree. */
export class Difference extends Error {}

/** What the `awards` table must say of how an award came to be; names as in messages. */
type Birth = {
  readonly pool: PoolId;
  readonly draw: DrawId | null;
  readonly window: number | null;
  readonly user: UserId;
  readonly userKey: string | null;
  readonly ticket: string | null;
  readonly request: string | null;
  readonly wonAtMs: number;
};

/** Follows the journal as far as SQL has it, and says what the rows of awards, grabs and entries must be (MT4). */
export class RowsAudit {
  readonly #poolOfDraw = new Map<DrawId, PoolId>();
  readonly #births = new Map<AwardId, Birth>();
  readonly #grants = new Map<PoolId, number>();
  readonly #entries = new Map<DrawId, Map<number, RowDigest>>();

  follow(event: Event, seq: number): void {
    if (event.type === "pool.created") this.#grants.set(event.pool, 0);
    else if (event.type === "draw.planned") this.#poolOfDraw.set(event.rules.draw, event.rules.pool);
    else if (event.type === "window.drawn") this.#drawn(event);
    else if (event.type === "entered") this.#entered(event, seq);
    else if (event.type === "granted") {
      const { pool, user, requestId: request, atMs: wonAtMs, awardId } = event;
      const none = { draw: null, window: null, userKey: null, ticket: null };
      this.#births.set(awardId, { ...none, pool, user, request, wonAtMs });
      this.#grants.set(pool, (this.#grants.get(pool) ?? 0) + 1);
    }
  }

  #drawn({ draw, window, winners, atMs: wonAtMs }: WindowDrawn): void {
    const pool = this.#poolOfDraw.get(draw);
    if (pool === undefined) throw new Difference(`draw ${draw}: drawn and never planned`);
    for (const { awardId, user, userKey, ticket } of winners)
      this.#births.set(awardId, { pool, draw, window, user, userKey, ticket, request: null, wonAtMs });
  }

  #entered({ draw, window, userKey, user, atMs }: Entered, seq: number): void {
    const windows = this.#entries.get(draw) ?? new Map<number, RowDigest>();
    this.#entries.set(draw, windows);
    digestOf(windows, window).add(`${userKey} ${user} ${atMs} ${seq}`);
  }

  /** Every award both ways: how it came to be, and where it stands. @param state the shard at the checkpoint */
  async compareAwards(client: pg.ClientBase, shard: number, state: ShardState): Promise<number> {
    const missing = new Set<AwardId>();
    for (const { awardId } of listAwards(state)) missing.add(awardId);
    const total = missing.size;
    const text = `select award_id as id, pool, draw, window_index, user_id, user_key, ticket, request_id, won_at_ms,
        state, order_id, claim_by_ms
      from awards where shard = $1 and award_id > $2 order by award_id limit $3`;
    for (let after = ""; ; ) {
      const { rows } = await client.query(text, [shard, after, PORTION_ROWS]);
      for (const row of rows) {
        after = row.id;
        const birth = this.#births.get(row.id);
        const standing = awardView(state, row.id);
        if (birth === undefined || standing === null)
          throw new Difference(`award ${row.id} is in SQL and not in the journal`);
        const { state: now, orderId, claimByMs } = standing;
        compare(`award ${row.id}`, awardOf(row), { ...birth, state: now, orderId, claimByMs });
        missing.delete(row.id);
      }
      if (rows.length < PORTION_ROWS) break;
    }
    const [first] = missing;
    if (first !== undefined) throw new Difference(`award ${first} is in the journal and not in SQL`);
    return total;
  }

  /** Each row of `grabs` is one grant, and there are as many of both. */
  async compareGrabs(client: pg.ClientBase): Promise<void> {
    const text = `select user_id, request_id, award_id, granted_at_ms from grabs
      where pool = $1 and (user_id, request_id) > ($2, $3) order by user_id, request_id limit $4`;
    for (const [pool, grants] of this.#grants) {
      let found = 0;
      for (let after = ["", ""]; ; ) {
        const { rows } = await client.query(text, [pool, ...after, PORTION_ROWS]);
        for (const row of rows) {
          after = [row.user_id, row.request_id];
          const place = `grab ${pool} of ${row.user_id}, request ${row.request_id}`;
          const birth = this.#births.get(row.award_id);
          if (birth === undefined) throw new Difference(`${place}: its award is not in the journal`);
          const inSql = {
            pool,
            user: row.user_id,
            request: row.request_id,
            wonAtMs: Number(row.granted_at_ms),
          };
          const { user, request, wonAtMs } = birth;
          compare(place, inSql, { pool: birth.pool, user, request, wonAtMs });
        }
        found += rows.length;
        if (rows.length < PORTION_ROWS) break;
      }
      if (found !== grants)
        throw new Difference(`pool ${pool}: ${found} grabs in SQL, ${grants} grants in the journal`);
    }
  }

  /** Each window's entries: who entered with which key, when and in which batch. */
  async compareEntries(client: pg.ClientBase, shard: number): Promise<void> {
    const known = await client.query("select distinct draw from draw_entries where shard = $1", [shard]);
    for (const draw of new Set([...this.#entries.keys(), ...known.rows.map((row) => row.draw as DrawId)])) {
      const inJournal = this.#entries.get(draw) ?? new Map<number, RowDigest>();
      const inSql = await entriesInSql(client, shard, draw);
      for (const window of new Set([...inJournal.keys(), ...inSql.keys()])) {
        const sql = inSql.get(window) ?? new RowDigest();
        const journal = inJournal.get(window) ?? new RowDigest();
        if (sql.equals(journal)) continue;
        const counts = `${sql.count} in SQL, ${journal.count} in the journal`;
        throw new Difference(
          `draw ${draw}, window ${window}: the entries in SQL are not those of the journal (${counts})`,
        );
      }
    }
  }
}

/** Grabs of pools that nobody made; looked for once, whatever the shards. */
export async function findStrayGrab(client: pg.ClientBase): Promise<string | null> {
  const { rows } = await client.query(
    "select pool from grabs g where not exists (select from pools p where p.pool = g.pool) limit 1",
  );
  return rows.length === 0 ? null : `pool ${rows[0].pool}: it has grabs in SQL and is not in the journal`;
}

async function entriesInSql(
  client: pg.ClientBase,
  shard: number,
  draw: DrawId,
): Promise<Map<number, RowDigest>> {
  const text = `select window_index as window, user_key, encode(user_key, 'hex') as key, encode(user_id, 'hex') as user_id,
      at_ms, seq, shard
    from draw_entries where draw = $1 and (window_index, user_key) > ($2, $3)
    order by window_index, user_key limit $4`;
  const windows = new Map<number, RowDigest>();
  for (let after: [number, Buffer] = [-1, Buffer.alloc(0)]; ; ) {
    const { rows } = await client.query(text, [draw, ...after, PORTION_ROWS]);
    for (const row of rows) {
      after = [row.window, row.user_key];
      if (row.shard !== shard)
        throw new Difference(`draw ${draw}, window ${row.window}: an entry in SQL is of shard ${row.shard}`);
      digestOf(windows, row.window).add(`${row.key} ${row.user_id} ${row.at_ms} ${row.seq}`);
    }
    if (rows.length < PORTION_ROWS) return windows;
  }
}

/** A digest of rows in whatever order they come: their SHA-256 added up, eight words each by itself. */
class RowDigest {
  readonly #sums = new Uint32Array(8);
  count = 0;

  add(row: string): void {
    const hash = createHash("sha256").update(row).digest();
    for (let word = 0; word < 8; word += 1)
      this.#sums[word] = (this.#sums[word] ?? 0) + hash.readUInt32BE(word * 4);
    this.count += 1;
  }

  equals(other: RowDigest): boolean {
    return this.count === other.count && this.#sums.every((sum, word) => sum === other.#sums[word]);
  }
}

function digestOf(windows: Map<number, RowDigest>, window: number): RowDigest {
  const known = windows.get(window) ?? new RowDigest();
  windows.set(window, known);
  return known;
}

type Facts = Readonly<Record<string, string | number | bigint | null | undefined>>;

/** A row of `awards` by the names of the journal. */
function awardOf(row: Facts): Facts {
  const { pool, draw, ticket, state } = row;
  return {
    pool,
    draw,
    window: row.window_index,
    user: row.user_id,
    userKey: row.user_key,
    ticket,
    request: row.request_id,
    wonAtMs: Number(row.won_at_ms),
    state,
    orderId: row.order_id,
    claimByMs: row.claim_by_ms === null ? null : Number(row.claim_by_ms),
  };
}

function compare(place: string, inSql: Facts, inJournal: Facts): void {
  for (const [name, journal] of Object.entries(inJournal)) {
    const sql = inSql[name];
    if (sql !== journal)
      throw new Difference(`${place}: ${name} is ${String(sql)} in SQL, ${String(journal)} in the journal`);
  }
}
