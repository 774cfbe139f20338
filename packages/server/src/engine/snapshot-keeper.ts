import { type FrozenShard, freezeShard, thawShard } from "@wanhui/core";
import { SNAPSHOT_REPLAY_MS } from "./limits.ts";
import type { ChainEnd, Replayed } from "./replay.ts";
import type { SeenBeacons } from "./seen-beacons.ts";
import type { ShardWriter } from "./shard-writer.ts";
import type { ListenerMemory, Snapshot, SnapshotParts } from "./snapshot.ts";
import type { DurableBatch, EngineParts } from "./types.ts";

const BEACONS = "beacons";
const partOf = (shard: number) => `shard/${shard}`;
const ofListener = (name: string) => `listener/${name}`;

/** Begins from the last snapshot where there is one to be trusted, and takes the next when it is worth it (JR14). */
export class SnapshotKeeper {
  readonly #parts: EngineParts;
  readonly #beacons: SeenBeacons;
  readonly #memories = new Map<string, ListenerMemory>();
  /** A listener that remembers and cannot be asked would begin wrong. */
  #silent = 0;
  /** Events of each shard behind the last snapshot. */
  readonly #events = new Map<number, number>();
  #last: Snapshot | null = null;

  constructor(parts: EngineParts, beacons: SeenBeacons) {
    this.#parts = parts;
    this.#beacons = beacons;
  }

  /** @returns what takes it away again */
  add(memory: ListenerMemory | null | undefined): () => void {
    if (memory === null) return () => {};
    if (memory === undefined) {
      this.#silent += 1;
      return () => {
        this.#silent -= 1;
      };
    }
    this.#memories.set(memory.name, memory);
    return () => void this.#memories.delete(memory.name);
  }

  count({ shard, events }: DurableBatch): void {
    this.#events.set(shard, (this.#events.get(shard) ?? 0) + events.length);
  }

  /** Puts shards and listeners where the last snapshot left them; everything else stays as it was made. */
  async begin(writers: readonly ShardWriter[]): Promise<void> {
    const load = await this.#prepared(writers).catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, "The snapshot cannot be read: the whole journal is");
      return null;
    });
    // From here on nothing may fail: half a snapshot under a whole replay would be wrong, so a bug ends the start.
    load?.();
  }

  /** What puts everything where the snapshot left it, once all of it is read and believed; null for none. */
  async #prepared(writers: readonly ShardWriter[]): Promise<(() => void) | null> {
    const { log } = this.#parts;
    const snapshot = (await this.#ours()?.store.read()) ?? null;
    if (snapshot === null) return null;
    const why = await this.#objection(snapshot, writers.length);
    if (why !== null) {
      log.info({}, `The snapshot is not used, the whole journal is read: ${why}`);
      return null;
    }
    const load = await this.#loader(snapshot, writers);
    return () => {
      load();
      this.#last = snapshot;
      const batches = snapshot.ends.reduce((sum, { seq }) => sum + seq, 0);
      log.info({ batches }, "A snapshot stands for the beginning of the journal");
    };
  }

  /** A shard as the last snapshot has it, for a rebuild; null when there is none, or the journal has become another. */
  async shardAgain(shard: number): Promise<Replayed | null> {
    const end = this.#last?.ends[shard];
    if (this.#last === null || end === undefined || end.seq === 0) return null;
    if (!(await this.#isInJournal(shard, end))) return null;
    try {
      return { state: thawShard((await this.#last.part(partOf(shard))) as FrozenShard), end };
    } catch (error) {
      this.#parts.log.warn({ shard, err: error }, "The snapshot cannot be read: the whole journal is");
      return null;
    }
  }

  /** After the start: a replay that took this long is not to be done again. */
  async afterReplay(writers: readonly ShardWriter[], slowestMs: number): Promise<void> {
    if (slowestMs > (this.#parts.snapshots?.afterReplayMs ?? SNAPSHOT_REPLAY_MS)) await this.#take(writers);
  }

  /** Before an end in order. */
  async beforeEnd(writers: readonly ShardWriter[]): Promise<void> {
    const worth = this.#parts.snapshots?.afterEvents ?? Number.POSITIVE_INFINITY;
    if ([...this.#events.values()].some((events) => events >= worth)) await this.#take(writers);
  }

  async #objection({ ends, names }: Snapshot, shards: number): Promise<string | null> {
    if (this.#silent > 0) return "a listener of this engine cannot begin from it";
    if (ends.length !== shards) return `it is of ${ends.length} shards, not ${shards}`;
    for (const name of this.#memories.keys())
      if (!names.includes(ofListener(name))) return `it says nothing of ${name}`;
    for (const [shard, end] of ends.entries())
      if (!(await this.#isInJournal(shard, end))) return `shard ${shard} has not its batch ${end.seq}`;
    return null;
  }

  async #isInJournal(shard: number, { seq, hash }: ChainEnd): Promise<boolean> {
    return seq === 0 || (await this.#parts.store.readBatch(shard, seq))?.hash === hash;
  }

  /** Where they are kept, while that is this process's to read and to write. */
  #ours(): SnapshotParts | undefined {
    const { snapshots } = this.#parts;
    return snapshots?.isOurs?.() === false ? undefined : snapshots;
  }

  /** Reads and checks everything; what it returns changes everything in one turn. */
  async #loader(snapshot: Snapshot, writers: readonly ShardWriter[]): Promise<() => void> {
    const { ends } = snapshot;
    const states = await Promise.all(
      writers.map(async ({ shard }) => thawShard((await snapshot.part(partOf(shard))) as FrozenShard)),
    );
    const beacons = await snapshot.part(BEACONS);
    const listeners: { readonly memory: ListenerMemory; readonly saved: unknown }[] = [];
    for (const memory of this.#memories.values()) {
      const saved = await snapshot.part(ofListener(memory.name));
      if (memory.fits?.(saved) === false) throw new Error(`${memory.name} cannot begin from it`);
      listeners.push({ memory, saved });
    }
    return () => {
      for (const [at, writer] of writers.entries()) {
        const state = states[at];
        const end = ends[at];
        if (state !== undefined && end !== undefined) writer.adopt({ state, end });
      }
      this.#beacons.load(beacons);
      for (const { memory, saved } of listeners) memory.load(saved, ends);
    };
  }

  /** Only where every shard is exactly its journal: nothing decided and unwritten, nothing unknown. */
  async #take(writers: readonly ShardWriter[]): Promise<void> {
    const { log, clock } = this.#parts;
    const snapshots = this.#ours();
    const isQuiet = writers.every(
      ({ phase, isSettled }) => isSettled && (phase === "running" || phase === "following"),
    );
    if (snapshots === undefined || this.#silent > 0 || !isQuiet) return;
    const parts = new Map<string, unknown>();
    for (const memory of this.#memories.values()) {
      const saved = memory.save();
      if (saved === null) return;
      parts.set(ofListener(memory.name), saved);
    }
    for (const { shard, state } of writers) parts.set(partOf(shard), freezeShard(state));
    parts.set(BEACONS, this.#beacons.save());
    const begun = clock.monotonicMs();
    try {
      this.#events.clear();
      await snapshots.store.write(
        writers.map(({ stand }) => stand),
        parts,
      );
      this.#last = await snapshots.store.read();
      log.info({ tookMs: Math.round(clock.monotonicMs() - begun) }, "A snapshot of the journal was kept");
    } catch (error) {
      log.warn({ err: error }, "No snapshot could be kept: the next start reads more of the journal");
    }
  }
}
