import { canonicalText, type Hash, type Sha256 } from "@wanhui/core";
import type { ActView, CueState } from "@wanhui/protocol";
import type pg from "pg";
import { Fault } from "../platform/mod.ts";
import type { CuePlan, CueRow } from "./cue-rules.ts";
import type { ShowDefinition } from "./definition.ts";
import { firstDifference } from "./first-difference.ts";
import { cueTimeMs, definitionHash, type Run } from "./run-plan.ts";

// Runs, cues and acts in SQL. The only place that writes them.

/** What `openRun` takes. */
export type OpenRunOptions = {
  readonly pool: pg.Pool;
  readonly show: ShowDefinition;
  readonly rehearsal: boolean;
  /** Begin a new run even when one can be continued. */
  readonly fresh: boolean;
  /** The run to continue if it is one of this show: the one that others play. Else the newest of its kind. */
  readonly playing?: string | null;
  /** Others are playing that run now: it is continued or refused, never another one beside it (MP3). */
  readonly beside?: boolean;
  /** Shard time: the start of a new run, unless the file names its own. */
  readonly nowMs: number;
  readonly sha256: Sha256;
};

/** A run, and whether it was made just now. */
export type OpenedRun = { readonly run: Run; readonly made: boolean };

type RunRow = {
  run: string;
  show: string;
  number: number;
  rehearsal: boolean;
  started_at_ms: bigint;
  definition: string;
  definition_hash: string;
};

/**
 * Continues the newest run of a show, or makes one: its start and definition are stored once (SH21). Real nights and
 * rehearsals are different runs and never continue each other.
 *
 * @throws Fault `show.changed` when the file's meaning changed since the run began, naming the first difference, or when
 * others play a run of another show
 */
export async function openRun(options: OpenRunOptions): Promise<OpenedRun> {
  return inTransaction(options.pool, async (client) => {
    // One start at a time: two processes never make two runs of one number.
    await client.query("select pg_advisory_xact_lock(hashtext('wanhui/runs'))");
    const { rows } = await client.query<RunRow>(
      "select run, show, number, rehearsal, started_at_ms, definition, definition_hash from runs " +
        "where show = $1 order by number desc",
      [options.show.show],
    );
    const playing = rows.find(({ run }) => run === options.playing);
    if (options.beside === true && playing === undefined && typeof options.playing === "string")
      throw await otherShow(client, options.playing, options.show);
    const newest = playing ?? rows.find(({ rehearsal }) => rehearsal === options.rehearsal);
    if (newest !== undefined && !options.fresh) return { run: continued(newest, options), made: false };
    return { run: await makeRun(client, options, (rows[0]?.number ?? 0) + 1), made: true };
  });
}

function continued(row: RunRow, { show, sha256 }: OpenRunOptions): Run {
  const definition = JSON.parse(row.definition) as ShowDefinition;
  const stored = runOf(row, definition);
  if (stored.definitionHash === definitionHash(show, sha256)) return stored;
  const difference = firstDifference(definition, show);
  throw new Fault(
    "show.changed",
    `The show file changed since run ${row.run} began: ${difference}. What was announced must hold: put the file ` +
      "back, or start a new run with --fresh.",
  );
}

async function otherShow(client: pg.PoolClient, run: string, { show }: ShowDefinition): Promise<Fault> {
  const { rows } = await client.query<Pick<RunRow, "show">>("select show from runs where run = $1", [run]);
  const theirs = rows[0]?.show ?? "another one";
  return new Fault(
    "show.changed",
    `The other processes play ${run}, a run of the show ${theirs}; this show file is of the show ${show}. Start this ` +
      `process with the show file of ${theirs} (named behind \`wanhui start --join\`, or SHOW_FILE); to play ${show} ` +
      "instead, stop the others first.",
  );
}

function runOf(row: RunRow, definition: ShowDefinition): Run {
  return {
    run: row.run,
    show: row.show,
    number: row.number,
    rehearsal: row.rehearsal,
    startedAtMs: Number(row.started_at_ms),
    definition,
    definitionHash: row.definition_hash as Hash,
  };
}

/** Every run there is, oldest first: a draw of an earlier one may still wait for its beacon, a prize for its claim. */
export async function readRuns(pool: Pick<pg.Pool, "query">): Promise<Run[]> {
  const { rows } = await pool.query<RunRow>(
    "select run, show, number, rehearsal, started_at_ms, definition, definition_hash from runs " +
      "order by started_at_ms, show, number",
  );
  return rows.map((row) => runOf(row, JSON.parse(row.definition) as ShowDefinition));
}

