import type {
  Answer,
  AwardId,
  Command,
  DrawId,
  Event,
  Hash,
  Hex,
  PoolId,
  RequestId,
  Sha256,
  ShardState,
  UserId,
  UserKey,
} from "@wanhui/core";
import type { Batch, JournalStore } from "./journal-store.ts";
import type { ListenerMemory, SnapshotParts } from "./snapshot.ts";

/** A command somebody may submit: everything but the engine's own tick. */
export type EngineCommand = Exclude<Command, { type: "tick" }>;

/** Batch of the journal a durable answer belongs to; null when its tick held no event (the fence alone was checked). */
export type Where = { readonly shard: number; readonly seq: number } | null;

/** What a caller of the hot path gets, exactly once, after its answer may leave. */
export type Done = (answer: Answer | EngineFault, where: Where) => void;

/** One batch known to be in the journal. `replay` is true for those read back at the start. */
export type DurableBatch = {
  readonly shard: number;
  readonly seq: number;
  readonly epoch: number;
  readonly atMs: number;
  readonly hash: Hash;
  readonly events: readonly Event[];
  readonly replay: boolean;
};

/** Why the engine could not answer. The command may have happened (`engine.unknown`): ask again with the same ids. */
export type EngineFaultCode =
  | "engine.unknown"
  | "engine.busy"
  | "engine.stopped"
  | "engine.fenced"
  | "engine.broken";

/**
 * The engine cannot answer. `engine.busy` did nothing (retry after 250 ms); `engine.unknown` may have happened and is
 * safe to ask again with the same ids; `engine.fenced` means another process owns the shard now; `engine.stopped`
 * that this one no longer serves it; `engine.broken` that nobody will, until somebody has looked into it (JR11).
 */
export class EngineFault extends Error {
  readonly code: EngineFaultCode;
  readonly retryable: boolean;

  constructor(code: EngineFaultCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EngineFault";
    this.code = code;
    this.retryable = code !== "engine.stopped" && code !== "engine.broken";
  }
}

/**
 * Where a shard stands. `starting`: epoch not ours yet or replay running; `running`; `following`: another process
 * writes it, the state here is what its journal says (MP8); `recovering`: an append's
 * outcome is unknown (JR7), nothing is answered; `fenced`: another process took it over; `broken`: an assertion
 * failed or the journal does not add up (JR8, JR11); `stopped`: this engine has ended.
 */
export type ShardPhase =
  | "starting"
  | "running"
  | "following"
  | "recovering"
  | "fenced"
  | "broken"
  | "stopped";

/** One moment of the engine, for metrics and the operator's page. */
export type EngineStatus = {
  readonly shards: readonly {
    readonly shard: number;
    readonly epoch: number;
    /** Last durable batch. */
    readonly seq: number;
    readonly state: ShardPhase;
    /** Whether commands for it are decided here; the others are asked of its owner. */
    readonly mine: boolean;
    /** Why it is `broken`, else null. */
    readonly reason: string | null;
  }[];
  /** Commands not answered yet, decided or not. */
  readonly pending: number;
  /** How long the last append took, in milliseconds of the monotonic clock. */
  readonly tickMs: number;
  /** Appends and journalled events since the start. */
  readonly appends: number;
  readonly events: number;
};

/** Time as the engine sees it: `nowMs` anchored to the database (JR10), `monotonicMs` for measuring. */
export type EngineClock = { nowMs(): number; monotonicMs(): number };

/** A timer that can be cleared; what it is belongs to the scheduler. */
export type TimerHandle = { readonly brand?: "timer" };

/** Timers as the engine uses them; the simulator brings its own. `soon` runs after the current turn. */
export type Scheduler = {
  setTimer(delayMs: number, run: () => void): TimerHandle;
  clear(timer: TimerHandle): void;
  soon(run: () => void): void;
};

/** What the engine says to people. */
export type EngineLog = {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
};

/** The other processes of the house, as the engine needs them (MP8, MP10). An engine without owns every shard. */
export type Neighbours = {
  /**
   * Has a command decided by the owner of the shard; `done` is called exactly once.
   *
   * @param mayHaveHappened it was on its way to the journal already: given up it is not known, rather than not done
   */
  ask(shard: number, command: EngineCommand, done: Done, mayHaveHappened?: boolean): void;
  /** Counts taps of a draw at the owner of its shard. */
  addTaps(shard: number, draw: DrawId, count: number): void;
  /** Called with what was just written, before any of its answers leaves. */
  wrote(batches: readonly Batch[]): void;
};

