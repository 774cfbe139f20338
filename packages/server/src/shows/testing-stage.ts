import { createHash } from "node:crypto";
import {
  type Answer,
  apply,
  type BeaconChain,
  type Command,
  createShardState,
  type DrawId,
  decide,
  type Event,
  type Hash,
  listPools,
  nextDueMs,
  type PoolView,
  poolView,
  type ShardState,
  type UserId,
  type UserKey,
} from "@wanhui/core";
import type { ActView, CtlMessage } from "@wanhui/protocol";
import { EngineFault } from "../engine/mod.ts";
import { silentLog } from "../platform/mod.ts";
import { createBoard } from "./board.ts";
import type { Board } from "./board-port.ts";
import type { CueRow } from "./cue-rules.ts";
import type { ShowDefinition } from "./definition.ts";
import { createDirector } from "./director.ts";
import type { Actor, Director } from "./director-port.ts";
import { createDrawer } from "./drawer.ts";
import { cueTimeMs, definitionHash, drawIdOf, poolIdOf, type Run } from "./run-plan.ts";
import { ACTS_PAGE_MAX, type CueStore } from "./run-store.ts";
import { goodShow } from "./testing.ts";

// A whole night under a virtual clock: the real rules of the core, a journal that survives crashes, and the real
// board, director and drawer, which can be killed at any of their steps and started again.

/** SHA-256 of Node. */
export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const hexOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A chain of the tests: 3 s, not on whole minutes. */
export const testChain: BeaconChain = {
  chainHash: "ab".repeat(32),
  publicKey: "cd".repeat(96),
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 1_700_000_001_000,
  periodMs: 3_000,
};
/** When every night of the tests starts. */
export const NIGHT_MS = 1_800_000_000_000;
/** Somebody who may act. */
export const anna: Actor = { who: "anna", role: "operator" };

