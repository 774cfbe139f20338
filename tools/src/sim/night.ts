import { createHash } from "node:crypto";
import { type Answer, type DrawId, listDraws, type PoolId, roundDueMs, type SealHeader } from "@wanhui/core";
import {
  createEngine,
  type DurableBatch,
  type Engine,
  type EngineCommand,
  EngineFault,
} from "@wanhui/server";
import { Cast, type Told } from "./cast.ts";
import { MemoryDisk, MemoryJournal } from "./memory-journal.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
import { simBeacon, simChain } from "./sim-beacon.ts";
import { mortal, type Process } from "./sim-process.ts";
import { fairWeather, fateOf, type Weather, weatherOf } from "./trouble.ts";
import { VirtualWorld } from "./virtual-world.ts";

/** Shards, users, pools of a simulated night: small, so that everything meets everything. */
const SHARDS = 2;
const USERS_MIN = 4;
const USERS_MAX = 9;
/** The troubled part of a night, and the calm one in which everything must come to its end. */
const TROUBLE_MS = 45_000;
const CALM_MS = 120_000;
/** Lines of trace kept for a failing seed. */
const TRACE_LINES_MAX = 400;

const lossNames = {
  before: "append unknown and lost",
  early: "append unknown and still on its way",
  after: "append unknown but committed",
};

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** Counts of things that should happen in some seeds: a simulator that never meets them proves nothing. */
export type Sometimes = Record<string, number>;

/**
 * One night on a virtual clock: the real engine over a journal in memory, users, an operator, a beacon, crashes,
 * zombies and lost statements, all drawn from one seed. `play` runs it; the checks are in check.ts.
 */
