// The door of `people`: who is who, roles, one-time links, socket tickets, pseudonyms, limits.

export { createEntrants, type Entrants } from "./entrants.ts";
export {
  type AddressKind,
  addressBucketOf,
  createLimits,
  type LimitKind,
  type Limits,
  type LimitsStats,
} from "./limits.ts";
export { type Credentials, createPeople, type People, type PeopleOptions } from "./people.ts";
export {
  createPlatformTokens,
  PLATFORM_ALGORITHMS,
  type PlatformSettings,
  type PlatformTokens,
} from "./platform-token.ts";
export { createPseudonyms, type Pseudonyms, pseudonymOf, userKeyOf } from "./pseudonyms.ts";
export { type PeopleRoutesDeps, peopleRoutes } from "./routes.ts";
export { keyFor, loadSecrets, type Secret, secretFromHex } from "./secrets.ts";
export {
  type Level,
  type Role,
  requireRole,
  requireSession,
  type Session,
  type StaffRole,
  sessionOf,
} from "./session.ts";
export {
  createStaffStore,
  LINK_TTL_MS,
  type RoleEnd,
  STAFF_TTL_MS,
  type StaffMember,
  type StaffRow,
  type StaffStore,
} from "./staff.ts";
export {
  makeOperatorLink,
  operatorPath,
  type StaffAct,
  type StaffRoutesDeps,
  staffRoutes,
} from "./staff-routes.ts";
export { createTokens, isSynthetic, makeRehearsalGrant } from "./tokens.ts";
