import type { Code } from "@wanhui/protocol";
import type { Session } from "../people/mod.ts";
import type { EnterLevel, ExcludableRole } from "./definition.ts";

const rank: Readonly<Record<EnterLevel, number>> = { guest: 0, contact: 1, identity: 2 };

/**
 * Whether a person may enter a round or a rain (CU10): known well enough, in no excluded role, and a synthetic
 * person in a rehearsal only.
 *
 * @returns null to let in; `auth.level` when nothing but the level is missing, so that signing in helps; else
 *   `draw.not_eligible`
 */
export function refusalAt(
  door: { readonly enter: EnterLevel; readonly excludedRoles: readonly ExcludableRole[] },
  session: Pick<Session, "level" | "roles" | "synthetic">,
  rehearsal: boolean,
): Extract<Code, "auth.level" | "draw.not_eligible"> | null {
  if (session.synthetic && !rehearsal) return "draw.not_eligible";
  if (door.excludedRoles.some((role) => session.roles.includes(role))) return "draw.not_eligible";
  return rank[session.level] < rank[door.enter] ? "auth.level" : null;
}
