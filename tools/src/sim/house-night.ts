import type { AwardId } from "@wanhui/core";
import { CLUSTER_VERSION, Cluster, createEngine, type Engine, Liveness } from "@wanhui/server";
import { MemoryJournal, type StatementFate, type StatementKind } from "./memory-journal.ts";
import { Night, sha256 } from "./night.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
import { simChain } from "./sim-beacon.ts";
import { SimHub } from "./sim-bus.ts";
import { SimHouse } from "./sim-house.ts";
import { inItsTime, mortal, type Process } from "./sim-process.ts";
import { SimSnapshots } from "./sim-snapshots.ts";
import {
  type Cause,
  calmedHouse,
  fairWeather,
  fateOf,
  type HouseWeather,
  houseWeatherOf,
} from "./trouble.ts";

/** More shards than processes, so that each has some and some move. */
const SHARDS = 4;
const PROCESSES_MAX = 3;
/** A supervisor needs this long at most to start another process. */
const BOOT_AFTER_MS_MAX = 1_500;
/** After a standby took over nobody comes any more: this long, until each that knew more has met the journal. */
const AFTER_PROMOTION_MS = 25_000;
/** Answers of what the old server had committed may be on their way as long as the slowest statement. */
const OLD_ANSWERS_MS = 12_000;

/** Once all is calm each shard has a process again within this: slow statements of before, a lease, a look, a replay. */
const SERVED_WITHIN_MS = 25_000;

/** Nights in which processes keep snapshots: one of so many. */
const SNAPSHOTS_EVERY = 4;

/** A stream of its own: what latecomers draw moves nothing else. */
const LATECOMERS = 0x1a7ec0;
const BUNGLER = 0x1f7b3;
const IMPOSTOR = 0x2b1d5;
const STOCKER = 0x57c3e;

type Member = Omit<Process, "engine"> & {
  /** Made one after the other: each needs the one before. */
  engine: Engine;
  cluster: Cluster;
  bus: ReturnType<SimHub["plug"]>;
  /** It hands over and goes. */
  leaving: boolean;
};

/** What a standby that lags changed. */
export type Promotion = {
  readonly lostShards: ReadonlySet<number>;
  /** Who had heard of batches that are gone: must have stopped those shards in the end. */
  readonly knew: readonly { readonly name: string; readonly engine: Engine; readonly shard: number }[];
  readonly untilMs: number;
  /** How much people had been told when the last answers of the old server had arrived. */
  toldBefore: number;
};

/**
 * A night of several processes on one database, with a bus between them that loses and is cut: they crash, stall past
 * their lease, come and go; the database is away, full, slow, or replaced by a standby that lags
 * (docs/spec/processes.md, docs/spec/simulator.md).
 */
