import type { ChainEnd } from "./replay.ts";

/** A listener that remembers what batches made of it: what a snapshot keeps of it, and how it begins from that (JR14). */
export type ListenerMemory = {
  /** Unique among the listeners of an engine. */
  readonly name: string;
  /** What it knows as data a structured clone can carry; null when this is no moment for it. It is copied at once. */
  save(): unknown;
  /** Whether it can begin from that; nothing has changed when it cannot. Left out: always. */
  fits?(saved: unknown): boolean;
  /**
   * Begins from that instead of from nothing; the batches behind it follow.
   *
   * @param ends the last batch of each shard that is in it
   */
  load(saved: unknown, ends: readonly ChainEnd[]): void;
};

/** Where snapshots are kept, and when another one is worth it. */
export type SnapshotParts = {
  readonly store: SnapshotStore;
  /** Whether the store is this process's now: asked each time one would be read or kept. Left out: always. */
  readonly isOurs?: () => boolean;
  /** Events of a shard behind the last one that make an end in order keep another. */
  readonly afterEvents: number;
  /** A start whose longest replay of a shard took more keeps another; left out: `SNAPSHOT_REPLAY_MS`. */
  readonly afterReplayMs?: number;
};

/** What a process made of the journal up to one batch of each shard. */
export type Snapshot = {
  /** The last batch of each shard that is in it, by shard; seq 0 for a shard without one. */
  readonly ends: readonly ChainEnd[];
  readonly names: readonly string[];
  /** One part of it, made anew for each who asks. Rejects when it cannot be read. */
  part(name: string): Promise<unknown>;
};

/**
 * Where a process keeps its last snapshot. It is a cache beside the journal and never the truth: whatever is wrong with
 * it, there is none.
 */
export type SnapshotStore = {
  /** The last one this build wrote; null for none. Rejects when it cannot be read. */
  read(): Promise<Snapshot | null>;
  /** Keeps this one instead. Everything is copied before it first waits. Rejects when it cannot be written. */
  write(ends: readonly ChainEnd[], parts: ReadonlyMap<string, unknown>): Promise<void>;
};
