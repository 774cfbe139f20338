import type { Hash } from "@wanhui/core";

/** One row of the journal (JR2). */
export type Batch = {
  readonly shard: number;
  readonly seq: number;
  readonly epoch: number;
  readonly previousHash: Hash;
  readonly hash: Hash;
  readonly atMs: number;
  /** Packed events (BY7). */
  readonly payload: Uint8Array;
};

/** A shard, the epoch somebody believes is his, and the last batch he knows of it: seq 0 before the first. */
export type Fence = {
  readonly shard: number;
  readonly epoch: number;
  readonly seq: number;
  readonly hash: Hash;
};

/**
 * Where batches become durable. Whatever implements it must pass `journalStoreContract`. Any promise it rejects
 * means *unknown*: an append may have happened, a raise may have happened (JR7).
 */
export interface JournalStore {
  /** Makes shards 0..n-1 when there are none; returns how many there are. The number never changes afterwards (JR1). */
  prepare(shards: number): Promise<number>;
  /** Raises the shard's epoch, commits, and returns it. Waits for an append that holds the fence (JR6). */
  raiseEpoch(shard: number, holder: string): Promise<number>;
  /**
   * The same, only while the shard is still held by `holder`, for him (JR7) or for `next` (MP5); null when it is not.
   * A shard held by nobody is held by "".
   */
  raiseEpochIfHeld(shard: number, holder: string, next?: string): Promise<number | null>;
  /** Leaves the shard to nobody, only while it is held by `holder` at this epoch (MP6). @returns whether it was */
  release(shard: number, holder: string, epoch: number): Promise<boolean>;
  /** Batches from `fromSeq` on, in order, as statements begun after the call see them. */
  readTail(shard: number, fromSeq: number): AsyncIterable<Batch>;
  readBatch(shard: number, seq: number): Promise<Batch | null>;
  /**
   * Writes at most one batch per shard in one statement, in ascending shard order. A row is written only if its epoch
   * is the shard's, and its predecessor (seq - 1, previousHash) exists with no higher epoch, or seq is 1 and the
   * chain empty (JR3).
   *
   * @returns the shards written; every other one is fenced
   */
  append(rows: readonly Batch[]): Promise<ReadonlySet<number>>;
  /** Shards whose epoch is still the one given, and whose journal still has the batch given (JR4). */
  checkFence(fences: readonly Fence[]): Promise<ReadonlySet<number>>;
  /** Lets go of connections. */
  close(): Promise<void>;
}
