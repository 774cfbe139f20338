import type { Answer, DrawId, PoolId, RequestId, UserId, UserKey } from "@wanhui/core";
import { CODES, type Code } from "@wanhui/protocol";
import { type Entrants, type Limits, type Pseudonyms, type Session, userKeyOf } from "../people/mod.ts";

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
  admit(entry: { drawIndex: number; session: Session }): Admission<{
    readonly draw: DrawId;
    readonly botCheck: boolean;
  }>;
  /** The window of a draw that takes entries now, by the server's clock; null for none. */
  openWindow(drawIndex: number): number | null;
  admitTake(take: {
    pool: string;
    session: Session;
  }): Admission<{ readonly pool: PoolId; readonly botCheck: boolean }>;
  /** Index of a draw's id, for those who tap over HTTP. */
  drawIndexOf(draw: string): number | null;
};

/** What the gateway needs of the bot check: both from memory and signatures (AB4). */
export type CheckPort = {
  accept(session: Session, pass: string): boolean;
  holds(session: Session, what: string): boolean;
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
  readonly botCheck: CheckPort;
  readonly entrants: Entrants;
};

/** The one way in for taps and takes, whether they came as a frame or as a request. */
export type Intake = {
  /** Takes the pass of a bot check for the session. @returns null, or why not */
  pass(session: Session, pass: string): No | null;
  tap(session: Session, tap: Tap, done: (outcome: TapOutcome) => void): void;
  take(
    session: Session,
    wish: { pool: string; requestId: RequestId },
    done: (outcome: TakeOutcome) => void,
  ): void;
};

/** Limits, then eligibility, then the bot check and the device, then the shard: a refusal on the way changes nothing. */
export function createIntake(parts: IntakeParts): Intake {
  const { engine, show, limits } = parts;
  const keys = new NewestKeys(parts.pseudonyms);
  /** Why somebody let in by the show is not let in here; asked after eligibility, so that nobody checks for nothing. */
  const refusal = (session: Session, what: string, botCheck: boolean): No | null => {
    if (botCheck && !parts.botCheck.holds(session, what)) return no("draw.check_required");
    return parts.entrants.mayEnter(session, what) ? null : no("draw.device_full");
  };
  return {
    pass: (session, pass) => (parts.botCheck.accept(session, pass) ? null : no("pass.invalid")),
    tap(session, tap, done) {
      const waitMs = limits.take("tap", session, tap.taps);
      if (waitMs > 0) return done({ ok: false, code: "rate.limited", retryMs: waitMs });
      const admitted = show.admit({ drawIndex: tap.drawIndex, session });
      if (!admitted.ok) return done(no(admitted.code));
      const window = keys.known(session, admitted.draw, tap.nonce)?.window ?? null;
      // Further taps of an entry that stands, in its own window: nothing is decided any more, only counted.
      if (window !== null && window === show.openWindow(tap.drawIndex)) {
        engine.addTaps(admitted.draw, tap.taps);
        return done({ ok: true, window, fixedKey: null, where: null });
      }
      const refused = refusal(session, admitted.draw, admitted.botCheck);
      if (refused !== null) return done(refused);
      const newest = keys.of(session, admitted.draw, tap.nonce);
      engine.enter(admitted.draw, session.userId, newest.userKey, (answer, where) => {
        if (!("ok" in answer) || !answer.ok) return done(noOf(answer));
        if (answer.type !== "entered") return done(no("server.fault"));
        // A tap is an accepted gesture: what was refused is not counted (DR19).
        engine.addTaps(admitted.draw, tap.taps);
        if (answer.fixedKey === null) newest.window = answer.window;
        done({ ok: true, window: answer.window, fixedKey: answer.fixedKey, where });
      });
    },
    take(session, wish, done) {
      const waitMs = limits.take("take", session, 1);
      if (waitMs > 0) return done({ ok: false, code: "rate.limited", retryMs: waitMs });
      const admitted = show.admitTake({ pool: wish.pool, session });
      if (!admitted.ok) return done(no(admitted.code));
      const refused = refusal(session, admitted.pool, admitted.botCheck);
      if (refused !== null) return done(refused);
      engine.take(admitted.pool, session.userId, wish.requestId, (answer) => {
        if (!("ok" in answer) || !answer.ok) return done(noOf(answer));
        if (answer.type === "granted") return done({ ok: true, awardId: answer.awardId });
        if (answer.type === "waiting") return done({ ...no("grab.wait"), place: answer.place });
        done(no("server.fault"));
      });
    },
  };
}

/** A session's newest round: the key its nonce makes, and the newest window that key is known to be in. */
type Newest = {
  readonly draw: DrawId;
  readonly nonce: Uint8Array;
  readonly userKey: UserKey;
  window: number | null;
};

/**
 * The key of each session's newest round: all taps of a round carry one nonce, and its two hashes cost more than the rest
 * of a tap's way to the shard.
 */
class NewestKeys {
  readonly #pseudonyms: Pseudonyms;
  readonly #newest = new WeakMap<Session, Newest>();

  constructor(pseudonyms: Pseudonyms) {
    this.#pseudonyms = pseudonyms;
  }

  /** Without making anything: whoever is refused costs no hash. */
  known(session: Session, draw: DrawId, nonce: Uint8Array): Newest | null {
    const newest = this.#newest.get(session);
    return newest?.draw === draw && isSame(newest.nonce, nonce) ? newest : null;
  }

  of(session: Session, draw: DrawId, nonce: Uint8Array): Newest {
    const known = this.known(session, draw, nonce);
    if (known !== null) return known;
    // The bytes belong to the socket's buffer; what outlives this turn has its own.
    const userKey = userKeyOf(this.#pseudonyms.of(draw, session.userId), nonce);
    const newest = { draw, nonce: Uint8Array.from(nonce), userKey, window: null };
    this.#newest.set(session, newest);
    return newest;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false;
  return one.length === other.length;
}

function noOf(answer: { readonly code: string }): No {
  return no(Object.hasOwn(CODES, answer.code) ? (answer.code as Code) : "server.fault");
}

function no(code: Code): No {
  const entry: { retryMs?: number } = CODES[code];
  return entry.retryMs === undefined ? { ok: false, code } : { ok: false, code, retryMs: entry.retryMs };
}
