import { pbkdf2Sync } from "node:crypto";
import { CHECK_COUNTERS, type CheckChallenge } from "@wanhui/protocol";
import { createChallenge, solveChallenge, verifySolution } from "altcha-lib";
import { deriveKey } from "altcha-lib/algorithms/pbkdf2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pbkdf2 } from "./pbkdf2.ts";
import { solveCheck } from "./solve.ts";

const hmacSignatureSecret = "one";
const hmacKeySignatureSecret = "two";
const bytes = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength });

/** A challenge of the library itself. */
async function challengeOf(counter: number, cost = 20): Promise<CheckChallenge> {
  const made = await createChallenge({
    algorithm: "PBKDF2/SHA-256",
    cost,
    counter,
    deriveKey,
    data: { user: "u", for: "d" },
    expiresAt: Math.ceil(Date.now() / 1_000) + 60,
    hmacSignatureSecret,
    hmacKeySignatureSecret,
  });
  return made as unknown as CheckChallenge;
}

describe("a check's answer", () => {
  it("[AB7] our own PBKDF2 is the one of OpenSSL, for any password and salt", () => {
    fc.assert(
      fc.property(bytes(64), bytes(51), fc.integer({ min: 1, max: 30 }), (password, salt, iterations) => {
        const want = pbkdf2Sync(password, salt, iterations, 32, "sha256");
        expect(Buffer.from(pbkdf2(password, salt, iterations))).toEqual(want);
      }),
    );
  });

  it("[AB2] [AB7] is the library's own, with WebCrypto and without, and the library takes it", async () => {
    for (const counter of [0, 1, 255, 256, CHECK_COUNTERS - 1]) {
      const challenge = await challengeOf(counter);
      const theirs = await solveChallenge({ challenge, deriveKey });
      for (const subtle of [crypto.subtle, null]) {
        const solution = await solveCheck(challenge, undefined, { subtle });
        expect(solution).toEqual({ counter, derivedKey: theirs?.derivedKey });
        const answer = { challenge, solution, deriveKey, hmacSignatureSecret, hmacKeySignatureSecret };
        expect((await verifySolution(answer)).verified).toBe(true);
      }
    }
  });

  it("[AB7] is found in slices: the rest of the page goes on meanwhile, and hears how far it is", async () => {
    const challenge = await challengeOf(CHECK_COUNTERS - 1, 300);
    const parts: number[] = [];
    let turns = 0;
    const other = setInterval(() => {
      turns += 1;
    }, 0);
    await solveCheck(challenge, (part) => parts.push(part), { subtle: null });
    clearInterval(other);
    expect(turns).toBeGreaterThan(3);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts).toEqual([...parts].sort((left, right) => left - right));
    expect(parts.at(-1)).toBe(1);
  });

  it("[AB2] a kind of check we do not know is a fault, not an endless search", async () => {
    const challenge = await challengeOf(0);
    const parameters = { ...challenge.parameters, algorithm: "ARGON2ID" };
    await expect(solveCheck({ parameters })).rejects.toThrow("ARGON2ID");
  });
});
