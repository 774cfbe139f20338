import {
  type Answer,
  apply,
  batchHash,
  type Context,
  createShardState,
  type DrawId,
  decideAndApply,
  type Event,
  encodeEvents,
  GENESIS_HASH,
  type Hash,
  nextDueMs,
  type ShardState,
} from "@wanhui/core";
import type { Batch, Fence } from "./journal-store.ts";
import { IDLE_TICK_MS, TICK_ANSWERS_MAX, TICK_BYTES_MAX, WAITING_MAX } from "./limits.ts";
import type { ChainEnd, Replayed } from "./replay.ts";
import type { SeenBeacons } from "./seen-beacons.ts";
import {
  type Done,
  type EngineCommand,
  EngineFault,
  type EngineFaultCode,
  type EngineParts,
  type ShardPhase,
} from "./types.ts";

/** Decided in memory, not yet durable: events and the answers that wait for them, in order. */
export type Tick = {
  readonly events: Event[];
  readonly commands: EngineCommand[];
  readonly answers: Answer[];
  readonly dones: Done[];
  bytes: number;
};

/** A command and who waits for its answer. */
export type Asked = { readonly command: EngineCommand; readonly done: Done };

/** One given up: it may be in the journal when it was on its way there. */
export type GivenUp = Asked & { readonly mayHaveHappened: boolean };

/** A tick on its way to the disk; `row` is null when it has no event and only the fence is asked. */
export type Flight = { readonly tick: Tick; readonly row: Batch | null };

function emptyTick(): Tick {
  return { events: [], commands: [], answers: [], dones: [], bytes: 0 };
}

/** About how many bytes an event takes in the journal; only the limit of a tick depends on it. */
function sizeOf(event: Event): number {
  switch (event.type) {
    case "entered":
    case "granted":
      return 48;
    case "window.drawn":
      return 512 + event.winners.length * 280;
    case "draw.planned":
      return 2_048 + event.rules.schedule.length * 8;
    case "draw.armed":
      return 1_024 + event.record.schedule.length * 8;
    default:
      return 640;
  }
}

/** Commands that can make something due earlier than it was: after any other one the known moment still holds. */
function movesTheClock(command: EngineCommand): boolean {
  return command.type !== "draw.enter" && command.type !== "grab.take";
}

/** What a shard needs of its engine. */
export type ShardHost = {
  readonly parts: Pick<EngineParts, "clock" | "sha256" | "log">;
  readonly beacons: SeenBeacons;
  /** A draw was planned here (JR: a draw lives on its pool's shard). */
  planned(draw: DrawId, shard: number): void;
};

/**
 * One shard in memory: decides commands in arrival order ahead of the disk, collects them into ticks, and lets
 * answers go when the engine says that their tick is durable. It never touches the store.
 */
export class ShardWriter {
  readonly shard: number;
  readonly #host: ShardHost;
  phase: ShardPhase = "starting";
  reason: string | null = null;
  /** Commands are decided here; false while another process is to write the shard. */
  mine = false;
  epoch = 0;
  /** Last durable batch and its hash. */
  seq = 0;
  hash: Hash = GENESIS_HASH;
  /** Epoch of that batch: followed batches may not fall below it. */
  seqEpoch = 0;
  flight: Flight | null = null;
  state: ShardState;
  #lastAtMs = 0;
  #tick = emptyTick();
  #waiting: Asked[] = [];
  #waitingHead = 0;
  #dueMs: number | null = null;
  #notBeforeMs = 0;
  readonly #taps = new Map<DrawId, number>();

  constructor(shard: number, host: ShardHost) {
    this.shard = shard;
    this.#host = host;
    this.state = createShardState(shard);
  }

  /** Commands not answered yet. */
  get pending(): number {
    return this.waiting + this.#tick.dones.length + (this.flight?.tick.dones.length ?? 0);
  }

  /** Commands not decided yet. */
  get waiting(): number {
    return this.#waiting.length - this.#waitingHead;
  }

