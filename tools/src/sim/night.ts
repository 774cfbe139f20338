import { createHash } from "node:crypto";
import {
  type Answer,
  type AwardId,
  type BeaconChain,
  type DrawId,
  type DrawRules,
  gridOpening,
  type Hash,
  type Hex,
  listDraws,
  type PoolId,
  type RequestId,
  roundDueMs,
  type SealHeader,
  type UserId,
  type UserKey,
} from "@wanhui/core";
import {
  createEngine,
  type DurableBatch,
  type Engine,
  type EngineCommand,
  EngineFault,
} from "@wanhui/server";
import { MemoryDisk, MemoryJournal } from "./memory-journal.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
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

export const simChain: BeaconChain = {
  chainHash: "51".repeat(32),
  publicKey: "52".repeat(96),
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 1_700_000_001_000,
  periodMs: 3_000,
};

const lossNames = {
  before: "append unknown and lost",
  early: "append unknown and still on its way",
  after: "append unknown but committed",
};

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** What a round of the simulated beacon says: fixed by its number alone, known to nobody before it is due. */
export function simBeacon(round: number): { round: number; randomness: Hash; signature: Hex } {
  const signature = Buffer.concat([
    createHash("sha256").update(`beacon/${round}`).digest(),
    createHash("sha256").update(`beacon again/${round}`).digest().subarray(0, 16),
  ]);
  const randomness = createHash("sha256").update(signature).digest("hex") as Hash;
  return { round, randomness, signature: signature.toString("hex") };
}

/** One process of the simulated server. Dead ones never run again; their last statements may still arrive. */
type Process = {
  readonly name: string;
  readonly engine: Engine;
  readonly journal: MemoryJournal;
  alive: boolean;
  ready: boolean;
  readonly skewMs: number;
};

