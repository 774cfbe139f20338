import type { UserId } from "@wanhui/core";
import { problem } from "../http/mod.ts";

/** What somebody may do. Everybody is a viewer; staff rows give the others. */
export type Role = "viewer" | "host" | "operator" | "auditor";
export type StaffRole = Exclude<Role, "viewer">;

/** How well a person is known: a guest's token, a checked contact, a checked identity. */
export type Level = "guest" | "contact" | "identity";

/** Who asks, worked out once per request or socket from signed tokens alone (PE1). */
export type Session = {
  readonly userId: UserId;
  /** Id of the device, for limits; never shown. */
  readonly device: string;
  readonly level: Level;
  readonly roles: readonly Role[];
  /** A rehearsal's invented person (PE9). */
  readonly synthetic: boolean;
  /** The rehearsal a synthetic person was let into; null for everybody else. */
  readonly run: string | null;
  /** Address bucket, for limits that only slow down: an IPv4 address, an IPv6 /64, or a stated synthetic one. */
  readonly address: string;
  /** When this sign-in ends; null for staff without a viewer's own. */
  readonly expiresAtMs: number | null;
  /** Name of the staff row, for the acts' `who`; null for everybody else. */
  readonly staff: string | null;
};

/** Any object a session can be kept with; Fastify's request is one. */
export type Carrier = object;

/** Sessions beside the requests they belong to, so that no capability can set one by accident. */
const sessions = new WeakMap<Carrier, Session>();

/** Remembers the session of a request; the one writer is the hook of `peopleRoutes`. */
export function rememberSession(request: Carrier, session: Session): void {
  sessions.set(request, session);
}

/** The session of a request, or null when it carries no valid token. */
export function sessionOf(request: Carrier): Session | null {
  return sessions.get(request) ?? null;
}

/** The session of a request. @throws ProblemError `auth.missing` */
export function requireSession(request: Carrier): Session {
  const session = sessionOf(request);
  if (session === null) throw problem("auth.missing");
  return session;
}

/**
 * The session of a request whose person has at least one of the roles.
 *
 * @throws ProblemError `auth.missing` without a session, `auth.forbidden` without the role
 */
export function requireRole(request: Carrier, ...roles: readonly Role[]): Session {
  const session = requireSession(request);
  if (roles.some((role) => session.roles.includes(role))) return session;
  throw session.staff === null ? problem("auth.missing") : problem("auth.forbidden");
}
