import type { AwardId } from "@wanhui/core";
import {
  extendBodySchema,
  hex16Schema,
  reasonBodySchema,
  studioAwardSchema,
  studioAwardsQuerySchema,
  studioAwardsSchema,
} from "@wanhui/protocol/schemas";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { requireRole } from "../people/mod.ts";
import { actorOf, type StudioRoutesDeps } from "./studio-parts.ts";

const tags = ["studio"];
const awardParams = z.object({ award: hex16Schema });

/** Staff read awards (AW6), operators extend (AW5) and forfeit them (AW4); every attempt is an act (CU6). */
export function studioAwardRoutes(app: App, deps: StudioRoutesDeps): void {
  serveList(app, deps);
  serveFind(app, deps);
  serveForfeit(app, deps);
  serveExtend(app, deps);
}

function serveList(app: App, deps: StudioRoutesDeps): void {
  app.get(
    "/api/studio/awards",
    {
      config: { limit: "read" },
      schema: {
        summary: "Everybody's awards, newest first, 50 at a time",
        description:
          "Winners are named by a pseudonym. `before` is the `next` of the page before. A page may hold fewer awards " +
          "than 50 although `next` is there; an award won a moment ago may appear a moment later.",
        tags,
        querystring: studioAwardsQuerySchema,
        response: {
          200: studioAwardsSchema,
          ...problemResponses("auth.missing", "auth.forbidden", "body.invalid", "rate.limited"),
        },
      },
    },
    async (request) => {
      requireRole(request, "host", "operator", "auditor");
      const { state = null, before = null } = request.query;
      return deps.awards.list({ state, before });
    },
  );
}

function serveFind(app: App, deps: StudioRoutesDeps): void {
  app.get(
    "/api/studio/awards/:award",
    {
      config: { limit: "read" },
      schema: {
        summary: "One award by its id, of this run or an earlier one",
        tags,
        params: awardParams,
        response: {
          200: studioAwardSchema,
          ...problemResponses(
            "auth.missing",
            "auth.forbidden",
            "award.unknown",
            "body.invalid",
            "rate.limited",
          ),
        },
      },
    },
    async (request) => {
      requireRole(request, "host", "operator", "auditor");
      const award = await deps.awards.find(request.params.award as AwardId);
      if (award === null) throw problem("award.unknown");
      return award;
    },
  );
}

function serveForfeit(app: App, deps: StudioRoutesDeps): void {
  app.post(
    "/api/studio/awards/:award/forfeit",
    {
      schema: {
        summary: "Take an unclaimed award back, with a reason that stays in the proof",
        description: "Operators only. Nobody moves up: the unit returns to the pool.",
        tags,
        params: awardParams,
        body: reasonBodySchema,
        response: {
          200: studioAwardSchema,
          ...problemResponses(
            "auth.missing",
            "auth.forbidden",
            "award.unknown",
            "award.wrong_state",
            "body.invalid",
          ),
        },
      },
    },
    async (request) => {
      const by = actorOf(requireRole(request, "operator"));
      const { reason } = request.body;
      const target = request.params.award;
      // Written first: no award is ever taken back without a record of who did it.
      await deps.director.record({ action: "forfeit", target, by, reason });
      const result = await deps.awards.forfeit({ awardId: target as AwardId, reason });
      if (result.ok) return result.award;
      await deps.director.record({ action: "forfeit refused", target, by, reason: result.code });
      throw problem(result.code);
    },
  );
}

function serveExtend(app: App, deps: StudioRoutesDeps): void {
  app.post(
    "/api/studio/awards/:award/extend",
    {
      schema: {
        summary: "Give a winner more time to claim, once",
        description: "Operators only. The deadline only ever moves forward, and only of an award still held.",
        tags,
        params: awardParams,
        body: extendBodySchema,
        response: {
          200: studioAwardSchema,
          ...problemResponses(
            "auth.missing",
            "auth.forbidden",
            "award.unknown",
            "award.wrong_state",
            "award.bad_deadline",
            "body.invalid",
          ),
        },
      },
    },
    async (request) => {
      const by = actorOf(requireRole(request, "operator"));
      const { claimByMs } = request.body;
      const target = request.params.award;
      const reason = `until ${new Date(claimByMs).toISOString()}: ${request.body.reason}`;
      await deps.director.record({ action: "extend", target, by, reason });
      const result = await deps.awards.extend({ awardId: target as AwardId, claimByMs });
      if (result.ok) return result.award;
      await deps.director.record({ action: "extend refused", target, by, reason: result.code });
      throw problem(
        result.code,
        result.code === "award.bad_deadline" ? { field: "claimByMs", rule: "AW5" } : {},
      );
    },
  );
}
