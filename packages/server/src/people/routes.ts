import type { SessionView } from "@wanhui/protocol";
import { sessionBodySchema, sessionSchema, socketTicketSchema } from "@wanhui/protocol/schemas";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type App, noContent, problem, problemResponses } from "../http/mod.ts";
import { type AddressKind, addressBucketOf } from "./limits.ts";
import { DEVICE_TTL_MS, type People } from "./people.ts";
import { rememberSession, requireSession, type Session, sessionOf } from "./session.ts";
import { isGuest, type TokenFault, type UserToken } from "./tokens.ts";

const USER_COOKIE = "wanhui";
const STAFF_COOKIE = "wanhui_staff";
const DEVICE_COOKIE = "wanhui_device";
const REHEARSAL_HEADER = "x-wanhui-rehearsal";
const READING = new Set(["GET", "HEAD", "OPTIONS"]);
const tags = ["people"];

export type PeopleRoutesDeps = {
  readonly people: People;
  /** Whether browsers reach us by https: cookies are then for https alone. */
  readonly secure: boolean;
};

/** Why a token of a request did not count, beside the request. */
const faults = new WeakMap<object, TokenFault>();

declare module "fastify" {
  interface FastifyContextConfig {
    /** Each asking takes from these buckets of who asks (LM7, WR16). Changing requests take from `write` anyway. */
    limit?: "read" | "poll";
    /** Slows each asking by this bucket of the address, beside the one every request takes from (LM3). */
    slow?: "poll";
  }
}

/**
 * Works out the session of every request of the API, slows busy addresses down, refuses busy users and devices
 * (LM4), and mounts sign-in, sign-out and the socket ticket. Mount it before any other routes.
 */
export function peopleRoutes(app: App, deps: PeopleRoutesDeps): void {
  const { people } = deps;
  app.addHook("onRequest", async (request) => {
    if (!request.url.startsWith("/api/") && !request.url.startsWith("/operator/")) return;
    const { wanhui, wanhui_staff, wanhui_device } = request.cookies;
    const session = await people.identify({
      authorization: request.headers.authorization,
      userCookie: wanhui,
      staffCookie: wanhui_staff,
      deviceCookie: wanhui_device,
      ip: request.ip,
    });
    if (typeof session === "string") faults.set(request, session);
    else if (session !== null) rememberSession(request, session);
    const address = sessionOf(request)?.address ?? addressBucketOf(request.ip);
    const { limit, slow } = request.routeOptions.config;
    await slowed(people, "request", address);
    if (slow !== undefined) await slowed(people, slow, address);
    const known = sessionOf(request);
    if (known === null) return;
    const kind = READING.has(request.method) ? limit : "write";
    if (kind === undefined) return;
    const waitMs = people.limits.take(kind, known, 1);
    if (waitMs > 0) throw problem("rate.limited", { retryMs: waitMs });
  });
  sessionRoutes(app, deps);
  const ticket = {
    summary: "A ticket for one WebSocket, good for a minute",
    tags,
    response: { 200: socketTicketSchema, ...problemResponses("auth.missing", "rate.limited") },
  };
  app.post("/api/socket-ticket", { schema: ticket }, async (request) =>
    people.socketTicket(requireSession(request)),
  );
}

/** Waits as long as an address has earned; never refuses (LM3, LM8). */
function slowed(people: People, kind: AddressKind, address: string): Promise<void> {
  return new Promise((resolve) => people.limits.slow(kind, address, resolve));
}

