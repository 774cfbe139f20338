import {
  apply,
  checkBatch,
  createShardState,
  decodeEvents,
  type Event,
  GENESIS_HASH,
  type Hash,
  type Sha256,
  type ShardState,
} from "@wanhui/core";
import type { Batch, JournalStore } from "./journal-store.ts";

/** Where a chain ends. */
export type ChainEnd = {
  readonly seq: number;
  readonly epoch: number;
  readonly hash: Hash;
  readonly atMs: number;
};

/** The journal does not add up: the shard stays down (JR8). Names the shard, the batch and what is wrong. */
export class JournalBreak extends Error {
  readonly shard: number;
  readonly seq: number;

  constructor(place: { shard: number; seq: number }, what: string, options: { cause?: unknown } = {}) {
    super(`Journal of shard ${place.shard}, batch ${place.seq}: ${what}`, options);
    this.name = "JournalBreak";
    this.shard = place.shard;
    this.seq = place.seq;
  }
}

/** Checks that a batch continues the chain (sequence, epoch, links, hash) and returns its events. */
export function openBatch(
  before: Pick<Batch, "shard" | "seq" | "epoch" | "hash"> | null,
  batch: Batch,
  sha256: Sha256,
): Event[] {
  try {
    checkBatch(before, batch, sha256);
    return decodeEvents(batch.payload);
  } catch (cause) {
    throw new JournalBreak(batch, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** What a replay made. */
export type Replayed = { readonly state: ShardState; readonly end: ChainEnd };

/**
 * Makes a shard's state from its journal: every event in order, with every check of JR8.
 *
 * @param options.from where a snapshot left it, to go on from there (JR14); left out: from the journal alone
 * @param options.onBatch called after a batch was checked and applied
 * @throws JournalBreak naming the first place that does not add up
 */
export async function replayShard(options: {
  store: Pick<JournalStore, "readTail">;
  shard: number;
  sha256: Sha256;
  from?: Replayed | null;
  onBatch?: (batch: Batch, events: readonly Event[]) => void;
}): Promise<Replayed> {
  const { store, shard, sha256, onBatch, from = null } = options;
  const state = from?.state ?? createShardState(shard);
  const begin: ChainEnd = from?.end ?? { seq: 0, epoch: 0, hash: GENESIS_HASH, atMs: 0 };
  let last: (ChainEnd & { readonly shard: number }) | null = begin.seq === 0 ? null : { shard, ...begin };
  for await (const batch of store.readTail(shard, begin.seq + 1)) {
    const events = openBatch(last, batch, sha256);
    try {
      for (const event of events) apply(state, event);
    } catch (cause) {
      throw new JournalBreak(batch, `an invariant breaks: ${String(cause)}`, { cause });
    }
    // Its payload is not needed any more: only the link to the next.
    const { seq, epoch, hash, atMs } = batch;
    last = { shard, seq, epoch, hash, atMs };
    onBatch?.(batch, events);
  }
  return { state, end: last ?? begin };
}
