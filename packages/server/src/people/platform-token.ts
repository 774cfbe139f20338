import type { UserId } from "@wanhui/core";
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import { errorMessage, Fault } from "../platform/mod.ts";
import type { Level } from "./session.ts";
import { platformUserId } from "./tokens.ts";

/** Signatures of a host platform we accept; symmetric ones and `none` never (PE4). */
export const PLATFORM_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"] as const;
/** Clocks of two houses differ; more than this is a mistake. */
const CLOCK_TOLERANCE_S = 30;
/** A key nobody announced is looked up again at most this often. */
const KEYS_COOLDOWN_MS = 30_000;
/** Known keys are used this long without asking. */
const KEYS_MAX_AGE_MS = 10 * 60_000;
const KEYS_TIMEOUT_MS = 5_000;
/** A sign-in here never outlives this, however long the platform's token lives. */
const SESSION_MS_MAX = 12 * 3_600_000;

export type PlatformSettings = {
  /** `iss`, exactly. */
  readonly issuer: string;
  /** `aud`; one of them must match. */
  readonly audience: string;
  /** https, or http on this very machine. */
  readonly jwksUrl: string;
  readonly algorithms?: readonly (typeof PLATFORM_ALGORITHMS)[number][] | undefined;
  /** Claim that must be `true` for level `identity`. */
  readonly identityClaim?: string | undefined;
};

export type PlatformPerson = { readonly user: UserId; readonly level: Level; readonly expiresAtMs: number };
export type PlatformAnswer =
  | ({ readonly ok: true } & PlatformPerson)
  | { readonly ok: false; readonly code: "auth.invalid" | "auth.expired"; readonly rule: string };

/** Checks tokens of the host platform. Keys come from its JWKS address, cached. */
export type PlatformTokens = {
  /** @throws Fault `auth.unavailable` (retryable) when the platform's keys cannot be fetched */
  check(token: string): Promise<PlatformAnswer>;
};

export function createPlatformTokens(settings: PlatformSettings, nowMs: () => number): PlatformTokens {
  const url = jwksUrlOf(settings.jwksUrl);
  const keys = createRemoteJWKSet(url, {
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    timeoutDuration: KEYS_TIMEOUT_MS,
  });
  const identityClaim = settings.identityClaim ?? "identity_verified";
  return {
    async check(token) {
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer: settings.issuer,
          audience: settings.audience,
          algorithms: [...(settings.algorithms ?? PLATFORM_ALGORITHMS)],
          requiredClaims: ["sub", "exp"],
          clockTolerance: CLOCK_TOLERANCE_S,
          currentDate: new Date(nowMs()),
        });
        return personOf(settings.issuer, identityClaim, payload, nowMs());
      } catch (error) {
        return refusalOf(error, settings.jwksUrl);
      }
    },
  };
}

function jwksUrlOf(text: string): URL {
  const url = new URL(text);
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && local)) return url;
  throw new Fault("auth.bad_settings", `The platform's key address must be https: ${text}`);
}

function personOf(issuer: string, identityClaim: string, payload: JWTPayload, nowMs: number): PlatformAnswer {
  const { sub, exp } = payload;
  if (sub === undefined || sub === "" || exp === undefined) {
    return { ok: false, code: "auth.invalid", rule: "sub and exp must be there" };
  }
  return {
    ok: true,
    user: platformUserId(issuer, sub),
    level: levelOf(payload, identityClaim),
    expiresAtMs: Math.min(exp * 1_000, nowMs + SESSION_MS_MAX),
  };
}

/** OpenID Connect's words for a checked contact; the platform's own for a checked identity. */
function levelOf(payload: JWTPayload, identityClaim: string): Level {
  if (payload[identityClaim] === true) return "identity";
  return payload.email_verified === true || payload.phone_number_verified === true ? "contact" : "guest";
}

function refusalOf(error: unknown, jwksUrl: string): PlatformAnswer {
  if (error instanceof errors.JWTExpired)
    return { ok: false, code: "auth.expired", rule: "exp must be ahead" };
  if (error instanceof errors.JWTClaimValidationFailed) {
    return { ok: false, code: "auth.invalid", rule: `${error.claim}: ${error.reason}` };
  }
  const broken =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    !(error instanceof errors.JOSEError) ||
    // jose's name for an answer of the key address that is not 200 with JSON.
    error.constructor === errors.JOSEError;
  if (!broken) return { ok: false, code: "auth.invalid", rule: error.code };
  const message = `The platform's keys cannot be fetched from ${jwksUrl}: ${errorMessage(error)}`;
  throw new Fault("auth.unavailable", message, { retryable: true, cause: error });
}
