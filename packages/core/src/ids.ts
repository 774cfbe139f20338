// Branded ids and units. All are plain strings and numbers at run time.

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** `[a-z0-9][a-z0-9._/-]{0,127}`; by convention `<run>/<slug>`. */
export type PoolId = Branded<string, "PoolId">;
/** `[a-z0-9][a-z0-9._/-]{0,127}`; by convention `<run>/<slug>`. */
export type DrawId = Branded<string, "DrawId">;
/** 16 bytes as 32 lower-case hex characters. */
export type UserId = Branded<string, "UserId">;
/** 32 bytes as 64 lower-case hex characters (docs/spec/canonical.md BY2). */
export type UserKey = Branded<string, "UserKey">;
/** 16 bytes as 32 lower-case hex characters (BY6). */
export type AwardId = Branded<string, "AwardId">;
/** 16 bytes as 32 lower-case hex characters, chosen by the caller once per wish. */
export type RequestId = Branded<string, "RequestId">;
/** 32 bytes as 64 lower-case hex characters. */
export type Hash = Branded<string, "Hash">;
/** Any other raw bytes as lower-case hex (signatures, public keys). */
export type Hex = string;

/** SHA-256 comes in as an argument: the core has no dependency and no platform. Must not keep the input. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;
