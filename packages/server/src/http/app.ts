import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import cookie from "@fastify/cookie";
import { BODY_BYTES_MAX } from "@wanhui/protocol";
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { z } from "zod";
import { Fault, type Log, type Metrics } from "../platform/mod.ts";
import { answerCors, serveOrigins } from "./cors.ts";
import { serveDocs } from "./docs.ts";
import { securityHeaders } from "./headers.ts";
import { type MetricsAccess, observeRequests, problemCounter, serveMetrics } from "./observe.ts";
import { createOrigins, type Origins } from "./origins.ts";
import { servePages, servePictures } from "./pages.ts";
import { isCode, ProblemError, problem, problemBody } from "./problems.ts";
import type { Tls } from "./tls.ts";

/** The application routes are mounted on; schemas are zod, and types of body, query and parameters follow from them. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What `/health` says; `ok: false` answers 503, so that a balancer sends nobody here. */
export type Health = { readonly ok: boolean; readonly parts: Readonly<Record<string, string>> };

export type AppOptions = {
  readonly log: Log;
  readonly version: string;
  /** Shared with the gateway: both refuse the same pages. Made from the two settings below when not given. */
  readonly origins?: Origins | undefined;
  /** Address people use when a proxy stands before us. */
  readonly publicUrl?: string | undefined;
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Fastify's setting: how many proxies, or which addresses, may say who the client is. Off without a proxy. */
  readonly trustProxy?: boolean | string | readonly string[] | number | undefined;
  readonly tls?: Tls | undefined;
  /** `apps/web/dist`; without it only the API is served. */
  readonly webFolder?: string | undefined;
  /** The running show's pictures, served at `/pictures/<file>`. */
  readonly picturesFolder?: string | undefined;
  readonly health?: (() => Health) | undefined;
  /** Requests are counted there, and it is served at `/metrics`. */
  readonly metrics?: { readonly numbers: Metrics; readonly access: MetricsAccess } | undefined;
};

type ProblemWriter = {
  readonly log: Log;
  /** Hears the code of every problem that is answered. */
  readonly count: (code: string) => void;
};

/** Longest path parameter: an id of 128 characters, each possibly written as three (`%2F`). */
const PARAMETER_CHARACTERS_MAX = 384;
/** A request that is not whole by then is a slow attack: a body has at most 16 KiB. */
const REQUEST_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
const READING = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Makes the HTTP application: coded problems, origin check, headers, cookies, body limit, OpenAPI, pages.
 * Mount routes on it, then `listen`.
 */
export async function createApp(options: AppOptions): Promise<App> {
  const { metrics } = options;
  const writer = { log: options.log, count: metrics ? problemCounter(metrics.numbers) : () => {} };
  const app = bareApp(options, writer);
  if (metrics) observeRequests(app, metrics.numbers);
  const secure = options.tls !== undefined || options.publicUrl?.startsWith("https:") === true;
  const origins = options.origins ?? createOrigins({ ...options, secure: options.tls !== undefined });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(writer, error, request, reply));
  app.setNotFoundHandler((_request, reply) => sendProblem(writer, reply, problem("route.unknown")));
  const headers = securityHeaders({ secure });
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headers);
    // No name of ours has a NUL, and PostgreSQL's text type takes none.
    if (request.url.includes("%00"))
      throw problem("body.invalid", { field: "url", rule: "must hold no NUL" });
    if (answerCors(origins, request, reply)) return reply;
    if (!READING.has(request.method)) checkOrigin(origins, request);
  });
  app.addHook("onSend", async (request, reply) => {
    // Answers of the API are about one person or one moment.
    if (request.url.startsWith("/api/") && !reply.hasHeader("cache-control")) {
      reply.header("cache-control", "no-store");
    }
  });
  app.addHook("onListen", async () => {
    const address = app.server.address();
    if (typeof address === "object" && address !== null) origins.listeningOn(address.port);
  });
  await app.register(cookie);
  await serveDocs(app, options.version);
  serveHealth(app, options);
  if (metrics) serveMetrics(app, metrics.numbers, metrics.access);
  serveOrigins(app, origins);
  if (options.webFolder !== undefined) await servePages(app, options.webFolder, origins);
  if (options.picturesFolder !== undefined) await servePictures(app, options.picturesFolder);
  return app;
}

