import type { Event } from "@wanhui/core";
import type { Batch } from "./journal-store.ts";
import { RECOVERY_PAUSE_MS } from "./limits.ts";
import { JournalBreak, openBatch, type Replayed, replayShard } from "./replay.ts";
import type { SeenBeacons } from "./seen-beacons.ts";
import type { ShardRouter } from "./shard-router.ts";
import type { Flight, ShardWriter } from "./shard-writer.ts";
import type { SnapshotKeeper } from "./snapshot-keeper.ts";
import type { DurableBatch, EngineParts } from "./types.ts";

/** Batches kept for a shard that is just being read: more, and the journal is read once more instead. */
const HEARD_MEANWHILE_MAX = 256;

/** What the keeper needs of its engine. */
export type KeeperHost = {
  readonly parts: EngineParts;
  readonly router: ShardRouter;
  readonly beacons: SeenBeacons;
  readonly snapshots: Pick<SnapshotKeeper, "shardAgain">;
  /** Whether the engine is on its way down, or down. */
  ending(): "no" | "stopping" | "stopped";
  /** A listener failed: nothing is adopted any more. */
  failed(): boolean;
  announce(batch: DurableBatch): void;
  /** A flight is known to be in the journal: its answers may leave. */
  letGo(writer: ShardWriter, flight: Flight): void;
  /** Another process writes the shard. */
  fenced(writer: ShardWriter): void;
  broken(writer: ShardWriter, error: unknown): void;
  /** A shard may go on, or has nothing left to wait for. */
  wake(): void;
};

/**
 * How a shard comes to this process, and leaves it: replay, takeover (JR6, MP5), looking up what nobody knows (JR7),
 * following (MP8), hand-over (MP6) and being fenced (MP7). One at a time for each shard.
 */
export class ShardKeeper {
  readonly #host: KeeperHost;
  readonly #busy = new Map<ShardWriter, Promise<unknown>>();
  /** A reading that has not begun: whoever asks now is served by it. */
  readonly #catchUps = new Map<ShardWriter, Promise<void>>();
  /** What others wrote while a shard was being read. */
  readonly #heardMeanwhile = new Map<ShardWriter, Batch[]>();
  #recovering = 0;
  #reading: Promise<void> | null = null;
  #nextReading: Promise<void> | null = null;

  constructor(host: KeeperHost) {
    this.#host = host;
  }

  /** How long the longest replay of a start took, in milliseconds. */
  slowestReplayMs = 0;

  /** Shards whose last append nobody knows the outcome of. */
  get recovering(): number {
    return this.#recovering;
  }

