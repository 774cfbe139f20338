import { timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { type Metrics, type ServedSpan, serverSpan, sha256 } from "../platform/mod.ts";
import type { App } from "./app.ts";
import { problem } from "./problems.ts";

/** Who may read `/metrics` (OB2). */
export type MetricsAccess = {
  /** Shown as `Authorization: Bearer <token>`. */
  readonly token: string | undefined;
  /** People come through a proxy: somebody far away may look like this machine. */
  readonly behindProxy: boolean;
};

/** From a page out of memory to a claim that waits for a busy database. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const LOOPBACK = new Set(["127.0.0.1", "::1", "::ffff:127.0.0.1"]);
const OWN_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Times every request and makes it a span (OB6); call it before any route is mounted. */
export function observeRequests(app: App, metrics: Metrics): void {
  const durations = metrics.histogram({
    name: "wanhui_http_request_duration_seconds",
    help: "Time from a request's first byte to the last one of its answer.",
    labels: ["method", "route", "status"],
    buckets: SECONDS,
  });
  const spans = new WeakMap<FastifyRequest, ServedSpan>();
  app.addHook("onRequest", (request, _reply, next) => {
    const span = serverSpan(request.headers);
    spans.set(request, span);
    span.within(next);
  });
  app.addHook("onResponse", (request, reply, next) => {
    const { method } = request;
    const route = request.routeOptions.url ?? "unknown";
    durations.observe(reply.elapsedTime / 1_000, { method, route, status: String(reply.statusCode) });
    spans.get(request)?.end({ method, route, status: reply.statusCode });
    next();
  });
}

/** Counts problems under their codes (OB9). */
export function problemCounter(metrics: Metrics): (code: string) => void {
  const count = metrics.count({
    name: "wanhui_http_problems_total",
    help: "Requests answered with a problem, by its code.",
    labels: ["code"],
  });
  return (code) => count({ code });
}

/** Serves `/metrics`. */
export function serveMetrics(app: App, metrics: Metrics, access: MetricsAccess): void {
  const schema = { summary: "This process's numbers, for Prometheus", tags: ["server"], hide: true };
  app.get("/metrics", { schema }, async (request, reply) => {
    if (!mayRead(request, access)) throw problem("metrics.closed");
    const { contentType, body } = await metrics.text();
    return reply.header("content-type", contentType).header("cache-control", "no-store").send(body);
  });
}

function mayRead(request: FastifyRequest, { token, behindProxy }: MetricsAccess): boolean {
  if (token !== undefined) {
    const shown = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    return timingSafeEqual(sha256(Buffer.from(shown)), sha256(Buffer.from(token)));
  }
  if (behindProxy || "x-forwarded-for" in request.headers || "forwarded" in request.headers) return false;
  // The name as well: a page elsewhere can give its own name this machine's address, but cannot call itself localhost.
  const name = (request.headers.host ?? "").replace(/:\d+$/, "");
  return LOOPBACK.has(request.socket.remoteAddress ?? "") && OWN_NAMES.has(name);
}