export class Night {
  readonly seed: number;
  readonly disk = new MemoryDisk();
  readonly told: Told[] = [];
  readonly announced: DurableBatch[] = [];
  readonly sometimes: Sometimes = {};
  readonly trace: string[] = [];
  readonly pools: PoolId[] = [];
  readonly draws: DrawId[] = [];
  readonly broken: string[] = [];
  readonly #random: SeededRandom;
  readonly #faults: SeededRandom;
  readonly #world = new VirtualWorld(simChain.genesisMs + 30_500);
  #weather: Weather;
  #processes: Process[] = [];
  #generation = 0;
  #over = false;
  #newestRound = 0;
  readonly #cast = new Cast({
    nowMs: () => this.#world.nowMs,
    sleep: (ms) => this.#world.sleep(ms),
    ask: (command, random) => this.#ask(command, random),
    serving: () => this.#processes.filter((one) => one.ready).at(-1)?.engine,
    isOver: () => this.#over || this.#weather === fairWeather,
    count: (what) => this.count(what),
    pools: this.pools,
    draws: this.draws,
    told: this.told,
    broken: this.broken,
  });
  events = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.#random = seededRandom(seed);
    this.#weather = weatherOf(this.#random.fork());
    this.#faults = this.#random.fork();
  }

  /** The process that serves in the end. */
  get survivor(): Engine {
    const found = this.#processes.filter((process) => process.ready).at(-1);
    if (found === undefined) throw new Error("Nobody serves");
    return found.engine;
  }

  count(what: string): void {
    this.sometimes[what] = (this.sometimes[what] ?? 0) + 1;
  }

  say(line: string): void {
    this.trace.push(`${this.#world.nowMs - simChain.genesisMs} ${line}`);
    if (this.trace.length > TRACE_LINES_MAX) this.trace.shift();
  }

  async play(): Promise<void> {
    const world = this.#world;
    const calmAtMs = world.nowMs + TROUBLE_MS;
    this.#boot();
    this.#beacon();
    void this.#cast.operator(this.#random.fork());
    const users = this.#random.between(USERS_MIN, USERS_MAX);
    for (let n = 0; n < users; n += 1) void this.#cast.user(this.#random.fork());
    this.#crashes();
    this.#reveals();
    this.events += await world.run({ untilMs: calmAtMs });
    this.#calm();
    const endMs = calmAtMs + CALM_MS;
    this.events += await world.run({ untilMs: endMs, until: () => this.broken.length > 0 || this.#ended() });
    this.#over = true;
    if (this.broken.length === 0 && !this.#ended()) this.broken.push("the night did not come to its end");
    // Retries after the end: the same answers, word for word.
    void this.#askAgain().catch((error) => this.broken.push(String(error)));
    this.events += await world.run({ untilMs: endMs + 60_000 });
  }

  // ---- processes

  #boot(): Process {
    const world = this.#world;
    const random = this.#faults.fork();
    this.#generation += 1;
    const name = `p${this.#generation}`;
    const skew = this.#weather.skewMsMax;
    const process: Process = {
      name,
      alive: true,
      ready: false,
      skewMs: skew === 0 ? 0 : random.between(-skew, skew),
      journal: new MemoryJournal(this.disk, {
        sleep: (ms) => world.sleep(ms),
        fate: (kind) => this.#fate(kind, random, process),
      }),
      get engine(): Engine {
        return engine;
      },
    };
    const engine: Engine = createEngine({
      store: mortal(process),
      clock: world.clock(() => process.skewMs),
      scheduler: world.scheduler(() => process.alive),
      sha256,
      holder: name,
      shards: SHARDS,
      log: {
        info: (_, message) => this.say(`${name} ${message}`),
        warn: (fields, message) => this.say(`${name} ${message} ${String(fields.err ?? "")}`),
        error: (fields, message) => {
          this.say(`${name} ${message} ${String(fields.err ?? "")}`);
          if (message.includes("stops:") || message.includes("stays down")) this.broken.push(message);
          if (message.includes("took the shard over")) this.#fenced(process);
        },
      },
    });
    engine.onDurable((batch) => this.#durable(process, batch));
    engine.sawBeacon(this.#newestRound, simChain.chainHash);
    this.#processes.push(process);
    void this.#start(process);
    return process;
  }

  async #start(process: Process): Promise<void> {
    try {
      await process.engine.start();
      process.ready = true;
      this.say(`${process.name} serves`);
    } catch (error) {
      // A real process ends when it cannot start, and its keeper starts another.
      this.say(`${process.name} cannot start: ${String(error)}`);
      this.#kill(process);
      this.#boot();
    }
  }

  /** The newest process, or the one that serves, was fenced off by a statement of a dead one that came late: it ends, its keeper starts another. */
  #fenced(process: Process): void {
    const serving = this.#processes.filter((one) => one.ready).at(-1);
    if (process !== this.#processes.at(-1) && process !== serving) return;
    this.count("fenced by the dead");
    this.#kill(process);
    this.#world.after(100, () => void this.#boot());
  }

  #kill(process: Process): void {
    process.alive = false;
    this.#processes = this.#processes.filter((one) => one !== process);
  }

  #fate(kind: string, random: SeededRandom, process: Process) {
    const fate = fateOf(random, this.#weather);
    if (fate.lost !== "no" && kind === "append") this.count(lossNames[fate.lost]);
    // Crashes fall into the middle of statements, where they hurt, not only between them.
    if (random.chance(this.#weather.crashChance)) {
      this.#world.after(fate.requestMs + random.below(fate.commitMs + fate.responseMs + 2), () =>
        this.#crash(process),
      );
    }
    return fate;
  }

  #crash(process: Process): void {
    if (!process.alive || this.#over) return;
    const newest = this.#processes.at(-1);
    if (newest !== process) {
      this.#kill(process);
      return;
    }
    if (process.ready && this.#sealedWindows(process.engine) > 0) this.count("crash between seal and draw");
    if (this.#faults.chance(this.#weather.zombieChance)) {
      this.say(`${process.name} loses touch and goes on`);
      this.count("zombie");
    } else {
      this.say(`${process.name} crashes`);
      this.count("crash");
      this.#kill(process);
    }
    this.#world.after(this.#faults.below(1_500), () => {
      // In the calm one process is there already.
      if (this.#weather !== fairWeather) this.#boot();
    });
  }

  #crashes(): void {
    const next = () => {
      if (this.#weather.crashChance > 0) {
        const process = this.#processes.at(-1);
        if (process !== undefined) this.#crash(process);
      }
      this.#world.after(4_000 + this.#faults.below(25_000), next);
    };
    this.#world.after(this.#faults.below(20_000), next);
  }

  /** The storm is over: one process is left, its statements arrive. */
  #calm(): void {
    this.#weather = fairWeather;
    this.say("calm");
    for (const process of [...this.#processes]) this.#kill(process);
    this.#boot();
  }

  #sealedWindows(engine: Engine): number {
    const shards = engine.status().shards.length;
    let sealed = 0;
    for (let shard = 0; shard < shards; shard += 1) {
      for (const draw of listDraws(engine.state(shard))) sealed += draw.sealed.length;
    }
    return sealed;
  }

  #durable(process: Process, batch: DurableBatch): void {
    this.announced.push(batch);
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
      const ready = this.#processes.filter((process) => process.alive && process.ready);
      // Mostly the newest; sometimes somebody still talks to a zombie.
      const process = random.chance(0.8) ? ready.at(-1) : ready[0];
      if (process !== undefined) {
        const answer = await this.#submit(process, command);
        if (!(answer instanceof EngineFault)) return answer;
        this.count(answer.code);
      }
      await this.#world.sleep(20 + random.below(400));
    }
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
    for (let waited = 0; waited < 20 && !enough(); waited += 1) await this.#world.sleep(500);
    return null;
  }

  // ---- actors

  #beacon(): void {
    const { genesisMs, periodMs } = simChain;
    const round = Math.floor((this.#world.nowMs - genesisMs) / periodMs) + 2;
    const dueInMs = roundDueMs(simChain, round) - this.#world.nowMs;
    const late = this.#faults.chance(this.#weather.lateBeaconChance);
    if (late) this.count("late beacon");
    this.#world.after(dueInMs + (late ? this.#faults.below(12_000) : this.#faults.below(200)), () => {
      this.#newestRound = Math.max(this.#newestRound, round);
      for (const process of this.#processes) process.engine.sawBeacon(this.#newestRound, simChain.chainHash);
    });
    this.#world.after(dueInMs + 1, () => this.#beacon());
  }

  /** Draws sealed windows whose beacon is out, oldest first, from whoever serves. */
  #reveals(): void {
    const random = this.#random.fork();
    const look = async () => {
      for (const process of this.#processes.filter((one) => one.alive && one.ready)) {
        for (let shard = 0; shard < SHARDS; shard += 1) {
          for (const draw of listDraws(process.engine.state(shard))) {
            const next = draw.sealed[0];
            if (next === undefined || next.round > this.#newestRound) continue;
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
    const again = () => void look().finally(() => this.#world.after(200 + random.below(300), again));
    again();
  }

  #ended(): boolean {
    const process = this.#processes.findLast((one) => one.ready);
    if (process === undefined) return false;
    const { shards } = process.engine.status();
    return (
      shards.every(({ shard }) => process.engine.state(shard).liveDraws.size === 0) &&
      process.engine.status().pending === 0
    );
  }

  async #askAgain(): Promise<void> {
    const random = this.#random.fork();
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
