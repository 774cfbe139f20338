import type { Hash } from "@wanhui/core";
import pg from "pg";
import { byteaArray, int8Array } from "./binary-array.ts";
import type { Batch, Fence, JournalStore } from "./journal-store.ts";
import { EngineFault } from "./types.ts";

/** An append takes about a millisecond; one that takes this long is stuck, and its outcome has to be asked for. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** The server cancels a stuck statement first; a network that swallows even that ends here. */
const CLIENT_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000;
/** Bytes of payload wanted per read of the tail: large enough to forget the round trip, small enough to hold. */
const READ_BYTES = 8 * 1024 * 1024;
const READ_ROWS_MAX = 1_024;
/** A shard is 16 bits in a batch's hash (BY8); this many would already be slower than one. */
const SHARDS_MAX = 256;

// The row lock waits for an epoch raise that is on its way and, once it has committed, looks at the row again
// (READ COMMITTED): a raised epoch no longer matches. The raise in turn waits for the lock of this statement.
const appendSql = `
with offered as (
  select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bytea[])
    as o (shard, seq, epoch, previous_hash, hash, at_ms, payload)
), owned as materialized (
  select s.shard, s.epoch from shards s where s.shard in (select shard from offered) order by s.shard for share of s
)
insert into journal (shard, seq, epoch, previous_hash, hash, at_ms, payload)
select o.shard, o.seq, o.epoch, o.previous_hash, o.hash, o.at_ms, o.payload
from offered o join owned s on s.shard = o.shard and s.epoch = o.epoch
where (o.seq = 1 and o.previous_hash = decode(repeat('00', 32), 'hex')
       and not exists (select from journal j where j.shard = o.shard))
   or exists (select from journal j where j.shard = o.shard and j.seq = o.seq - 1
              and j.hash = o.previous_hash and j.epoch <= o.epoch)
on conflict (shard, seq) do nothing
returning shard`;

const fenceSql = `
select s.shard from shards s join unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) as o (shard, epoch, seq, hash)
on s.shard = o.shard and s.epoch = o.epoch
where o.seq = 0 or exists (select from journal j where j.shard = o.shard and j.seq = o.seq and j.hash = o.hash)`;

const columns = "shard, seq, epoch, previous_hash, hash, at_ms, payload";

type Row = {
  shard: number;
  seq: string;
  epoch: string;
  previous_hash: Buffer;
  hash: Buffer;
  at_ms: string;
  payload: Buffer;
};

function batchOf(row: Row): Batch {
  return {
    shard: row.shard,
    seq: Number(row.seq),
    epoch: Number(row.epoch),
    previousHash: row.previous_hash.toString("hex") as Hash,
    hash: row.hash.toString("hex") as Hash,
    atMs: Number(row.at_ms),
    payload: row.payload,
  };
}

/** Connections for everything but appends: a raise that waits for a lock must not stop the other shards' replays. */
const OTHER_CONNECTIONS_MAX = 4;

function configOf(url: string, name: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: STATEMENT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: CLIENT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    options: "-c default_transaction_isolation=read\\ committed -c synchronous_commit=on",
  };
}

/** One connection that is made when needed and thrown away after any error: one statement at a time. */
class Line {
  readonly #config: pg.ClientConfig;
  #client: Promise<pg.Client> | null = null;
  #closed = false;

  constructor(config: pg.ClientConfig) {
    this.#config = config;
  }

  async query<R extends pg.QueryResultRow>(config: pg.QueryConfig): Promise<pg.QueryResult<R>> {
    const client = await this.#connected();
    try {
      return await client.query<R>(config);
    } catch (cause) {
      // Whatever went wrong, nobody knows what the server still does with the connection: never use it again.
      this.#drop(client);
      throw cause;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => null);
    await client?.end().catch(() => undefined);
  }

  #connected(): Promise<pg.Client> {
    if (this.#closed) throw new EngineFault("engine.stopped", "The journal's connection is closed");
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config);
    client.on("error", () => this.#forget(client));
    client.on("end", () => this.#forget(client));
    try {
      await client.connect();
      return client;
    } catch (cause) {
      this.#client = null;
      throw cause;
    }
  }

  #forget(client: pg.Client): void {
    const held = this.#client;
    // One that never connected is forgotten where it is awaited; its failure is nobody's news here.
    held?.then(
      (current) => {
        if (current === client && this.#client === held) this.#client = null;
      },
      () => undefined,
    );
  }

  #drop(client: pg.Client): void {
    this.#client = null;
    void client.end().catch(() => undefined);
  }
}

class PostgresJournal implements JournalStore {
  /** Appends only, so that nothing ever waits in front of one. */
  readonly #appends: Line;
  /** Fence checks, raises and reads. */
  readonly #others: pg.Pool;

  constructor(options: { url: string }) {
    this.#appends = new Line(configOf(options.url, "wanhui journal"));
    const others = configOf(options.url, "wanhui journal control");
    this.#others = new pg.Pool({ ...others, max: OTHER_CONNECTIONS_MAX });
    // A connection lost while idle: the next statement makes another.
    this.#others.on("error", () => undefined);
    this.#others.on("connect", (client) => client.on("error", () => undefined));
  }

