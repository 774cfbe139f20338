import type { AwardId } from "@wanhui/core";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { idSchema } from "../orders/mod.ts";
import { requireSession } from "../people/mod.ts";
import { claimBodySchema, readClaimBody } from "./body.ts";
import { awardViewSchema } from "./schemas.ts";
import type { Awards } from "./service.ts";

const tags = ["awards"];
/** Visible ASCII, as the IETF draft on the Idempotency-Key header has it; random ones have some 36 characters. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** A person's own awards and their claims. Another's award looks like one that does not exist (CL1). */
export function awardRoutes(app: App, deps: AwardRoutesDeps): void {
  app.get(
    "/api/me/awards",
    {
      config: { limit: "read" },
      schema: {
        summary: "What you have won, newest first",
        tags,
        response: {
          200: z.object({ awards: z.array(awardViewSchema) }),
          ...problemResponses("auth.missing", "rate.limited"),
        },
      },
    },
    async (request) => ({ awards: await deps.awards.listOf(requireSession(request).userId) }),
  );

  claimRoute(app, deps);
}

type AwardRoutesDeps = { readonly awards: Pick<Awards, "listOf" | "claim"> };

function claimRoute(app: App, deps: AwardRoutesDeps): void {
  app.post(
    "/api/awards/:award/claim",
    {
      schema: {
        summary: "Turn an award into an order, a coupon, a credit or a right",
        description:
          "Needs an `Idempotency-Key`: for 24 hours the same key with the same body gets the same bytes back. " +
          "Goods: the answer's order has a `payUrl`, where the price (one cent) is paid.",
        tags,
        params: z.object({ award: idSchema }),
        headers: z.object({ "idempotency-key": z.string().optional() }),
        body: claimBodySchema,
        response: {
          200: awardViewSchema,
          ...problemResponses(
            "auth.missing",
            "idempotency.missing",
            "idempotency.conflict",
            "body.invalid",
            "claim.not_yours",
            "claim.wrong_kind",
            "claim.expired",
            "award.wrong_state",
            "award.committed_elsewhere",
            "engine.busy",
            "engine.unknown",
          ),
        },
      },
    },
    async (request, reply) => {
      const session = requireSession(request);
      const key = request.headers["idempotency-key"];
      if (key === undefined || !KEY.test(key)) {
        throw problem("idempotency.missing", {
          field: "idempotency-key",
          rule: "1 to 255 visible characters",
        });
      }
      const read = readClaimBody(request.body);
      if (!read.ok) throw problem("body.invalid", { field: read.field, rule: read.rule });
      const awardId = request.params.award as AwardId;
      const answer = await deps.awards.claim({ userId: session.userId, awardId, key, body: read.body });
      if (!answer.ok) {
        const { field, rule } = answer;
        throw problem(answer.code, {
          ...(field === undefined ? {} : { field }),
          ...(rule === undefined ? {} : { rule }),
        });
      }
      // The very bytes that were kept: a retry must not depend on how an object is written today.
      return reply
        .header("content-type", "application/json; charset=utf-8")
        .serializer((payload: unknown) => payload as string)
        .send(answer.body as never);
    },
  );
}
