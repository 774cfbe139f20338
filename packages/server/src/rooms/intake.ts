import type { Answer, DrawId, PoolId, RequestId, UserId, UserKey } from "@wanhui/core";
import { CODES, type Code } from "@wanhui/protocol";
import { type Limits, type Pseudonyms, type Session, userKeyOf } from "../people/mod.ts";

/** Batch of the journal an answer belongs to; answers of one batch and window share their bytes. */
export type Where = { readonly shard: number; readonly seq: number } | null;
/** A fault of the engine as it comes back on the hot path. */
export type EngineTrouble = { readonly code: string; readonly retryable: boolean };
export type Done = (answer: Answer | EngineTrouble, where: Where) => void;

/** What the gateway needs of the engine. */
export type EnginePort = {
  enter(draw: DrawId, user: UserId, userKey: UserKey, done: Done): void;
  take(pool: PoolId, user: UserId, requestId: RequestId, done: Done): void;
  addTaps(draw: DrawId, count: number): void;
};

export type Admission<Target> =
  | ({ readonly ok: true } & Target)
  | { readonly ok: false; readonly code: Code };

/** What the gateway needs of the shows: who may enter what, from memory (DR8). */
export type ShowPort = {
  /** A draw, by its index in packed frames. */
  admit(entry: { drawIndex: number; session: Session }): Admission<{ readonly draw: DrawId }>;
  admitTake(take: { pool: string; session: Session }): Admission<{ readonly pool: PoolId }>;
  /** Index of a draw's id, for those who tap over HTTP. */
  drawIndexOf(draw: string): number | null;
};

export type No = {
  readonly ok: false;
  readonly code: Code;
  readonly retryMs?: number;
  readonly place?: number;
};
export type TapOutcome =
  | No
  | { readonly ok: true; readonly window: number; readonly fixedKey: UserKey | null; readonly where: Where };
export type TakeOutcome = No | { readonly ok: true; readonly awardId: string };

export type Tap = { readonly drawIndex: number; readonly taps: number; readonly nonce: Uint8Array };

export type IntakeParts = {
  readonly engine: EnginePort;
  readonly show: ShowPort;
  readonly limits: Limits;
  readonly pseudonyms: Pseudonyms;
};

/** The one way in for taps and takes, whether they came as a frame or as a request. */
export type Intake = {
  tap(session: Session, tap: Tap, done: (outcome: TapOutcome) => void): void;
  take(
    session: Session,
    wish: { pool: string; requestId: RequestId },
    done: (outcome: TakeOutcome) => void,
  ): void;
};

/** Limits, then eligibility, then the shard: a refusal on the way changes nothing. */
export function createIntake(parts: IntakeParts): Intake {
  const { engine, show, limits } = parts;
  const keys = new NewestKeys(parts.pseudonyms);
  return {
    tap(session, tap, done) {
      const waitMs = limits.take("tap", session, tap.taps);
      if (waitMs > 0) return done({ ok: false, code: "rate.limited", retryMs: waitMs });
      const admitted = show.admit({ drawIndex: tap.drawIndex, session });
      if (!admitted.ok) return done(no(admitted.code));
      const userKey = keys.of(session, admitted.draw, tap.nonce);
      engine.enter(admitted.draw, session.userId, userKey, (answer, where) => {
        if (!("ok" in answer) || !answer.ok) return done(noOf(answer));
        if (answer.type !== "entered") return done(no("server.fault"));
        // A tap is an accepted gesture: what was refused is not counted (DR19).
        engine.addTaps(admitted.draw, tap.taps);
        done({ ok: true, window: answer.window, fixedKey: answer.fixedKey, where });
      });
    },
    take(session, wish, done) {
      const waitMs = limits.take("take", session, 1);
      if (waitMs > 0) return done({ ok: false, code: "rate.limited", retryMs: waitMs });
      const admitted = show.admitTake({ pool: wish.pool, session });
      if (!admitted.ok) return done(no(admitted.code));
      engine.take(admitted.pool, session.userId, wish.requestId, (answer) => {
        if (!("ok" in answer) || !answer.ok) return done(noOf(answer));
        if (answer.type === "granted") return done({ ok: true, awardId: answer.awardId });
        if (answer.type === "waiting") return done({ ...no("grab.wait"), place: answer.place });
        done(no("server.fault"));
      });
    },
  };
}

/**
 * The key of each session's newest round: all taps of a round carry one nonce, and its two hashes cost more than the rest
 * of a tap's way to the shard.
 */
class NewestKeys {
  readonly #pseudonyms: Pseudonyms;
  readonly #newest = new WeakMap<Session, { draw: DrawId; nonce: Uint8Array; userKey: UserKey }>();

  constructor(pseudonyms: Pseudonyms) {
    this.#pseudonyms = pseudonyms;
  }

  of(session: Session, draw: DrawId, nonce: Uint8Array): UserKey {
    const known = this.#newest.get(session);
    if (known?.draw === draw && known.nonce.every((byte, at) => byte === nonce[at])) return known.userKey;
    const userKey = userKeyOf(this.#pseudonyms.of(draw, session.userId), nonce);
    this.#newest.set(session, { draw, nonce, userKey });
    return userKey;
  }
}

function noOf(answer: { readonly code: string }): No {
  return no(Object.hasOwn(CODES, answer.code) ? (answer.code as Code) : "server.fault");
}

function no(code: Code): No {
  const entry: { retryMs?: number } = CODES[code];
  return entry.retryMs === undefined ? { ok: false, code } : { ok: false, code, retryMs: entry.retryMs };
}