  async prepare(shards: number): Promise<number> {
    const count = { text: "select count(*)::int as n from shards" };
    const before = await this.#others.query<{ n: number }>(count);
    if (before.rows[0] !== undefined && before.rows[0].n > 0) return before.rows[0].n;
    if (!Number.isInteger(shards) || shards < 1 || shards > SHARDS_MAX) {
      throw new EngineFault("engine.stopped", `A database has 1 to ${SHARDS_MAX} shards, not ${shards}`);
    }
    // One implicit transaction, a new snapshot after the lock: two first starts agree on one number.
    const text = `lock table shards in exclusive mode;
      insert into shards (shard) select n from generate_series(0, ${shards - 1}) n where not exists (select from shards)`;
    await this.#others.query({ text });
    const after = await this.#others.query<{ n: number }>(count);
    return after.rows[0]?.n ?? 0;
  }

  async raiseEpoch(shard: number, holder: string): Promise<number> {
    const text = `update shards set epoch = epoch + 1, holder = $2, raised_at = clock_timestamp()
      where shard = $1 returning epoch`;
    const { rows } = await this.#others.query<{ epoch: string }>({ text, values: [shard, holder] });
    const row = rows[0];
    if (row === undefined)
      throw new EngineFault("engine.stopped", `There is no shard ${shard} in this database`);
    return Number(row.epoch);
  }

  async raiseEpochIfHeld(shard: number, holder: string, next = holder): Promise<number | null> {
    const text = `update shards set epoch = epoch + 1, holder = $3, raised_at = clock_timestamp()
      where shard = $1 and holder = $2 returning epoch`;
    const { rows } = await this.#others.query<{ epoch: string }>({ text, values: [shard, holder, next] });
    return rows[0] === undefined ? null : Number(rows[0].epoch);
  }

  async release(shard: number, holder: string, epoch: number): Promise<boolean> {
    const text = "update shards set holder = '' where shard = $1 and holder = $2 and epoch = $3";
    const { rowCount } = await this.#others.query({ text, values: [shard, holder, epoch] });
    return rowCount === 1;
  }

  async *readTail(shard: number, fromSeq: number): AsyncIterable<Batch> {
    const text = `select ${columns} from journal where shard = $1 and seq >= $2 order by seq limit $3`;
    let next = fromSeq;
    let limit = 64;
    for (;;) {
      const values = [shard, next, limit];
      const { rows } = await this.#others.query<Row>({ name: "journal-tail", text, values });
      let bytes = 0;
      for (const row of rows) {
        bytes += row.payload.length;
        yield batchOf(row);
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < limit) return;
      next = Number(last.seq) + 1;
      if (bytes > READ_BYTES) limit = Math.max(1, limit >> 1);
      else if (bytes < READ_BYTES / 2) limit = Math.min(READ_ROWS_MAX, limit * 2);
    }
  }

  async readBatch(shard: number, seq: number): Promise<Batch | null> {
    const text = `select ${columns} from journal where shard = $1 and seq = $2`;
    const { rows } = await this.#others.query<Row>({ name: "journal-batch", text, values: [shard, seq] });
    return rows[0] === undefined ? null : batchOf(rows[0]);
  }

  async append(rows: readonly Batch[]): Promise<ReadonlySet<number>> {
    const sorted = rows.length === 1 ? rows : [...rows].sort((a, b) => a.shard - b.shard);
    const values = [
      int8Array(sorted.map((row) => row.shard)),
      int8Array(sorted.map((row) => row.seq)),
      int8Array(sorted.map((row) => row.epoch)),
      byteaArray(sorted.map((row) => Buffer.from(row.previousHash, "hex"))),
      byteaArray(sorted.map((row) => Buffer.from(row.hash, "hex"))),
      int8Array(sorted.map((row) => row.atMs)),
      byteaArray(sorted.map((row) => row.payload)),
    ];
    const config = { name: "journal-append", text: appendSql, values };
    const written = await this.#appends.query<{ shard: number }>(config);
    return new Set(written.rows.map((row) => row.shard));
  }

  async checkFence(fences: readonly Fence[]): Promise<ReadonlySet<number>> {
    const values = [
      int8Array(fences.map(({ shard }) => shard)),
      int8Array(fences.map(({ epoch }) => epoch)),
      int8Array(fences.map(({ seq }) => seq)),
      byteaArray(fences.map(({ hash }) => Buffer.from(hash, "hex"))),
    ];
    const config = { name: "journal-fence", text: fenceSql, values };
    const { rows } = await this.#others.query<{ shard: number }>(config);
    return new Set(rows.map((row) => row.shard));
  }

  async close(): Promise<void> {
    await Promise.all([this.#appends.close(), this.#others.ended ? undefined : this.#others.end()]);
  }
}

/**
 * Opens the journal in PostgreSQL on two connections of its own: one for appends, one for everything else. They are
 * made at first use and made anew after any error; the error itself is thrown as it came, and means *unknown*.
 *
 * @param options.url as for any PostgreSQL client; a direct connection, not a transaction pooler
 */
export function createPostgresJournal(options: { url: string }): JournalStore {
  return new PostgresJournal(options);
}