  /** Records and answers of the open tick, whichever is more: what JR5 counts. */
  get tickRecords(): number {
    return Math.max(this.#tick.events.length, this.#tick.dones.length);
  }

  /** JR10: the larger of the last event's time and the clock. */
  nowMs(): number {
    const now = Math.floor(this.#host.parts.clock.nowMs());
    return now > this.#lastAtMs ? now : this.#lastAtMs;
  }

  /** When something falls due, or null. May lie in the past. */
  get dueMs(): number | null {
    if (this.phase !== "running" || !this.mine || this.#dueMs === null) return null;
    return Math.max(this.#dueMs, this.#notBeforeMs);
  }

  addTaps(draw: DrawId, count: number): void {
    this.#taps.set(draw, (this.#taps.get(draw) ?? 0) + count);
  }

  /** Decides a command now if the tick has room, else lines it up, else refuses it with `engine.busy`. */
  offer(command: EngineCommand, done: Done): void {
    if (this.phase === "running" && this.waiting === 0 && this.#hasRoom()) {
      this.#decide(command, done);
      return;
    }
    if (this.phase === "fenced" || this.phase === "broken" || this.phase === "stopped") {
      done(this.#fault(), null);
      return;
    }
    if (this.waiting >= WAITING_MAX) {
      done(new EngineFault("engine.busy", `Shard ${this.shard} has ${WAITING_MAX} commands waiting`), null);
      return;
    }
    this.#waiting.push({ command, done });
  }

  /** Decides what waits, as far as the tick has room. */
  drain(): void {
    while (this.phase === "running" && this.waiting > 0 && this.#hasRoom()) {
      const next = this.#waiting[this.#waitingHead];
      this.#waitingHead += 1;
      if (next !== undefined) this.#decide(next.command, next.done);
    }
    if (this.#waitingHead === this.#waiting.length) {
      this.#waiting = [];
      this.#waitingHead = 0;
    }
  }

  /** Seals, closes and expires whatever is due (JR: `tick`). */
  runDue(): void {
    const due = this.dueMs;
    const now = this.nowMs();
    if (due === null || now < due) return;
    const before = this.#tick.events.length;
    const answer = this.#guarded(() =>
      decideAndApply(this.state, { type: "tick", taps: this.#taps }, this.#context(now), this.#emit),
    );
    if (answer === null) return;
    this.#dueMs = nextDueMs(this.state);
    this.#notBeforeMs = this.#tick.events.length === before ? now + IDLE_TICK_MS : 0;
  }

  /** Closes the open tick and gives it to the engine; null when there is nothing to write and nobody to answer. */
  take(): Flight | null {
    if (this.phase !== "running" || (this.#tick.events.length === 0 && this.#tick.dones.length === 0))
      return null;
    const tick = this.#tick;
    this.#tick = emptyTick();
    this.flight = { tick, row: tick.events.length === 0 ? null : this.#seal(tick.events) };
    return this.flight;
  }

  /** The flight's batch is in the journal: moves the chain on and returns the flight, to be announced and answered. */
  landed(): Flight | null {
    const flight = this.flight;
    this.flight = null;
    if (flight?.row) this.#standAt(flight.row);
    return flight;
  }

  /** Puts the shard where a replay left it. */
  adopt(replayed: Replayed): void {
    this.state = replayed.state;
    this.#standAt(replayed.end);
    this.#lastAtMs = replayed.end.atMs;
  }

  /** Takes in a batch that another process wrote and that was found to continue this chain. */
  follow(batch: Batch, events: readonly Event[]): void {
    for (const event of events) apply(this.state, event);
    this.#standAt(batch);
    this.#lastAtMs = Math.max(this.#lastAtMs, batch.atMs);
  }

  /** The last durable batch this state has. */
  get stand(): ChainEnd {
    const { seq, seqEpoch: epoch, hash } = this;
    return { seq, epoch, hash, atMs: this.#lastAtMs };
  }

  /** From here on commands are decided in this process, at this epoch. */
  lead(epoch: number): void {
    this.epoch = epoch;
    this.mine = true;
    this.goOn();
  }

  /** Decides again, for itself or, on its way to another process, only what is under way. */
  goOn(): void {
    this.phase = "running";
    this.#look();
  }

  /** Everything decided or waiting that nobody was answered, in order; the shard holds none of it any more. */
  giveUp(): GivenUp[] {
    const of = (tick: Tick | undefined, mayHaveHappened: boolean): GivenUp[] =>
      tick?.dones.map((done, at) => {
        return { command: tick.commands[at] as EngineCommand, done, mayHaveHappened };
      }) ?? [];
    const asked = [...of(this.flight?.tick, true), ...of(this.#tick, false)];
    this.flight = null;
    this.#tick = emptyTick();
    return [...asked, ...this.takeWaiting().map((one) => ({ ...one, mayHaveHappened: false }))];
  }

  /** What waits undecided, in order; it does not wait here any more. */
  takeWaiting(): Asked[] {
    const waiting = this.#waiting.slice(this.#waitingHead);
    this.#waiting = [];
    this.#waitingHead = 0;
    return waiting;
  }

  /** What the database has to say of the shard before an answer without an event may leave (JR4). */
  get fence(): Fence {
    const { shard, epoch, seq, hash } = this;
    return { shard, epoch, seq, hash };
  }

  /** Nothing is decided that is not answered yet. */
  get isSettled(): boolean {
    return this.flight === null && this.#tick.events.length === 0 && this.#tick.dones.length === 0;
  }

  #standAt({ seq, hash, epoch }: Pick<Batch, "seq" | "hash" | "epoch">): void {
    this.seq = seq;
    this.hash = hash;
    this.seqEpoch = epoch;
  }

  /** Gives up everything decided but not durable, with this fault (JR7); what waits undecided stays in line. */
  dropDecided(code: EngineFaultCode, message: string): void {
    const lost = [...(this.flight?.tick.dones ?? []), ...this.#tick.dones];
    this.flight = null;
    this.#tick = emptyTick();
    for (const done of lost) this.answer(done, new EngineFault(code, message), null);
  }

  /** Ends the shard in this process: nothing decided or waiting is acknowledged any more. */
  end(phase: "fenced" | "broken" | "stopped", reason: string | null): void {
    if (this.phase === "fenced" || this.phase === "broken") return;
    this.phase = phase;
    this.reason = reason;
    this.#endLine();
    const fault = this.#fault();
    this.dropDecided(fault.code, fault.message);
  }

  /** Calls a caller back; his failure is his own and must not reach the shard. */
  answer(done: Done, answer: Answer | EngineFault, where: Parameters<Done>[1]): void {
    try {
      done(answer, where);
    } catch (error) {
      this.#host.parts.log.error({ shard: this.shard, err: error }, "A caller failed on its answer");
    }
  }

  /** Calls a caller back with why the shard has ended. */
  refuse(done: Done): void {
    this.answer(done, this.#fault(), null);
  }

  #endLine(): void {
    for (const { done } of this.takeWaiting()) this.refuse(done);
  }

  #hasRoom(): boolean {
    return this.#tick.bytes < TICK_BYTES_MAX && this.#tick.dones.length < TICK_ANSWERS_MAX;
  }

  #context(nowMs: number): Context {
    const { beacons, parts } = this.#host;
    return {
      nowMs,
      newestRoundSeen: beacons.newest,
      newestRoundSeenOf: beacons.newestOf,
      sha256: parts.sha256,
    };
  }

  #decide(command: EngineCommand, done: Done): void {
    // Whatever is due comes first: a window closes before the entry behind it is decided (DR6).
    this.runDue();
    const answer = this.#guarded(() =>
      decideAndApply(this.state, command, this.#context(this.nowMs()), this.#emit),
    );
    if (answer === null) {
      this.answer(done, this.#fault(), null);
      return;
    }
    this.#tick.commands.push(command);
    this.#tick.answers.push(answer);
    this.#tick.dones.push(done);
    if (movesTheClock(command)) this.#look();
  }

  #look(): void {
    this.#dueMs = nextDueMs(this.state);
    this.#notBeforeMs = 0;
  }

  readonly #emit = (event: Event): void => {
    this.#tick.events.push(event);
    this.#tick.bytes += sizeOf(event);
    if (event.atMs > this.#lastAtMs) this.#lastAtMs = event.atMs;
    if (event.type === "draw.planned") this.#host.planned(event.rules.draw, this.shard);
    else if (event.type === "window.sealed") this.#taps.delete(event.header.draw);
    else if (event.type === "draw.closed") this.#taps.delete(event.record.draw);
  };

  /** JR11: a failed assertion stops the shard; nothing of the open tick is acknowledged or written. */
  #guarded<T>(work: () => T): T | null {
    try {
      return this.phase === "broken" ? null : work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#host.parts.log.error({ shard: this.shard, err: error }, `Shard ${this.shard} stops: ${reason}`);
      this.phase = "broken";
      this.reason = reason;
      const lost = this.#tick.dones;
      this.#tick = emptyTick();
      for (const done of lost) this.answer(done, this.#fault(), null);
      this.#endLine();
      return null;
    }
  }

  #seal(events: readonly Event[]): Batch {
    this.#look();
    const payload = encodeEvents(events);
    const seq = this.seq + 1;
    const place = { shard: this.shard, seq, epoch: this.epoch, previousHash: this.hash, payload };
    return { ...place, hash: batchHash(place, this.#host.parts.sha256), atMs: events.at(-1)?.atMs ?? 0 };
  }

  #fault(): EngineFault {
    if (this.phase === "fenced") {
      return new EngineFault("engine.fenced", `Another process serves shard ${this.shard} now`);
    }
    const why = this.reason === null ? "" : `: ${this.reason}`;
    const code = this.phase === "broken" ? "engine.broken" : "engine.stopped";
    return new EngineFault(code, `Shard ${this.shard} is ${this.phase}${why}`);
  }
}
