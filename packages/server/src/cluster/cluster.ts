import type { DrawId, Hex, PoolId, Sha256 } from "@wanhui/core";
import type { Batch, Engine, EngineClock, Neighbours, Scheduler } from "../engine/mod.ts";
import { type Bus, errorMessage, type Log, type Service } from "../platform/mod.ts";
import { AskServer, Asks } from "./asks.ts";
import { Liveness } from "./liveness.ts";
import {
  type HouseView,
  type Member,
  type MemberStore,
  NOT_SERVING,
  type Self,
  type SelfState,
} from "./member-store.ts";
import {
  type CommonMessage,
  type DirectMessage,
  decodeBatches,
  decodeMessage,
  encodeBatches,
  encodeMessage,
  type Message,
  type Unreadable,
} from "./messages.ts";
import { onlyReady, placeShards } from "./placement.ts";

/** Leases are renewed, and members and journals looked at, this often (MP1, MP8). */
const LOOK_EVERY_MS = 500;
/** However often somebody is told to look again, the table is read no more often than this. */
const LOOK_PAUSE_MS = 50;
/** How long a look waits for shards to come and go before the lease is renewed again. */
const WAIT_FOR_SHARDS_MS = 1_000;
/** How long an orderly end waits for others to take the shards (MP17). */
const LEAVE_WITHIN_MS = 5_000;
/** A shard changes hands in milliseconds, or after a lease: one that nobody writes for longer is trouble. */
const UNOWNED_TOLD_AFTER_MS = 5_000;
/** Strangers on the bus are named in the log this often. */
const STRANGERS_TOLD_EVERY_MS = 60_000;

/** What a cluster is made of. */
export type ClusterParts = {
  readonly self: Self;
  readonly store: Pick<MemberStore, "renewAndLook" | "leave">;
  readonly bus: Bus;
  readonly clock: EngineClock;
  readonly scheduler: Scheduler;
  readonly sha256: Sha256;
  readonly log: Log;
  readonly liveness?: Liveness;
  /** Name of the house on the bus: processes of other databases share it unheard. */
  readonly house: string;
};

/** One moment of it, for metrics and pages. */
export type ClusterStatus = {
  readonly self: string;
  readonly members: readonly {
    readonly process: string;
    readonly address: string;
    readonly serves: boolean;
  }[];
  /** Why other processes are not heard, or null. */
  readonly bus: string | null;
  /** Messages that could not leave, since the start: while the bus was away, or too large. */
  readonly dropped: number;
  /** Commands that wait for other processes. */
  readonly asks: number;
  /** Shards nobody writes for longer than a change of hands takes, as far as is known here. */
  readonly unowned: readonly number[];
  /** It ends in order and wants no new viewers. */
  readonly leaving: boolean;
};

/** A shard that changes hands: `to` takes it, or its holder, this process, gives it away. */
type Move = { readonly shard: number; readonly holder: string; readonly to: string };

