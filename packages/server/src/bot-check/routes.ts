import type { CheckChallenge, EntryPassView } from "@wanhui/protocol";
import {
  checkAnswerBodySchema,
  checkBodySchema,
  checkChallengeSchema,
  entryPassSchema,
} from "@wanhui/protocol/schemas";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { requireSession } from "../people/mod.ts";
import type { BotCheck } from "./bot-check.ts";

export type BotCheckRoutesDeps = { readonly botCheck: BotCheck };

const tags = ["room"];

/** The two requests of a bot check: a challenge, and the exchange of its answer for a pass (AB2, AB3). */
export function botCheckRoutes(app: App, { botCheck }: BotCheckRoutesDeps): void {
  const ask = {
    summary: "A bot check for a draw or a rain, to be done during its countdown",
    description: "A proof of work in ALTCHA's format, version 2 (PBKDF2/SHA-256).",
    tags,
    body: checkBodySchema,
    response: {
      200: checkChallengeSchema,
      ...problemResponses(
        "auth.missing",
        "check.not_needed",
        "check.too_early",
        "check.busy",
        "rate.limited",
      ),
    },
  };
  app.post("/api/bot-check", { schema: ask }, async (request): Promise<CheckChallenge> => {
    const answer = await botCheck.challenge(requireSession(request), request.body.for);
    if (answer.ok) return answer.challenge;
    throw problem(answer.code, answer.retryMs === undefined ? {} : { retryMs: answer.retryMs });
  });
  const exchange = {
    summary: "Exchanges a solved bot check for an entry pass",
    tags,
    body: checkAnswerBodySchema,
    response: {
      200: entryPassSchema,
      ...problemResponses("auth.missing", "check.invalid", "check.used", "check.not_needed", "rate.limited"),
    },
  };
  app.post("/api/bot-check/pass", { schema: exchange }, async (request): Promise<EntryPassView> => {
    const answer = await botCheck.exchange(requireSession(request), request.body);
    if (answer.ok) return answer.pass;
    throw problem(answer.code);
  });
}
