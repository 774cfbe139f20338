import type { RequestId } from "@wanhui/core";
import {
  hex16Schema,
  idSchema,
  pollAnswerSchema,
  pollQuerySchema,
  takeAnswerSchema,
  takeBodySchema,
  tapAnswerSchema,
  tapBodySchema,
} from "@wanhui/protocol/schemas";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { requireSession, type Session } from "../people/mod.ts";
import type { Intake, No, ShowPort, TakeOutcome, TapOutcome } from "./intake.ts";
import type { Room } from "./room.ts";

export type RoomRoutesDeps = {
  readonly room: Room;
  readonly intake: Intake;
  readonly show: Pick<ShowPort, "drawIndexOf">;
};

const tags = ["room"];
/** Polls from one place in the stream share an answer this long, here and in any cache before us. */
const POLL_CACHE = "public, max-age=1";

/** The room for those without a WebSocket: taps, takes and the ctl lane, by the same path as a frame's. */
export function roomRoutes(app: App, deps: RoomRoutesDeps): void {
  tapRoute(app, deps);
  takeRoute(app, deps);
  pollRoute(app, deps);
}

function tapRoute(app: App, { intake, show }: RoomRoutesDeps): void {
  const schema = {
    summary: "Enter the open window of a round",
    description: "The same as a packed frame on the socket. Answers after the entry is durable.",
    tags,
    params: z.object({ draw: idSchema }),
    body: tapBodySchema,
    response: {
      200: tapAnswerSchema,
      ...problemResponses(
        "auth.missing",
        "draw.unknown",
        "draw.not_open",
        "draw.cancelled",
        "draw.closed",
        "draw.not_eligible",
        "auth.level",
        "draw.check_required",
        "draw.device_full",
        "pass.invalid",
        "rate.limited",
      ),
    },
  };
  app.post("/api/draws/:draw/tap", { schema }, async (request) => {
    const session = requireSession(request);
    const drawIndex = show.drawIndexOf(request.params.draw);
    if (drawIndex === null) throw problem("draw.unknown");
    const { taps, nonce, pass } = request.body;
    showPass(intake, session, pass);
    const outcome = await new Promise<TapOutcome>((resolve) =>
      intake.tap(session, { drawIndex, taps, nonce: Buffer.from(nonce, "hex") }, resolve),
    );
    if (!outcome.ok) throw refused(outcome);
    const { window, fixedKey } = outcome;
    return fixedKey === null ? { window } : { window, fixedKey };
  });
}

function takeRoute(app: App, { intake }: RoomRoutesDeps): void {
  const schema = {
    summary: "Take one unit of a pool, first come, first served",
    description: "The same request id is the same wish and has the same answer, however often it is asked.",
    tags,
    params: z.object({ pool: idSchema }),
    body: takeBodySchema,
    response: {
      200: takeAnswerSchema,
      ...problemResponses(
        "auth.missing",
        "pool.unknown",
        "pool.sold_out",
        "grab.not_open",
        "grab.wait",
        "draw.not_eligible",
        "auth.level",
        "draw.check_required",
        "draw.device_full",
        "pass.invalid",
        "rate.limited",
      ),
    },
  };
  app.post("/api/pools/:pool/take", { schema }, async (request) => {
    const session = requireSession(request);
    const requestId = hex16Schema.parse(request.body.requestId) as RequestId;
    showPass(intake, session, request.body.pass);
    const outcome = await new Promise<TakeOutcome>((resolve) =>
      intake.take(session, { pool: request.params.pool, requestId }, resolve),
    );
    if (!outcome.ok) throw refused(outcome);
    return { awardId: outcome.awardId };
  });
}

function pollRoute(app: App, { room }: RoomRoutesDeps): void {
  const schema = {
    summary: "What the room's ordered lane said since a place in it",
    description: "`resumed: false` means: read `GET /api/show`, then go on from `offset`.",
    tags,
    querystring: pollQuerySchema,
    response: { 200: pollAnswerSchema, ...problemResponses("rate.limited") },
  };
  app.get("/api/room/poll", { schema, config: { limit: "poll", slow: "poll" } }, async (request, reply) => {
    const { stream, offset } = request.query;
    return (
      reply
        .header("content-type", "application/json; charset=utf-8")
        .header("cache-control", POLL_CACHE)
        // Bytes pass the serializer by: they are what the schema names, and made once for everybody.
        .send(room.poll(stream ?? null, offset ?? null) as never)
    );
  });
}

/** Each request shows its pass anew: there is no connection that would remember it. */
function showPass(intake: Intake, session: Session, pass: string | undefined): void {
  const no = pass === undefined ? null : intake.pass(session, pass);
  if (no !== null) throw refused(no);
}

function refused(outcome: No) {
  const { code, retryMs, place } = outcome;
  return problem(code, {
    ...(retryMs === undefined ? {} : { retryMs }),
    ...(place === undefined ? {} : { detail: `place ${place}` }),
  });
}
