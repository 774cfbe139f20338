import type { PoolId } from "@wanhui/core";
import { idSchema, poolChangeBodySchema, studioSchema } from "@wanhui/protocol/schemas";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { requireRole } from "../people/mod.ts";
import { actorOf, type StudioRoutesDeps, studioView } from "./studio-parts.ts";

/** Operators restock pools and withdraw what is free; every attempt is an act (PL3). */
export function studioPoolRoutes(app: App, deps: StudioRoutesDeps): void {
  app.post(
    "/api/studio/pools/:pool/change",
    {
      schema: {
        summary: "Add units to a pool, or withdraw units nobody has",
        description:
          "Operators only. `delta` is positive to restock, negative to withdraw. Ask again with the same `commandId` " +
          "when the answer was lost: it happens once.",
        tags: ["studio"],
        params: z.object({ pool: idSchema.describe("The pool's id, its `/` written as `%2F`.") }),
        body: poolChangeBodySchema,
        response: {
          200: studioSchema,
          ...problemResponses(
            "auth.missing",
            "auth.forbidden",
            "pool.unknown",
            "pool.insufficient",
            "pool.bad_parameters",
            "request.conflict",
            "body.invalid",
          ),
        },
      },
    },
    async (request) => {
      const by = actorOf(requireRole(request, "operator"));
      const { delta, commandId } = request.body;
      const target = request.params.pool;
      const pool = target as PoolId;
      if (deps.board.prize(pool) === null) throw problem("pool.unknown");
      const action = delta > 0 ? "restock" : "withdraw";
      // An attempt sent again is an act as well: by its command a reader tells it from another change.
      const reason = `${Math.abs(delta)} units, command ${commandId.slice(0, 8)}: ${request.body.reason}`;
      await deps.director.record({ action, target, by, reason });
      const result = await deps.changePool({ pool, delta, commandId });
      if (!result.ok) {
        await deps.director.record({ action: `${action} refused`, target, by, reason: result.code });
        const { field = "delta", code } = result;
        throw problem(code, code === "pool.unknown" ? {} : { field, rule: "PL3" });
      }
      return studioView(deps);
    },
  );
}