function sessionRoutes(app: App, deps: PeopleRoutesDeps): void {
  const { people } = deps;
  const signIn = {
    summary: "Sign in: as a guest, with the host platform's token, or as a rehearsal's synthetic person",
    tags,
    body: sessionBodySchema.nullish(),
    response: {
      200: sessionSchema,
      ...problemResponses("auth.invalid", "auth.expired", "auth.unavailable", "body.invalid", "rate.limited"),
    },
  };
  app.post("/api/session", { schema: signIn }, async (request, reply): Promise<SessionView> => {
    const body = request.body ?? {};
    const session = sessionOf(request);
    if (body.synthetic !== undefined) return signInSynthetic(people, request, body.synthetic);
    // Somebody nobody knew: each holds a place in buckets, lanes and tables, so an address makes them at a pace.
    if (session === null) await slowed(people, "session", addressBucketOf(request.ip));
    const { device, cookie } = people.device(request.cookies[DEVICE_COOKIE]);
    // A device that is known makes new people at a pace; a host platform's are the platform's own (AB11).
    if (session === null && cookie === null && body.platformToken === undefined) {
      const waitMs = people.limits.takeNewcomer(device);
      if (waitMs > 0) throw problem("rate.limited", { retryMs: waitMs });
    }
    const token = await newTokenOf(people, session, body.platformToken, device);
    if (token === null) return viewOf(requireSession(request), session);
    const view = viewOf({ ...token, userId: token.user }, session);
    const signed = people.signUser(token);
    if (body.bearer === true) return { ...view, token: signed };
    if (cookie !== null) setCookie(reply, deps, { name: DEVICE_COOKIE, value: cookie, ttlMs: DEVICE_TTL_MS });
    setCookie(reply, deps, { name: USER_COOKIE, value: signed, ttlMs: token.expiresAtMs - token.issuedAtMs });
    return view;
  });

  const who = {
    summary: "Who I am",
    tags,
    response: { 200: sessionSchema, ...problemResponses("auth.missing", "auth.expired", "auth.invalid") },
  };
  app.get("/api/session", { schema: who }, async (request): Promise<SessionView> => {
    const session = sessionOf(request);
    const fault = faults.get(request);
    if (session === null) throw problem(fault === undefined ? "auth.missing" : `auth.${fault}`);
    return viewOf(session, session);
  });

  const signOut = { summary: "Sign out", tags, response: { 204: noContent } };
  app.delete("/api/session", { schema: signOut }, async (_request, reply) => {
    // The device stays the same device: its limits outlive a sign-out.
    for (const name of [USER_COOKIE, STAFF_COOKIE]) setCookie(reply, deps, { name, value: "", ttlMs: 0 });
    return reply.code(204).send();
  });
}

/** The platform's person, or a guest new or as before; null when the session at hand stays as it is. */
async function newTokenOf(
  people: People,
  session: Session | null,
  platformToken: string | undefined,
  device: string,
): Promise<UserToken | null> {
  if (platformToken !== undefined) {
    if (people.platform === null) {
      throw problem("auth.invalid", { field: "platformToken", rule: "no host platform is set here" });
    }
    const answer = await people.platform.check(platformToken);
    if (!answer.ok) throw problem(answer.code, { field: "platformToken", rule: answer.rule });
    return people.platformUser(answer, device);
  }
  if (session === null || session.synthetic) return people.guest(device, null);
  // A platform's person stays one until that sign-in ends, and is not made to last longer by asking here.
  return isGuest(session.userId) ? people.guest(device, session.userId) : null;
}

function signInSynthetic(
  people: People,
  request: FastifyRequest,
  person: { person: string; device: string; address: string },
): SessionView {
  const grant = request.headers[REHEARSAL_HEADER];
  if (typeof grant !== "string") throw problem("auth.missing", { field: REHEARSAL_HEADER });
  const token = people.synthetic(grant, person);
  if (typeof token === "string") throw problem(`auth.${token}`, { field: REHEARSAL_HEADER });
  // Another person in the same jar would be one device to us: synthetic people carry their token.
  return { ...viewOf({ ...token, userId: token.user }, null), token: people.signUser(token) };
}

function viewOf(
  person: Pick<Session, "userId" | "level" | "synthetic" | "expiresAtMs">,
  session: Session | null,
): SessionView {
  const { userId, level, synthetic, expiresAtMs } = person;
  const view = { user: userId, level, roles: session?.roles ?? ["viewer"], synthetic };
  return expiresAtMs === null ? view : { ...view, expiresAtMs };
}

/** Sets, or with `ttlMs: 0` removes, one of our cookies. */
export function setCookie(
  reply: FastifyReply,
  deps: Pick<PeopleRoutesDeps, "secure">,
  cookie: { name: string; value: string; ttlMs: number },
): void {
  reply.setCookie(cookie.name, cookie.value, {
    path: "/",
    httpOnly: true,
    sameSite: "lax",
    secure: deps.secure,
    maxAge: Math.floor(cookie.ttlMs / 1_000),
  });
}

/** Names of the cookies, for the staff's routes. */
export const COOKIES = { user: USER_COOKIE, staff: STAFF_COOKIE, device: DEVICE_COOKIE } as const;
