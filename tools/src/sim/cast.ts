import {
  type Answer,
  type AwardId,
  type DrawId,
  type DrawRules,
  gridOpening,
  type PoolId,
  type RequestId,
  type UserId,
  type UserKey,
} from "@wanhui/core";
import type { Engine, EngineCommand } from "@wanhui/server";
import type { SeededRandom } from "./random.ts";
import { simChain } from "./sim-beacon.ts";

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
  | {
      readonly kind: "sold out";
      readonly pool: PoolId;
      /** Of the try that was answered. */
      readonly askedAtMs: number;
      readonly toldAtMs: number;
    }
  | { readonly kind: "posted"; readonly awardId: AwardId; readonly orderId: string };

/** What the actors see of the night. */
export type Stage = {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** Asks again and again with the same ids, until there is an answer. */
  ask(command: EngineCommand, random: SeededRandom): Promise<Answer>;
  /** Whoever serves now, if anybody. */
  serving(): Engine | undefined;
  isOver(): boolean;
  /** Whether what was acknowledged of an award, or of anything, may have gone with a database that a standby replaced (SM4). */
  mayBeLost(awardId: AwardId | null): boolean;
  count(what: string): void;
  readonly pools: PoolId[];
  readonly draws: DrawId[];
  readonly told: Told[];
  readonly broken: string[];
};

/** The people of a simulated night. */
export class Cast {
  readonly #stage: Stage;
  /** What was made once. */
  readonly #made: EngineCommand[] = [];
  /** Keys people entered with, for whoever would like to be somebody else. */
  readonly #keys: { readonly draw: DrawId; readonly userKey: UserKey }[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Makes pools, opens grabs, plans and arms draws, restocks. */
  async operator(random: SeededRandom): Promise<void> {
    const ask = (command: EngineCommand) => this.#stage.ask(command, random);
    const pools = random.between(1, 3);
    for (let n = 0; n < pools; n += 1) {
      const pool = `run/pool-${n}` as PoolId;
      const ttl = random.chance(0.7) ? random.between(2_000, 9_000) : null;
      const cap = random.chance(0.5) ? random.between(1, 3) : null;
      const create = {
        type: "pool.create",
        pool,
        units: random.between(2, 8),
        capPerUser: cap,
        grabClaimTtlMs: ttl,
      } as const;
      await ask(create);
      this.#made.push(create);
      this.#stage.pools.push(pool);
      void this.#drawsOf(pool, random.fork());
      if (random.chance(0.6)) {
        const opensAtMs = this.#stage.nowMs() + random.below(5_000);
        await ask({ type: "grab.open", pool, opensAtMs, closesAtMs: opensAtMs + 60_000 });
      }
      const changes = random.below(3);
      for (let change = 0; change < changes; change += 1) {
        const delta = random.pick([-2, -1, 1, 2]);
        await ask({ type: "pool.change", pool, delta, commandId: `${pool}/${change}` });
        await this.#stage.sleep(random.below(4_000));
      }
    }
  }

