import { setMaxListeners } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { AwardView, ShowView } from "@wanhui/protocol";
import type pg from "pg";
import { audienceShare, type Cast, castAudience, type RoundTimes } from "./audience.ts";
import { CheatPerson, type CheatScore } from "./cheat.ts";
import { ask, pause } from "./http.ts";
import { type Finding, judge } from "./invariants.ts";
import { Latencies, type Percentiles } from "./latency.ts";
import { Ledger } from "./ledger.ts";
import { Person } from "./person.ts";
import { createRandom, oneOf, type Random } from "./random.ts";
import { bearer } from "./sign-in.ts";
import { newTallies, type Stage, type Tallies } from "./stage.ts";

/** How often the number of people is set right, and the curve gets a point. */
const BEAT_MS = 500;
const POINT_EVERY_MS = 2_000;
/** Pages opened per beat at most: a wave comes fast, and not in one instant. */
const ARRIVALS_PER_BEAT_MAX = 200;
/** What is under way is waited for: payments, results of windows somebody is in. */
const ENDING_MS_MAX = 60_000;
const RESULTS_MS_MAX = 20_000;
/** People whose own awards are read at the end; every one of a small crowd. */
const PAGES_READ_MAX = 500;
const OWN_DELAY_STEP_MS = 5;

