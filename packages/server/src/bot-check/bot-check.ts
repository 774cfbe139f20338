import { randomInt } from "node:crypto";
import {
  CHECK_COUNTERS,
  type CheckChallenge,
  type CheckSolution,
  type Code,
  type EntryPassView,
} from "@wanhui/protocol";
import { createChallenge, verifySolution } from "altcha-lib";
import { deriveKey } from "altcha-lib/algorithms/pbkdf2";
import { createTokens, keyFor, type Secret, type Session } from "../people/mod.ts";
import { UsedChallenges } from "./used-challenges.ts";

/** Iterations of one derivation: 0.27 ms for a server's core, some 3.5 ms for a phone. */
const COST = 1_000;
/** `CHECK_COUNTERS` for the people of a rehearsal: one machine plays a thousand phones (AB9). */
const SYNTHETIC_COUNTERS = 8;
/** Half a key, as the library has it: a key with the same beginning by chance is not to be found. */
const KEY_PREFIX_BYTES = 16;
/** An old phone without WebCrypto takes half a minute at the worst; three minutes are a reload and a second try. */
const CHALLENGE_TTL_MS = 180_000;
/** The countdown the page shows as near is a minute; half of that again for clocks and for those who look early. */
const BEFORE_OPENING_MS = 90_000;
/** Taps of the last window are on their way for a moment after the close. */
const PASS_AFTER_CLOSE_MS = 60_000;
/** 64 are 17 ms of work on one core: a crowd is served in turn, and nothing queues for longer than a frame. */
const MAKING_MAX = 64;
/** Those who are told to come again come spread over this time. */
const BUSY_COME_BACK_MS = { min: 1_000, max: 4_000 };
/** Three times the places of a large process; 150 bytes each. */
const USED_MAX = 100_000;

/** When something that asks for a check opens and closes, as announced now. */
export type CheckTimes = { readonly opensAtMs: number; readonly closesAtMs: number };
type Refused = { readonly ok: false; readonly code: Code; readonly retryMs?: number };
type Person = Pick<Session, "userId" | "synthetic">;

export type BotCheckOptions = {
  readonly secret: Secret;
  readonly nowMs: () => number;
  /** Uniform in [0, 1), to spread those who come back. */
  readonly random: () => number;
  /** Times of a draw, or of the rain over a pool; null where no check is asked for, or not any more. */
  readonly timesOf: (what: string) => CheckTimes | null;
  /** For tests of the bounds. */
  readonly usedMax?: number;
  readonly makingMax?: number;
};

/** Makes challenges, exchanges them for passes, and knows which session has shown which pass. */
export type BotCheck = {
  challenge(person: Person, what: string): Promise<{ ok: true; challenge: CheckChallenge } | Refused>;
  exchange(
    person: Person,
    answer: { readonly challenge: CheckChallenge; readonly solution: CheckSolution },
  ): Promise<{ ok: true; pass: EntryPassView } | Refused>;
  /** Takes a pass for as long as the session lasts: one HMAC. @returns false when it is not this person's, or not good */
  accept(session: Session, pass: string): boolean;
  /** Whether the session has shown a pass: a look into memory, on the way of every tap (AB4). */
  holds(session: Session, what: string): boolean;
};

/** Makes the bot check of a process; processes with one secret take each other's challenges and passes. */
export function createBotCheck(options: BotCheckOptions): BotCheck {
  const { secret, nowMs, random, timesOf } = options;
  const tokens = createTokens(secret, nowMs);
  const hmacSignatureSecret = keyFor(secret, "bot-check/challenge").toString("hex");
  const hmacKeySignatureSecret = keyFor(secret, "bot-check/key").toString("hex");
  const used = new UsedChallenges({ nowMs, max: options.usedMax ?? USED_MAX });
  const passes = new WeakMap<Session, Map<string, number>>();
  let making = 0;

  return {
    async challenge(person, what) {
      const times = timesOf(what);
      if (times === null) return { ok: false, code: "check.not_needed" };
      const earlyMs = times.opensAtMs - BEFORE_OPENING_MS - nowMs();
      if (earlyMs > 0) return { ok: false, code: "check.too_early", retryMs: Math.ceil(earlyMs) };
      if (making >= (options.makingMax ?? MAKING_MAX)) {
        const { min, max } = BUSY_COME_BACK_MS;
        return { ok: false, code: "check.busy", retryMs: Math.round(min + random() * (max - min)) };
      }
      making += 1;
      try {
        const challenge = await createChallenge({
          algorithm: "PBKDF2/SHA-256",
          cost: COST,
          counter: randomInt(person.synthetic ? SYNTHETIC_COUNTERS : CHECK_COUNTERS),
          keyPrefixLength: KEY_PREFIX_BYTES,
          deriveKey,
          data: { user: person.userId, for: what },
          expiresAt: Math.ceil((nowMs() + CHALLENGE_TTL_MS) / 1_000),
          hmacSignatureSecret,
          hmacKeySignatureSecret,
        });
        // Signed and with a counter of ours: all that is optional in the library's type is there.
        return { ok: true, challenge: challenge as unknown as CheckChallenge };
      } finally {
        making -= 1;
      }
    },
    async exchange(person, { challenge, solution }) {
      const { data, expiresAt } = challenge.parameters;
      const mine = data.user === person.userId && expiresAt * 1_000 > nowMs();
      const what = data.for;
      if (!mine || what === undefined) return { ok: false, code: "check.invalid" };
      const { verified } = await verifySolution({
        challenge,
        solution,
        deriveKey,
        hmacSignatureSecret,
        hmacKeySignatureSecret,
      });
      if (!verified) return { ok: false, code: "check.invalid" };
      const times = timesOf(what);
      if (times === null) return { ok: false, code: "check.not_needed" };
      if (!used.use(challenge.signature, expiresAt * 1_000)) return { ok: false, code: "check.used" };
      const expiresAtMs = times.closesAtMs + PASS_AFTER_CLOSE_MS;
      const pass = tokens.sign("e1", { user: person.userId, for: what, expiresAtMs });
      return { ok: true, pass: { pass, for: what, expiresAtMs } };
    },
    accept(session, pass) {
      const payload = tokens.check("e1", pass);
      if (typeof payload === "string" || payload.user !== session.userId) return false;
      const held = passes.get(session) ?? new Map<string, number>();
      passes.set(session, held.set(payload.for, payload.expiresAtMs));
      return true;
    },
    holds(session, what) {
      const endsAtMs = passes.get(session)?.get(what);
      return endsAtMs !== undefined && endsAtMs > nowMs();
    },
  };
}
