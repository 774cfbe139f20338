import { inviteBodySchema, inviteSchema, staffListSchema } from "@wanhui/protocol/schemas";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type App, noContent, problem, problemResponses } from "../http/mod.ts";
import type { People } from "./people.ts";
import { COOKIES, setCookie } from "./routes.ts";
import { requireRole, type Session, type StaffRole, sessionOf } from "./session.ts";
import { STAFF_TTL_MS } from "./staff.ts";

/** An operator's act on staff, for the one record of acts (CU6, PE12). */
export type StaffAct = {
  readonly action: "invite" | "end role" | "end role refused";
  /** The role invited to, or the staff whose role ends. */
  readonly target: string;
  readonly by: { readonly who: string; readonly role: "operator" };
  readonly reason: string | null;
};

export type StaffRoutesDeps = {
  readonly people: People;
  readonly secure: boolean;
  /** Begins invite links: `PUBLIC_URL`, or the address the server listens at. */
  readonly baseUrl: () => string;
  readonly record: (act: StaffAct) => Promise<void>;
};

const tags = ["staff"];
const tokenParams = z.object({ token: z.string().min(1).max(128) });

/** Path of a one-time link. */
export const operatorPath = (token: string) => `/operator/${token}`;

/** Makes the link printed at the start. @returns the path and when it ends; the token is nowhere stored */
export async function makeOperatorLink(
  people: People,
  role: StaffRole = "operator",
): Promise<{ path: string; expiresAtMs: number }> {
  const { token, expiresAtMs } = await people.staff.createLink({ role, invitedBy: null });
  return { path: operatorPath(token), expiresAtMs };
}

/** One-time links, invites, the list of staff and the end of a role. */
export function staffRoutes(app: App, deps: StaffRoutesDeps): void {
  serveLinks(app, deps);
  serveInvites(app, deps);
  serveStaff(app, deps);
}

function serveLinks(app: App, deps: StaffRoutesDeps): void {
  const hidden = { hide: true, params: tokenParams };
  app.get("/operator/:token", { schema: hidden }, async (request, reply) => {
    // Chat programs fetch links to show what is behind them, and would use one up. A person's browser says that it
    // opens a page; where it cannot (plain http across the network) the page asks for one press.
    if (isOpening(request.headers)) return useLink(deps, request.params.token, request, reply);
    return reply.type("text/html; charset=utf-8").header("cache-control", "no-store").send(LINK_PAGE);
  });
  // The page's form sends no field; its empty body has a type of its own.
  app.register(async (scope) => {
    scope.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { bodyLimit: 1_024 },
      (_request, _body, done) => done(null, null),
    );
    scope.post("/operator/:token", { schema: hidden }, async (request, reply) => {
      const { token } = tokenParams.parse(request.params);
      return useLink(deps, token, request, reply);
    });
  });
}

const actor = (session: Session) => ({ who: session.staff ?? session.userId, role: "operator" as const });

function serveInvites(app: App, deps: StaffRoutesDeps): void {
  const invite = {
    summary: "Invite a host, operator or auditor by a one-time link",
    tags,
    body: inviteBodySchema,
    response: { 200: inviteSchema, ...problemResponses("auth.missing", "auth.forbidden", "body.invalid") },
  };
  app.post("/api/studio/invites", { schema: invite }, async (request) => {
    const session = requireRole(request, "operator");
    const { role } = request.body;
    await deps.record({ action: "invite", target: role, by: actor(session), reason: null });
    const { staff } = deps.people;
    const { token, expiresAtMs } = await staff.createLink({ role, invitedBy: session.staff });
    return { url: new URL(operatorPath(token), deps.baseUrl()).href, expiresAtMs };
  });
}

function serveStaff(app: App, deps: StaffRoutesDeps): void {
  const list = {
    summary: "Everybody who came in by a link, those whose role has ended too",
    tags,
    response: { 200: staffListSchema, ...problemResponses("auth.missing", "auth.forbidden") },
  };
  app.get("/api/studio/staff", { schema: list }, async (request) => {
    const { staff: you } = requireRole(request, "operator", "auditor");
    return { staff: await deps.people.staff.list(), you };
  });

  const revoke = {
    summary: "End a staff member's role",
    description:
      "Operators only; one's own too, but never the last operator's. Unused links that person made end as well.",
    tags,
    params: z.object({ staff: z.string().max(64) }),
    response: {
      204: noContent,
      ...problemResponses("auth.missing", "auth.forbidden", "staff.unknown", "staff.last_operator"),
    },
  };
  app.delete("/api/studio/staff/:staff", { schema: revoke }, async (request, reply) => {
    const by = actor(requireRole(request, "operator"));
    const target = request.params.staff;
    // Written first: no role ever ends without a record of who ended it.
    await deps.record({ action: "end role", target, by, reason: null });
    const end = await deps.people.staff.revoke(target);
    if (end === "ended") return reply.code(204).send();
    const code = end === "unknown" ? "staff.unknown" : "staff.last_operator";
    await deps.record({ action: "end role refused", target, by, reason: code });
    throw problem(code, { field: "staff", rule: "PE12" });
  });
}

/**
 * Whether a person opens the page now. A browser that fetches or renders it ahead (a preview, a guess of the address
 * bar) says so in `Sec-Purpose` (Fetch standard), older ones in `Purpose` or `X-Moz`.
 */
function isOpening(headers: FastifyRequest["headers"]): boolean {
  if (headers["sec-fetch-dest"] !== "document") return false;
  const ahead = ["sec-purpose", "purpose", "x-purpose", "x-moz"].map((name) => String(headers[name] ?? ""));
  return !ahead.some((purpose) => /prefetch|prerender|preview/i.test(purpose));
}

async function useLink(deps: StaffRoutesDeps, token: string, request: FastifyRequest, reply: FastifyReply) {
  const { people } = deps;
  const member = await people.staff.useLink(token);
  if (member === null) throw problem("auth.link_used");
  const signed = people.signStaff(member.staff, ["viewer", member.role]);
  setCookie(reply, deps, { name: COOKIES.staff, value: signed.token, ttlMs: STAFF_TTL_MS });
  const device = people.device(request.cookies[COOKIES.device]);
  if (device.cookie !== null) {
    setCookie(reply, deps, { name: COOKIES.device, value: device.cookie, ttlMs: STAFF_TTL_MS });
  }
  // Staff are guests too: who has no guest's token yet gets one, so that the venue knows them.
  if (sessionOf(request) === null) {
    const guest = people.guest(device.device, null);
    const ttlMs = guest.expiresAtMs - guest.issuedAtMs;
    setCookie(reply, deps, { name: COOKIES.user, value: people.signUser(guest), ttlMs });
  }
  return reply.header("cache-control", "no-store").redirect("/studio", 303);
}

const LINK_PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>Wanhui</title>
<h1>Wanhui</h1>
<form method="post"><button autofocus>进入控制台 · Open the studio</button></form>
</html>
`;
