import type { HttpProblem } from "./http.ts";
import type { TakeOutcome } from "./options.ts";

type Pending = { readonly pool: string; readonly settle: (outcome: TakeOutcome) => void };

/** Codes after which the same wish is asked again by itself: the outcome is not known, or the server is busy. */
const askAgain = (code: string) =>
  code.startsWith("engine.") || code === "rate.limited" || code === "offline";

/** Wishes on their way. Each keeps its request id until it has an answer, across sockets (WR10). */
export class Takes {
  readonly #pending = new Map<string, Pending>();
  readonly #send: (pool: string, requestId: string) => void;

  /** @param send asks once; no answer comes back by itself when there is no way out now */
  constructor(send: (pool: string, requestId: string) => void) {
    this.#send = send;
  }

  take(pool: string, requestId: string): Promise<TakeOutcome> {
    return new Promise((settle) => {
      this.#pending.set(requestId, { pool, settle });
      this.#send(pool, requestId);
    });
  }

  /** A new way out: everything unanswered is asked again. */
  resume(): void {
    for (const [requestId, { pool }] of this.#pending) this.#send(pool, requestId);
  }

  got(requestId: string, awardId: string): void {
    this.#settle(requestId, { ok: true, awardId });
  }

  poolOf(requestId: string): string | null {
    return this.#pending.get(requestId)?.pool ?? null;
  }

  /** A check that is asked for leaves the wish open: its pass asks again, by `resume`. */
  refused(requestId: string, refusal: { code: string; retryMs: number | null; place: number | null }): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined || refusal.code === "draw.check_required") return;
    if (!askAgain(refusal.code)) {
      this.#settle(requestId, { ok: false, ...refusal });
      return;
    }
    setTimeout(() => {
      if (this.#pending.has(requestId)) this.#send(pending.pool, requestId);
    }, refusal.retryMs ?? 1_000);
  }

  failed(requestId: string, problem: HttpProblem): void {
    this.refused(requestId, { code: problem.code, retryMs: problem.retryMs, place: null });
  }

  stop(): void {
    for (const requestId of [...this.#pending.keys()]) {
      this.#settle(requestId, { ok: false, code: "client.stopped", retryMs: null, place: null });
    }
  }

  #settle(requestId: string, outcome: TakeOutcome): void {
    this.#pending.get(requestId)?.settle(outcome);
    this.#pending.delete(requestId);
  }
}