async function makeRun(client: pg.PoolClient, options: OpenRunOptions, number: number): Promise<Run> {
  const { show, rehearsal } = options;
  // A rehearsal moves the night to now (SH22).
  const startedAtMs = show.startsAtMs === null || rehearsal ? Math.floor(options.nowMs) : show.startsAtMs;
  const hash = definitionHash(show, options.sha256);
  const run: Run = {
    run: `${show.show}-${number}`,
    show: show.show,
    number,
    rehearsal,
    startedAtMs,
    definition: show,
    definitionHash: hash,
  };
  await client.query(
    "insert into runs (run, show, number, rehearsal, started_at_ms, definition, definition_hash) " +
      "values ($1, $2, $3, $4, $5, $6, $7)",
    [run.run, run.show, number, rehearsal, startedAtMs, canonicalText(show), hash],
  );
  const cues = show.cues.map((cue) => ({ cue: cue.cue, kind: cue.kind, at_ms: cueTimeMs(run, cue) }));
  await client.query(
    "insert into cues (run, cue, kind, at_ms, state) " +
      "select $1, cue, kind, at_ms, 'pending' from jsonb_to_recordset($2::jsonb) as c(cue text, kind text, at_ms bigint)",
    [run.run, JSON.stringify(cues)],
  );
  return run;
}

/** Runs work in one transaction on one connection; a failure undoes it and closes a broken connection. */
async function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch((cause: unknown) => {
      broken = cause instanceof Error ? cause : new Error(String(cause));
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** What an act adds to the record (CU6). */
export type Act = {
  readonly atMs: number;
  readonly who: string;
  readonly role: "host" | "operator";
  readonly action: string;
  readonly target: string;
  readonly reason: string | null;
};

/** A change of one cue; what is left out stays. */
export type CueChange = {
  readonly state?: CueState;
  readonly atMs?: number;
  readonly reason?: string | null;
  readonly plan?: CuePlan | null;
  readonly firedAtMs?: number | null;
  readonly endedAtMs?: number | null;
};

/** Cues and acts of one run, behind the director. An implementation in memory serves tests of the director alone. */
export type CueStore = {
  cues(): Promise<CueRow[]>;
  /**
   * Changes a cue if it still has the version, and records the act in the same transaction.
   *
   * @returns the changed cue, or null when somebody else changed it first; then nothing is stored, the act neither
   */
  change(seen: CueRow, change: CueChange, act?: Act): Promise<CueRow | null>;
  /** Records an act that changes no cue, such as a forfeit. */
  record(act: Act): Promise<ActView>;
  /** Acts from newest to oldest, before `before` when given; at most 100. */
  acts(before: number | null): Promise<ActView[]>;
};

/** Acts on one page of the studio. */
export const ACTS_PAGE_MAX = 100;

const cueColumns = "cue, kind, at_ms, state, reason, plan, fired_at_ms, ended_at_ms, version";
type CueColumns = {
  cue: string;
  kind: CueRow["kind"];
  at_ms: bigint;
  state: CueState;
  reason: string | null;
  plan: CuePlan | null;
  fired_at_ms: bigint | null;
  ended_at_ms: bigint | null;
  version: number;
};
const number = (value: bigint | null) => (value === null ? null : Number(value));
const cueRow = (row: CueColumns): CueRow => ({
  cue: row.cue,
  kind: row.kind,
  atMs: Number(row.at_ms),
  state: row.state,
  reason: row.reason,
  plan: row.plan,
  firedAtMs: number(row.fired_at_ms),
  endedAtMs: number(row.ended_at_ms),
  version: row.version,
});

type ActColumns = Omit<ActView, "act" | "atMs"> & { act: bigint; at_ms: bigint };
const actView = ({ act, at_ms, ...rest }: ActColumns): ActView => ({
  act: Number(act),
  atMs: Number(at_ms),
  ...rest,
});

const insertAct =
  "insert into acts (run, at_ms, who, role, action, target, reason) values ($1, $2, $3, $4, $5, $6, $7) " +
  "returning act, at_ms, who, role, action, target, reason";

/** Cues and acts of a run in PostgreSQL. */
export function createCueStore(pool: pg.Pool, run: string): CueStore {
  const actValues = (act: Act) => [run, act.atMs, act.who, act.role, act.action, act.target, act.reason];
  return {
    cues: async () => {
      const { rows } = await pool.query<CueColumns>(`select ${cueColumns} from cues where run = $1`, [run]);
      return rows.map(cueRow);
    },
    change: (seen, change, act) =>
      inTransaction(pool, async (client) => {
        const next = { ...seen, ...change };
        const { rows } = await client.query<CueColumns>(
          "update cues set state = $4, at_ms = $5, reason = $6, plan = $7, fired_at_ms = $8, ended_at_ms = $9, " +
            `version = version + 1 where run = $1 and cue = $2 and version = $3 returning ${cueColumns}`,
          [
            run,
            seen.cue,
            seen.version,
            next.state,
            next.atMs,
            next.reason,
            next.plan === null ? null : JSON.stringify(next.plan),
            next.firedAtMs,
            next.endedAtMs,
          ],
        );
        const [row] = rows;
        if (row === undefined) return null;
        if (act !== undefined) await client.query(insertAct, actValues(act));
        return cueRow(row);
      }),
    record: async (act) => {
      const { rows } = await pool.query<ActColumns>(insertAct, actValues(act));
      const [row] = rows;
      if (row === undefined) throw new Error("insert ... returning gave no row");
      return actView(row);
    },
    acts: async (before) => {
      const { rows } = await pool.query<ActColumns>(
        "select act, at_ms, who, role, action, target, reason from acts " +
          "where run = $1 and ($2::bigint is null or act < $2) order by act desc limit $3",
        [run, before, ACTS_PAGE_MAX],
      );
      return rows.map(actView);
    },
  };
}
