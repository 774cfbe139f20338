import { createHash, randomBytes } from "node:crypto";
import type pg from "pg";
import type { StaffRole } from "./session.ts";

/** A link works once, within a day. */
export const LINK_TTL_MS = 24 * 3_600_000;
/** A sign-in: a night with its rehearsal and the day after. */
export const STAFF_TTL_MS = 3 * 24 * 3_600_000;
/** A revoked role ends this long after at the latest: staff rows are asked for at most once in this time. */
const ROLE_CACHE_MS = 3_000;
/** Staff of a night are some dozens; forged ids are never cached, because their tokens are not ours. */
const ROLE_CACHE_MAX = 1_000;

export type StaffMember = { readonly staff: string; readonly role: StaffRole };
/** What ending a role came to. */
export type RoleEnd = "ended" | "unknown" | "last_operator";

/** Staff rows and one-time links. Links are kept as hashes and used by one conditional update (PE5). */
export type StaffStore = {
  /** @returns the token of a new link, known to nobody else and nowhere stored */
  createLink(options: {
    role: StaffRole;
    invitedBy: string | null;
  }): Promise<{ token: string; expiresAtMs: number }>;
  /** Turns a link into a staff row; null when it was used, has expired or never was. */
  useLink(token: string): Promise<StaffMember | null>;
  /** The role a staff member has now; null once revoked. */
  roleOf(staff: string): Promise<StaffRole | null>;
  /** Ends a role and the unused links its owner made, unless nobody could operate afterwards (PE12). */
  revoke(staff: string): Promise<RoleEnd>;
  /** Everybody who ever came in, in that order. */
  list(): Promise<readonly StaffRow[]>;
};
export type StaffRow = StaffMember & {
  readonly invitedBy: string | null;
  readonly createdAtMs: number;
  /** When the sign-in ends by itself. */
  readonly endsAtMs: number;
  readonly revokedAtMs: number | null;
};

// One statement: of two operators who end each other at once, the second waits for the first's lock, sees one operator
// left, and is refused. Who signed in too long ago cannot operate any more and does not count. A link that is void is so
// by every clock: the database's and this process's need not agree to the millisecond.
const END_ROLE = `
  with operators as (
    select staff_id from staff
    where role = 'operator' and revoked_at is null and created_at > to_timestamp($2 / 1000.0)
    order by staff_id for update
  ), ended as (
    update staff set revoked_at = now()
    where staff_id = $1 and revoked_at is null
      and (role <> 'operator' or exists (select from operators where staff_id <> $1))
    returning staff_id
  ), links as (
    update staff_links set expires_at = to_timestamp(0)
    where invited_by in (select staff_id from ended) and used_at is null and expires_at > now()
  )
  select exists (select from ended) as ended,
    exists (select from staff where staff_id = $1 and revoked_at is null) as known`;

const hashOf = (token: string) => createHash("sha256").update(token, "utf8").digest();

export function createStaffStore(options: { pool: pg.Pool; nowMs: () => number }): StaffStore {
  const { pool, nowMs } = options;
  const roles = new Map<string, { role: StaffRole | null; atMs: number }>();
  return {
    async createLink({ role, invitedBy }) {
      const token = randomBytes(32).toString("base64url");
      const expiresAtMs = nowMs() + LINK_TTL_MS;
      await pool.query(
        "insert into staff_links (token_hash, role, invited_by, expires_at) values ($1, $2, $3, to_timestamp($4 / 1000.0))",
        [hashOf(token), role, invitedBy, expiresAtMs],
      );
      return { token, expiresAtMs };
    },
    async useLink(token) {
      // One statement: of two that use a link at once, the second finds it used.
      const { rows } = await pool.query<{ staff_id: string; role: StaffRole }>(
        `with open_link as (
           select token_hash, role, invited_by from staff_links
           where token_hash = $1 and used_at is null and expires_at > to_timestamp($2 / 1000.0)
           for update
         ), member as (
           insert into staff (staff_id, role, invited_by)
           select role || '-' || $3, role, invited_by from open_link
           returning staff_id, role
         )
         update staff_links set used_at = to_timestamp($2 / 1000.0), staff_id = member.staff_id
         from member, open_link where staff_links.token_hash = open_link.token_hash
         returning member.staff_id, member.role`,
        [hashOf(token), nowMs(), randomBytes(4).toString("hex")],
      );
      const row = rows[0];
      return row === undefined ? null : { staff: row.staff_id, role: row.role };
    },
    async roleOf(staff) {
      const known = roles.get(staff);
      if (known !== undefined && Math.abs(nowMs() - known.atMs) < ROLE_CACHE_MS) return known.role;
      const { rows } = await pool.query<{ role: StaffRole }>(
        "select role from staff where staff_id = $1 and revoked_at is null",
        [staff],
      );
      const role = rows[0]?.role ?? null;
      if (roles.size >= ROLE_CACHE_MAX) roles.clear();
      roles.set(staff, { role, atMs: nowMs() });
      return role;
    },
    async revoke(staff) {
      const signedInSinceMs = nowMs() - STAFF_TTL_MS;
      const { rows } = await pool.query<{ ended: boolean; known: boolean }>(END_ROLE, [
        staff,
        signedInSinceMs,
      ]);
      roles.delete(staff);
      const [row] = rows;
      if (row?.ended === true) return "ended";
      return row?.known === true ? "last_operator" : "unknown";
    },
    async list() {
      const { rows } = await pool.query<StaffColumns>(
        "select staff_id, role, invited_by, created_at, revoked_at from staff order by created_at, staff_id",
      );
      return rows.map(staffRow);
    },
  };
}

type StaffColumns = {
  staff_id: string;
  role: StaffRole;
  invited_by: string | null;
  created_at: Date;
  revoked_at: Date | null;
};

function staffRow(row: StaffColumns): StaffRow {
  const createdAtMs = row.created_at.getTime();
  return {
    staff: row.staff_id,
    role: row.role,
    invitedBy: row.invited_by,
    createdAtMs,
    endsAtMs: createdAtMs + STAFF_TTL_MS,
    revokedAtMs: row.revoked_at?.getTime() ?? null,
  };
}
