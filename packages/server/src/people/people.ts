import type { DrawId, UserId } from "@wanhui/core";
import { SOCKET_TICKET_TTL_MS, type SocketTicketView } from "@wanhui/protocol";
import { addressBucketOf, type Limits } from "./limits.ts";
import type { PlatformTokens } from "./platform-token.ts";
import { createPseudonyms, type Pseudonyms } from "./pseudonyms.ts";
import type { Secret } from "./secrets.ts";
import type { Role, Session } from "./session.ts";
import { STAFF_TTL_MS, type StaffStore } from "./staff.ts";
import {
  createTokens,
  newDeviceId,
  newGuestId,
  staffGuestId,
  syntheticUserId,
  type TokenFault,
  type UserToken,
} from "./tokens.ts";

/** A guest keeps his awards as long as he keeps his cookie. */
export const GUEST_TTL_MS = 180 * 24 * 3_600_000;
/** Browsers keep no cookie longer than 400 days. */
export const DEVICE_TTL_MS = 400 * 24 * 3_600_000;
/** A rehearsal's people live as long as the grant, at most this. */
const SYNTHETIC_TTL_MS_MAX = 24 * 3_600_000;

export type PeopleOptions = {
  readonly secret: Secret;
  readonly nowMs: () => number;
  readonly staff: StaffStore;
  readonly limits: Limits;
  /** Null where no host platform is set. */
  readonly platform: PlatformTokens | null;
  /** The run that is a rehearsal now; null while a real show runs, and then no grant counts (PE9). */
  readonly rehearsalRun: () => string | null;
  /** Draws a socket ticket's pseudonyms are made for. */
  readonly drawIds: () => readonly DrawId[];
};

/** What a request brings: header values and cookies as they came, and the address its proxies vouch for. */
export type Credentials = {
  readonly authorization: string | undefined;
  readonly userCookie: string | undefined;
  readonly staffCookie: string | undefined;
  readonly deviceCookie: string | undefined;
  readonly ip: string | undefined;
};

export type SyntheticPerson = { readonly person: string; readonly device: string; readonly address: string };

/** Who is who. Everything but staff is worked out from signed tokens, without a query. */
export type People = {
  readonly limits: Limits;
  readonly pseudonyms: Pseudonyms;
  readonly platform: PlatformTokens | null;
  readonly staff: StaffStore;
  /** The session of a request, or why there is none. */
  identify(credentials: Credentials): Promise<Session | TokenFault | null>;
  /** A guest: a new one, or the one he was, with a new term. */
  guest(device: string, known: UserId | null): UserToken;
  platformUser(
    person: { user: UserId; level: Session["level"]; expiresAtMs: number },
    device: string,
  ): UserToken;
  /** A synthetic person, if the grant is for the rehearsal that runs now. */
  synthetic(grant: string, person: SyntheticPerson): UserToken | TokenFault;
  signUser(token: UserToken): string;
  signStaff(staff: string, roles: readonly Role[]): { token: string; expiresAtMs: number };
  /** Id of a signed device cookie, or a new one. */
  device(cookie: string | undefined): { device: string; cookie: string | null };
  socketTicket(session: Session): SocketTicketView;
  /** The session of a socket ticket; null when it is not ours or older than a minute (PE7), or of a rehearsal that is over. */
  checkTicket(ticket: string): Session | null;
};

