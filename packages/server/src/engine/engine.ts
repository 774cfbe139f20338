import type {
  Answer,
  AwardId,
  DrawId,
  Hex,
  PoolId,
  RequestId,
  ShardState,
  UserId,
  UserKey,
} from "@wanhui/core";
import type { Service } from "../platform/mod.ts";
import { DueTimer } from "./due-timer.ts";
import { SHARDS_DEFAULT, TICK_BUSY_ANSWERS, TICK_MS_MAX, TICK_RECORDS_MAX } from "./limits.ts";
import { SeenBeacons } from "./seen-beacons.ts";
import { ControlledShards } from "./shard-control.ts";
import { type KeeperHost, ShardKeeper } from "./shard-keeper.ts";
import { ShardRouter } from "./shard-router.ts";
import { type Flight, type ShardHost, ShardWriter } from "./shard-writer.ts";
import type { ListenerMemory } from "./snapshot.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";
import {
  type Done,
  type DurableBatch,
  type Engine,
  type EngineCommand,
  EngineFault,
  type EngineParts,
  type EngineStatus,
  type ShardControl,
  type TimerHandle,
} from "./types.ts";

const LOST = "Another process has taken shards over meanwhile: what they have become is not known here yet";

/** A shard and what it has on its way to the disk. */
type Taken = { readonly writer: ShardWriter; readonly flight: Flight };

/**
 * All shards of this process behind one group commit (JR5): commands are decided in memory at once, their events
 * written in one append for all shards, their answers let go after it, in order.
 */