/** What somebody was told, and must find true for ever after. */
export type Told =
  | { readonly kind: "entered"; readonly draw: DrawId; readonly user: UserId; readonly window: number }
  | {
      readonly kind: "granted";
      readonly pool: PoolId;
      readonly user: UserId;
      readonly requestId: RequestId;
      readonly answer: Answer;
    }
  | { readonly kind: "posted"; readonly awardId: AwardId; readonly orderId: string };

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
    void this.#operator();
    const users = this.#random.between(USERS_MIN, USERS_MAX);
    for (let n = 0; n < users; n += 1) void this.#user(this.#random.fork());
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

  /** The newest process was fenced off by a statement of a dead one that came late: it ends, its keeper starts another. */
  #fenced(process: Process): void {
    if (this.#processes.at(-1) !== process || this.#over) return;
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

  async #operator(): Promise<void> {
    const random = this.#random.fork();
    const ask = (command: EngineCommand) => this.#ask(command, random);
    const pools = random.between(1, 3);
    for (let n = 0; n < pools; n += 1) {
      const pool = `run/pool-${n}` as PoolId;
      const ttl = random.chance(0.7) ? random.between(2_000, 9_000) : null;
      const cap = random.chance(0.5) ? random.between(1, 3) : null;
      await ask({
        type: "pool.create",
        pool,
        units: random.between(2, 8),
        capPerUser: cap,
        grabClaimTtlMs: ttl,
      });
      this.pools.push(pool);
      void this.#drawsOf(pool, random.fork());
      if (random.chance(0.6)) {
        const opensAtMs = this.#world.nowMs + random.below(5_000);
        await ask({ type: "grab.open", pool, opensAtMs, closesAtMs: opensAtMs + 60_000 });
      }
      const changes = random.below(3);
      for (let change = 0; change < changes; change += 1) {
        const delta = random.pick([-2, -1, 1, 2]);
        await ask({ type: "pool.change", pool, delta, commandId: `${pool}/${change}` });
        await this.#world.sleep(random.below(4_000));
      }
    }
  }

  async #drawsOf(pool: PoolId, random: SeededRandom): Promise<void> {
    const names = [`${pool}/first` as DrawId, `${pool}/second` as DrawId] as const;
    for (const [index, draw] of names.entries()) {
      const schedule = Array.from({ length: random.between(1, 3) }, () => random.below(3));
      const rules: DrawRules = {
        version: "wanhui/rules/1",
        draw,
        pool,
        title: draw,
        schedule,
        firstWindowMs: random.pick([1_000, 3_000, 4_500]),
        capPerUser: random.between(1, 2),
        enter: "guest",
        excludedRoles: [],
        leftoversTo: index === 0 && random.chance(0.5) ? names[1] : null,
        claimTtlMs: random.chance(0.7) ? random.between(3_000, 20_000) : null,
        showKey: "53".repeat(32),
        witnesses: [],
      };
      await this.#ask({ type: "draw.plan", rules }, random);
      if (await this.#arm(rules, random)) await this.#untilClosed(rules, random);
    }
  }

  async #arm(rules: DrawRules, random: SeededRandom): Promise<boolean> {
    for (let tries = 0; tries < 4; tries += 1) {
      const wishedAtMs = this.#world.nowMs + 12_000 + random.below(2_000);
      const opening = gridOpening({ chain: simChain, wishedAtMs, firstWindowMs: rules.firstWindowMs });
      const answer = await this.#ask(
        { type: "draw.arm", draw: rules.draw, beacon: simChain, ...opening },
        random,
      );
      if (answer.ok) {
        this.draws.push(rules.draw);
        return true;
      }
      if (answer.code !== "draw.arm_too_late") return false;
    }
    return false;
  }

  async #untilClosed(rules: DrawRules, random: SeededRandom): Promise<void> {
    if (random.chance(0.2)) {
      await this.#world.sleep(random.between(5_000, 22_000));
      await this.#ask({ type: "draw.stop", draw: rules.draw, reason: "sim" }, random);
    }
    for (;;) {
      await this.#world.sleep(1_000);
      const newest = this.#processes.filter((one) => one.ready).at(-1)?.engine;
      const shard = newest?.shardOf({ draw: rules.draw });
      if (newest === undefined || shard === null || shard === undefined) continue;
      if (newest.state(shard).draws.get(rules.draw)?.closed) return;
    }
  }

  async #user(random: SeededRandom): Promise<void> {
    const user = random.hex(16) as UserId;
    const keys = new Map<DrawId, UserKey>();
    const requests: { pool: PoolId; requestId: RequestId }[] = [];
    while (!this.#over) {
      await this.#world.sleep(100 + random.below(2_500));
      if (this.#over || this.#weather === fairWeather) return;
      if (this.draws.length > 0 && random.chance(0.6)) {
        const draw = random.pick(this.draws);
        const userKey = random.chance(0.9)
          ? (keys.get(draw) ?? (random.hex(32) as UserKey))
          : (random.hex(32) as UserKey);
        if (!keys.has(draw)) keys.set(draw, userKey);
        await this.#enter({ draw, user, userKey }, random);
      } else if (this.pools.length > 0) {
        const fresh = { pool: random.pick(this.pools), requestId: random.hex(16) as RequestId };
        const known = random.chance(0.4) && requests.length > 0 ? random.pick(requests) : fresh;
        if (known === fresh) requests.push(fresh);
        await this.#grab({ ...known, user }, random);
      }
    }
  }

  async #enter(entry: { draw: DrawId; user: UserId; userKey: UserKey }, random: SeededRandom): Promise<void> {
    const answer = await this.#ask({ type: "draw.enter", ...entry }, random);
    if (!answer.ok || answer.type !== "entered") return;
    this.count("entered");
    this.told.push({ kind: "entered", draw: entry.draw, user: entry.user, window: answer.window });
  }

  async #grab(
    asked: { pool: PoolId; user: UserId; requestId: RequestId },
    random: SeededRandom,
  ): Promise<void> {
    const answer = await this.#ask({ type: "grab.take", quantity: 1, ...asked }, random);
    if (!answer.ok || answer.type !== "granted") return;
    const before = this.told.find(
      (one) => one.kind === "granted" && one.requestId === asked.requestId && one.user === asked.user,
    );
    if (before?.kind === "granted" && JSON.stringify(before.answer) !== JSON.stringify(answer)) {
      this.broken.push(`a retry of ${asked.requestId} was answered otherwise`);
    }
    this.count(before === undefined ? "granted" : "granted again");
    this.told.push({ kind: "granted", ...asked, answer });
    if (before === undefined && random.chance(0.6)) void this.#claim(answer.awardId, random.fork());
  }

  async #claim(awardId: AwardId, random: SeededRandom): Promise<void> {
    await this.#world.sleep(random.below(6_000));
    const orderId = random.hex(4);
    const committed = await this.#ask({ type: "award.commit", awardId, orderId }, random);
    if (!committed.ok) return;
    await this.#world.sleep(random.below(6_000));
    if (random.chance(0.3)) {
      await this.#ask({ type: "award.release", awardId, orderId }, random);
      return;
    }
    const posted = await this.#ask({ type: "award.post", awardId, orderId }, random);
    if (posted.ok) this.told.push({ kind: "posted", awardId, orderId });
    else
      this.broken.push(
        `award ${awardId} was committed to ${orderId} and could not be posted: ${posted.code}`,
      );
  }

  #ended(): boolean {
    const process = this.#processes.find((one) => one.ready);
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

/** A dead process hears nothing any more: what it asked for may still happen, but nobody there learns of it. */
function mortal(process: Process): MemoryJournal {
  const never = new Promise<never>(() => {});
  return new Proxy(process.journal, {
    get(journal, name: keyof MemoryJournal) {
      const method = journal[name] as (...args: unknown[]) => unknown;
      if (name === "readTail") {
        return async function* (...args: unknown[]) {
          for await (const batch of method.apply(journal, args) as AsyncIterable<unknown>) {
            if (!process.alive) await never;
            yield batch;
          }
          if (!process.alive) await never;
        };
      }
      return async (...args: unknown[]) => {
        if (!process.alive) return never;
        const outcome = await Promise.allSettled([method.apply(journal, args)]);
        if (!process.alive) return never;
        if (outcome[0].status === "rejected") throw outcome[0].reason;
        return outcome[0].value;
      };
    },
  });
}
