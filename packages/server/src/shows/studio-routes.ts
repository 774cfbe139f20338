import type { DrawId } from "@wanhui/core";
import {
  actsSchema,
  cueActionBodySchema,
  cueActionSchema,
  idSchema,
  reasonBodySchema,
  studioSchema,
} from "@wanhui/protocol/schemas";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { requireRole } from "../people/mod.ts";
import { studioAwardRoutes } from "./studio-award-routes.ts";
import { actorOf, insist, type StudioRoutesDeps, studioView } from "./studio-parts.ts";
import { studioPoolRoutes } from "./studio-pool-routes.ts";

const tags = ["studio"];
const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must be the slug of a cue");

/** The director's page: hosts and operators act, auditors read (CU6). */
export function studioRoutes(app: App, deps: StudioRoutesDeps): void {
  serveView(app, deps);
  serveCueActs(app, deps);
  serveStop(app, deps);
  studioAwardRoutes(app, deps);
  studioPoolRoutes(app, deps);
}

function serveView(app: App, deps: StudioRoutesDeps): void {
  app.get(
    "/api/studio",
    {
      schema: {
        summary: "The rundown with what can be done, live numbers, the newest acts",
        tags,
        response: { 200: studioSchema, ...problemResponses("auth.missing", "auth.forbidden") },
      },
    },
    async (request) => {
      requireRole(request, "host", "operator", "auditor");
      return studioView(deps);
    },
  );
  app.get(
    "/api/studio/acts",
    {
      schema: {
        summary: "Every act with who and when, newest first, 100 at a time",
        tags,
        querystring: z.object({ before: z.coerce.number<string>().int().min(1).optional() }),
        response: { 200: actsSchema, ...problemResponses("auth.missing", "auth.forbidden") },
      },
    },
    async (request) => {
      requireRole(request, "host", "operator", "auditor");
      return { acts: await deps.director.acts(request.query.before ?? null) };
    },
  );
}

function serveCueActs(app: App, deps: StudioRoutesDeps): void {
  app.post(
    "/api/studio/cues/:cue/:action",
    {
      schema: {
        summary: "Arm, hold, release, skip, rearm or cancel a cue",
        description: "`opensAtMs` is for `rearm`: the new time; left out it is as soon as possible.",
        tags,
        params: z.object({ cue: slug, action: cueActionSchema }),
        body: cueActionBodySchema,
        response: {
          200: studioSchema,
          ...problemResponses(
            "auth.missing",
            "auth.forbidden",
            "cue.unknown",
            "cue.wrong_state",
            "draw.arm_too_late",
            "body.invalid",
          ),
        },
      },
    },
    async (request) => {
      const session = requireRole(request, "host", "operator");
      const { cue, action } = request.params;
      const { reason, opensAtMs } = request.body;
      if (opensAtMs !== undefined && action !== "rearm") {
        throw problem("body.invalid", { field: "opensAtMs", rule: "CU5", detail: "Only for `rearm`." });
      }
      const act = { cue, action, by: actorOf(session), reason: reason ?? null, opensAtMs };
      insist(await deps.director.act(act));
      return studioView(deps);
    },
  );
}

function serveStop(app: App, deps: StudioRoutesDeps): void {
  app.post(
    "/api/studio/draws/:draw/stop",
    {
      schema: {
        summary: "Stop a round at its next unsealed window, with a reason everybody reads",
        tags,
        params: z.object({ draw: idSchema }),
        body: reasonBodySchema,
        response: {
          200: studioSchema,
          ...problemResponses(
            "auth.missing",
            "auth.forbidden",
            "draw.unknown",
            "cue.wrong_state",
            "body.invalid",
          ),
        },
      },
    },
    async (request) => {
      const by = actorOf(requireRole(request, "host", "operator"));
      const draw = request.params.draw as DrawId;
      insist(await deps.director.stopDraw({ draw, by, reason: request.body.reason }));
      return studioView(deps);
    },
  );
}