function bareApp(options: AppOptions, writer: ProblemWriter): App {
  const shared = {
    logger: false as const,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Sockets of the room are closed by the gateway, with a word; idle HTTP connections have nothing to say.
    forceCloseConnections: "idle" as const,
    trustProxy: trustedProxies(options.trustProxy),
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
    clientErrorHandler,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      answerError(writer, error, request, reply);
    },
  };
  const app =
    options.tls === undefined
      ? fastify(shared)
      : fastify({ ...shared, https: { key: options.tls.key, cert: options.tls.cert } });
  // Fastify's types tell HTTP and HTTPS servers apart; every route here is written for both.
  return app.withTypeProvider<ZodTypeProvider>() as unknown as App;
}

function trustedProxies(
  setting: AppOptions["trustProxy"],
): boolean | string | string[] | ((address: string, hop: number) => boolean) {
  if (typeof setting === "number") return (_address, hop) => hop < setting;
  if (typeof setting === "object") return [...setting];
  return setting ?? false;
}

/**
 * Only pages on the list may change anything. Browsers name their origin on every such request; what sends neither
 * an origin nor a fetch-site is no browser, and holds its own token.
 */
function checkOrigin(origins: Origins, request: FastifyRequest): void {
  const { origin } = request.headers;
  if (origin !== undefined) {
    if (!origins.has(origin)) throw problem("origin.refused");
    return;
  }
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") throw problem("origin.refused");
}

function sendProblem(writer: ProblemWriter, reply: FastifyReply, error: ProblemError): FastifyReply {
  const { body } = error;
  writer.count(body.code);
  if (body.retryAfterMs !== undefined) reply.header("retry-after", Math.ceil(body.retryAfterMs / 1_000));
  // Past the route's own schemas: a problem is an answer of every route.
  return reply
    .code(body.status)
    .header("content-type", "application/problem+json; charset=utf-8")
    .header("cache-control", "no-store")
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(body);
}

function answerError(
  writer: ProblemWriter,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const answer = problemOf(error);
  if (answer.body.status >= 500) {
    const route = `${request.method} ${request.routeOptions?.url ?? "?"}`;
    writer.log.error({ err: error, code: answer.code, route }, "request failed");
  }
  return sendProblem(writer, reply, answer);
}

/** Every way a request can fail, as one of our codes; unknown ones say nothing of the inside. */
function problemOf(error: FastifyError): ProblemError {
  if (error instanceof ProblemError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return validationProblem(error);
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return problem("body.too_large");
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return problem("body.invalid", { field: "content-type", rule: "must be application/json" });
  }
  if (error.code === "FST_ERR_BAD_URL" || error.code === "FST_ERR_MAX_PARAM_LENGTH")
    return problem("route.unknown");
  if (error instanceof Fault || isFaultLike(error)) {
    return problem(isCode(error.code) ? error.code : "server.fault", { cause: error });
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return problem("body.invalid", { rule: "must be one whole JSON value" });
  }
  return problem("server.fault", { cause: error });
}

/** Faults of other doors carry `code` and `retryable` as ours do. */
function isFaultLike(error: Error): error is Error & { code: string; retryable: boolean } {
  return "retryable" in error && "code" in error && isCode(error.code);
}

function validationProblem(error: {
  validation: readonly { instancePath: string; message?: string | undefined }[];
  validationContext?: string | undefined;
}): ProblemError {
  const first = error.validation[0];
  const path = (first?.instancePath ?? "").split("/").filter((part) => part !== "");
  const place =
    error.validationContext === undefined || error.validationContext === "body"
      ? []
      : [error.validationContext];
  const field = [...place, ...path].join(".");
  return problem("body.invalid", {
    field: field === "" ? "body" : field,
    rule: first?.message ?? "is malformed",
  });
}

function serveHealth(app: App, options: AppOptions): void {
  const view = z.object({ ok: z.boolean(), version: z.string(), parts: z.record(z.string(), z.string()) });
  const schema = {
    summary: "Whether this server serves",
    tags: ["server"],
    response: { 200: view, 503: view },
  };
  app.get("/health", { schema }, async (_request, reply) => {
    const health = options.health?.() ?? { ok: true, parts: {} };
    const body = { ok: health.ok, version: options.version, parts: { ...health.parts } };
    reply.header("cache-control", "no-store");
    if (!health.ok) reply.code(503);
    return body;
  });
}

/** What is not even HTTP gets one coded answer, then the end of its connection. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problemBody("frame.malformed", { detail: "The request could not be read." }));
  const head = [
    `HTTP/1.1 400 ${STATUS_CODES[400]}`,
    "content-type: application/problem+json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
