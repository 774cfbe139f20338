import type { Batch } from "./journal-store.ts";
import type { ShardKeeper } from "./shard-keeper.ts";
import type { ShardWriter } from "./shard-writer.ts";
import { type Done, type EngineCommand, EngineFault, type ShardControl } from "./types.ts";

/** What stands behind the control of an engine's shards. */
export type ControlParts = {
  readonly keeper: ShardKeeper;
  readonly writer: (shard: number) => ShardWriter | undefined;
  /** Resolves when everything decided on a shard is answered, or never will be. */
  readonly settled: (writer: ShardWriter) => Promise<void>;
  readonly fenced: (writer: ShardWriter) => void;
  readonly offer: (writer: ShardWriter, command: EngineCommand, done: Done) => void;
};

/** The engine's shards by number, for whoever places them (MP4 to MP8). */
export class ControlledShards implements ShardControl {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  async takeOver(shard: number, seenHolder: string): Promise<boolean> {
    return await this.#parts.keeper.takeOver(this.#writer(shard), seenHolder);
  }

  async handOver(shard: number): Promise<void> {
    const writer = this.#writer(shard);
    await this.#parts.keeper.handOver(writer, () => this.#parts.settled(writer));
  }

  follow(batch: Batch): boolean {
    const writer = this.#parts.writer(batch.shard);
    return writer !== undefined && this.#parts.keeper.follow(writer, batch);
  }

  async catchUp(shard: number): Promise<void> {
    await this.#parts.keeper.catchUp(this.#writer(shard));
  }

  async doubt(shard: number): Promise<void> {
    await this.#parts.keeper.doubt(this.#writer(shard));
  }

  lose(shard: number): void {
    const writer = this.#writer(shard);
    if (writer.mine && writer.phase === "running") this.#parts.fenced(writer);
  }

  serve(shard: number, command: EngineCommand, done: Done): void {
    const writer = this.#parts.writer(shard);
    if (writer?.mine) this.#parts.offer(writer, command, done);
    else done(new EngineFault("engine.fenced", `Another process serves shard ${shard} now`), null);
  }

  #writer(shard: number): ShardWriter {
    const writer = this.#parts.writer(shard);
    if (writer === undefined) throw new EngineFault("engine.stopped", `There is no shard ${shard}`);
    return writer;
  }
}