export class HouseNight extends Night {
  readonly #house = new SimHouse(this.disk, () => this.world.nowMs);
  readonly #houseWeather: HouseWeather;
  readonly #snapshots = new SimSnapshots();
  readonly #hub = new SimHub({
    world: this.world,
    random: this.faults.fork(),
    weather: () => (this.#isFair() ? { lossChance: 0, delayMsMax: 1 } : this.#houseWeather.bus),
    count: (what) => this.count(what),
  });
  #generation = 0;
  #databaseAwayUntilMs = 0;
  #diskFullUntilMs = 0;
  /** Set once a standby took over: shards that lost what had been acknowledged, and how much was told before. */
  promotion: Promotion | null = null;

  constructor(seed: number, without: readonly Cause[] = []) {
    super(seed, without);
    this.#houseWeather = calmedHouse(houseWeatherOf(this.random.fork()), without);
  }

  get #members(): Member[] {
    return this.processes as Member[];
  }

  #isFair(): boolean {
    return this.weather === fairWeather;
  }

  engines(): Engine[] {
    return this.processes.filter(({ ready }) => ready).map(({ engine }) => engine);
  }

  protected open(): void {
    const count = this.faults.between(1, PROCESSES_MAX);
    for (let n = 0; n < count; n += 1)
      this.world.after(n * this.faults.below(3_000), () => void this.#boot());
  }

  protected reachable(random: SeededRandom): Process | undefined {
    // A viewer's process may be any, a stalled one too.
    const ready = this.processes.filter((process) => process.alive && process.ready);
    return ready.length === 0 ? undefined : random.pick(ready);
  }

  protected mayBeLost(awardId: AwardId | null): boolean {
    const lost = this.promotion?.lostShards ?? new Set();
    if (awardId === null) return lost.size > 0;
    const shards = this.processes.map(({ engine }) => engine.shardOfAward(awardId));
    const shard = shards.find((one) => one !== null) ?? null;
    // One that nobody knows any more went with its grant.
    return shard === null ? lost.size > 0 : lost.has(shard);
  }

  protected keepsAnswers(): boolean {
    return this.promotion === null;
  }

  protected drawsHere(process: Process, shard: number): boolean {
    return process.engine.status().shards[shard]?.mine === true;
  }

  // ---- processes

  #boot(): void {
    if (this.promotion !== null || this.#members.length >= PROCESSES_MAX) return;
    const { world } = this;
    const random = this.faults.fork();
    this.#generation += 1;
    const name = `p${this.#generation}`;
    const skew = this.weather.skewMsMax;
    const journal = {
      sleep: (ms: number) => world.sleep(ms),
      fate: (kind: StatementKind) => this.#fate(kind, random),
    };
    const process = {
      name,
      alive: true,
      ready: false,
      leaving: false,
      skewMs: skew === 0 ? 0 : random.between(-skew, skew),
      journal: new MemoryJournal(this.disk, journal),
    } as unknown as Member;
    const run = inItsTime(process, world);
    process.bus = this.#hub.plug(name, run);
    const parts = { clock: world.clock(() => process.skewMs), scheduler: world.scheduler(run), sha256 };
    // Every other one is of the next version (MP14).
    const version = CLUSTER_VERSION + (this.#generation % 2);
    const self = { process: name, place: "", pid: 0, started: "", version, bus: true };
    process.cluster = new Cluster({
      ...parts,
      self,
      store: mortal(process, this.#house.storeOf(self, journal), world),
      bus: process.bus,
      house: "sim",
      log: this.#logOf(process) as never,
      liveness: new Liveness({
        nowMs: () => world.nowMs,
        isGoneHere: async (member) => this.#houseWeather.isOneMachine && this.#isGone(member.process),
      }),
    });
    process.engine = createEngine({
      ...parts,
      store: mortal(process, process.journal, world),
      holder: name,
      shards: SHARDS,
      neighbours: process.cluster.neighbours,
      log: this.#logOf(process),
      // In some nights only: who begins from one reads less, and that moves everybody else's chances.
      ...(this.seed % SNAPSHOTS_EVERY === 2 && {
        snapshots: {
          store: mortal(process, this.#snapshots.store, world),
          afterEvents: 1,
          afterReplayMs: -1,
        },
      }),
    });
    process.engine.onDurable((batch) => this.durable(process, batch), this.begins(process));
    process.engine.sawBeacon(this.newestRound, simChain.chainHash);
    this.processes.push(process);
    void this.#start(process);
  }

  async #start(process: Member): Promise<void> {
    try {
      process.cluster.open(process.engine);
      await process.engine.start();
      process.ready = true;
      void process.cluster.run(new AbortController().signal);
      await process.cluster.begin();
      this.say(`${process.name} serves`);
    } catch (error) {
      // A real process ends when it cannot start, and its keeper starts another.
      this.say(`${process.name} cannot start: ${String(error)}`);
      this.#end(process);
      this.#bootSoon();
    }
  }

  #bootSoon(): void {
    this.world.after(this.faults.below(BOOT_AFTER_MS_MAX), () => this.#boot());
  }

  #isGone(name: string): boolean {
    return !this.processes.some((process) => process.name === name);
  }

  #end(process: Member): void {
    this.kill(process);
    void process.bus.close();
  }

  #logOf({ name }: { readonly name: string }) {
    const say = (fields: Record<string, unknown>, message: string) =>
      this.say(
        `${name} ${message} ${String(fields.shard ?? "")} ${String(fields.err ?? fields.reason ?? "")}`,
      );
    return {
      debug: say,
      info: say,
      warn: (fields: Record<string, unknown>, message: string) => {
        say(fields, message);
        if (message.includes("took the shard over")) this.count("fenced, and followed");
        if (message.includes("A message of the bus")) this.broken.push("a message was unreadable");
      },
      error: (fields: Record<string, unknown>, message: string) => {
        say(fields, message);
        const isDown = message.includes("stops:") || message.includes("stays down");
        const mayBe = this.promotion?.lostShards.has(Number(fields.shard)) === true;
        if (isDown && !mayBe) this.broken.push(message);
        if (isDown && mayBe) this.count("stopped behind a lagging standby");
      },
    };
  }

  #fate(kind: StatementKind, random: SeededRandom): StatementFate {
    const fate = fateOf(random, this.weather);
    const { nowMs } = this.world;
    const writes = kind !== "read" && kind !== "fence";
    if (nowMs < this.#databaseAwayUntilMs) return { ...fate, lost: "before" };
    if (nowMs < this.#diskFullUntilMs && writes) {
      if (kind === "append") this.count("disk full");
      return { ...fate, lost: "full" };
    }
    this.countLoss(kind, fate);
    return fate;
  }

  // ---- trouble

  protected trouble(): void {
    void this.cast.latecomers(seededRandom(this.seed ^ LATECOMERS));
    // In some nights only: they ask, and so move everybody else's chances.
    if (this.seed % 30 === 18) void this.cast.bungler(seededRandom(this.seed ^ BUNGLER));
    if (this.seed % 30 === 22) void this.cast.impostor(seededRandom(this.seed ^ IMPOSTOR));
    if (this.seed % 30 === 28) void this.cast.stocker(seededRandom(this.seed ^ STOCKER));
    if (this.#houseWeather.promotes) {
      this.world.after(this.faults.between(8_000, 40_000), () => this.#promote());
    }
    const next = () => {
      if (this.#isFair() || this.promotion !== null) return;
      if (!this.#houseWeather.isCalm) this.#befall();
      this.world.after(500 + this.faults.below(this.#houseWeather.troubleEveryMs), next);
    };
    this.world.after(this.faults.below(8_000), next);
  }

  #befall(): void {
    const { faults } = this;
    const ready = this.#members.filter((process) => process.ready);
    if (ready.length === 0) return;
    const victim = faults.pick(ready);
    const lengthMs = faults.between(300, 9_000);
    const what = faults.pick(this.#houseWeather.troubles);
    this.say(`${victim.name}: ${what} ${lengthMs}`);
    if (what === "crash") this.#crash(victim);
    else if (what === "leave") void this.#leave(victim);
    else if (what === "join") this.#boot();
    else if (what === "pause") this.#pause(victim, lengthMs);
    else if (what === "cut") this.#cut(victim, lengthMs);
    else if (what === "bus away") for (const one of this.#members) this.#cut(one, lengthMs);
    else if (what === "clock step") this.#stepClock(victim);
    else if (what === "database away") {
      this.count("database away");
      this.#databaseAwayUntilMs = this.world.nowMs + lengthMs;
    } else this.#diskFullUntilMs = this.world.nowMs + Math.min(lengthMs, 4_000);
  }

  #crash(process: Member): void {
    this.count("crash");
    if (this.sealedWindows(process.engine) > 0) this.count("crash between seal and draw");
    this.#end(process);
    this.#bootSoon();
  }

  #pause(process: Member, lengthMs: number): void {
    process.pausedUntilMs = this.world.nowMs + lengthMs;
    this.count(lengthMs > 3_500 ? "stalled past the lease" : "stalled");
  }

  #cut(process: Member, lengthMs: number): void {
    this.count("bus cut");
    process.bus.cut(true);
    this.world.after(lengthMs, () => process.bus.cut(false));
  }

  #stepClock(process: Member): void {
    const { skewMsMax } = this.weather;
    if (skewMsMax === 0) return;
    this.count("clock step");
    process.skewMs = this.faults.between(-skewMsMax, skewMsMax);
  }

  /** MP17: the shards go first. Another process comes afterwards, as in a rolling deploy. */
  async #leave(process: Member): Promise<void> {
    if (process.leaving) return;
    process.leaving = true;
    const others = this.#members.filter((one) => one !== process && one.ready).length;
    await process.cluster.leave();
    const left = process.engine.status().shards.filter(({ mine }) => mine).length;
    if (others > 0 && left === 0) this.count("handed over and left");
    // Its pages are closed from here on.
    process.ready = false;
    await process.engine.stop();
    await process.cluster.stop();
    this.#end(process);
    this.#bootSoon();
  }

  /** The standby that takes over may lag: what it lost and somebody knew must stop, not fork (JR11). */
  #promote(): void {
    if (this.#isFair()) return;
    const before = this.disk.shards.map(({ rows }) => rows.length);
    const lost = this.disk.promote(() => (this.faults.chance(0.5) ? this.faults.between(1, 3) : 0));
    const lostShards = before.flatMap((rows, shard) =>
      rows > this.disk.shard(shard).rows.length ? [shard] : [],
    );
    this.say(`a standby takes over, ${lost} batches are gone of shards ${lostShards.join(", ")}`);
    this.count("standby took over");
    if (lost > 0) this.count("standby had lost batches");
    const knew = this.#members.flatMap(({ name, engine }) =>
      lostShards
        .filter((shard) => (engine.status().shards[shard]?.seq ?? 0) > this.disk.shard(shard).rows.length)
        .map((shard) => ({ name, engine, shard })),
    );
    const promotion: Promotion = {
      lostShards: new Set(lostShards),
      knew,
      untilMs: this.world.nowMs + AFTER_PROMOTION_MS,
      toldBefore: Number.POSITIVE_INFINITY,
    };
    this.promotion = promotion;
    this.world.after(OLD_ANSWERS_MS, () => {
      promotion.toldBefore = this.told.length;
    });
  }

  protected calm(): void {
    this.#databaseAwayUntilMs = 0;
    this.#diskFullUntilMs = 0;
    for (const process of this.#members) {
      process.bus.cut(false);
      process.pausedUntilMs = 0;
    }
    if (this.#members.length < 2) this.#boot();
    if (this.promotion === null) this.world.after(SERVED_WITHIN_MS, () => this.#mustBeServed());
  }

  /** MP5: nobody waits for ever, whoever came back and whatever he still has to read. */
  #mustBeServed(): void {
    const unserved = this.disk.shards.flatMap((_, shard) => (this.#served(shard) ? [] : [shard]));
    if (unserved.length > 0) this.broken.push(`nobody answers for shards ${unserved.join(", ")}`);
  }

  /** The engine that answers for a shard. */
  #served(shard: number): Engine | undefined {
    return this.engines().find((engine) => {
      const { mine, state } = engine.status().shards[shard] ?? {};
      return mine === true && state === "running";
    });
  }

  protected ended(): boolean {
    if (this.promotion !== null) return this.world.nowMs > this.promotion.untilMs;
    return this.disk.shards.every((_, shard) => {
      const engine = this.#served(shard);
      return engine?.status().pending === 0 && engine.state(shard).liveDraws.size === 0;
    });
  }
}
