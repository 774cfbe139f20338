import type { AwardId, DrawId, PoolId } from "@wanhui/core";
import type { AwardView, Code, ShowView, StudioNumbers, StudioView } from "@wanhui/protocol";
import {
  actsSchema,
  awardSchema,
  cueActionBodySchema,
  cueActionSchema,
  extendBodySchema,
  hex16Schema,
  idSchema,
  poolChangeBodySchema,
  reasonBodySchema,
  studioSchema,
} from "@wanhui/protocol/schemas";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { requireRole, type Session } from "../people/mod.ts";
import type { Board } from "./board-port.ts";
import type { Actor, ActResult, Director } from "./director-port.ts";

/** What a forfeit or an extension came to. */
export type AwardActResult =
  | { readonly ok: true; readonly award: AwardView }
  | { readonly ok: false; readonly code: Code };

/** What `studioRoutes` needs. */
export type StudioRoutesDeps = {
  readonly director: Director;
  readonly board: Board;
  /** The show as it stands now, not a kept one. */
  readonly view: () => ShowView;
  readonly nowMs: () => number;
  /** What other capabilities count. */
  readonly numbers: () => Pick<
    StudioNumbers,
    "viewers" | "orders" | "paid" | "journalAppendMs" | "materialiserLagBatches"
  >;
  /** Takes a held award back with a reason (AW4). */
  readonly forfeit: (input: {
    readonly awardId: AwardId;
    readonly reason: string;
  }) => Promise<AwardActResult>;
  /** Gives the winner of a held award more time, once (AW5). */
  readonly extend: (input: {
    readonly awardId: AwardId;
    readonly claimByMs: number;
  }) => Promise<AwardActResult>;
  /** Adds units to a pool or withdraws free ones, once per command id (PL3). */
  readonly changePool: (input: {
    readonly pool: PoolId;
    readonly delta: number;
    readonly commandId: string;
  }) => Promise<ActResult>;
};

const tags = ["studio"];
const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must be the slug of a cue");

/** The director's page: hosts and operators act, auditors read (CU6). */
export function studioRoutes(app: App, deps: StudioRoutesDeps): void {
  serveView(app, deps);
  serveCueActs(app, deps);
  serveStop(app, deps);
  serveForfeit(app, deps);
  serveExtend(app, deps);
  servePoolChange(app, deps);
}

/** Everything the studio shows, read in one go. */
async function studioView({ director, board, view, nowMs, numbers }: StudioRoutesDeps): Promise<StudioView> {
  const { viewers, ...others } = numbers();
  const all = { ...board.counts(viewers), ...board.rates(nowMs()), ...others };
  return director.studio({ show: view(), numbers: all });
}

/** An operator acts as operator, also when he is a host as well. */
function actorOf(session: Session): Actor {
  const role = session.roles.includes("operator") ? "operator" : "host";
  return { who: session.staff ?? session.userId, role };
}

function insist(result: ActResult): void {
  if (result.ok) return;
  const { code, field, rule } = result;
  throw problem(code, { ...(field === undefined ? {} : { field }), ...(rule === undefined ? {} : { rule }) });
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

function serveForfeit(app: App, deps: StudioRoutesDeps): void {
  app.post(
    "/api/studio/awards/:award/forfeit",
    {
      schema: {
        summary: "Take an unclaimed award back, with a reason that stays in the proof",
        description: "Operators only. Nobody moves up: the unit returns to the pool.",
        tags,
        params: z.object({ award: hex16Schema }),
        body: reasonBodySchema,
        response: {
          200: awardSchema,
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
      const result = await deps.forfeit({ awardId: target as AwardId, reason });
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
        params: z.object({ award: hex16Schema }),
        body: extendBodySchema,
        response: {
          200: awardSchema,
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
      const result = await deps.extend({ awardId: target as AwardId, claimByMs });
      if (result.ok) return result.award;
      await deps.director.record({ action: "extend refused", target, by, reason: result.code });
      throw problem(
        result.code,
        result.code === "award.bad_deadline" ? { field: "claimByMs", rule: "AW5" } : {},
      );
    },
  );
}

function servePoolChange(app: App, deps: StudioRoutesDeps): void {
  app.post(
    "/api/studio/pools/:pool/change",
    {
      schema: {
        summary: "Add units to a pool, or withdraw units nobody has",
        description:
          "Operators only. `delta` is positive to restock, negative to withdraw. Ask again with the same `commandId` " +
          "when the answer was lost: it happens once.",
        tags,
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
      const reason = `${Math.abs(delta)} units: ${request.body.reason}`;
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
