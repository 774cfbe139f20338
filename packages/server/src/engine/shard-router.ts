import { type AwardId, type DrawId, hasAward, type PoolId, type Sha256, shardOfPool } from "@wanhui/core";
import type { ShardWriter } from "./shard-writer.ts";
import { type EngineCommand, EngineFault } from "./types.ts";

/** Pools whose shard is kept: a night has some hundreds. */
const POOLS_KEPT_MAX = 4_096;

/** Knows which shard answers what: a pool by its id (PL4), a draw where its pool is, an award where it was won. */
export class ShardRouter {
  readonly #sha256: Sha256;
  readonly #drawShards = new Map<DrawId, number>();
  /** Of pools asked for lately: the hash of an id costs more than the rest of a grab's way. */
  readonly #poolShards = new Map<PoolId, number>();
  #shards: readonly ShardWriter[] = [];

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  get shards(): number {
    return this.#shards.length;
  }

  open(shards: readonly ShardWriter[]): void {
    this.#shards = shards;
  }

  planned(draw: DrawId, shard: number): void {
    this.#drawShards.set(draw, shard);
  }

  /** A shard is about to be rebuilt: its draws come back with its journal. */
  forget(shard: number): void {
    for (const [draw, at] of this.#drawShards) if (at === shard) this.#drawShards.delete(draw);
  }

  shardOfPool(pool: PoolId): number {
    const known = this.#poolShards.get(pool);
    if (known !== undefined) return known;
    const shard = shardOfPool(pool, this.#shards.length, this.#sha256);
    // Whoever asks may make up pools; those that are asked for again and again are few.
    if (this.#poolShards.size >= POOLS_KEPT_MAX) this.#poolShards.clear();
    this.#poolShards.set(pool, shard);
    return shard;
  }

  shardOfDraw(draw: DrawId): number | null {
    return this.#drawShards.get(draw) ?? null;
  }

  shardOfAward(awardId: AwardId): number | null {
    return this.#shards.find((writer) => hasAward(writer.state, awardId))?.shard ?? null;
  }

  /** @returns the shard, why there is none, or null when no shard in memory knows what the command is about */
  ofCommand(command: EngineCommand): ShardWriter | EngineFault | null {
    switch (command.type) {
      case "pool.create":
      case "pool.change":
      case "grab.open":
      case "grab.take":
        return this.ofPool(command.pool);
      case "draw.plan": {
        // A draw planned elsewhere already is refused there, by the shard that knows it (DR1).
        const known = this.#drawShards.get(command.rules.draw);
        return known === undefined ? this.ofPool(command.rules.pool) : this.#writer(known);
      }
      case "draw.arm":
      case "draw.cancel":
      case "draw.enter":
      case "draw.stop":
      case "draw.reveal":
        return this.ofDraw(command.draw);
      default: {
        const shard = this.shardOfAward(command.awardId);
        return shard === null ? null : this.#writer(shard);
      }
    }
  }

  ofPool(pool: PoolId): ShardWriter | EngineFault {
    return this.#writer(this.shardOfPool(pool));
  }

  ofDraw(draw: DrawId): ShardWriter | EngineFault | null {
    const shard = this.#drawShards.get(draw);
    return shard === undefined ? null : this.#writer(shard);
  }

  /** Only when every shard is in memory does "nobody knows it" mean that it does not exist. */
  ofUnknown(): ShardWriter | EngineFault {
    const absent = this.#shards.find(({ phase }) => phase !== "running" && phase !== "following");
    if (absent !== undefined) {
      const code = absent.phase === "fenced" ? "engine.fenced" : "engine.busy";
      return new EngineFault(code, `Shard ${absent.shard} is ${absent.phase}`);
    }
    return this.#writer(0);
  }

  #writer(shard: number): ShardWriter | EngineFault {
    return this.#shards[shard] ?? new EngineFault("engine.stopped", `There is no shard ${shard}`);
  }
}
