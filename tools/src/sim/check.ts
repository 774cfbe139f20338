import { createHash } from "node:crypto";
import { type Event, type PoolId, stateDigest } from "@wanhui/core";
import { replayShard } from "@wanhui/server";
import type { Told } from "./cast.ts";
import { DrawLedger } from "./draw-ledger.ts";
import { HouseNight, type Promotion } from "./house-night.ts";
import type { Night } from "./night.ts";
import { RefusalCheck } from "./refusals.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** What the journal says happened, in its own bookkeeping: it shares no state with the engine's rules. */
class Ledger {
  readonly problems: string[] = [];
  readonly grants = new Map<string, string>();
  readonly units = new Map<PoolId, number>();
  readonly given = new Map<PoolId, number>();
  readonly #fewestUnits = new Map<PoolId, number>();
  readonly #opens = new Map<PoolId, number>();
  readonly draws = new DrawLedger();
  readonly posted = new Map<string, string | null>();

  add(event: Event): void {
    switch (event.type) {
      case "pool.created":
        if (this.units.has(event.pool)) this.problems.push(`pool ${event.pool} was made twice`);
        this.units.set(event.pool, event.units);
        this.#fewestUnits.set(event.pool, event.units);
        return;
      case "pool.changed":
        this.units.set(event.pool, (this.units.get(event.pool) ?? 0) + event.delta);
        this.#fewestUnits.set(
          event.pool,
          Math.min(this.#fewestUnits.get(event.pool) ?? 0, this.units.get(event.pool) ?? 0),
        );
        return;
      case "grab.opened":
        this.#opens.set(event.pool, event.opensAtMs);
        return;
      case "granted":
        if (event.atMs < (this.#opens.get(event.pool) ?? Number.POSITIVE_INFINITY))
          this.problems.push(`pool ${event.pool} gave before it opened`);
        this.#give(event.pool, 1);
        this.grants.set(`${event.pool} ${event.user} ${event.requestId}`, event.awardId);
        return;
      case "award.moved":
        if (event.to === "posted") this.posted.set(event.awardId, event.orderId);
        if (event.to === "expired" || event.to === "forfeited") this.#giveBack(event.awardId);
        return;
      case "window.drawn":
        this.draws.add(event);
        for (const { awardId } of event.winners) this.award(awardId, this.draws.poolOf(event.draw));
        this.#give(this.draws.poolOf(event.draw), event.winners.length);
        return;
      default:
        this.draws.add(event);
    }
  }

  /** Units nobody ever had a claim to, not even a round that was armed: at least this many were free all night. */
  neverTouched(pool: PoolId): number {
    const promised = this.draws.promised(pool);
    const granted = [...this.grants.keys()].filter((key) => key.startsWith(`${pool} `)).length;
    return (this.#fewestUnits.get(pool) ?? 0) - promised - granted;
  }

  readonly #awardPool = new Map<string, PoolId>();

  #give(pool: PoolId, units: number): void {
    const given = (this.given.get(pool) ?? 0) + units;
    this.given.set(pool, given);
    if (given > (this.units.get(pool) ?? 0))
      this.problems.push(`pool ${pool} gave ${given} of ${this.units.get(pool)}`);
  }

  #giveBack(awardId: string): void {
    const pool = this.#awardPool.get(awardId);
    if (pool !== undefined) this.given.set(pool, (this.given.get(pool) ?? 0) - 1);
  }

  award(awardId: string, pool: PoolId): void {
    if (this.#awardPool.has(awardId)) this.problems.push(`award ${awardId} was given twice`);
    this.#awardPool.set(awardId, pool);
  }
}

/** Checks a night against what people were told and what the journal says. Returns what is wrong, possibly nothing. */
export async function checkNight(night: Night): Promise<string[]> {
  const problems = [...night.broken];
  const ledger = new Ledger();
  const promotion = night instanceof HouseNight ? night.promotion : null;
  const isLost = (shard: number) => promotion?.lostShards.has(shard) === true;
  for (let shard = 0; shard < night.disk.shards.length; shard += 1) {
    const store = {
      async *readTail() {
        yield* night.disk.shard(shard).rows;
      },
    };
    try {
      const { state } = await replayShard({
        store,
        shard,
        sha256,
        onBatch: (_, events) => {
          for (const event of events) {
            ledger.add(event);
            if (event.type === "granted") ledger.award(event.awardId, event.pool);
          }
        },
      });
      const durable = stateDigest(state, sha256);
      for (const engine of isLost(shard) ? [] : night.engines()) {
        if (stateDigest(engine.state(shard), sha256) !== durable)
          problems.push(`shard ${shard}: the live state is not the journal's`);
      }
      for (const pool of state.pools.values()) {
        if (promotion === null && (pool.heldByDraw !== 0 || pool.liveDraw !== null))
          problems.push("units are stranded with a draw");
      }
    } catch (error) {
      problems.push(String(error));
    }
  }
  if (promotion === null) ledger.draws.finish();
  else checkPromotion(promotion, problems);
  checkPromises(night.told.slice(promotion === null ? 0 : promotion.toldBefore), ledger, problems);
  checkAnnouncements(night, isLost, problems);
  checkRefusals(night, isLost, problems);
  return [...problems, ...ledger.draws.problems, ...ledger.problems];
}

/** Whoever knew what the database lost does not write that shard: nobody goes on from a past he knows to be false. */
function checkPromotion({ knew }: Promotion, problems: string[]): void {
  for (const { name, engine, shard } of knew) {
    const { state, seq, mine } = engine.status().shards[shard] ?? {};
    if (state === "running" && mine === true)
      problems.push(`${name} knew what shard ${shard} lost, and is ${state} at ${seq}`);
  }
}

function checkPromises(told: readonly Told[], ledger: Ledger, problems: string[]): void {
  for (const one of told) {
    if (one.kind === "entered") {
      if (!ledger.draws.entries.has(`${one.draw} ${one.user} ${one.window}`))
        problems.push("an acknowledged entry is lost");
    } else if (one.kind === "granted") {
      const awardId = ledger.grants.get(`${one.pool} ${one.user} ${one.requestId}`);
      const answered = one.answer.ok && one.answer.type === "granted" ? one.answer.awardId : null;
      if (awardId !== answered) problems.push(`an acknowledged grant is lost or changed: ${one.requestId}`);
    } else if (one.kind === "sold out") {
      const left = ledger.neverTouched(one.pool);
      if (left > 0)
        problems.push(`pool ${one.pool} was said to be sold out with ${left} units nobody ever had`);
    } else if (ledger.posted.get(one.awardId) !== one.orderId)
      problems.push(`a post is lost: ${one.awardId}`);
  }
}

/** Nothing was announced as durable that the journal does not have, word for word, and nothing twice or out of order. */
function checkAnnouncements(night: Night, isLost: (shard: number) => boolean, problems: string[]): void {
  const heard = new Map(night.begun);
  for (const { by, batch } of night.announced) {
    const { shard, seq, hash } = batch;
    if (isLost(shard)) continue;
    const row = night.disk.shard(shard).rows[seq - 1];
    if (row?.hash !== hash)
      problems.push(`${by} announced batch ${seq} of shard ${shard}, which is not there`);
    // MP9: every process hears each batch once, in order, whoever wrote it.
    const before = heard.get(`${by} ${shard}`) ?? 0;
    if (seq !== before + 1) problems.push(`${by} heard batch ${seq} of shard ${shard} after ${before}`);
    heard.set(`${by} ${shard}`, seq);
  }
}

/** Nobody heard "sold out" of a pool that had something free the whole time he asked (JR4). */
function checkRefusals(night: Night, isLost: (shard: number) => boolean, problems: string[]): void {
  const refused = night.told.flatMap((one) => (one.kind === "sold out" ? [one] : []));
  if (refused.length === 0 || problems.length > 0) return;
  for (const [shard, { rows }] of night.disk.shards.entries()) {
    if (isLost(shard)) continue;
    const heardMs = new Map<number, number>();
    for (const { batch, atMs } of night.announced) {
      if (batch.shard === shard && !heardMs.has(batch.seq)) heardMs.set(batch.seq, atMs);
    }
    const check = new RefusalCheck(rows, heardMs);
    for (const one of refused) {
      if (check.knows(one.pool) && !check.isTrue(one))
        problems.push(`pool ${one.pool} was said to be sold out at ${one.toldAtMs}, which it was not`);
    }
  }
}
