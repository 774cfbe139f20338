// Pages of other origins (ALLOWED_ORIGINS) that use the API: exact answers of CORS, a few lines of our own so that every
// word of them is read here.

import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { App } from "./app.ts";
import type { Origins } from "./origins.ts";

/**
 * What a viewer's page needs. The studio is for our own pages alone: staff sign in on no other origin. Letters only, so
 * that no other spelling of `studio` is taken for something else here and for the studio by the router.
 */
const OPEN = /^\/(?:api\/(?!studio(?:[/?]|$))[a-z-]+(?:[/?]|$)|pictures\/)/;
const METHODS = "GET, POST, DELETE";
const HEADERS = "authorization, content-type, idempotency-key";
/** Chromium keeps a preflight's answer two hours at most; an origin taken off the list is refused by the request itself. */
const PREFLIGHT_S = 600;

/**
 * Tells browsers which other origins' pages may read an answer: the exact origin that asks, when it is on the list, and
 * with it that cookies and tokens may be sent. Never a star, and nothing at all to others. Caches are told that the
 * answer differs by origin.
 *
 * @returns whether the request was a preflight and is answered
 */
export function answerCors(origins: Origins, request: FastifyRequest, reply: FastifyReply): boolean {
  if (origins.further.length === 0 || !OPEN.test(request.url)) return false;
  reply.header("vary", "Origin");
  const { origin } = request.headers;
  if (origin === undefined || !origins.further.includes(origin)) return false;
  reply.header("access-control-allow-origin", origin);
  reply.header("access-control-allow-credentials", "true");
  const isPreflight =
    request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
  if (!isPreflight) return false;
  reply.header("access-control-allow-methods", METHODS);
  reply.header("access-control-allow-headers", HEADERS);
  reply.header("access-control-max-age", String(PREFLIGHT_S));
  reply.code(204).send();
  return true;
}

/** The list, for our own venue page: whose pages may hold it in a frame and hand a token over. */
export function serveOrigins(app: App, origins: Origins): void {
  const schema = {
    summary: "Other origins whose pages may use this server and hold its venue page in a frame",
    tags: ["server"],
    response: { 200: z.object({ origins: z.array(z.string()).readonly() }) },
  };
  app.get("/api/origins", { schema }, async () => ({ origins: origins.further }));
}
