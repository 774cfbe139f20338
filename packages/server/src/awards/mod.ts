// The door of `awards`: who won what, and what became of it (docs/spec/orders.md).

export type { ClaimBody } from "./body.ts";
export type { ClaimRefusal, ClaimRequest, Claims } from "./claims.ts";
export type { ClaimTerms } from "./codes.ts";
export type { MeNews, SendMe } from "./desk.ts";
export { KEEP_ANSWER_MS } from "./idempotency.ts";
export type { AwardPlace, AwardRecord } from "./records.ts";
export { awardRoutes } from "./routes.ts";
export { awardViewSchema } from "./schemas.ts";
export { type Awards, type AwardsAsk, type AwardsDeps, type AwardsPage, createAwards } from "./service.ts";