class GroupCommitEngine implements Engine, Service {
  readonly name = "engine";
  readonly #parts: EngineParts;
  readonly #host: ShardHost;
  readonly #router: ShardRouter;
  #shards: ShardWriter[] = [];
  readonly #listeners = new Set<(batch: DurableBatch) => void>();
  readonly #beacons = new SeenBeacons();
  #phase: "new" | "starting" | "running" | "stopping" | "stopped" = "new";
  #flying = false;
  #flushAsked = false;
  #flushTimer: TimerHandle | null = null;
  #flushedAtMs = 0;
  #busy = false;
  readonly #dueTimer: DueTimer;
  #tickMs = 0;
  #appends = 0;
  #events = 0;
  /** Called when nothing decided is unanswered any more; only `stop` waits for it. */
  #quiet: (() => void)[] = [];
  /** Shards on their way to another process, until all they decided is answered. */
  #handOvers: { readonly writer: ShardWriter; resolve(): void }[] = [];
  /** Lets `run` end: a shard is lost to another process, or a listener failed. */
  #onLost = () => {};
  /** A listener that failed: a bug, after which nothing is announced or acknowledged any more (JR12). */
  #bug: Error | null = null;
  readonly #keeper: ShardKeeper;
  readonly #snapshots: SnapshotKeeper;
  readonly shards: ShardControl;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#host = {
      parts,
      beacons: this.#beacons,
      planned: (draw, shard) => this.#router.planned(draw, shard),
    };
    this.#router = new ShardRouter(parts.sha256);
    this.#snapshots = new SnapshotKeeper(parts, this.#beacons);
    this.#keeper = new ShardKeeper(this.#keeperHost());
    this.shards = new ControlledShards({
      keeper: this.#keeper,
      writer: (shard) => this.#shards[shard],
      settled: (writer) => this.#settled(writer),
      fenced: (writer) => this.#fenced(writer),
      offer: (writer, command, done) => this.#offer(writer, command, done),
    });
    this.#dueTimer = new DueTimer({ ...parts, onDue: () => this.#runDue() });
  }

  /**
   * Rejects with `engine.fenced` once another process owns one of the shards (two servers on one database never
   * share), and with the bug of a listener that failed (JR12).
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.start();
    await new Promise<void>((resolve) => {
      this.#onLost = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted || this.#bug !== null) resolve();
      if (this.#shards.some((writer) => writer.phase === "fenced")) resolve();
    });
    await this.stop();
    if (this.#bug !== null) throw this.#bug;
    const lost = this.#shards.find((writer) => writer.phase === "fenced");
    if (lost !== undefined) {
      throw new EngineFault(
        "engine.fenced",
        `Another process serves shard ${lost.shard} of this database now`,
      );
    }
  }

  async start(): Promise<void> {
    if (this.#phase !== "new") return;
    this.#phase = "starting";
    const count = await this.#parts.store.prepare(this.#parts.shards ?? SHARDS_DEFAULT);
    this.#shards = Array.from({ length: count }, (_, shard) => new ShardWriter(shard, this.#host));
    this.#router.open(this.#shards);
    await this.#snapshots.begin(this.#shards);
    const alone = this.#parts.neighbours === undefined;
    await Promise.all(
      this.#shards.map((writer) =>
        alone ? this.#keeper.takeAtStart(writer) : this.#keeper.followAtStart(writer),
      ),
    );
    if (this.#bug !== null) throw this.#bug;
    await this.#snapshots.afterReplay(this.#shards, this.#keeper.slowestReplayMs);
    if (this.#phase !== "starting") return;
    this.#phase = "running";
    const batches = this.#shards.reduce((sum, writer) => sum + writer.seq, 0);
    const what = alone ? "The engine owns its shards" : "The engine follows its shards";
    this.#parts.log.info({ shards: count, batches }, what);
    for (const writer of this.#shards) writer.drain();
    this.#armDueTimer();
    this.#flushSoon();
  }

  async stop(): Promise<void> {
    if (this.#phase === "stopped" || this.#phase === "stopping") return;
    this.#phase = "stopping";
    this.#dueTimer.stop();
    // What is decided is written and answered; what is not, and what cannot be known now, is not.
    if (this.#flying || this.#decided()) {
      const quiet = new Promise<void>((resolve) => this.#quiet.push(resolve));
      this.#flushSoon();
      await quiet;
    }
    if (this.#bug === null) await this.#snapshots.beforeEnd(this.#shards);
    for (const writer of this.#shards) writer.end("stopped", null);
    this.#phase = "stopped";
    if (this.#flushTimer !== null) this.#parts.scheduler.clear(this.#flushTimer);
  }

  submit(command: EngineCommand): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const done: Done = (answer) => {
        if (answer instanceof EngineFault) reject(answer);
        else resolve(answer);
      };
      this.#route(command, done);
    });
  }

  enter(draw: DrawId, user: UserId, userKey: UserKey, done: Done): void {
    this.#route({ type: "draw.enter", draw, user, userKey }, done);
  }

  take(pool: PoolId, user: UserId, requestId: RequestId, done: Done): void {
    this.#route({ type: "grab.take", pool, user, requestId, quantity: 1 }, done);
  }

  addTaps(draw: DrawId, count: number): void {
    const shard = this.#router.shardOfDraw(draw);
    const writer = shard === null ? undefined : this.#shards[shard];
    if (writer === undefined) return;
    const { neighbours } = this.#parts;
    if (neighbours !== undefined && !writer.mine) neighbours.addTaps(writer.shard, draw, count);
    else writer.addTaps(draw, count);
  }

  sawBeacon(round: number, chainHash?: Hex): void {
    this.#beacons.saw(round, chainHash);
  }

  onDurable(listener: (batch: DurableBatch) => void, memory?: ListenerMemory | null): () => void {
    this.#listeners.add(listener);
    const forget = this.#snapshots.add(memory);
    return () => {
      this.#listeners.delete(listener);
      forget();
    };
  }

  state(shard: number): ShardState {
    const writer = this.#shards[shard];
    if (writer === undefined) throw new EngineFault("engine.stopped", `There is no shard ${shard}`);
    return writer.state;
  }

  shardOf(id: { readonly pool: PoolId } | { readonly draw: DrawId }): number | null {
    if ("draw" in id) return this.#router.shardOfDraw(id.draw);
    return this.#router.shards === 0 ? null : this.#router.shardOfPool(id.pool);
  }

  shardOfAward(awardId: AwardId): number | null {
    return this.#router.shardOfAward(awardId);
  }

  nowMs(): number {
    return this.#shards.reduce(
      (now, writer) => Math.max(now, writer.nowMs()),
      Math.floor(this.#parts.clock.nowMs()),
    );
  }

  status(): EngineStatus {
    const shards = this.#shards.map(({ shard, epoch, seq, phase, mine, reason }) => {
      return { shard, epoch, seq, state: phase, mine, reason };
    });
    const pending = this.#shards.reduce((sum, writer) => sum + writer.pending, 0);
    return { shards, pending, tickMs: this.#tickMs, appends: this.#appends, events: this.#events };
  }

  async catchUp(): Promise<boolean> {
    const followed = () => this.#shards.filter(({ phase }) => phase === "following");
    const some = followed().length > 0;
    await this.#keeper.catchUpAll(followed);
    return some;
  }

  isMine(id: { readonly pool: PoolId } | { readonly draw: DrawId }): boolean {
    const shard = this.shardOf(id);
    return shard !== null && this.#shards[shard]?.mine === true;
  }

  // ---- who answers what

  #route(command: EngineCommand, done: Done): void {
    const writer = this.#serves() ?? this.#router.ofCommand(command);
    if (writer instanceof EngineFault) done(writer, null);
    else if (writer === null) this.#routeUnknown(command, done);
    else this.#offer(writer, command, done);
  }

  /** What no shard here knows another process may just have written: the journal is read before it is said (MP9). */
  #routeUnknown(command: EngineCommand, done: Done): void {
    Promise.all([this.#stillOurs(), this.catchUp()]).then(
      ([ours]) => {
        const known = this.#serves() ?? this.#router.ofCommand(command);
        const writer = known ?? (ours ? this.#router.ofUnknown() : new EngineFault("engine.busy", LOST));
        if (writer instanceof EngineFault) done(writer, null);
        else this.#offer(writer, command, done);
      },
      () => done(new EngineFault("engine.busy", "The journal of other processes cannot be read now"), null),
    );
  }

  /** Whether nobody else writes the shards written here: one that was stalled does not know what they have become. */
  async #stillOurs(): Promise<boolean> {
    const mine = this.#shards.filter(({ mine: isMine, phase }) => isMine && phase === "running");
    if (mine.length === 0) return true;
    const held = await this.#parts.store.checkFence(mine.map(({ fence }) => fence));
    return mine.every(({ shard }) => held.has(shard));
  }

  #offer(writer: ShardWriter, command: EngineCommand, done: Done): void {
    const { neighbours } = this.#parts;
    if (neighbours !== undefined && !writer.mine && writer.phase !== "broken" && writer.phase !== "stopped") {
      neighbours.ask(writer.shard, command, done);
      return;
    }
    writer.offer(command, done);
    const full = writer.tickRecords >= TICK_RECORDS_MAX;
    // Full while answers are handed out, each followed by another wish: the disk begins on what is there.
    if (full && !this.#flying && this.#phase === "running") void this.#flush();
    else if (full || this.#flushTimer === null) this.#flushSoon();
  }

  /** Commands end where they are refused: before the start, after the end. */
  #serves(): EngineFault | null {
    if (this.#router.shards > 0 && this.#phase !== "stopping" && this.#phase !== "stopped") return null;
    return new EngineFault("engine.stopped", "The engine has stopped or not yet started");
  }

  // ---- the tick

  /** Asks for a flush: at the end of this turn, or, while busy, when the tick is full or old enough (JR5). */
  #flushSoon(): void {
    if (this.#flying || this.#flushAsked || this.#phase === "stopped") return;
    const { scheduler, clock } = this.#parts;
    const waitMs = this.#busy ? TICK_MS_MAX - (clock.monotonicMs() - this.#flushedAtMs) : 0;
    if (waitMs > 0 && !this.#full()) {
      this.#flushTimer ??= scheduler.setTimer(waitMs, () => {
        this.#flushTimer = null;
        void this.#flush();
      });
      return;
    }
    this.#flushAsked = true;
    scheduler.soon(() => {
      this.#flushAsked = false;
      void this.#flush();
    });
  }

  #full(): boolean {
    return this.#shards.some((writer) => writer.tickRecords >= TICK_RECORDS_MAX);
  }

  #decided(): boolean {
    return this.#shards.some((writer) => writer.tickRecords > 0 && writer.phase === "running");
  }

  /** Writes every shard's open tick in one append; the next begins only after this one is settled (JR3). */
  async #flush(): Promise<void> {
    if (this.#flying || this.#phase === "stopped") return;
    if (this.#flushTimer !== null) {
      this.#parts.scheduler.clear(this.#flushTimer);
      this.#flushTimer = null;
    }
    const taken: Taken[] = [];
    for (const writer of this.#shards) {
      const flight = this.#takeFlight(writer);
      if (flight !== null) taken.push({ writer, flight });
    }
    this.#armDueTimer();
    if (taken.length === 0) {
      this.#settleQuiet();
      return;
    }
    this.#flying = true;
    this.#flushedAtMs = this.#parts.clock.monotonicMs();
    this.#busy = taken.reduce((sum, { flight }) => sum + flight.tick.dones.length, 0) >= TICK_BUSY_ANSWERS;
    if (this.#phase !== "stopping") for (const { writer } of taken) writer.drain();
    const landed = await this.#write(taken);
    this.#tickMs = this.#parts.clock.monotonicMs() - this.#flushedAtMs;
    this.#flying = false;
    if (this.#phase === "running") for (const writer of this.#shards) writer.drain();
    // The next append is on its way while the answers of this one are handed out: the disk need not wait for them.
    if (this.#full()) void this.#flush();
    this.#tellNeighbours(landed);
    for (const { writer, flight } of landed) this.#letGo(writer, flight);
    this.#settleHandOvers();
    if (this.#decided()) this.#flushSoon();
    else this.#settleQuiet();
  }

  /** An event the encoder refuses is a bug like any other: its shard stops, the others go on. */
  #takeFlight(writer: ShardWriter): Flight | null {
    try {
      return writer.take();
    } catch (error) {
      this.#break(writer, error);
      return null;
    }
  }

  /** Appends, checks the fence of shards that wrote nothing, and returns the flights whose answers may leave (JR4). */
  async #write(taken: readonly Taken[]): Promise<Taken[]> {
    const rows = taken.flatMap(({ flight }) => (flight.row === null ? [] : [flight.row]));
    const fences = taken.flatMap(({ writer, flight }) => (flight.row === null ? [writer.fence] : []));
    const { store } = this.#parts;
    if (rows.length > 0) this.#appends += 1;
    const [written, held] = await Promise.allSettled([
      rows.length > 0 ? store.append(rows) : new Set<number>(),
      fences.length > 0 ? store.checkFence(fences) : new Set<number>(),
    ]);
    const landed: Taken[] = [];
    for (const { writer, flight } of taken) {
      const outcome = flight.row === null ? held : written;
      if (writer.flight !== flight) continue;
      if (outcome.status === "rejected") void this.#keeper.recover(writer, outcome.reason);
      else if (!outcome.value.has(writer.shard)) this.#fenced(writer);
      else if (writer.landed() !== null) landed.push({ writer, flight });
    }
    return landed;
  }

  /** MP8: before any answer, so that whoever is answered finds all processes knowing, or about to know. */
  #tellNeighbours(landed: readonly Taken[]): void {
    const { neighbours } = this.#parts;
    if (neighbours === undefined) return;
    const rows = landed.flatMap(({ flight }) => (flight.row === null ? [] : [flight.row]));
    if (rows.length > 0) neighbours.wrote(rows);
  }

  /** The flight is durable, or its fence held: listeners first, then the answers, in order (JR4). */
  #letGo(writer: ShardWriter, flight: Flight): void {
    const { tick, row } = flight;
    if (row !== null) {
      this.#events += tick.events.length;
      const { shard, seq, epoch, atMs, hash } = row;
      this.#announce({ shard, seq, epoch, atMs, hash, events: tick.events, replay: false });
    }
    if (this.#bug !== null) {
      for (const done of tick.dones) writer.refuse(done);
      return;
    }
    const where = row === null ? null : { shard: row.shard, seq: row.seq };
    for (let i = 0; i < tick.dones.length; i += 1) {
      const done = tick.dones[i];
      const answer = tick.answers[i];
      if (done !== undefined && answer !== undefined) writer.answer(done, answer, where);
    }
  }

  #fenced(writer: ShardWriter): void {
    const { log, neighbours } = this.#parts;
    const fields = { shard: writer.shard, epoch: writer.epoch };
    if (neighbours !== undefined && writer.phase !== "broken") {
      log.warn(fields, "Another process took the shard over: following it from here on");
      this.#keeper.rebuild(writer);
      return;
    }
    log.error(fields, "Another process took the shard over");
    writer.end("fenced", null);
    this.#onLost();
  }

  #break(writer: ShardWriter, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.log.error({ shard: writer.shard, err: error }, `Shard ${writer.shard} stays down: ${reason}`);
    writer.end("broken", reason);
  }

  /**
   * Gives a batch to every listener, in the order they came. What one missed it would never hear of again in this
   * process, so the first that fails ends it (JR12); those behind it are not told either, because what they say may
   * rest on what it did (WR3). The next start replays the batch to all of them.
   */
  #announce(batch: DurableBatch): void {
    if (this.#bug !== null) return;
    this.#snapshots.count(batch);
    for (const listener of this.#listeners) {
      try {
        listener(batch);
      } catch (error) {
        this.#listenerFailed(batch, error);
        return;
      }
    }
  }

  #listenerFailed({ shard, seq }: DurableBatch, cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    const reason = `A journal listener failed on shard ${shard}, batch ${seq}: ${why}`;
    this.#bug = new Error(reason, { cause });
    this.#parts.log.error({ shard, seq, err: cause }, `${reason}. The server ends: this is a bug`);
    // Stopped, not broken: another process goes on with what this one had not heard of rightly.
    for (const writer of this.#shards) writer.end("stopped", reason);
    this.#onLost();
  }

  #settleQuiet(): void {
    if (this.#flying || this.#keeper.recovering > 0 || this.#decided()) return;
    const waiting = this.#quiet;
    this.#quiet = [];
    for (const resolve of waiting) resolve();
  }

  // ---- shards that come and go

  #keeperHost(): KeeperHost {
    return {
      parts: this.#parts,
      router: this.#router,
      beacons: this.#beacons,
      snapshots: this.#snapshots,
      ending: () => (this.#phase === "stopping" || this.#phase === "stopped" ? this.#phase : "no"),
      failed: () => this.#bug !== null,
      announce: (batch) => this.#announce(batch),
      letGo: (writer, flight) => {
        this.#tellNeighbours([{ writer, flight }]);
        this.#letGo(writer, flight);
      },
      fenced: (writer) => this.#fenced(writer),
      broken: (writer, error) => this.#break(writer, error),
      wake: () => this.#wake(),
    };
  }

  #wake(): void {
    if (this.#phase === "running") for (const writer of this.#shards) writer.drain();
    this.#settleHandOvers();
    this.#armDueTimer();
    if (this.#decided()) this.#flushSoon();
    else this.#settleQuiet();
  }

  /** Resolves when everything decided on a shard is written and answered, or never will be. */
  #settled(writer: ShardWriter): Promise<void> {
    return new Promise((resolve) => {
      this.#handOvers.push({ writer, resolve });
      this.#settleHandOvers();
      this.#flushSoon();
    });
  }

  #settleHandOvers(): void {
    if (this.#handOvers.length === 0) return;
    this.#handOvers = this.#handOvers.filter(({ writer, resolve }) => {
      if (writer.phase === "recovering" || (writer.phase === "running" && !writer.isSettled)) return true;
      resolve();
      return false;
    });
  }

  // ---- timers

  #armDueTimer(): void {
    if (this.#phase !== "running") return;
    let due: number | null = null;
    for (const writer of this.#shards) {
      if (writer.dueMs !== null && (due === null || writer.dueMs < due)) due = writer.dueMs;
    }
    this.#dueTimer.arm(due);
  }

  #runDue(): void {
    if (this.#phase !== "running") return;
    for (const writer of this.#shards) if (writer.mine) writer.runDue();
    this.#armDueTimer();
    this.#flushSoon();
  }
}

/** Makes an engine that owns nothing until it is started. */
export function createEngine(parts: EngineParts): Engine & Service {
  return new GroupCommitEngine(parts);
}
