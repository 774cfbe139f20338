import type { DrawId } from "@wanhui/core";
import {
  type Batch,
  type Done,
  type EngineClock,
  type EngineCommand,
  EngineFault,
  type EngineFaultCode,
  type Neighbours,
  type Scheduler,
  type ShardControl,
  type TimerHandle,
  type Where,
} from "../engine/mod.ts";
import type { AskedAnswer, AskedCommand, DirectMessage, TapsOf } from "./messages.ts";

/**
 * Commands kept for the owner of a shard (MP10): about 1 MB; one more is told to come again. For each shard, so that one
 * that nobody answers for does not take the places of the others.
 */
const ASKS_OF_SHARD_MAX = 8_192;
/** A takeover takes some seconds; who asked longer ago should hear something. */
const GIVE_UP_AFTER_MS = 10_000;
/** The table and the owner disagree for a moment, while a shard changes hands: asking faster would only ask more often. */
const REFUSED_AGAIN_AFTER_MS = 100;
/** Refused by the same one again and again: twice as long each time, up to this. */
const REFUSED_AGAIN_AFTER_MS_MAX = 1_600;
/** Nothing came back: the message or its answer was lost, or the owner stalls. */
const ASK_AGAIN_AFTER_MS = 2_000;
const LOOK_EVERY_MS = 100;
/** Commands in one message: 200 KB of entries, well below what a bus lets through. */
const ASKS_PER_MESSAGE_MAX = 1_000;
/** Characters of commands in one message: a plan of a long draw alone has some ten thousand. */
const CHARACTERS_PER_MESSAGE_MAX = 400_000;

type Ask = {
  readonly id: number;
  readonly shard: number;
  readonly command: EngineCommand;
  readonly done: Done;
  readonly sinceMs: number;
  /** How often somebody was asked: any of them may have decided it. More than once when it may have happened before. */
  times: number;
  /** Who has it now, and since when; null while nobody has. */
  sent: { readonly to: string; readonly atMs: number } | null;
  /** Who said last that he is not the owner, when, and how often in a row: not asked again at once. */
  refused: { readonly by: string; readonly atMs: number; readonly times: number } | null;
};

/** What asks are made of. */
export type AsksParts = {
  readonly self: string;
  readonly clock: Pick<EngineClock, "monotonicMs">;
  readonly scheduler: Scheduler;
  /** Who writes a shard as far as is known here, or null. */
  readonly ownerOf: (shard: number) => string | null;
  readonly send: (process: string, message: DirectMessage) => void;
  /** Passes what was just written on to the others. */
  readonly wrote: (batches: readonly Batch[]) => void;
  /** An owner said that he is none, or none is known: look again now. */
  readonly lookAgain: () => void;
};

/**
 * Commands for shards of other processes (MP10): kept here until they are answered, however often the owner changes
 * meanwhile. Every command may be asked twice, so that nothing has to arrive for sure.
 */
export class Asks implements Neighbours {
  readonly #parts: AsksParts;
  readonly #asks = new Map<number, Ask>();
  readonly #ofShard = new Map<number, number>();
  readonly #taps = new Map<number, Map<DrawId, number>>();
  #control: ShardControl | null = null;
  #nextId = 1;
  #unsent: Ask[] = [];
  #sendPlanned = false;
  #timer: TimerHandle | null = null;
  #ended = false;

  constructor(parts: AsksParts) {
    this.#parts = parts;
  }

  /** Commands not answered yet. */
  get kept(): number {
    return this.#asks.size;
  }

  /** Commands of shards that come here are decided here. */
  serveBy(control: ShardControl): void {
    this.#control = control;
  }

  wrote(batches: readonly Batch[]): void {
    this.#parts.wrote(batches);
  }

  ask(shard: number, command: EngineCommand, done: Done, mayHaveHappened = false): void {
    const ofShard = this.#ofShard.get(shard) ?? 0;
    if (this.#ended || ofShard >= ASKS_OF_SHARD_MAX) {
      const late = mayHaveHappened ? "engine.unknown" : "engine.busy";
      const code = this.#ended ? "engine.stopped" : late;
      done(
        new EngineFault(code, `${ofShard} commands wait for the process that writes shard ${shard}`),
        null,
      );
      return;
    }
    this.#ofShard.set(shard, ofShard + 1);
    const id = this.#nextId++;
    const ask = {
      id,
      shard,
      command,
      done,
      sinceMs: this.#nowMs(),
      times: mayHaveHappened ? 1 : 0,
      sent: null,
      refused: null,
    };
    this.#asks.set(id, ask);
    this.#unsent.push(ask);
    this.#planSend();
    this.#planLook();
  }

