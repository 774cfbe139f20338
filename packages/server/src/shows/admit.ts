import type { Session } from "../people/mod.ts";
import type { EnterLevel, ExcludableRole } from "./definition.ts";

const rank: Readonly<Record<EnterLevel, number>> = { guest: 0, contact: 1, identity: 2 };

/**
 * Whether a person may enter a round or a rain (CU10): known well enough, in no excluded role, and a synthetic
 * person in a rehearsal only.
 */
export function admitTo(
  door: { readonly enter: EnterLevel; readonly excludedRoles: readonly ExcludableRole[] },
  session: Pick<Session, "level" | "roles" | "synthetic">,
  rehearsal: boolean,
): boolean {
  if (session.synthetic && !rehearsal) return false;
  if (rank[session.level] < rank[door.enter]) return false;
  return !door.excludedRoles.some((role) => session.roles.includes(role));
}
