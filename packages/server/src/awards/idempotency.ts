import { canonicalJson } from "@wanhui/core";
import type pg from "pg";
import type { Vault } from "../orders/mod.ts";

/** How long a retry gets the first answer back (CL2); Stripe and the IETF draft keep it a day as well. */
export const KEEP_ANSWER_MS = 24 * 3_600_000;
/** Rows deleted per sweep: a night's keys go in some sweeps, none of them long. */
const SWEEP_MAX = 5_000;

/** One wish of one person on one route. Another person's same key is another wish. */
export type Wish = {
  readonly userId: string;
  readonly route: string;
  readonly key: string;
  /** Hash of everything the answer depends on. */
  readonly paramsHash: string;
};

export type KeptAnswer = { readonly status: number; readonly body: string };

export type Begun =
  /** Nobody has finished it: do it (again). What is done must itself be safe to repeat. */
  | { readonly type: "go" }
  | { readonly type: "replay"; readonly answer: KeptAnswer }
  /** The key was used with other parameters. */
  | { readonly type: "conflict" };

/**
 * Hash of parameters, whatever the order of their keys. Keyed by the data folder's secret: a name and a phone are few
 * enough to be tried out against a plain hash (CL6).
 */
export function paramsHashOf(params: unknown, vault: Pick<Vault, "derive">): string {
  const text = Buffer.from(canonicalJson(params)).toString("utf8");
  return vault.derive("wanhui/params/1", text).toString("hex");
}

type Row = { params_hash: string; status: number | null; body: string | null };

/** Writes a wish down, or finds what became of it. */
export async function beginWish(pool: pg.Pool, wish: Wish, nowMs: number): Promise<Begun> {
  const key = [wish.userId, wish.route, wish.key];
  const { rows } = await pool.query<Row>(
    `insert into idempotency_keys as k (user_id, route, key, params_hash, created_at_ms) values ($1, $2, $3, $4, $5)
     on conflict (user_id, route, key) do update
       set params_hash = case when k.created_at_ms < $6 then excluded.params_hash else k.params_hash end,
           status = case when k.created_at_ms < $6 then null else k.status end,
           body = case when k.created_at_ms < $6 then null else k.body end,
           created_at_ms = case when k.created_at_ms < $6 then excluded.created_at_ms else k.created_at_ms end
     returning params_hash, status, body`,
    [...key, wish.paramsHash, nowMs, nowMs - KEEP_ANSWER_MS],
  );
  const row = rows[0];
  if (row === undefined || row.params_hash !== wish.paramsHash) return { type: "conflict" };
  if (row.status === null || row.body === null) return { type: "go" };
  return { type: "replay", answer: { status: row.status, body: row.body } };
}

/** Keeps the answer. Of two that finish at once the first one's stands, and both return it. */
export async function finishWish(pool: pg.Pool, wish: Wish, answer: KeptAnswer): Promise<KeptAnswer> {
  const { rows } = await pool.query<Row>(
    `update idempotency_keys set status = coalesce(status, $4), body = coalesce(body, $5)
     where user_id = $1 and route = $2 and key = $3 returning params_hash, status, body`,
    [wish.userId, wish.route, wish.key, answer.status, answer.body],
  );
  const row = rows[0];
  return row?.status != null && row.body !== null ? { status: row.status, body: row.body } : answer;
}

/** Forgets answers older than a day. @returns how many */
export async function sweepWishes(pool: pg.Pool, nowMs: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from idempotency_keys where (user_id, route, key) in
       (select user_id, route, key from idempotency_keys where created_at_ms < $1 order by created_at_ms limit ${SWEEP_MAX})`,
    [nowMs - KEEP_ANSWER_MS],
  );
  return rowCount ?? 0;
}
