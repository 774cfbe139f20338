// The door of `bot-check`: a proof of work done during the countdown, exchanged for an entry pass (docs/spec/abuse.md).

export { type BotCheck, type BotCheckOptions, type CheckTimes, createBotCheck } from "./bot-check.ts";
export { type BotCheckRoutesDeps, botCheckRoutes } from "./routes.ts";