/** Which shards this process writes, and how it learns of the others. Only with `neighbours`. */
export type ShardControl = {
  /**
   * Takes a shard over if `seenHolder` still holds it ("" for nobody), and serves it (MP5). Resolves when it answers
   * or when somebody else was faster (false).
   */
  takeOver(shard: number, seenHolder: string): Promise<boolean>;
  /** Writes and answers what is decided, then leaves the shard to nobody (MP6). Resolves when it is released. */
  handOver(shard: number): Promise<void>;
  /** Takes in a batch another process wrote. @returns false when it does not continue what is known here (MP8) */
  follow(batch: Batch): boolean;
  /** Reads from the journal what a followed shard has not heard of. */
  catchUp(shard: number): Promise<void>;
  /** The journal was seen to be shorter than what is known here: looks, and stops the shard if that is so (JR11). */
  doubt(shard: number): Promise<void>;
  /** Somebody else was seen to hold a shard this engine believes to write: gives it up (MP7). */
  lose(shard: number): void;
  /** Decides a command another process asked for; `engine.fenced` when the shard is not this engine's (MP11). */
  serve(shard: number, command: EngineCommand, done: Done): void;
};

/** The single writer of all shards of this process (docs/spec/journal.md). */
export interface Engine {
  /** Takes every shard over (JR6), replays it and begins to answer. Rejects when the store cannot be reached. */
  start(): Promise<void>;
  /** Answers what is decided, refuses the rest with `engine.stopped`, and lets go of timers. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves after the answer may leave (JR4). Throws EngineFault. */
  submit(command: EngineCommand): Promise<Answer>;
  /** Hot path of an entry: no promise per entry; `done` is called once, after durable. */
  enter(draw: DrawId, user: UserId, userKey: UserKey, done: Done): void;
  /** Hot path of a grab of one unit: the same shape. */
  take(pool: PoolId, user: UserId, requestId: RequestId, done: Done): void;
  /** Counts taps of a draw's open window for display (DR19). */
  addTaps(draw: DrawId, count: number): void;
  /**
   * Tells the engine that a beacon round exists: no window of that chain whose round is this or older is sealed any
   * more (DR11). Without a chain it counts for every one.
   */
  sawBeacon(round: number, chainHash?: Hex): void;
  /**
   * Durable batches only, in order per shard, before their answers leave; the journal's own at the start with
   * `replay: true`. Listeners are called in the order they came. One that throws ends the engine (JR12): trouble of the
   * world is the listener's own to keep and try again.
   *
   * @param memory what a snapshot keeps of the listener (JR14), null for one that remembers nothing; as long as there is
   * one that does not say, the whole journal is read
   */
  onDurable(listener: (batch: DurableBatch) => void, memory?: ListenerMemory | null): () => void;
  /** The live state of a shard, to look at and never to change. It may run ahead of the disk: nothing in it is a promise yet. */
  state(shard: number): ShardState;
  /** Shard of a pool, or of a planned draw; null for a draw nobody planned. */
  shardOf(id: { readonly pool: PoolId } | { readonly draw: DrawId }): number | null;
  /** Shard holding an award, or null when no shard knows it. */
  shardOfAward(awardId: AwardId): number | null;
  /**
   * Reads on what other processes wrote, for whoever does not find here what he was told there.
   *
   * @returns false when there are no others' shards: what is not here is nowhere
   */
  catchUp(): Promise<boolean>;
  /** Whether this engine decides the commands of a draw or pool. */
  isMine(id: { readonly pool: PoolId } | { readonly draw: DrawId }): boolean;
  /** Shard time now (JR10). */
  nowMs(): number;
  status(): EngineStatus;
  readonly shards: ShardControl;
}

/** Everything the engine touches comes in, so that the simulator runs the real one under a virtual clock. */
export type EngineParts = {
  readonly store: JournalStore;
  readonly clock: EngineClock;
  readonly scheduler: Scheduler;
  readonly sha256: Sha256;
  readonly log: EngineLog;
  /** Unique to this start of this process, shown in the `shards` table: another start never has the same. */
  readonly holder: string;
  /** Other processes on the same journal; without them `start` takes every shard over (JR6). */
  readonly neighbours?: Neighbours;
  /** Where snapshots are kept; without them every start reads the whole journal (JR14). */
  readonly snapshots?: SnapshotParts;
  /** Shards to make when the database has none yet (JR1); an existing database keeps its number. */
  readonly shards?: number;
};