export type CrowdOptions = {
  /** Where the server is, without a slash at the end. */
  readonly baseUrl: string;
  /** The rehearsal's run. */
  readonly run: string;
  /** Signed by the operator for that run (PE9). */
  readonly grant: string;
  /** 1 to 20,000 from one machine. */
  readonly viewers: number;
  /** How long people stay; the show's end when it is earlier. */
  readonly minutes: number;
  /** The server's database, read only, to compare with; null compares nothing. */
  readonly database: pg.Pool | null;
  /** Everything the crowd was told, as JSON lines; null writes none. */
  readonly logFile: string | null;
  /** The server is being killed meanwhile: results may come late, everything else must hold. */
  readonly faults?: boolean;
  /** The same seed is the same audience. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CrowdProgress) => void;
};

export type CrowdProgress = {
  readonly phase: "playing" | "going home" | "comparing";
  readonly sinceMs: number;
  readonly totalMs: number;
  readonly online: number;
  readonly wanted: number;
  readonly acks: number;
  readonly wins: number;
  readonly paid: number;
  readonly recent: Percentiles;
};

export type CrowdPoint = {
  readonly atMs: number;
  readonly online: number;
  readonly wanted: number;
  readonly acks: number;
  readonly latency: Percentiles;
};

/** What a rehearsal showed (CR7). */
export type CrowdReport = {
  readonly version: "wanhui/crowd/1";
  readonly run: string;
  readonly viewers: number;
  readonly seed: number;
  readonly startedAtMs: number;
  readonly seconds: number;
  readonly curve: readonly CrowdPoint[];
  /** From the first unanswered frame of a draw to its acknowledgement, at the client. */
  readonly latency: Percentiles;
  /** How late the crowd's own process was, as a percentile of 99: none of it is the server's. */
  readonly ownDelayP99Ms: number;
  readonly totals: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly cheats: {
    readonly tried: number;
    readonly worked: readonly string[];
    readonly refusals: Readonly<Record<string, number>>;
  };
  readonly closes: Readonly<Record<string, number>>;
  readonly kinds: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** Everything that must hold did, and there was a database to ask. */
  readonly ok: boolean;
};

/**
 * Fills a rehearsal with synthetic people over real sockets, and compares what they were told with the tables.
 *
 * @throws Error when nobody can be signed in at all
 */
export async function runCrowd(options: CrowdOptions): Promise<CrowdReport> {
  return new Crowd(options).run();
}

class Crowd {
  readonly #options: CrowdOptions;
  readonly #random: Random;
  readonly #seed: number;
  readonly #stage: Stage;
  readonly #tallies: Tallies = newTallies();
  readonly #ledger: Ledger;
  readonly #people: Person[];
  readonly #cheats: CheatPerson[];
  readonly #casts: readonly Cast[];
  readonly #score: CheatScore = { tried: 0, worked: [] };
  readonly #goingHome = new AbortController();
  /** How late this process itself is: times measured beside it cannot be better. */
  readonly #ownDelay = monitorEventLoopDelay({ resolution: OWN_DELAY_STEP_MS });
  readonly #recent = { latencies: new Latencies() };
  readonly #curve: CrowdPoint[] = [];
  readonly #startedAtMs = Date.now();
  readonly #begin = performance.now();
  #failure: Error | null = null;
  #phase: CrowdProgress["phase"] = "playing";
  #wanted = 0;
  #pointAtMs = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.#random = createRandom(this.#seed);
    this.#ledger = new Ledger(options.logFile);
    this.#stage = {
      baseUrl: options.baseUrl.replace(/\/$/, ""),
      run: options.run,
      grant: options.grant,
      random: this.#random,
      ledger: this.#ledger,
      tallies: this.#tallies,
      latencies: new Latencies(),
      recent: this.#recent,
      show: () => this.#show,
      serverNowMs: () => this.#people[0]?.client?.serverNowMs() ?? Date.now(),
      goingHome: this.#goingHome.signal,
      underWay: new Set(),
    };
    // Everybody listens for the end of the evening; a thousand listeners are no leak here.
    setMaxListeners(0, this.#goingHome.signal);
    this.#casts = castAudience(options.viewers, this.#random);
    this.#people = this.#casts
      .filter(({ cheat }) => cheat === null)
      .map((cast) => new Person(cast, this.#stage));
    this.#cheats = this.#casts
      .filter(({ cheat }) => cheat !== null)
      .map((cast) => new CheatPerson(cast, this.#stage, this.#score));
  }

  get #show(): ShowView | null {
    return this.#people[0]?.client?.show ?? null;
  }
  get #sinceMs(): number {
    return performance.now() - this.#begin;
  }

  async run(): Promise<CrowdReport> {
    this.#ownDelay.enable();
    // The one who never leaves comes first: what he sees is the crowd's programme.
    await this.#people[0]?.come();
    const totalMs = this.#options.minutes * 60_000;
    while (!this.#isOver(totalMs)) {
      this.#beat(totalMs);
      await pause(BEAT_MS, this.#options.signal ?? this.#goingHome.signal);
    }
    await this.#end(totalMs);
    const pages = await this.#readPages();
    for (const person of this.#people) person.leave();
    this.#ownDelay.disable();
    await this.#ledger.close();
    this.#say(totalMs, "comparing");
    return this.#report(await this.#judge(pages));
  }

  #isOver(totalMs: number): boolean {
    if (this.#failure !== null) throw this.#failure;
    if (this.#options.signal?.aborted === true || this.#sinceMs >= totalMs) return true;
    const show = this.#show;
    return show !== null && this.#stage.serverNowMs() > show.endsAtMs;
  }

  #beat(totalMs: number): void {
    const rounds = timesOf(this.#show);
    const share = audienceShare(rounds, this.#stage.serverNowMs(), this.#sinceMs);
    this.#wanted = Math.max(1, Math.round(share * this.#people.length));
    this.#setNumber();
    for (const round of this.#show?.rounds ?? []) for (const cheat of this.#cheats) cheat.consider(round);
    if (this.#sinceMs >= this.#pointAtMs) this.#point();
    this.#say(totalMs, this.#phase);
  }

  /** Opens and closes pages until as many are there as the hour asks for. */
  #setNumber(): void {
    const here = this.#people.filter((person) => person.here).length;
    const missing = Math.min(ARRIVALS_PER_BEAT_MAX, this.#wanted - here);
    if (missing > 0) {
      const away = this.#people.filter((person) => !person.here).slice(0, missing);
      for (const person of away) {
        person.come().catch((error: Error) => {
          this.#failure ??= error;
        });
      }
      return;
    }
    for (let leaving = here - this.#wanted; leaving > 0; leaving -= 1) {
      const person = oneOf(this.#random, this.#people);
      if (person !== this.#people[0]) person.leave();
    }
  }

  #point(): void {
    this.#pointAtMs = this.#sinceMs + POINT_EVERY_MS;
    const latency = this.#recent.latencies.percentiles();
    this.#recent.latencies = new Latencies();
    const online = this.#people.filter(({ client }) => client?.status.state === "online").length;
    const atMs = Math.round(this.#sinceMs);
    this.#curve.push({ atMs, online, wanted: this.#wanted, acks: this.#tallies.acks, latency });
  }

  #say(totalMs: number, phase: CrowdProgress["phase"]): void {
    const { acks, wins, paid } = this.#tallies;
    this.#options.onProgress?.({
      phase,
      sinceMs: this.#sinceMs,
      totalMs,
      online: this.#curve.at(-1)?.online ?? 0,
      wanted: this.#wanted,
      acks,
      wins,
      paid,
      recent: this.#curve.at(-1)?.latency ?? this.#recent.latencies.percentiles(),
    });
  }

  /** Nothing new is begun; results and payments on their way still arrive. */
  async #end(totalMs: number): Promise<void> {
    this.#phase = "going home";
    this.#goingHome.abort();
    const never = new AbortController().signal;
    const resultsUntil = performance.now() + RESULTS_MS_MAX;
    while (performance.now() < resultsUntil && this.#waitsForResults()) await pause(BEAT_MS, never);
    const endUntil = performance.now() + ENDING_MS_MAX;
    while (performance.now() < endUntil && this.#stage.underWay.size > 0) {
      this.#say(totalMs, "going home");
      await pause(BEAT_MS, never);
    }
    this.#point();
  }

  #waitsForResults(): boolean {
    const open = this.#show?.rounds.filter(({ phase }) => phase === "open" || phase === "drawing") ?? [];
    const observer = this.#people[0]?.client;
    const acked = new Set([...this.#ledger.acks.values()].map(({ draw, window }) => `${draw} ${window}`));
    // Windows of a round that goes on longer than the crowd stays are somebody else's evening.
    return open.some(({ draw }) =>
      [...acked].some(
        (key) => key.startsWith(`${draw} `) && !this.#ledger.results.has(key) && observer !== null,
      ),
    );
  }

  /** What the page shows each winner, and some who won nothing. */
  async #readPages(): Promise<Map<string, readonly string[] | null>> {
    if (this.#options.database === null) return new Map();
    const winners = new Set([...this.#ledger.wins.values()].map(({ user }) => user));
    const known = this.#people.filter(({ signedIn }) => signedIn !== null);
    known.sort(
      (a, b) => Number(winners.has(b.signedIn?.user ?? "")) - Number(winners.has(a.signedIn?.user ?? "")),
    );
    const pages = new Map<string, readonly string[] | null>();
    for (const { signedIn } of known.slice(0, PAGES_READ_MAX)) {
      if (signedIn === null) continue;
      const url = `${this.#stage.baseUrl}/api/me/awards`;
      const answer = await ask<{ awards: AwardView[] }>({ url, headers: bearer(signedIn) });
      const run = `${this.#options.run}/`;
      const own = answer.ok ? answer.value.awards.filter(({ prize }) => prize.pool.startsWith(run)) : null;
      pages.set(signedIn.user, own?.map(({ awardId }) => awardId) ?? null);
    }
    return pages;
  }

  async #judge(pages: ReadonlyMap<string, readonly string[] | null>): Promise<Finding[]> {
    const { database, run } = this.#options;
    const worked = this.#score.worked;
    const cheated: Finding = {
      name: "no cheat came through",
      rule: "CR5",
      ok: worked.length === 0,
      detail: worked.length === 0 ? `${this.#score.tried} tries` : worked.slice(0, 5).join("; "),
    };
    if (database === null) return [cheated];
    const { faults = false } = this.#options;
    return [...(await judge({ pool: database, ledger: this.#ledger, run, pages, faults })), cheated];
  }

  #report(findings: readonly Finding[]): CrowdReport {
    const { refusals, cheatRefusals, closes, ...totals } = this.#tallies;
    const kinds: Record<string, number> = {};
    for (const { kind } of this.#casts) kinds[kind] = (kinds[kind] ?? 0) + 1;
    return {
      version: "wanhui/crowd/1",
      run: this.#options.run,
      viewers: this.#options.viewers,
      seed: this.#seed,
      startedAtMs: this.#startedAtMs,
      seconds: Math.round(this.#sinceMs / 1_000),
      curve: this.#curve,
      latency: this.#stage.latencies.percentiles(),
      ownDelayP99Ms: Math.max(0, Math.round(this.#ownDelay.percentile(99) / 1e6) - OWN_DELAY_STEP_MS),
      totals: { ...totals, entries: this.#ledger.acks.size, results: this.#ledger.results.size },
      refusals: Object.fromEntries(refusals),
      cheats: { ...this.#score, refusals: Object.fromEntries(cheatRefusals) },
      closes: Object.fromEntries(closes),
      kinds,
      findings,
      ok: this.#options.database !== null && findings.every(({ ok }) => ok),
    };
  }
}

function timesOf(show: ShowView | null): RoundTimes[] {
  if (show === null) return [];
  const given = new Set(["skipped", "missed", "held"]);
  const rounds = show.rounds.filter(({ phase }) => !given.has(phase));
  const rains = show.rains.filter(({ phase }) => !given.has(phase));
  return [...rounds, ...rains].map(({ opensAtMs, closesAtMs }) => ({ opensAtMs, closesAtMs }));
}