/** Time that only moves when told, with the waits of director and drawer. */
class VirtualClock {
  ms = NIGHT_MS;
  readonly #timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  nowMs = (): number => this.ms;
  wait = (delayMs: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const fire = () => {
        this.#timers.delete(timer);
        signal.removeEventListener("abort", fire);
        resolve();
      };
      const timer = { atMs: this.ms + Math.max(delayMs, 0), fire };
      this.#timers.add(timer);
      signal.addEventListener("abort", fire, { once: true });
    });
  next(): number {
    return Math.min(...[...this.#timers].map(({ atMs }) => atMs));
  }
  fireDue(): void {
    for (const timer of [...this.#timers]) if (timer.atMs <= this.ms) timer.fire();
  }
}

/** Lets everything that can go on without time go on: nothing here waits for more than microtasks and the clock. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** One process: after its death nothing it asked for is answered. */
type Life = { dead: boolean; readonly end: AbortController };

/** Where a process dies: at the n-th thing it asks of the world, before or after it happened. */
export type Death = { readonly at: number; readonly after: boolean };

/** A night on a stage. */
export class Stage {
  readonly clock = new VirtualClock();
  readonly run: Run;
  readonly published: CtlMessage[] = [];
  readonly journal: Event[] = [];
  readonly acts: ActView[] = [];
  readonly rows = new Map<string, CueRow>();
  /** Steps asked of the world in this life. */
  steps = 0;
  death: Death | null = null;
  /** How long a process that died by `death` is down before it is started again. */
  downMs = 500;
  /** While set, beacons cannot be chosen or fetched. */
  beaconGone = false;
  /** While set, beacons can be chosen, but no round is to be had. */
  roundsLate = false;
  /** While above zero, that many commands get no answer although they happen. */
  unknownAnswers = 0;
  newestRoundSeen = 0;
  /** Beacon rounds asked for, in order. */
  readonly fetched: number[] = [];
  #state: ShardState = createShardState(0);
  #life: Life = { dead: true, end: new AbortController() };
  #board: Board | undefined;
  #director: Director | undefined;

  constructor(show: ShowDefinition = goodShow(), options: { rehearsal?: boolean } = {}) {
    this.run = {
      run: `${show.show}-1`,
      show: show.show,
      number: 1,
      rehearsal: options.rehearsal ?? false,
      startedAtMs: NIGHT_MS,
      definition: show,
      definitionHash: definitionHash(show, sha256),
    };
    for (const cue of show.cues) {
      const row = { cue: cue.cue, kind: cue.kind, atMs: cueTimeMs(this.run, cue), state: "pending" as const };
      const rest = { reason: null, plan: null, firedAtMs: null, endedAtMs: null, version: 0 };
      this.rows.set(cue.cue, { ...row, ...rest });
    }
  }

  get board(): Board {
    if (this.#board === undefined) throw new Error("not booted");
    return this.#board;
  }

  get director(): Director {
    if (this.#director === undefined) throw new Error("not booted");
    return this.#director;
  }

  get dead(): boolean {
    return this.#life.dead;
  }

  draw(round: string): DrawId {
    return drawIdOf(this.run.run, round);
  }

  row(cue: string): CueRow {
    const row = this.rows.get(cue);
    if (row === undefined) throw new Error(`no cue ${cue}`);
    return row;
  }

  /** A pool's numbers as its shard has them. */
  pool(pool: string): PoolView | null {
    return poolView(this.#state, poolIdOf(this.run.run, pool));
  }

  events<Type extends Event["type"]>(type: Type): Extract<Event, { type: Type }>[] {
    return this.journal.filter((event): event is Extract<Event, { type: Type }> => event.type === type);
  }

  /** Pools as the shard itself has them. */
  pools(): PoolView[] {
    return listPools(this.#state);
  }

  /** Starts a process: replays the journal into a new board and runs director and drawer. */
  async boot(): Promise<void> {
    const life: Life = { dead: false, end: new AbortController() };
    this.#life = life;
    this.steps = 0;
    this.#board = this.newBoard();
    this.#board.fold({ events: this.journal, atMs: this.clock.ms, replay: true });
    const engine = {
      submit: (command: Command) => this.#ask(life, () => this.#submit(command)),
      sawBeacon: (round: number) => {
        this.newestRoundSeen = Math.max(this.newestRoundSeen, round);
      },
    };
    const parts = { board: this.#board, engine, clock: this.clock, log: silentLog() };
    this.#director = createDirector({
      ...parts,
      run: this.run,
      store: this.#store(life),
      publish: (messages) => void this.published.push(...messages),
      chooseBeacon: () =>
        this.#ask(life, async () => {
          if (this.beaconGone) throw new Error("no relay answers");
          return { chain: testChain, level: "beacon" as const, name: "test" };
        }),
    });
    const drawer = createDrawer({ ...parts, fetchBeacon: (_, round) => this.#fetch(life, round) });
    void this.#director.run(life.end.signal).catch(() => undefined);
    void drawer.run(life.end.signal).catch(() => undefined);
    await settle();
  }

  newBoard(): Board {
    return createBoard({
      run: this.run,
      showKey: "ef".repeat(32),
      sha256,
      sign: (record) => hexOf(JSON.stringify(record)).repeat(2),
      levelOf: ({ chainHash }) => (chainHash === testChain.chainHash ? "beacon" : "dev"),
      beacon: () => ({ level: "beacon", name: "test" }),
    });
  }

  /** Kills the process where it stands. What it had asked for and not got is never answered. */
  kill(): void {
    this.#life.dead = true;
    this.#life.end.abort();
  }

  /** Lets time pass, to a moment counted from the start of the night. */
  async passTo(offsetMs: number): Promise<void> {
    const untilMs = NIGHT_MS + offsetMs;
    await settle();
    for (;;) {
      if (this.#life.dead && this.death !== null) {
        this.death = null;
        this.clock.ms += this.downMs;
        await this.boot();
      }
      if (this.clock.ms >= untilMs) return;
      const dueMs = this.#life.dead
        ? Number.POSITIVE_INFINITY
        : (nextDueMs(this.#state) ?? Number.POSITIVE_INFINITY);
      this.clock.ms = Math.max(this.clock.ms, Math.min(untilMs, this.clock.next(), dueMs));
      // A shard ticks only while its process lives.
      if (!this.#life.dead && dueMs <= this.clock.ms) await this.#submit({ type: "tick", taps: new Map() });
      this.clock.fireDue();
      await settle();
    }
  }

  /** A person enters a round now. */
  async enter(round: string, person: number): Promise<Answer> {
    const user = hexOf(`user ${person}`).slice(0, 32) as UserId;
    const userKey = hexOf(`key ${round} ${person}`) as UserKey;
    return this.#submit({ type: "draw.enter", draw: this.draw(round), user, userKey });
  }

  /** Somebody else than director and drawer asks the shard. */
  submit(command: Command): Promise<Answer> {
    return this.#submit(command);
  }

  async #submit(command: Command): Promise<Answer> {
    const { newestRoundSeen } = this;
    const context = { nowMs: this.clock.ms, newestRoundSeen, sha256 };
    const { events, answer } = decide(this.#state, command, context);
    for (const event of events) apply(this.#state, event);
    this.journal.push(...events);
    if (!this.#life.dead && events.length > 0) {
      this.published.push(...this.board.fold({ events, atMs: this.clock.ms, replay: false }));
    }
    if (this.unknownAnswers > 0 && command.type !== "tick") {
      this.unknownAnswers -= 1;
      throw new EngineFault("engine.unknown", "the connection was lost");
    }
    return answer;
  }

  async #fetch(life: Life, round: number) {
    const signature = hexOf(`beacon ${round}`).repeat(2).slice(0, 96);
    const randomness = createHash("sha256").update(Buffer.from(signature, "hex")).digest("hex") as Hash;
    return this.#ask(life, async () => {
      this.fetched.push(round);
      if (this.beaconGone || this.roundsLate) throw new Error("no relay answers");
      return { round, randomness, signature };
    });
  }

  /** One thing a process asks of the world; where it dies it never hears the answer. */
  async #ask<Result>(life: Life, work: () => Promise<Result>): Promise<Result> {
    const never = new Promise<Result>(() => undefined);
    if (life.dead) return never;
    this.steps += 1;
    const dies = this.death !== null && this.steps === this.death.at;
    if (dies && this.death?.after === false) {
      this.kill();
      return never;
    }
    try {
      return await work();
    } finally {
      if (dies) this.kill();
      if (life.dead) await never;
    }
  }

  #store(life: Life): CueStore {
    const record = (act: Omit<ActView, "act">): ActView => {
      const view = { act: this.acts.length + 1, ...act };
      this.acts.push(view);
      return view;
    };
    return {
      cues: () => this.#ask(life, async () => [...this.rows.values()]),
      change: (seen, change, act) =>
        this.#ask(life, async () => {
          const row = this.row(seen.cue);
          if (row.version !== seen.version) return null;
          const changed = { ...row, ...change, version: row.version + 1 };
          this.rows.set(row.cue, changed);
          if (act !== undefined) record(act);
          return changed;
        }),
      record: (act) => this.#ask(life, async () => record(act)),
      acts: async (before) =>
        this.acts
          .filter(({ act }) => before === null || act < before)
          .reverse()
          .slice(0, ACTS_PAGE_MAX),
    };
  }
}
