import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { UserId } from "@wanhui/core";
import { keyFor, type Secret } from "./secrets.ts";
import type { Level, Role } from "./session.ts";

// Signed tokens: `<kind><version>.<payload>.<mac>`, both parts base64url. The kind and its version are part of the
// key, so that a token of one kind never passes for another; a new layout is a new version.

export type UserToken = {
  readonly user: UserId;
  readonly level: Level;
  /** Device of a client without cookies. */
  readonly device: string;
  readonly synthetic: boolean;
  /** The rehearsal a synthetic person belongs to (PE9); null for everybody else. */
  readonly run: string | null;
  /** Stated address of a synthetic person, else null. */
  readonly address: string | null;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
};
export type StaffToken = {
  readonly staff: string;
  readonly roles: readonly Role[];
  readonly expiresAtMs: number;
};
export type DeviceToken = { readonly device: string; readonly expiresAtMs: number };
export type TicketToken = {
  readonly user: UserId;
  readonly device: string;
  readonly level: Level;
  readonly roles: readonly Role[];
  readonly synthetic: boolean;
  readonly run: string | null;
  readonly address: string;
  readonly staff: string | null;
  /** When the sign-in behind the ticket ends, and with it the socket it opens. */
  readonly endsAtMs: number | null;
  readonly expiresAtMs: number;
};
/** The pass of a bot check (AB4). @property for id of the draw, or of the rain's pool */
export type EntryPassToken = { readonly user: UserId; readonly for: string; readonly expiresAtMs: number };
export type RehearsalToken = { readonly run: string; readonly expiresAtMs: number };

/** Kinds and their present versions. */
type Kinds = {
  u1: UserToken;
  s1: StaffToken;
  d1: DeviceToken;
  t1: TicketToken;
  r1: RehearsalToken;
  e1: EntryPassToken;
};
export type TokenKind = keyof Kinds;

/** Why a token does not count. */
export type TokenFault = "invalid" | "expired";

/** Longest token looked at: the largest, a staff member's ticket, has some 400 characters. */
const TOKEN_CHARACTERS_MAX = 1_024;

/** Signs and checks tokens of every kind with keys derived once. */
export type Tokens = {
  sign<Kind extends TokenKind>(kind: Kind, payload: Kinds[Kind]): string;
  /** The payload of a token that is ours and has not expired; else why not. Costs one HMAC and no query. */
  check<Kind extends TokenKind>(kind: Kind, token: string): Kinds[Kind] | TokenFault;
};

export function createTokens(secret: Secret, nowMs: () => number): Tokens {
  const keys = new Map<TokenKind, Buffer>(
    (["u1", "s1", "d1", "t1", "r1", "e1"] as const).map((kind) => [kind, keyFor(secret, `token/${kind}`)]),
  );
  const macOf = (kind: TokenKind, payload: string) =>
    createHmac("sha256", keys.get(kind) ?? randomBytes(32))
      .update(payload)
      .digest();
  return {
    sign(kind, payload) {
      const text = Buffer.from(JSON.stringify(payload)).toString("base64url");
      return `${kind}.${text}.${macOf(kind, text).toString("base64url")}`;
    },
    check<Kind extends TokenKind>(kind: Kind, token: string): Kinds[Kind] | TokenFault {
      if (token.length > TOKEN_CHARACTERS_MAX || !token.startsWith(`${kind}.`)) return "invalid";
      const dot = token.indexOf(".", kind.length + 1);
      if (dot < 0) return "invalid";
      const payload = token.slice(kind.length + 1, dot);
      const claimed = token.slice(dot + 1);
      const mac = macOf(kind, payload);
      const given = Buffer.from(claimed, "base64url");
      // One spelling per token: base64 readers forgive, and a forgiven twin would be another token with the same MAC.
      if (given.length !== mac.length || given.toString("base64url") !== claimed) return "invalid";
      if (!timingSafeEqual(given, mac)) return "invalid";
      // Only we can have made the MAC, so the payload has the shape we gave it.
      const value = JSON.parse(Buffer.from(payload, "base64url").toString()) as Kinds[Kind];
      return value.expiresAtMs <= nowMs() ? "expired" : value;
    },
  };
}

/**
 * Makes the grant by which an operator lets a synthetic audience into one run, which must be a rehearsal.
 * It is shown as `x-wanhui-rehearsal` and works for that run alone, until `expiresAtMs` of the server's clock.
 */
export function makeRehearsalGrant(secret: Secret, options: { run: string; expiresAtMs: number }): string {
  return createTokens(secret, Date.now).sign("r1", { run: options.run, expiresAtMs: options.expiresAtMs });
}

const USER_ID_BYTES = 16;

/** First byte of a user id: what kind of person it is. */
export const USER_CLASSES = { guest: 0x01, platform: 0x02, synthetic: 0x0f } as const;

function userId(userClass: number, rest: Uint8Array): UserId {
  return Buffer.concat([Uint8Array.of(userClass), rest.subarray(0, USER_ID_BYTES - 1)]).toString(
    "hex",
  ) as UserId;
}

const digest = (text: string) => createHash("sha256").update(text, "utf8").digest();

/** A new guest: 15 random bytes. */
export function newGuestId(): UserId {
  return userId(USER_CLASSES.guest, randomBytes(USER_ID_BYTES - 1));
}

/** The guest a staff member without a guest's token is. */
export function staffGuestId(staff: string): UserId {
  return userId(USER_CLASSES.guest, digest(`wanhui/staff/1|${staff}`));
}

/** The user of a host platform: the same subject of the same issuer is always the same user. */
export function platformUserId(issuer: string, subject: string): UserId {
  return userId(USER_CLASSES.platform, digest(`${issuer}|${subject}`));
}

/** A synthetic person of one run. */
export function syntheticUserId(run: string, person: string): UserId {
  return userId(USER_CLASSES.synthetic, digest(`${run}|${person}`));
}

/** Whether an id is a guest's. */
export function isGuest(user: UserId): boolean {
  return user.startsWith("01");
}

/** Whether an id is of the class that is never counted in a real show. */
export function isSynthetic(user: UserId): boolean {
  return user.startsWith("0f");
}

/** A new device's id: 16 random bytes in hex. */
export function newDeviceId(): string {
  return randomBytes(16).toString("hex");
}