export function createPeople(options: PeopleOptions): People {
  const { secret, nowMs, staff } = options;
  const tokens = createTokens(secret, nowMs);
  const pseudonyms = createPseudonyms(secret);

  const userOf = (credentials: Credentials): UserToken | TokenFault | null => {
    const bearer = bearerOf(credentials.authorization);
    if (bearer?.startsWith("u1.")) return tokens.check("u1", bearer);
    if (bearer !== null && !bearer.startsWith("s1.")) return "invalid";
    return credentials.userCookie === undefined ? null : tokens.check("u1", credentials.userCookie);
  };
  const staffOf = async (credentials: Credentials): Promise<{ staff: string; roles: Role[] } | null> => {
    const bearer = bearerOf(credentials.authorization);
    const text = bearer?.startsWith("s1.") ? bearer : credentials.staffCookie;
    const token = text === undefined ? "invalid" : tokens.check("s1", text);
    if (typeof token === "string") return null;
    // The token says what the role was; the row says whether it still is.
    const role = await staff.roleOf(token.staff);
    return role === null || !token.roles.includes(role)
      ? null
      : { staff: token.staff, roles: ["viewer", role] };
  };
  const deviceOf = (cookie: string | undefined): string | null => {
    const token = cookie === undefined ? "invalid" : tokens.check("d1", cookie);
    return typeof token === "string" ? null : token.device;
  };
  /** A synthetic person is one of his own rehearsal only, and nobody in the next one or in a real show (PE9). */
  const isOfAnotherRun = ({ synthetic, run }: Pick<Session, "synthetic" | "run">): boolean =>
    synthetic && (run === null || run !== options.rehearsalRun());

  return {
    limits: options.limits,
    pseudonyms,
    platform: options.platform,
    staff,
    async identify(credentials) {
      const user = userOf(credentials);
      const member = await staffOf(credentials);
      const known = user === null || typeof user === "string" ? null : user;
      if (known === null && member === null) return user as TokenFault | null;
      if (known !== null && isOfAnotherRun(known)) return "expired";
      return {
        userId: known?.user ?? staffGuestId(member?.staff ?? ""),
        device: known?.synthetic
          ? known.device
          : (deviceOf(credentials.deviceCookie) ?? known?.device ?? `staff:${member?.staff}`),
        level: known?.level ?? "guest",
        roles: member?.roles ?? ["viewer"],
        synthetic: known?.synthetic ?? false,
        run: known?.run ?? null,
        address: known?.address ?? addressBucketOf(credentials.ip),
        expiresAtMs: known?.expiresAtMs ?? null,
        staff: member?.staff ?? null,
      };
    },
    guest: (device, known) => ({
      user: known ?? newGuestId(),
      level: "guest",
      device,
      synthetic: false,
      run: null,
      address: null,
      issuedAtMs: nowMs(),
      expiresAtMs: nowMs() + GUEST_TTL_MS,
    }),
    platformUser: ({ user, level, expiresAtMs }, device) => ({
      user,
      level,
      device,
      synthetic: false,
      run: null,
      address: null,
      issuedAtMs: nowMs(),
      expiresAtMs,
    }),
    synthetic(grant, person) {
      const granted = tokens.check("r1", grant);
      if (typeof granted === "string") return granted;
      if (granted.run !== options.rehearsalRun()) return "invalid";
      return {
        user: syntheticUserId(granted.run, person.person),
        level: "guest",
        // Apart from real devices and addresses, so that a rehearsal can fill nobody's bucket but its own.
        device: `synthetic:${person.device}`,
        address: `synthetic:${person.address}`,
        synthetic: true,
        run: granted.run,
        issuedAtMs: nowMs(),
        expiresAtMs: Math.min(granted.expiresAtMs, nowMs() + SYNTHETIC_TTL_MS_MAX),
      };
    },
    signUser: (token) => tokens.sign("u1", token),
    signStaff(name, roles) {
      const expiresAtMs = nowMs() + STAFF_TTL_MS;
      return { token: tokens.sign("s1", { staff: name, roles, expiresAtMs }), expiresAtMs };
    },
    device(cookie) {
      const known = deviceOf(cookie);
      if (known !== null) return { device: known, cookie: null };
      const device = newDeviceId();
      return { device, cookie: tokens.sign("d1", { device, expiresAtMs: nowMs() + DEVICE_TTL_MS }) };
    },
    socketTicket(session) {
      const { userId, device, level, roles, synthetic, run, address } = session;
      const expiresAtMs = nowMs() + SOCKET_TICKET_TTL_MS;
      const payload = {
        user: userId,
        device,
        level,
        roles,
        synthetic,
        run,
        address,
        staff: session.staff,
        endsAtMs: session.expiresAtMs,
        expiresAtMs,
      };
      const names = options.drawIds().map((draw) => [draw, pseudonyms.of(draw, userId).toString("hex")]);
      return { ticket: tokens.sign("t1", payload), expiresAtMs, pseudonyms: Object.fromEntries(names) };
    },
    checkTicket(ticket) {
      const payload = tokens.check("t1", ticket);
      if (typeof payload === "string" || isOfAnotherRun(payload)) return null;
      const { user, endsAtMs, ...rest } = payload;
      return { ...rest, userId: user, expiresAtMs: endsAtMs };
    },
  };
}

function bearerOf(authorization: string | undefined): string | null {
  const [scheme, token] = (authorization ?? "").split(" ", 2);
  return scheme?.toLowerCase() === "bearer" && token !== undefined ? token : null;
}