  /** Makes everything again now and then, as the director of each process that comes does (CU8). */
  async latecomers(random: SeededRandom): Promise<void> {
    while (!this.#stage.isOver()) {
      await this.#stage.sleep(random.between(1_000, 9_000));
      if (this.#made.length === 0) continue;
      const command = random.pick(this.#made);
      const answer = await this.#stage.ask(command, random);
      // What it rests on may have gone with a database that a standby replaced (SM4).
      const isGone = !answer.ok && answer.code.endsWith(".unknown") && this.#stage.mayBeLost(null);
      if (!answer.ok && !isGone) this.#stage.broken.push(`${command.type} asked again: ${answer.code}`);
      this.#stage.count("made again");
    }
  }

  /** Wants rounds that cannot be: without a window, with fewer units than none, with more than the pool has (M21). */
  async bungler(random: SeededRandom): Promise<void> {
    for (const schedule of [[], [1, -1], [1_000]]) {
      while (this.#stage.pools.length === 0) await this.#stage.sleep(500);
      const pool = random.pick(this.#stage.pools);
      const draw = `${pool}/bungled-${schedule.length}` as DrawId;
      const rules = { ...rulesOf({ pool, draw, leftoversTo: null }, random), schedule };
      await this.#stage.ask({ type: "draw.plan", rules }, random);
      if (await this.#arm(rules, random))
        this.#stage.broken.push(`a round of ${schedule.join(", ")} was armed`);
      this.#stage.count("bungled round refused");
    }
  }

  /** Enters under keys that are other people's: taken for two people, a key could win for either (DR7). */
  async impostor(random: SeededRandom): Promise<void> {
    while (!this.#stage.isOver()) {
      await this.#stage.sleep(200 + random.below(1_500));
      if (this.#keys.length === 0) continue;
      const taken = random.pick(this.#keys);
      const entry = { type: "draw.enter", user: random.hex(16) as UserId, ...taken } as const;
      const answer = await this.#stage.ask(entry, random);
      if (!answer.ok && answer.code === "draw.key_clash") this.#stage.count("another's key refused");
    }
  }

  /** Adds a unit now and then, all night: a process that has lost its shard says "sold out" without knowing of it. */
  async stocker(random: SeededRandom): Promise<void> {
    for (let change = 0; !this.#stage.isOver(); change += 1) {
      await this.#stage.sleep(random.between(1_000, 6_000));
      if (this.#stage.pools.length === 0) continue;
      const pool = random.pick(this.#stage.pools);
      const commandId = `${pool}/late-${change}`;
      await this.#stage.ask({ type: "pool.change", pool, delta: random.pick([1, 1, -1]), commandId }, random);
    }
  }

  /** Two rounds of a pool, planned ahead as a show's are; the second is sometimes called off instead of armed. */
  async #drawsOf(pool: PoolId, random: SeededRandom): Promise<void> {
    const names = [`${pool}/first` as DrawId, `${pool}/second` as DrawId] as const;
    const first = rulesOf(
      { pool, draw: names[0], leftoversTo: random.chance(0.5) ? names[1] : null },
      random,
    );
    const second = rulesOf({ pool, draw: names[1], leftoversTo: null }, random);
    for (const rules of [first, second]) {
      await this.#stage.ask({ type: "draw.plan", rules }, random);
      this.#made.push({ type: "draw.plan", rules });
    }
    if (await this.#arm(first, random)) await this.#untilClosed(first, random);
    if (random.chance(0.25)) {
      await this.#stage.ask({ type: "draw.cancel", draw: second.draw, reason: "sim" }, random);
    } else if (await this.#arm(second, random)) await this.#untilClosed(second, random);
  }

  async #arm(rules: DrawRules, random: SeededRandom): Promise<boolean> {
    for (let tries = 0; tries < 4; tries += 1) {
      const wishedAtMs = this.#stage.nowMs() + 12_000 + random.below(2_000);
      const opening = gridOpening({ chain: simChain, wishedAtMs, firstWindowMs: rules.firstWindowMs });
      const answer = await this.#stage.ask(
        { type: "draw.arm", draw: rules.draw, beacon: simChain, ...opening },
        random,
      );
      if (answer.ok) {
        this.#stage.draws.push(rules.draw);
        return true;
      }
      if (answer.code !== "draw.arm_too_late") return false;
    }
    return false;
  }

  async #untilClosed(rules: DrawRules, random: SeededRandom): Promise<void> {
    if (random.chance(0.2)) {
      await this.#stage.sleep(random.between(5_000, 22_000));
      await this.#stage.ask({ type: "draw.stop", draw: rules.draw, reason: "sim" }, random);
    }
    for (;;) {
      await this.#stage.sleep(1_000);
      const newest = this.#stage.serving();
      const shard = newest?.shardOf({ draw: rules.draw });
      if (newest === undefined || shard === null || shard === undefined) continue;
      if (newest.state(shard).draws.get(rules.draw)?.closed) return;
    }
  }

  /** Enters draws and grabs, sometimes twice, sometimes with another key; claims what was won. */
  async user(random: SeededRandom): Promise<void> {
    const user = random.hex(16) as UserId;
    const keys = new Map<DrawId, UserKey>();
    const requests: { pool: PoolId; requestId: RequestId }[] = [];
    while (!this.#stage.isOver()) {
      await this.#stage.sleep(100 + random.below(2_500));
      if (this.#stage.isOver()) return;
      if (this.#stage.draws.length > 0 && random.chance(0.6)) {
        const draw = random.pick(this.#stage.draws);
        const userKey = random.chance(0.9)
          ? (keys.get(draw) ?? (random.hex(32) as UserKey))
          : (random.hex(32) as UserKey);
        if (!keys.has(draw)) keys.set(draw, userKey);
        await this.#enter({ draw, user, userKey }, random);
      } else if (this.#stage.pools.length > 0) {
        const fresh = { pool: random.pick(this.#stage.pools), requestId: random.hex(16) as RequestId };
        const known = random.chance(0.4) && requests.length > 0 ? random.pick(requests) : fresh;
        if (known === fresh) requests.push(fresh);
        await this.#grab({ ...known, user }, random);
      }
    }
  }

  async #enter(entry: { draw: DrawId; user: UserId; userKey: UserKey }, random: SeededRandom): Promise<void> {
    const answer = await this.#stage.ask({ type: "draw.enter", ...entry }, random);
    if (!answer.ok || answer.type !== "entered") return;
    this.#stage.count("entered");
    this.#keys.push({ draw: entry.draw, userKey: entry.userKey });
    this.#stage.told.push({ kind: "entered", draw: entry.draw, user: entry.user, window: answer.window });
  }

  async #grab(
    asked: { pool: PoolId; user: UserId; requestId: RequestId },
    random: SeededRandom,
  ): Promise<void> {
    const answer = await this.#stage.ask({ type: "grab.take", quantity: 1, ...asked }, random);
    if (!answer.ok || answer.type !== "granted") return;
    const before = this.#stage.told.find(
      (one) => one.kind === "granted" && one.requestId === asked.requestId && one.user === asked.user,
    );
    if (before?.kind === "granted" && JSON.stringify(before.answer) !== JSON.stringify(answer)) {
      if (!this.#stage.mayBeLost(answer.awardId))
        this.#stage.broken.push(`a retry of ${asked.requestId} was answered otherwise`);
    }
    this.#stage.count(before === undefined ? "granted" : "granted again");
    this.#stage.told.push({ kind: "granted", ...asked, answer });
    if (before === undefined && random.chance(0.6)) void this.#claim(answer.awardId, random.fork());
  }

  async #claim(awardId: AwardId, random: SeededRandom): Promise<void> {
    await this.#stage.sleep(random.below(6_000));
    const orderId = random.hex(4);
    const committed = await this.#stage.ask({ type: "award.commit", awardId, orderId }, random);
    if (!committed.ok) return;
    await this.#stage.sleep(random.below(6_000));
    if (random.chance(0.3)) {
      await this.#stage.ask({ type: "award.release", awardId, orderId }, random);
      return;
    }
    const posted = await this.#stage.ask({ type: "award.post", awardId, orderId }, random);
    if (posted.ok) this.#stage.told.push({ kind: "posted", awardId, orderId });
    else if (!this.#stage.mayBeLost(awardId))
      this.#stage.broken.push(
        `award ${awardId} was committed to ${orderId} and could not be posted: ${posted.code}`,
      );
  }
}

function rulesOf(
  part: { readonly pool: PoolId; readonly draw: DrawId; readonly leftoversTo: DrawId | null },
  random: SeededRandom,
): DrawRules {
  return {
    version: "wanhui/rules/1",
    ...part,
    title: part.draw,
    schedule: Array.from({ length: random.between(1, 3) }, () => random.below(3)),
    firstWindowMs: random.pick([1_000, 3_000, 4_500]),
    capPerUser: random.between(1, 2),
    enter: "guest",
    excludedRoles: [],
    claimTtlMs: random.chance(0.7) ? random.between(3_000, 20_000) : null,
    showKey: "53".repeat(32),
    witnesses: [],
  };
}
