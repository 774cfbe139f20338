import type { CheckChallenge, CheckSolution, EntryPassView, ShowView } from "@wanhui/protocol";
import { backoffMs } from "../backoff.ts";
import { type Http, HttpProblem } from "../http.ts";
import { type Memory, memoryOf } from "../memory.ts";
import type { ClientStorage } from "../options.ts";
import type { OnProgress } from "./solve.ts";

/** From here on a countdown is watched; the server gives challenges from 90 s before the opening. */
const BEFORE_OPENING_MS = 60_000;
/** A whole audience begins within this time, not at once. */
const SPREAD_MS = 10_000;
/** A pass this close to its end is as good as none. */
const SPARE_MS = 1_000;
const KEY = "wanhui.passes";
/** Phases in which there is something to be let into. */
const AHEAD = new Set<string>(["planned", "armed", "open"]);

/** How the bot check of a draw or a rain goes: `working` with its part done, 0 to 1; `passed`; `failed` and tried again. */
export type CheckState = {
  readonly for: string;
  readonly phase: "working" | "passed" | "failed";
  readonly progress: number;
};

const solveHere: NonNullable<ChecksParts["solve"]> = async (challenge, onProgress) =>
  (await import("./solve.ts")).solveCheck(challenge, onProgress);

type Kept = EntryPassView & { readonly user: string };
type Opening = { readonly id: string; readonly opensAtMs: number; readonly closesAtMs: number };

export type ChecksParts = {
  readonly nowMs: () => number;
  readonly show: () => ShowView | null;
  /** Whether the server can be asked now, as somebody. */
  readonly isIn: () => boolean;
  readonly user: () => string;
  readonly http: Http;
  /** Solves it elsewhere; in slices of this thread when left out. */
  readonly solve: ((challenge: CheckChallenge, onProgress: OnProgress) => Promise<CheckSolution>) | undefined;
  /** Shows a pass on the socket, if there is one. */
  readonly send: (pass: string) => void;
  readonly changed: (state: CheckState) => void;
  /** A pass is there: what was held back may leave. */
  readonly passed: () => void;
  readonly random: () => number;
  readonly storage: ClientStorage | null | undefined;
};

/** Does the bot checks of what opens next, during its countdown, and keeps their passes (AB7). */
export class Checks {
  readonly #parts: ChecksParts;
  readonly #memory: Memory;
  /** Checks under way, or waiting for their next try. */
  readonly #busy = new Set<string>();
  readonly #tries = new Map<string, number>();
  readonly #spread = new Map<string, number>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #look = () => this.look();
  #passes: readonly Kept[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts the people this client was: work for an earlier one is nobody's. */
  #life = 0;
  #stopped = false;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
    this.#memory = memoryOf(parts.storage);
    this.#passes = readPasses(this.#memory);
    globalThis.document?.addEventListener("visibilitychange", this.#look);
  }

  /** Own pass for a draw or a rain's pool, while it is good. */
  passOf(what: string): string | null {
    const endMs = this.#parts.nowMs() + SPARE_MS;
    const user = this.#parts.user();
    const kept = this.#passes.find((pass) => pass.for === what && pass.user === user);
    return kept !== undefined && kept.expiresAtMs > endMs ? kept.pass : null;
  }

  /** A new socket: it is shown the passes of what is not over. */
  greeted(): void {
    for (const { id } of this.#openings()) {
      const pass = this.passOf(id);
      if (pass !== null) this.#parts.send(pass);
    }
    this.look();
  }

  /** The server asks for a check in spite of what we have. @param what null: one of the passes shown, unknown which */
  demand(what: string | null): void {
    this.#keep(this.#passes.filter((pass) => what !== null && pass.for !== what));
    this.look();
  }

  /** Somebody else is here now. */
  clear(): void {
    this.#life += 1;
    this.#busy.clear();
    this.#tries.clear();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const timer of this.#timers) clearTimeout(timer);
    globalThis.document?.removeEventListener("visibilitychange", this.#look);
  }

  /** Begins what is due, and looks again when the next is. */
  look(): void {
    clearTimeout(this.#timer);
    const hidden = globalThis.document?.visibilityState === "hidden";
    if (this.#stopped || hidden || !this.#parts.isIn()) return;
    const nowMs = this.#parts.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const opening of this.#openings()) {
      if (this.#busy.has(opening.id) || this.passOf(opening.id) !== null) continue;
      const dueMs = this.#dueMs(opening);
      if (dueMs <= nowMs) void this.#run(opening.id);
      else nextMs = Math.min(nextMs, dueMs);
    }
    // A timer has 31 bits; a night is looked at anew with every message anyway.
    if (nextMs < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(this.#look, Math.min(nextMs - nowMs, 2 ** 31 - 1));
  }

  #openings(): Opening[] {
    const show = this.#parts.show();
    if (show === null) return [];
    const nowMs = this.#parts.nowMs();
    return [
      ...show.rounds.map((round) => ({ ...round, id: round.draw })),
      ...show.rains.map((rain) => ({ ...rain, id: rain.pool })),
    ].filter(({ botCheck, phase, closesAtMs }) => botCheck && AHEAD.has(phase) && closesAtMs > nowMs);
  }

  #dueMs({ id, opensAtMs }: Opening): number {
    const part = this.#spread.get(id) ?? this.#parts.random();
    this.#spread.set(id, part);
    return opensAtMs - BEFORE_OPENING_MS + part * SPREAD_MS;
  }

  async #run(what: string): Promise<void> {
    const life = this.#life;
    const { http, solve = solveHere, changed } = this.#parts;
    const user = this.#parts.user();
    const isOver = () => this.#stopped || life !== this.#life;
    this.#busy.add(what);
    const tries = (this.#tries.get(what) ?? 0) + 1;
    this.#tries.set(what, tries);
    changed({ for: what, phase: "working", progress: 0 });
    try {
      const challenge = await http<CheckChallenge>("POST", "/api/bot-check", { for: what });
      const solution = await solve(challenge, (progress) => {
        if (!isOver()) changed({ for: what, phase: "working", progress });
      });
      if (isOver()) return;
      const pass = await http<EntryPassView>("POST", "/api/bot-check/pass", { challenge, solution });
      if (isOver()) return;
      this.#busy.delete(what);
      this.#keep([...this.#passes.filter((kept) => kept.for !== what), { ...pass, user }]);
      this.#parts.send(pass.pass);
      changed({ for: what, phase: "passed", progress: 1 });
      this.#parts.passed();
    } catch (error) {
      if (isOver()) return;
      changed({ for: what, phase: "failed", progress: 0 });
      const waitMs = error instanceof HttpProblem ? (error.retryMs ?? 0) : 0;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#busy.delete(what);
        this.look();
      }, waitMs + backoffMs(tries, this.#parts.random));
      this.#timers.add(timer);
    }
  }

  #keep(passes: readonly Kept[]): void {
    const nowMs = this.#parts.nowMs();
    this.#passes = passes.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    this.#memory.setItem(KEY, JSON.stringify(this.#passes));
  }
}

function readPasses(memory: Memory): Kept[] {
  try {
    return JSON.parse(memory.getItem(KEY) ?? "[]") as Kept[];
  } catch {
    // Somebody else's text under our name: a check is done anew.
    return [];
  }
}