  /** JR6, without neighbours: the raise commits by itself; only then, in new statements, the journal is read. */
  async takeAtStart(writer: ShardWriter): Promise<void> {
    const { store, holder } = this.#host.parts;
    const epoch = await store.raiseEpoch(writer.shard, holder);
    if (await this.#replay(writer, null)) writer.lead(epoch);
  }

  /** With neighbours: the whole journal, and from there on whatever others write. */
  async followAtStart(writer: ShardWriter): Promise<void> {
    if (await this.#replay(writer, null)) writer.phase = "following";
  }

  /** @returns false when the batch does not continue what is known here */
  follow(writer: ShardWriter, batch: Batch): boolean {
    if (writer.phase !== "following") return false;
    return this.#busy.has(writer) ? this.#keepForLater(writer, batch) : this.#followNow(writer, batch);
  }

  #keepForLater(writer: ShardWriter, batch: Batch): boolean {
    const heard = this.#heardMeanwhile.get(writer) ?? [];
    if (heard.length >= HEARD_MEANWHILE_MAX) return false;
    heard.push(batch);
    this.#heardMeanwhile.set(writer, heard);
    return true;
  }

  /** The shard is no longer being read: goes on with what was heard meanwhile, or reads on when something is missing. */
  #followHeard(writer: ShardWriter): void {
    const heard = this.#heardMeanwhile.get(writer);
    this.#heardMeanwhile.delete(writer);
    if (heard === undefined || writer.phase !== "following") return;
    if (heard.every((batch) => this.#followNow(writer, batch))) return;
    this.catchUp(writer).catch((cause: unknown) => {
      this.#host.parts.log.warn({ shard: writer.shard, err: cause }, "The journal does not answer yet");
    });
  }

  #followNow(writer: ShardWriter, batch: Batch): boolean {
    if (batch.seq !== writer.seq + 1 || batch.previousHash !== writer.hash) return batch.seq <= writer.seq;
    try {
      this.#take(writer, batch);
    } catch (error) {
      // Over the bus anything may come: only what the journal itself says can break a shard.
      if (!(error instanceof JournalBreak)) this.#host.broken(writer, error);
      return false;
    }
    return true;
  }

  catchUp(writer: ShardWriter): Promise<void> {
    const waiting = this.#catchUps.get(writer);
    if (waiting !== undefined) return waiting;
    const reading = this.#inTurn(writer, async () => {
      this.#catchUps.delete(writer);
      if (writer.phase === "following") await this.#readOn(writer);
    });
    this.#catchUps.set(writer, reading);
    return reading;
  }

  /**
   * Reads all of these shards on, together with everybody who asks while a reading is under way.
   *
   * @param writers asked when the reading begins: others may be followed by then
   */
  catchUpAll(writers: () => readonly ShardWriter[]): Promise<void> {
    if (this.#nextReading === null && writers().length === 0) return Promise.resolve();
    // One that has begun may have read too early for whoever asks now.
    this.#nextReading ??= (this.#reading ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.#reading = this.#nextReading;
        this.#nextReading = null;
        return Promise.all(writers().map((writer) => this.catchUp(writer)));
      })
      .then(() => undefined);
    return this.#nextReading;
  }

  /** The journal was seen to end before what is durable here: it has to be looked at itself. */
  async doubt(writer: ShardWriter): Promise<void> {
    await this.#inTurn(writer, async () => {
      if (writer.phase !== "running" && writer.phase !== "following") return;
      try {
        await this.#mustHave(writer);
      } catch (error) {
        if (!(error instanceof JournalBreak)) throw error;
        this.#host.broken(writer, error);
      }
    });
  }

  takeOver(writer: ShardWriter, seenHolder: string): Promise<boolean> {
    return this.#inTurn(writer, async () => {
      const { parts } = this.#host;
      if (writer.phase !== "following") return writer.mine;
      const epoch = await parts.store.raiseEpochIfHeld(writer.shard, seenHolder, parts.holder);
      if (epoch === null) return false;
      // Ours in the database: whoever asks from here on is asked to wait, not sent elsewhere.
      writer.mine = true;
      writer.phase = "starting";
      await this.#insist(writer, async () => {
        await this.#mustHave(writer);
        await this.#readOn(writer);
        if (!isBroken(writer)) writer.lead(epoch);
      });
      this.#host.wake();
      return !isBroken(writer);
    });
  }

  handOver(writer: ShardWriter, settled: () => Promise<void>): Promise<void> {
    return this.#inTurn(writer, async () => {
      const { parts } = this.#host;
      if (!writer.mine || writer.phase === "broken") return;
      writer.mine = false;
      for (const { command, done } of writer.takeWaiting())
        parts.neighbours?.ask(writer.shard, command, done);
      await settled();
      // Lost meanwhile, or an assertion failed: there is nothing left to hand over.
      if (writer.phase !== "running") return;
      writer.phase = "following";
      await this.#insist(writer, async () => {
        await parts.store.release(writer.shard, parts.holder, writer.epoch);
      });
    });
  }

  /** MP7: the commands go to the new owner, the state is made again from the journal and follows. */
  rebuild(writer: ShardWriter): void {
    writer.mine = false;
    writer.phase = "starting";
    const asked = writer.giveUp();
    for (const { command, done, mayHaveHappened } of asked)
      this.#host.parts.neighbours?.ask(writer.shard, command, done, mayHaveHappened);
    void this.#inTurn(writer, async () => {
      const before = knownBefore(writer);
      await this.#insist(writer, async () => {
        if (await this.#replay(writer, before)) writer.phase = "following";
      });
    });
  }

  /** JR7: nobody knows whether the append happened. Fence it off, look, and only then answer. */
  async recover(writer: ShardWriter, cause: unknown): Promise<void> {
    const { parts, ending } = this.#host;
    const { shard } = writer;
    parts.log.warn({ shard, err: cause }, "An append's outcome is unknown: looking it up");
    const broken = writer.phase === "broken";
    if (writer.phase === "running") writer.phase = "recovering";
    this.#recovering += 1;
    let lost = false;
    const before = knownBefore(writer);
    // Given up or ended meanwhile: what is in the journal is for whoever has the shard then.
    const isStill = () => writer.phase === "recovering" || (broken && writer.flight !== null);
    while (ending() !== "stopped" && isStill()) {
      try {
        lost ||= (await this.#lookUp(writer, isStill)) === "lost";
        if (lost && !broken && (await this.#replay(writer, before))) writer.goOn();
        break;
      } catch (error) {
        if (error instanceof JournalBreak) {
          this.#host.broken(writer, error);
          break;
        }
        if (ending() === "stopping") {
          writer.dropDecided("engine.unknown", "The engine stopped before it knew the outcome");
          break;
        }
        parts.log.warn({ shard, err: error }, "The journal does not answer yet");
        await this.#pause();
      }
    }
    this.#recovering -= 1;
    this.#host.wake();
  }

  async #lookUp(writer: ShardWriter, isStill: () => boolean): Promise<"settled" | "lost"> {
    const { store, holder } = this.#host.parts;
    const epoch = await store.raiseEpochIfHeld(writer.shard, holder);
    if (epoch === null) {
      this.#host.fenced(writer);
      return "settled";
    }
    const wanted = writer.flight?.row ?? null;
    const found = await store.readBatch(writer.shard, writer.seq + 1);
    if (!isStill()) return "settled";
    if (found !== null && found.hash !== wanted?.hash) {
      // A raise of ours that came late makes us the holder again behind a process that wrote meanwhile: its batch
      // has a higher epoch than any we wrote with. We are behind, which is being fenced.
      if (found.epoch > writer.epoch) {
        this.#host.fenced(writer);
        return "settled";
      }
      throw new JournalBreak(found, "was not written by this process, which held the epoch");
    }
    writer.epoch = epoch;
    if (wanted !== null && found === null) {
      writer.dropDecided("engine.unknown", "The append did not happen: ask again with the same ids");
      return "lost";
    }
    // There, or only the fence was asked: the raise itself was a check after the decision (JR4).
    if (writer.phase === "recovering") writer.phase = "running";
    const flight = writer.landed();
    if (flight !== null) this.#host.letGo(writer, flight);
    return "settled";
  }

  /**
   * Rebuilds a shard from its journal; a break keeps it down, trouble of the world is thrown.
   *
   * @param before what was known of it until now, null at a start: a journal without that has lost what was acknowledged,
   * and what stands behind it is news
   */
  async #replay(writer: ShardWriter, before: KnownBefore | null): Promise<boolean> {
    const { parts, router } = this.#host;
    const { store, sha256 } = parts;
    const { shard } = writer;
    const begun = parts.clock.monotonicMs();
    router.forget(shard);
    // At a start the writer stands where the snapshot left it, or at nothing.
    const from = before === null ? standOf(writer) : await this.#host.snapshots.shardAgain(shard);
    for (const draw of from?.state.draws.keys() ?? []) router.planned(draw, shard);
    const onBatch = (batch: Batch, events: readonly Event[]) => {
      this.#note(shard, events);
      if (batch.seq === before?.seq && batch.hash !== before.hash) {
        throw new JournalBreak(batch, "is another one than was acknowledged: the database has forked");
      }
      // A replay that was cut off and begins again tells nothing twice.
      if (before === null || before.isNews(batch)) this.#announce(batch, events, before === null);
    };
    try {
      const replayed = await replayShard({ store, shard, sha256, from, onBatch });
      if (replayed.end.seq < (before?.seq ?? 0)) throw lostBatches(shard, before?.seq ?? 0);
      if (this.#host.failed()) return false;
      writer.adopt(replayed);
      if (before === null)
        this.slowestReplayMs = Math.max(this.slowestReplayMs, parts.clock.monotonicMs() - begun);
      return true;
    } catch (error) {
      if (!(error instanceof JournalBreak)) throw error;
      this.#host.broken(writer, error);
      return false;
    }
  }

  /** A database that came back without the last batch known here must not be written on: it has lost answers. */
  async #mustHave({ shard, seq, hash }: ShardWriter): Promise<void> {
    if (seq === 0) return;
    const batch = await this.#host.parts.store.readBatch(shard, seq);
    if (batch?.hash !== hash) throw lostBatches(shard, seq);
  }

  async #readOn(writer: ShardWriter): Promise<void> {
    const { store } = this.#host.parts;
    for await (const batch of store.readTail(writer.shard, writer.seq + 1)) {
      try {
        this.#take(writer, batch);
      } catch (error) {
        this.#host.broken(writer, error);
        return;
      }
    }
  }

  #take(writer: ShardWriter, batch: Batch): void {
    const { shard, seq, hash, seqEpoch: epoch } = writer;
    const before = seq === 0 ? null : { shard, seq, hash, epoch };
    const events = openBatch(before, batch, this.#host.parts.sha256);
    writer.follow(batch, events);
    this.#note(shard, events);
    this.#announce(batch, events, false);
  }

  #note(shard: number, events: readonly Event[]): void {
    const { router, beacons } = this.#host;
    for (const event of events) {
      beacons.follow(event);
      if (event.type === "draw.planned") router.planned(event.rules.draw, shard);
    }
  }

  #announce(batch: Batch, events: readonly Event[], replay: boolean): void {
    const { shard, seq, epoch, atMs, hash } = batch;
    this.#host.announce({ shard, seq, epoch, atMs, hash, events, replay });
  }

  /** Again and again until it succeeds, the shard breaks, or the engine ends: the world may be away for a while. */
  async #insist(writer: ShardWriter, work: () => Promise<void>): Promise<void> {
    const { parts, ending, broken } = this.#host;
    while (ending() === "no" && writer.phase !== "broken") {
      try {
        return await work();
      } catch (error) {
        if (error instanceof JournalBreak) return broken(writer, error);
        parts.log.warn({ shard: writer.shard, err: error }, "The journal does not answer yet");
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    const { scheduler } = this.#host.parts;
    return new Promise((resolve) => void scheduler.setTimer(RECOVERY_PAUSE_MS, resolve));
  }

  /** One after the other for each shard. */
  async #inTurn<T>(writer: ShardWriter, work: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(writer);
    const turn = (before ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#busy.set(writer, turn);
    try {
      return await turn;
    } finally {
      if (this.#busy.get(writer) === turn) {
        this.#busy.delete(writer);
        this.#followHeard(writer);
      }
    }
  }
}

/** Asked in a function, because the phase moves while others are waited for. */
function isBroken(writer: ShardWriter): boolean {
  return writer.phase === "broken";
}

/** The last durable batch known of a shard, and what listeners have not heard of since. */
type KnownBefore = {
  readonly seq: number;
  readonly hash: string;
  /** True once for each batch behind it. */
  isNews(batch: Batch): boolean;
};

function knownBefore({ seq, hash }: ShardWriter): KnownBefore {
  let told = seq;
  return {
    seq,
    hash,
    isNews(batch) {
      const isNew = batch.seq > told;
      told = Math.max(told, batch.seq);
      return isNew;
    },
  };
}

function lostBatches(shard: number, seq: number): JournalBreak {
  return new JournalBreak({ shard, seq }, "was acknowledged and is not in the database any more");
}

/** Where a writer stands that nobody has written with yet: what a snapshot left there; null before the first batch. */
function standOf({ state, stand: end }: ShardWriter): Replayed | null {
  return end.seq === 0 ? null : { state, end };
}
