// The door of `awards`: who won what, and what became of it (docs/spec/orders.md).

export type { ClaimBody } from "./body.ts";
export type { ClaimRefusal, ClaimRequest, Claims } from "./claims.ts";
export type { ClaimTerms } from "./codes.ts";
export type { MeNews, SendMe } from "./desk.ts";
export { KEEP_ANSWER_MS } from "./idempotency.ts";
export { awardRoutes } from "./routes.ts";
export { awardViewSchema } from "./schemas.ts";
export { type Awards, type AwardsDeps, createAwards } from "./service.ts";
