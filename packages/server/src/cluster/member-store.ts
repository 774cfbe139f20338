import pg from "pg";

/** A lease outlives five renewals that fail; a stalled process is replaced after it. */
export const LEASE_MS = 3_000;
/** A look takes a millisecond; one that takes this long tells nothing worth waiting for. */
const STATEMENT_TIMEOUT_MS = 2_000;

/** How this process presents itself. */
export type Self = {
  readonly process: string;
  readonly place: string;
  readonly pid: number;
  readonly started: string;
  readonly version: number;
  /** Whether its messages can reach other processes. */
  readonly bus: boolean;
};

/** What may change while it lives. */
export type SelfState = {
  readonly serves: boolean;
  readonly address: string;
  readonly sandbox: string;
  /** Shards it could not answer for now: it reads their journal, or their copy does not add up. */
  readonly unready: readonly number[];
};

/** Of one that has just come: nobody sends anybody here yet. */
export const NOT_SERVING: SelfState = { serves: false, address: "", sandbox: "", unready: [] };

/** A process of the house as the table has it, those that are gone included. */
export type Member = Self &
  SelfState & {
    /** Milliseconds of lease left, in the database's time; negative when it has run out. */
    readonly leaseMs: number;
    /** The end of the lease as it was written, in milliseconds since 1970 of the database's clock at that moment. */
    readonly leaseUntilMs: number;
  };

/** Who holds a shard ("" for nobody), and how far its journal goes. */
export type ShardRow = { readonly shard: number; readonly holder: string; readonly seq: number };

/** One look at the house; members from the oldest on. */
export type HouseView = { readonly members: readonly Member[]; readonly shards: readonly ShardRow[] };

/** The table of processes (MP1). Rejects when the database does not answer. */
export type MemberStore = {
  /** Renews the own lease and reads everybody's, and every shard. */
  renewAndLook(state: SelfState): Promise<HouseView>;
  /** Everybody in the table, read without being a member; nobody while the table was never made. */
  members(): Promise<readonly Member[]>;
  /**
   * Becomes a member, alone with the table: two that come at once see each other.
   *
   * @param mayEnter asked with everybody there; false, and nothing is written
   */
  enter(mayEnter: (members: readonly Member[]) => boolean): Promise<boolean>;
  /** Ends the own membership. */
  leave(): Promise<void>;
  /** What the house agreed on under a name, or null. */
  agreed(name: string): Promise<string | null>;
  /** The same; the first to ask decides. @returns the value that holds */
  agree(name: string, value: string): Promise<string>;
  /** Sets what the house agrees on; for one who is alone in it. */
  decide(name: string, value: string): Promise<void>;
  close(): Promise<void>;
};

const membersSql = `select process, place, pid, started, version, bus, serves, address, sandbox, unready,
  (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as "leaseMs",
  (extract(epoch from lease_until) * 1000)::float8 as "leaseUntilMs"
  from processes order by began_at, process`;
const shardsSql = `select s.shard, s.holder,
  coalesce((select j.seq from journal j where j.shard = s.shard order by j.seq desc limit 1), 0)::float8 as seq
  from shards s order by s.shard`;
// One that was called gone by mistake comes back under its name; its place in the order is a new one then.
const renewSql = `insert into processes
  (process, place, pid, started, version, bus, serves, address, sandbox, unready, lease_until)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + $11 * interval '1 millisecond')
  on conflict (process) do update set serves = excluded.serves, address = excluded.address,
    sandbox = excluded.sandbox, unready = excluded.unready, lease_until = excluded.lease_until`;
/** Rows of those long gone are of no use to anybody. */
const sweepSql = "delete from processes where lease_until < clock_timestamp() - interval '1 minute'";

/** Opens the table on a connection of its own, so that no slow query of others costs a lease. */
export function createMemberStore(options: { readonly url: string; readonly self: Self }): MemberStore {
  const { self } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: "wanhui members",
    max: 1,
    connectionTimeoutMillis: STATEMENT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 500,
    keepAlive: true,
  });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const renewal = ({ serves, address, sandbox, unready }: SelfState) => {
    const { process, place, pid, started, version, bus } = self;
    const values = [process, place, pid, started, version, bus, serves, address, sandbox, unready, LEASE_MS];
    return { name: "member-renew", text: renewSql, values };
  };
  return {
    async members() {
      const { rows } = await pool.query<{ made: boolean }>(
        "select to_regclass('processes') is not null as made",
      );
      return rows[0]?.made === true ? (await pool.query<Member>(membersSql)).rows : [];
    },
    async enter(mayEnter) {
      const client = await pool.connect();
      try {
        await client.query("begin");
        await client.query("select pg_advisory_xact_lock(hashtext('wanhui/processes'))");
        const may = mayEnter((await client.query<Member>(membersSql)).rows);
        if (may) await client.query(renewal(NOT_SERVING));
        await client.query("commit");
        return may;
      } catch (error) {
        await client.query("rollback").catch(() => undefined);
        throw error;
      } finally {
        client.release();
      }
    },
    async renewAndLook(state) {
      await pool.query(renewal(state));
      const members = await pool.query<Member>({ name: "members", text: membersSql });
      const shards = await pool.query<ShardRow>({ name: "member-shards", text: shardsSql });
      return { members: members.rows, shards: shards.rows };
    },
    async leave() {
      await pool.query("delete from processes where process = $1", [self.process]);
      await pool.query(sweepSql);
    },
    async agreed(name) {
      const { rows } = await pool.query<{ value: string }>("select value from house where name = $1", [name]);
      return rows[0]?.value ?? null;
    },
    async agree(name, value) {
      await pool.query("insert into house (name, value) values ($1, $2) on conflict do nothing", [
        name,
        value,
      ]);
      const { rows } = await pool.query<{ value: string }>("select value from house where name = $1", [name]);
      return rows[0]?.value ?? value;
    },
    async decide(name, value) {
      await pool.query(
        "insert into house (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value",
        [name, value],
      );
    },
    async close() {
      if (!pool.ended) await pool.end();
    },
  };
}
