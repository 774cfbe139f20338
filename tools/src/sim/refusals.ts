import { apply, createShardState, decodeEvents, type PoolId } from "@wanhui/core";
import type { Batch } from "@wanhui/server";
import type { Told } from "./cast.ts";

type SoldOut = Extract<Told, { kind: "sold out" }>;
/** What was free of a pool behind an event of a batch. */
type Free = { readonly seq: number; readonly units: number };

/**
 * A refusal leaves no trace in the journal, so when it was true is found from outside (JR4): between the moment
 * somebody asked and the moment he heard "sold out" there was an instant at which nothing was free. A process that
 * has lost its shard without knowing says it of a time long past.
 */
export class RefusalCheck {
  readonly #free = new Map<PoolId, Free[]>();
  /** When the first process heard of each batch, in its order. */
  readonly #heardMs: readonly number[];

  /** @param heardMs by sequence number, the first at 1; a batch nobody announced is known at no time */
  constructor(rows: readonly Batch[], heardMs: ReadonlyMap<number, number>) {
    const state = createShardState(rows[0]?.shard ?? 0);
    this.#heardMs = rows.map(({ seq }) => heardMs.get(seq) ?? Number.POSITIVE_INFINITY);
    for (const { seq, payload } of rows) {
      for (const event of decodeEvents(payload)) {
        apply(state, event);
        for (const [pool, { free }] of state.pools) this.#note(pool, { seq, units: free });
      }
    }
  }

  /** Whether the pool is of this shard. */
  knows(pool: PoolId): boolean {
    return this.#free.has(pool);
  }

  /** Whether nothing was free at some instant between the asking and the answer. */
  isTrue({ pool, askedAtMs, toldAtMs }: SoldOut): boolean {
    const before = this.#knownAt(askedAtMs - 1);
    const until = this.#knownAt(toldAtMs);
    const free = this.#free.get(pool) ?? [];
    const stood = free.findLast(({ seq }) => seq <= before);
    const within = free.filter(({ seq }) => seq > before && seq <= until);
    return [...(stood === undefined ? [] : [stood]), ...within].some(({ units }) => units === 0);
  }

  /** The newest batch that somebody had heard of by then: every batch up to it was written before. */
  #knownAt(atMs: number): number {
    return this.#heardMs.findLastIndex((heardMs) => heardMs <= atMs) + 1;
  }

  #note(pool: PoolId, now: Free): void {
    const known = this.#free.get(pool);
    if (known === undefined) this.#free.set(pool, [now]);
    else if (known.at(-1)?.units !== now.units) known.push(now);
  }
}