/** The processes of the house as one of them sees it (docs/spec/processes.md). */
export class Cluster implements Service {
  readonly name = "cluster";
  readonly #parts: ClusterParts;
  readonly #asks: Asks;
  readonly #liveness: Liveness;
  readonly #listeners = new Set<(from: string, message: CommonMessage) => void>();
  readonly #onMembers = new Set<() => void>();
  readonly #ends: (() => void)[] = [];
  readonly #ended = new AbortController();
  #engine: Engine | null = null;
  #state: SelfState = NOT_SERVING;
  #living: readonly Member[] = [];
  #owners: (string | null)[] = [];
  readonly #unownedSinceMs = new Map<number, number>();
  #placed: { readonly of: string; readonly placed: readonly (string | null)[] } = { of: "", placed: [] };
  #wake: () => void = () => undefined;
  #woken = false;
  #leaving = false;
  #looking: Promise<void> = Promise.resolve();
  #ran: Promise<void> | null = null;
  #strangersToldAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#liveness = parts.liveness ?? new Liveness({ nowMs: () => parts.clock.monotonicMs() });
    this.#asks = new Asks({
      self: parts.self.process,
      clock: parts.clock,
      scheduler: parts.scheduler,
      ownerOf: (shard) => this.#owners[shard] ?? null,
      send: (process, message) => this.#send(process, message),
      wrote: (batches) => this.#publishBatches(batches),
      lookAgain: () => this.#lookSoon(),
    });
  }

  /** What the engine asks other processes by. */
  get neighbours(): Neighbours {
    return this.#asks;
  }

  /** Connects it to the engine that was made with its `neighbours`, and begins to hear the others. */
  open(engine: Engine): void {
    this.#engine = engine;
    this.#asks.serveBy(engine.shards);
    const { bus } = this.#parts;
    const server = new AskServer({
      scheduler: this.#parts.scheduler,
      control: engine.shards,
      send: (process, message) => this.#send(process, message),
      addTaps: (draw, count) => {
        // Who asked may know an owner of before: passing it on from here could go round in circles.
        if (engine.isMine({ draw })) engine.addTaps(draw, count);
      },
    });
    this.#ends.push(
      bus.subscribe(this.#subject(`p.${this.#parts.self.process}`), (bytes) => {
        const received = this.#read(decodeMessage<DirectMessage>(bytes, this.#parts.self.version));
        if (received === null) return;
        if (received.message.t === "ask") server.take(received.from, received.message);
        else if (received.message.t === "answer") this.#asks.take(received.message.answers);
      }),
      bus.subscribe(this.#subject("journal"), (bytes) => {
        const received = this.#read(decodeBatches(bytes, this.#parts.self.version));
        if (received !== null && received.from !== this.#parts.self.process) this.#follow(received.message);
      }),
      bus.subscribe(this.#subject("all"), (bytes) => {
        const received = this.#read(decodeMessage<CommonMessage>(bytes, this.#parts.self.version));
        if (received !== null) this.#hear(received.from, received.message);
      }),
      bus.onChange(({ trouble }) => {
        if (trouble !== null) return;
        // Back again: what was said meanwhile is looked up, what waits is asked.
        this.#asks.askAgain();
        this.#lookSoon();
      }),
    );
  }

  /**
   * Becomes a member that serves: takes the shards placed with it. Alone it returns once all are its own; beside others
   * they come by and by, and commands wait for them.
   */
  async begin(): Promise<void> {
    this.#state = { ...this.#state, serves: true };
    await this.#look();
    this.tell({ t: "members" });
    // A shard whose journal does not add up stays down: the others serve without it.
    const awaited = () =>
      this.#unowned().filter((shard) => this.#engine?.status().shards[shard]?.state !== "broken");
    while (this.others().length === 0 && awaited().length > 0 && !this.#ended.signal.aborted) {
      await this.#later(20);
      await this.#look();
    }
  }

  /** Says what others may know of this process. */
  present(state: Partial<SelfState>): void {
    this.#state = { ...this.#state, ...state };
    this.#lookSoon();
  }

  run(signal: AbortSignal): Promise<void> {
    this.#ran ??= this.#loop(AbortSignal.any([signal, this.#ended.signal]));
    return this.#ran;
  }

  /** MP17: shards go first, the membership last; a killed process does neither, and is found out. */
  async leave(): Promise<void> {
    this.#leaving = true;
    if (this.#state.serves && this.others().length > 0) {
      this.#state = { ...this.#state, serves: false };
      const untilMs = this.#parts.clock.monotonicMs() + LEAVE_WITHIN_MS;
      await this.#look();
      this.tell({ t: "members" });
      while (this.#isNeeded() && this.#parts.clock.monotonicMs() < untilMs) {
        await this.#pause(50);
        await this.#look();
      }
    }
    this.#state = { ...this.#state, serves: false };
  }

  async stop(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#wake();
    await this.#ran?.catch(() => undefined);
    await this.#looking;
    await this.#parts.store.leave().catch(() => undefined);
    this.tell({ t: "members" });
    for (const end of this.#ends.splice(0)) end();
    this.#asks.stop();
  }

  /** Whether this process is the one that does what only one should (MP15): of those that serve, the one that began first. */
  leads(): boolean {
    return this.#living.find(({ serves }) => serves)?.process === this.#parts.self.process;
  }

  /** Whether this process writes the shard of a pool or draw. */
  isMine(id: { readonly pool: PoolId } | { readonly draw: DrawId }): boolean {
    return this.#engine?.isMine(id) === true;
  }

  /** Living processes besides this one. */
  others(): readonly Member[] {
    return this.#living.filter(({ process }) => process !== this.#parts.self.process);
  }

  /** The one that leads, as the table shows it; null before the first look. */
  leader(): Member | null {
    return this.#living.find(({ serves }) => serves) ?? null;
  }

  /** To every other process, if there is one. */
  tell(message: CommonMessage): void {
    if (this.others().length > 0) this.#publish("all", message);
  }

  /** Calls back for what other processes tell. */
  onTold(listener: (from: string, message: CommonMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls back after each look, when it is known who lives and leads. */
  onLook(listener: () => void): () => void {
    this.#onMembers.add(listener);
    return () => void this.#onMembers.delete(listener);
  }

  status(): ClusterStatus {
    const { trouble: bus, dropped } = this.#parts.bus.status();
    return {
      self: this.#parts.self.process,
      members: this.#living.map(({ process, address, serves }) => ({ process, address, serves })),
      bus,
      dropped,
      asks: this.#asks.kept,
      unowned: this.#unowned().filter((shard) => this.#isLongUnowned(shard)),
      leaving: this.#leaving,
    };
  }

  #unowned(): number[] {
    const owners = this.#owners.map((owner, shard) => ({ owner, shard }));
    return owners.filter(({ owner }) => owner === null).map(({ shard }) => shard);
  }

  #isLongUnowned(shard: number): boolean {
    const sinceMs = this.#unownedSinceMs.get(shard);
    return sinceMs !== undefined && this.#parts.clock.monotonicMs() - sinceMs >= UNOWNED_TOLD_AFTER_MS;
  }

  /** Whether a shard has nobody else yet; one that is broken here is nothing anybody waits for. */
  #isNeeded(): boolean {
    const known = this.#engine?.status().shards ?? [];
    return this.#owners.some(
      (owner, shard) =>
        owner === null || (owner === this.#parts.self.process && known[shard]?.state !== "broken"),
    );
  }

  // ---- looking

  async #loop(end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      await this.#look();
      // Waking ends the pause, but for its first part.
      if (!end.aborted) await this.#later(LOOK_PAUSE_MS);
      if (!this.#woken && !end.aborted) await this.#pause(LOOK_EVERY_MS - LOOK_PAUSE_MS);
      this.#woken = false;
    }
  }

  #pause(delayMs: number): Promise<void> {
    const { scheduler } = this.#parts;
    return new Promise((resolve) => {
      const timer = scheduler.setTimer(delayMs, resolve);
      this.#wake = () => {
        scheduler.clear(timer);
        resolve();
      };
    });
  }

  #lookSoon(): void {
    this.#woken = true;
    this.#wake();
  }

  /** One after the other. */
  #look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#lookNow());
    return this.#looking;
  }

  async #lookNow(): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return;
    try {
      const { shards: before } = engine.status();
      const view = await this.#parts.store.renewAndLook({ ...this.#state, unready: unreadyOf(before) });
      this.#living = await this.#liveness.living(view.members);
      await this.#place(engine, view, before);
      this.#noteUnowned();
      await this.#catchUp(engine, view, before);
    } catch (error) {
      this.#liveness.interrupted();
      const fields = { part: "cluster", reason: errorMessage(error) };
      this.#parts.log.warn(fields, "The table of processes could not be read; trying again");
    }
    for (const listener of this.#onMembers) listener();
  }

  /** MP5, MP6: takes what is placed here and free, hands over what is placed elsewhere. */
  async #place(engine: Engine, view: HouseView, before: Shards): Promise<void> {
    const { self } = this.#parts;
    const placed = this.#placement(view);
    const living = new Set(this.#living.map(({ process }) => process));
    const owners = view.shards.map(({ holder }) => (living.has(holder) ? holder : null));
    const now = engine.status().shards;
    this.#owners = owners;
    const moves = view.shards.map(({ shard, holder }): Move | null => {
      const mine = now[shard]?.mine === true;
      // One that was won while the table was read is not lost by what stood there before.
      if (mine && before[shard]?.mine && holder !== self.process) engine.shards.lose(shard);
      const to = placed[shard] ?? null;
      if (holder === self.process) {
        const stays = to === null || to === self.process || now[shard]?.state === "broken";
        if (mine) return stays ? null : { shard, holder, to };
        // Taken over by a statement whose answer was lost: taken again; what is placed elsewhere is handed over then.
        owners[shard] = null;
        return { shard, holder, to: self.process };
      }
      return to === self.process && owners[shard] === null ? { shard, holder, to } : null;
    });
    const moving = moves.filter((move) => move !== null).map((move) => this.#move(engine, move));
    // A shard that takes long to come or go must not cost this process its lease.
    if (moving.length > 0) await Promise.race([Promise.all(moving), this.#later(WAIT_FOR_SHARDS_MS)]);
    this.#asks.ownersChanged();
  }

  #noteUnowned(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [shard, owner] of this.#owners.entries()) {
      if (owner !== null) this.#unownedSinceMs.delete(shard);
      else if (!this.#unownedSinceMs.has(shard)) this.#unownedSinceMs.set(shard, nowMs);
    }
  }

  /** Where each shard belongs, as far as its process can answer for it. */
  #placement({ shards }: HouseView): readonly (string | null)[] {
    const serving = this.#living.filter(({ serves }) => serves);
    const placed = this.#evenPlacement(
      shards.length,
      serving.map(({ process }) => process),
    );
    return onlyReady({ placed, shards, serving });
  }

  /** Worked out anew only when somebody came or went: it costs a hash for each shard and process. */
  #evenPlacement(shards: number, serving: readonly string[]): readonly (string | null)[] {
    const of = `${shards} ${serving.join(" ")}`;
    if (this.#placed.of !== of) {
      const placed = placeShards({ shards, processes: serving, sha256: this.#parts.sha256 });
      this.#placed = { of, placed };
    }
    return this.#placed.placed;
  }

  async #move(engine: Engine, { shard, holder, to }: Move): Promise<void> {
    const { self, log } = this.#parts;
    try {
      if (to !== self.process) {
        await engine.shards.handOver(shard);
        this.#owners[shard] = null;
        this.tell({ t: "owner", shard, process: "" });
      } else if (await engine.shards.takeOver(shard, holder)) {
        this.#owners[shard] = self.process;
        this.#asks.ownersChanged();
        this.tell({ t: "owner", shard, process: self.process });
      }
    } catch (error) {
      const fields = { part: "cluster", shard, reason: errorMessage(error) };
      log.warn(fields, "A shard could not be moved; the next look tries again");
    }
  }

  #later(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.scheduler.setTimer(delayMs, resolve));
  }

  /** What no message told of. */
  async #catchUp(engine: Engine, view: HouseView, before: Shards): Promise<void> {
    const known = engine.status().shards;
    const readings = view.shards.flatMap(({ shard, seq }): Promise<void>[] => {
      const own = known[shard];
      if (own?.state === "following" && own.seq < seq) return [engine.shards.catchUp(shard)];
      return own !== undefined && seq < (before[shard]?.seq ?? 0) ? [engine.shards.doubt(shard)] : [];
    });
    // A journal that is read slowly must not cost this process its lease.
    if (readings.length > 0) await Promise.race([Promise.all(readings), this.#later(WAIT_FOR_SHARDS_MS)]);
  }

  // ---- hearing and saying

  #hear(from: string, message: CommonMessage): void {
    if (from === this.#parts.self.process) return;
    if (message.t === "owner") {
      // Only a hint, and only of a process that lives: the table decides.
      const lives = this.#living.some(({ process }) => process === message.process);
      if (lives && message.shard in this.#owners) {
        this.#owners[message.shard] = message.process;
        this.#asks.ownersChanged();
      } else this.#lookSoon();
    } else if (message.t === "members") this.#lookSoon();
    else for (const listener of this.#listeners) listener(from, message);
  }

  #follow(batches: readonly Batch[]): void {
    const engine = this.#engine;
    if (engine === null) return;
    for (const batch of batches) {
      if (engine.shards.follow(batch)) continue;
      if (engine.status().shards[batch.shard]?.state !== "following") continue;
      void engine.shards.catchUp(batch.shard).catch((error: unknown) => {
        const fields = { part: "cluster", shard: batch.shard, reason: errorMessage(error) };
        this.#parts.log.warn(fields, "A shard could not be read on; the next look does it");
      });
    }
  }

  #publishBatches(batches: readonly Batch[]): void {
    if (this.others().length === 0) return;
    // One too large for the bus is dropped there, and read from the journal by those who miss it.
    this.#parts.bus.publish(this.#subject("journal"), encodeBatches(this.#parts.self, batches));
  }

  #send(process: string, message: DirectMessage): void {
    this.#publish(`p.${process}`, message);
  }

  #publish(topic: string, message: Message): void {
    this.#parts.bus.publish(this.#subject(topic), encodeMessage(this.#parts.self, message));
  }

  #subject(topic: string): string {
    return `wanhui.${this.#parts.house}.${topic}`;
  }

  #read<T>(received: T | Unreadable): T | null {
    if (received !== "unreadable" && received !== "too far apart") return received as T;
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - this.#strangersToldAtMs >= STRANGERS_TOLD_EVERY_MS) {
      this.#strangersToldAtMs = nowMs;
      this.#parts.log.warn({ part: "cluster", why: received }, "A message of the bus was dropped");
    }
    return null;
  }
}

type Shards = ReturnType<Engine["status"]>["shards"];

/** Shards that could not be led from here now. One on its way here, or looked up here, is led from here already. */
function unreadyOf(shards: Shards): number[] {
  const cannot = ({ mine, state }: Shards[number]) => state === "broken" || (!mine && state !== "following");
  return shards.filter(cannot).map(({ shard }) => shard);
}

/** Tells the others of a beacon round before anything is done with it (DR11). */
export function tellBeacons(cluster: Pick<Cluster, "tell" | "onTold">, engine: Pick<Engine, "sawBeacon">) {
  cluster.onTold((_, message) => {
    if (message.t === "beacon") engine.sawBeacon(message.round, message.chain as Hex);
  });
  return (round: number, chain: Hex): void => {
    engine.sawBeacon(round, chain);
    cluster.tell({ t: "beacon", round, chain });
  };
}