  addTaps(shard: number, draw: DrawId, count: number): void {
    const ofShard = this.#taps.get(shard) ?? new Map<DrawId, number>();
    this.#taps.set(shard, ofShard.set(draw, (ofShard.get(draw) ?? 0) + count));
    this.#planSend();
  }

  /** The bus is back: whatever was asked may have been lost with it. */
  askAgain(): void {
    for (const ask of this.#asks.values()) {
      ask.sent = null;
      this.#unsent.push(ask);
    }
    if (this.#unsent.length > 0) this.#planSend();
  }

  /** Shards may have other owners now: what was asked of the old ones is asked again. */
  ownersChanged(): void {
    for (const ask of this.#asks.values()) {
      const owner = this.#parts.ownerOf(ask.shard);
      if (owner !== null && owner !== ask.sent?.to && !this.#isRefused(ask, owner)) this.#unsent.push(ask);
    }
    if (this.#unsent.length > 0) this.#planSend();
  }

  /** Takes answers of an owner in; those to asks that are over are dropped. */
  take(answers: readonly AskedAnswer[]): void {
    let lookAgain = false;
    for (const [id, answer, where] of answers) {
      const ask = this.#asks.get(id);
      if (ask === undefined) continue;
      if (typeof answer !== "string") this.#end(ask, answer, where);
      else if (answer === "engine.busy" || answer === "engine.broken") this.#endUndone(ask, answer);
      else {
        // Not the owner any more, or he lost sight of it: whoever is owner then is asked the same again.
        this.#refuse(ask);
        lookAgain = true;
      }
    }
    if (lookAgain) this.#parts.lookAgain();
  }

  /** Refuses everything that waits. */
  stop(): void {
    this.#ended = true;
    if (this.#timer !== null) this.#parts.scheduler.clear(this.#timer);
    this.#timer = null;
    for (const ask of [...this.#asks.values()]) this.#end(ask, fault("engine.stopped"), null);
  }

  /** The last one asked did nothing; one asked before him may have. */
  #endUndone(ask: Ask, code: EngineFaultCode): void {
    this.#end(ask, fault(ask.times > 1 ? "engine.unknown" : code), null);
  }

  #end(ask: Ask, answer: Parameters<Done>[0], where: Where): void {
    if (this.#asks.delete(ask.id)) this.#ofShard.set(ask.shard, (this.#ofShard.get(ask.shard) ?? 1) - 1);
    ask.done(answer, where);
  }

  #refuse(ask: Ask): void {
    const { sent, refused } = ask;
    const times = sent !== null && refused?.by === sent.to ? refused.times + 1 : 0;
    ask.refused = sent === null ? null : { by: sent.to, atMs: this.#nowMs(), times };
    ask.sent = null;
  }

  #isRefused({ refused }: Ask, owner: string): boolean {
    if (refused?.by !== owner) return false;
    const pauseMs = Math.min(REFUSED_AGAIN_AFTER_MS * 2 ** refused.times, REFUSED_AGAIN_AFTER_MS_MAX);
    return this.#nowMs() - refused.atMs < pauseMs;
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  // ---- sending

  /** Everything of a turn leaves together. */
  #planSend(): void {
    if (this.#sendPlanned || this.#ended) return;
    this.#sendPlanned = true;
    this.#parts.scheduler.soon(() => {
      this.#sendPlanned = false;
      this.#send();
    });
  }

  #send(): void {
    const messages = new Map<string, { asks: Ask[]; taps: TapsOf[] }>();
    const of = (process: string) => {
      const known = messages.get(process) ?? { asks: [], taps: [] };
      messages.set(process, known);
      return known;
    };
    for (const ask of this.#unsent.splice(0)) {
      const owner = this.#parts.ownerOf(ask.shard);
      if (!this.#asks.has(ask.id) || owner === null || this.#isRefused(ask, owner)) continue;
      if (ask.sent?.to === owner && this.#nowMs() - ask.sent.atMs <= ASK_AGAIN_AFTER_MS) continue;
      ask.times += 1;
      ask.sent = { to: owner, atMs: this.#nowMs() };
      if (owner === this.#parts.self) this.#serveHere(ask);
      else of(owner).asks.push(ask);
    }
    for (const [shard, draws] of this.#taps) {
      const owner = this.#parts.ownerOf(shard);
      if (owner === null || owner === this.#parts.self) continue;
      for (const [draw, count] of draws) of(owner).taps.push([shard, draw, count]);
    }
    // For display alone: taps of a shard nobody writes are not kept.
    this.#taps.clear();
    for (const [process, { asks, taps }] of messages) this.#sendTo(process, asks, taps);
  }

  #sendTo(process: string, asks: readonly Ask[], taps: readonly TapsOf[]): void {
    let part: AskedCommand[] = [];
    let characters = 0;
    let restOfTaps = taps;
    const leave = () => {
      if (part.length > 0 || restOfTaps.length > 0) {
        this.#parts.send(process, { t: "ask", asks: part, taps: restOfTaps });
      }
      part = [];
      characters = 0;
      restOfTaps = [];
    };
    for (const { id, shard, command } of asks) {
      // Entries and takes are short and many; of anything else the length has to be known.
      const isHot = command.type === "draw.enter" || command.type === "grab.take";
      characters += isHot ? 0 : JSON.stringify(command).length;
      part.push([id, shard, command]);
      if (part.length >= ASKS_PER_MESSAGE_MAX || characters >= CHARACTERS_PER_MESSAGE_MAX) leave();
    }
    leave();
  }

  /** The shard has come to this process since. */
  #serveHere(ask: Ask): void {
    this.#control?.serve(ask.shard, ask.command, (answer, where) => {
      if (!this.#asks.has(ask.id)) return;
      const isLost =
        answer instanceof EngineFault && ["engine.fenced", "engine.unknown"].includes(answer.code);
      if (isLost) this.#refuse(ask);
      else if (answer instanceof EngineFault && answer.code !== "engine.stopped")
        this.#endUndone(ask, answer.code);
      else this.#end(ask, answer, where);
    });
  }

  // ---- looking after them

  #planLook(): void {
    this.#timer ??= this.#parts.scheduler.setTimer(LOOK_EVERY_MS, () => {
      this.#timer = null;
      this.#look();
      if (this.#asks.size > 0 && !this.#ended) this.#planLook();
    });
  }

  #look(): void {
    const nowMs = this.#nowMs();
    for (const ask of [...this.#asks.values()]) {
      if (nowMs - ask.sinceMs > GIVE_UP_AFTER_MS) {
        this.#end(ask, fault(ask.times > 0 ? "engine.unknown" : "engine.busy"), null);
      } else if (ask.sent === null || nowMs - ask.sent.atMs > ASK_AGAIN_AFTER_MS) this.#unsent.push(ask);
    }
    if (this.#unsent.length > 0) this.#planSend();
  }
}

function fault(code: EngineFaultCode): EngineFault {
  return new EngineFault(code, "The process that writes the shard did not answer");
}

/** Decides what other processes ask, and sends the answers of a turn together (MP11). */
export class AskServer {
  readonly #parts: Pick<AsksParts, "scheduler" | "send"> & { readonly control: ShardControl };
  readonly #addTaps: (draw: DrawId, count: number) => void;
  readonly #answers = new Map<string, AskedAnswer[]>();
  #sendPlanned = false;

  constructor(
    parts: Pick<AsksParts, "scheduler" | "send"> & {
      readonly control: ShardControl;
      readonly addTaps: (draw: DrawId, count: number) => void;
    },
  ) {
    this.#parts = parts;
    this.#addTaps = parts.addTaps;
  }

  take(from: string, { asks, taps }: Extract<DirectMessage, { t: "ask" }>): void {
    for (const [, draw, count] of taps) this.#addTaps(draw, count);
    for (const [id, shard, command] of asks) {
      this.#parts.control.serve(shard, command, (answer, where) =>
        this.#answer(from, [id, answer instanceof EngineFault ? answer.code : answer, where]),
      );
    }
  }

  #answer(to: string, answer: AskedAnswer): void {
    const known = this.#answers.get(to);
    if (known === undefined) this.#answers.set(to, [answer]);
    else known.push(answer);
    if (this.#sendPlanned) return;
    this.#sendPlanned = true;
    this.#parts.scheduler.soon(() => {
      this.#sendPlanned = false;
      for (const [process, answers] of this.#answers) {
        for (let at = 0; at < answers.length; at += ASKS_PER_MESSAGE_MAX) {
          const part = answers.slice(at, at + ASKS_PER_MESSAGE_MAX);
          this.#parts.send(process, { t: "answer", answers: part });
        }
      }
      this.#answers.clear();
    });
  }
}
