import { createHash } from "node:crypto";
import {
  type Answer,
  type AwardId,
  type DrawId,
  listDraws,
  type PoolId,
  roundDueMs,
  type SealHeader,
} from "@wanhui/core";
import {
  type DurableBatch,
  type Engine,
  type EngineCommand,
  EngineFault,
  type ListenerMemory,
} from "@wanhui/server";
import { Cast, type Told } from "./cast.ts";
import { MemoryDisk, type StatementFate, type StatementKind } from "./memory-journal.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
import { simBeacon, simChain } from "./sim-beacon.ts";
import type { Process } from "./sim-process.ts";
import { type Cause, calmed, fairWeather, type Weather, weatherOf } from "./trouble.ts";
import { VirtualWorld } from "./virtual-world.ts";

/** Users of a simulated night: few, so that everything meets everything. */
const USERS_MIN = 4;
const USERS_MAX = 9;
/** The troubled part of a night, and the calm one in which everything must come to its end. */
const TROUBLE_MS = 45_000;
const CALM_MS = 120_000;
/** Lines of trace kept for a failing seed. */
const TRACE_LINES_MAX = 5_000;

const lossNames = {
  before: "append unknown and lost",
  early: "append unknown and still on its way",
  after: "append unknown but committed",
  full: "disk full",
};

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** Counts of things that should happen in some seeds: a simulator that never meets them proves nothing. */
export type Sometimes = Record<string, number>;

/**
 * One night on a virtual clock: the real engine over a journal in memory, users, an operator, a beacon, and trouble, all
 * drawn from one seed. `play` runs it; the checks are in check.ts. What serves, and what befalls it, is the subclass's.
 */
export abstract class Night {
  readonly seed: number;
  readonly disk = new MemoryDisk();
  readonly told: Told[] = [];
  /** By process and shard: the batch a process that began from a snapshot had not to hear. */
  readonly begun = new Map<string, number>();
  readonly announced: { readonly by: string; readonly batch: DurableBatch; readonly atMs: number }[] = [];
  readonly sometimes: Sometimes = {};
  readonly trace: string[] = [];
  readonly pools: PoolId[] = [];
  readonly draws: DrawId[] = [];
  readonly broken: string[] = [];
  protected readonly random: SeededRandom;
  protected readonly faults: SeededRandom;
  protected readonly world = new VirtualWorld(simChain.genesisMs + 30_500);
  protected weather: Weather;
  protected processes: Process[] = [];
  protected newestRound = 0;
  protected over = false;
  protected readonly cast = new Cast({
    nowMs: () => this.world.nowMs,
    sleep: (ms) => this.world.sleep(ms),
    ask: (command, random) => this.#ask(command, random),
    serving: () => this.processes.filter((one) => one.ready).at(-1)?.engine,
    mayBeLost: (awardId) => this.mayBeLost(awardId),
    isOver: () => this.over || this.weather === fairWeather,
    count: (what) => this.count(what),
    pools: this.pools,
    draws: this.draws,
    told: this.told,
    broken: this.broken,
  });
  events = 0;

  /** @param without causes of trouble that are left out of what the seed says */
  constructor(seed: number, without: readonly Cause[] = []) {
    this.seed = seed;
    this.random = seededRandom(seed);
    this.weather = calmed(weatherOf(this.random.fork()), without);
    this.faults = this.random.fork();
  }

  // ---- what the form of the night decides

  /** Brings up what serves at the beginning. */
  protected abstract open(): void;
  /** Lets trouble come, again and again, until the weather is fair. */
  protected abstract trouble(): void;
  /** The storm is over: whoever is needed serves, every statement arrives. */
  protected abstract calm(): void;
  /** Whom somebody asks now. */
  protected abstract reachable(random: SeededRandom): Process | undefined;
  /** Whether this process is the one to draw a shard's windows. */
  protected abstract drawsHere(process: Process, shard: number): boolean;
  /** Whether nothing is left to happen. */
  protected abstract ended(): boolean;
  /** Whether every answer must stand: not where a standby lost what nobody who lives knew. */
  protected abstract keepsAnswers(): boolean;
  /** Whether what was acknowledged of an award may be gone: on a shard whose last batches a standby lost. */
  protected abstract mayBeLost(awardId: AwardId | null): boolean;
  /** Engines whose live state must be the journal's in the end. */
  abstract engines(): Engine[];

  count(what: string): void {
    this.sometimes[what] = (this.sometimes[what] ?? 0) + 1;
  }

  say(line: string): void {
    this.trace.push(`${this.world.nowMs - simChain.genesisMs} ${line}`);
    if (this.trace.length > TRACE_LINES_MAX) this.trace.shift();
  }

  async play(): Promise<void> {
    const { world } = this;
    const calmAtMs = world.nowMs + TROUBLE_MS;
    this.open();
    this.#beacon();
    void this.cast.operator(this.random.fork());
    const users = this.random.between(USERS_MIN, USERS_MAX);
    for (let n = 0; n < users; n += 1) void this.cast.user(this.random.fork());
    this.trouble();
    this.#reveals();
    this.events += await world.run({ untilMs: calmAtMs });
    this.weather = fairWeather;
    this.say("calm");
    this.calm();
    const endMs = calmAtMs + CALM_MS;
    this.events += await world.run({ untilMs: endMs, until: () => this.broken.length > 0 || this.ended() });
    this.over = true;
    if (this.broken.length === 0 && !this.ended()) this.broken.push("the night did not come to its end");
    // Retries after the end: the same answers, word for word.
    if (this.keepsAnswers()) void this.#askAgain().catch((error) => this.broken.push(String(error)));
    this.events += await world.run({ untilMs: endMs + 60_000 });
  }

