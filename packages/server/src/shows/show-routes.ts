import type { ShowView } from "@wanhui/protocol";
import { showSchema } from "@wanhui/protocol/schemas";
import type { App } from "../http/mod.ts";

/** What `showRoutes` needs: the show as it stands, with where the `ctl` lane stood when it was made. */
export type ShowRoutesDeps = { readonly view: () => ShowView; readonly nowMs: () => number };

/**
 * A view is made at most this often, however many ask: a storm of reconnects costs one view. Who connects with the
 * view's (stream, offset) misses nothing, however old it is.
 */
const VIEW_KEPT_MS = 1_000;

/** `GET /api/show`: what every page begins with. Public, and fit for a cache in front. */
export function showRoutes(app: App, deps: ShowRoutesDeps): void {
  let kept: { readonly body: string; readonly madeAtMs: number } | undefined;
  app.get(
    "/api/show",
    {
      schema: {
        summary: "The running show: venues, rundown, rounds, prizes, numbers",
        description:
          "At most one second old. Connect the socket with its `stream` and `offset` to miss nothing.",
        tags: ["show"],
        response: { 200: showSchema },
      },
    },
    async (_request, reply) => {
      const nowMs = deps.nowMs();
      if (kept === undefined || nowMs - kept.madeAtMs >= VIEW_KEPT_MS || nowMs < kept.madeAtMs) {
        // Encoded here once: what leaves is exactly what the schema names.
        kept = { body: JSON.stringify(showSchema.parse(deps.view())), madeAtMs: nowMs };
      }
      return reply
        .header("content-type", "application/json; charset=utf-8")
        .header("cache-control", "public, max-age=1")
        .serializer((payload: unknown) => payload as string)
        .send(kept.body as never);
    },
  );
}
