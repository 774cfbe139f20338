import { createHmac, hash } from "node:crypto";
import type { DrawId, UserId, UserKey } from "@wanhui/core";
import type { Secret } from "./secrets.ts";

const PSEUDONYM_BYTES = 16;
const USER_KEY_TAG = Buffer.from("wanhui/user-key/1");

/** The key of a round's pseudonyms (BY3). */
export function roundSecretOf(secret: Secret, drawId: DrawId): Buffer {
  return createHmac("sha256", secret).update("wanhui/round/1").update(drawId, "utf8").digest();
}

/**
 * A user's name in one draw (BY3): nobody without the secret can tell who it is, or that two draws' names are one person.
 *
 * @returns 16 bytes as 32 lower-case hex characters
 */
export function pseudonymOf(secret: Secret, drawId: DrawId, userId: UserId): string {
  return pseudonymFrom(roundSecretOf(secret, drawId), userId).toString("hex");
}

/** The same with the round's key at hand, as bytes, for the hot path. */
export function pseudonymFrom(roundSecret: Uint8Array, userId: UserId): Buffer {
  const mac = createHmac("sha256", roundSecret)
    .update("wanhui/pseudonym/1")
    .update(Buffer.from(userId, "hex"));
  return mac.digest().subarray(0, PSEUDONYM_BYTES);
}

/** `userKey` of a pseudonym and the phone's nonce, 16 bytes each (BY2). */
export function userKeyOf(pseudonym: Uint8Array, nonce: Uint8Array): UserKey {
  return hash("sha256", Buffer.concat([USER_KEY_TAG, pseudonym, nonce]), "hex") as UserKey;
}

/** Pseudonyms with each round's key made once. A show has some dozens of draws; their number bounds the memory. */
export type Pseudonyms = {
  of(drawId: DrawId, userId: UserId): Buffer;
  /**
   * What staff call whoever won an award (PE11): his pseudonym in the draw, for a grab the one of `grab/<pool>`.
   * No draw has an id with two slashes.
   *
   * @returns 32 lower-case hex characters
   */
  winner(award: { readonly draw: string | null; readonly pool: string; readonly userId: string }): string;
};

/** Round keys kept; beyond it the oldest is made again when needed. */
const ROUND_KEYS_MAX = 1_024;

export function createPseudonyms(secret: Secret): Pseudonyms {
  const roundSecrets = new Map<DrawId, Buffer>();
  const of = (drawId: DrawId, userId: UserId): Buffer => {
    let roundSecret = roundSecrets.get(drawId);
    if (roundSecret === undefined) {
      roundSecret = roundSecretOf(secret, drawId);
      const oldest = roundSecrets.keys().next();
      if (roundSecrets.size >= ROUND_KEYS_MAX && oldest.done !== true) roundSecrets.delete(oldest.value);
      roundSecrets.set(drawId, roundSecret);
    }
    return pseudonymFrom(roundSecret, userId);
  };
  return {
    of,
    winner: ({ draw, pool, userId }) =>
      of((draw ?? `grab/${pool}`) as DrawId, userId as UserId).toString("hex"),
  };
}