  protected countLoss(kind: StatementKind, { lost }: StatementFate): void {
    if (lost !== "no" && kind === "append") this.count(lossNames[lost]);
  }

  protected kill(process: Process): void {
    process.alive = false;
    this.processes = this.processes.filter((one) => one !== process);
  }

  protected sealedWindows(engine: Engine): number {
    const shards = engine.status().shards.length;
    let sealed = 0;
    for (let shard = 0; shard < shards; shard += 1) {
      for (const draw of listDraws(engine.state(shard))) sealed += draw.sealed.length;
    }
    return sealed;
  }

  protected durable(process: Process, batch: DurableBatch): void {
    this.announced.push({ by: process.name, batch, atMs: this.world.nowMs });
    if (batch.replay) return;
    for (const event of batch.events) {
      if (event.type === "window.gap") this.count("gap");
      if (event.type === "window.sealed") this.#sealedOne(process, event.header);
      if (event.type === "draw.stopped") this.count("stop");
      if (event.type === "draw.cancelled") this.count("draw cancelled");
      if (event.type === "award.moved") this.count(`award ${event.to}`);
      if (event.type === "grab.waiting") this.count("waiting line");
      if (event.type === "draw.closed" && event.record.leftoversTo !== null) this.count("leftovers promised");
      if (event.type !== "entered" && event.type !== "granted") this.say(`${process.name} ${event.type}`);
    }
  }

  /** A process that begins from a snapshot hears what came behind it (JR14). */
  protected begins({ name }: Process): ListenerMemory {
    return {
      name: "night",
      save: () => ({}),
      load: (_, ends) => {
        this.count("began from a snapshot");
        for (const [shard, { seq }] of ends.entries()) this.begun.set(`${name} ${shard}`, seq);
      },
    };
  }

  #sealedOne(process: Process, header: SealHeader): void {
    const shard = process.engine.shardOf({ draw: header.draw });
    const draw = shard === null ? undefined : process.engine.state(shard).draws.get(header.draw);
    if (draw !== undefined && header.window >= draw.rules.schedule.length) this.count("extension window");
    if (header.parts[0]?.count === 0) this.count("empty window");
  }

  // ---- asking

  /** Asks whoever can be reached, again and again with the same ids, until there is an answer. */
  async #ask(command: EngineCommand, random: SeededRandom): Promise<Answer> {
    for (;;) {
      const process = this.reachable(random);
      if (process !== undefined) {
        const askedAtMs = this.world.nowMs;
        const answer = await this.#submit(process, command);
        if (!(answer instanceof EngineFault)) {
          this.#refused(command, answer, askedAtMs);
          return answer;
        }
        this.count(answer.code);
      }
      await this.world.sleep(20 + random.below(400));
    }
  }

  #refused(command: EngineCommand, answer: Answer, askedAtMs: number): void {
    if (answer.ok || answer.code !== "pool.sold_out" || command.type !== "grab.take") return;
    this.told.push({ kind: "sold out", pool: command.pool, askedAtMs, toldAtMs: this.world.nowMs });
  }

  /** A crashed process never answers: the asker gives up waiting and asks another one. */
  async #submit(process: Process, command: EngineCommand): Promise<Answer | EngineFault> {
    let answered = false;
    const asked = process.engine.submit(command).then(
      (answer) => (process.alive ? answer : null),
      (fault: EngineFault) => fault,
    );
    const patience = this.#patience(() => answered || !process.alive);
    const answer = await Promise.race([asked, patience]);
    answered = true;
    return answer ?? new EngineFault("engine.unknown", "no answer");
  }

  async #patience(enough: () => boolean): Promise<null> {
    for (let waited = 0; waited < 20 && !enough(); waited += 1) await this.world.sleep(500);
    return null;
  }

  // ---- actors

  #beacon(): void {
    const { genesisMs, periodMs } = simChain;
    const round = Math.floor((this.world.nowMs - genesisMs) / periodMs) + 2;
    const dueInMs = roundDueMs(simChain, round) - this.world.nowMs;
    const late = this.faults.chance(this.weather.lateBeaconChance);
    if (late) this.count("late beacon");
    this.world.after(dueInMs + (late ? this.faults.below(12_000) : this.faults.below(200)), () => {
      this.newestRound = Math.max(this.newestRound, round);
      for (const process of this.processes) process.engine.sawBeacon(this.newestRound, simChain.chainHash);
    });
    this.world.after(dueInMs + 1, () => this.#beacon());
  }

  /** Draws sealed windows whose beacon is out, oldest first. */
  #reveals(): void {
    const random = this.random.fork();
    const look = async () => {
      for (const process of this.processes.filter((one) => one.alive && one.ready)) {
        const shards = process.engine.status().shards.length;
        for (let shard = 0; shard < shards; shard += 1) {
          if (!this.drawsHere(process, shard)) continue;
          for (const draw of listDraws(process.engine.state(shard))) {
            const next = draw.sealed[0];
            if (next === undefined || next.round > this.newestRound) continue;
            const beacon = simBeacon(next.round);
            await this.#submit(process, {
              type: "draw.reveal",
              draw: draw.draw,
              window: next.window,
              ...beacon,
            });
          }
        }
      }
    };
    const again = () => void look().finally(() => this.world.after(200 + random.below(300), again));
    again();
  }

  async #askAgain(): Promise<void> {
    const random = this.random.fork();
    for (const one of this.told) {
      if (one.kind !== "granted") continue;
      const { pool, user, requestId } = one;
      const answer = await this.#ask({ type: "grab.take", pool, user, requestId, quantity: 1 }, random);
      if (JSON.stringify(answer) !== JSON.stringify(one.answer))
        this.broken.push(`grant ${requestId} changed`);
      this.count("asked again");
    }
  }
}
