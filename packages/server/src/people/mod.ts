// The door of `people`: who is who, roles, one-time links, socket tickets, pseudonyms, limits.

export {
  type Level,
  type Role,
  requireRole,
  requireSession,
  type Session,
  type StaffRole,
  sessionOf,
} from "./session.ts";
