import type { DrawId, DrawRules, Event, Hash, Hex, PoolId, Winner } from "@wanhui/core";
import { hashJson, roundDueMs } from "@wanhui/core";
import {
  type Counts,
  type CtlMessage,
  type CueView,
  type PrizeView,
  type RainView,
  RESULT_AFTER_CLOSE_MS,
  type RoundPhase,
  type RoundView,
  type ShowView,
  type StudioPoolView,
} from "@wanhui/protocol";
import type { DurableBatch } from "../engine/mod.ts";
import type { Session } from "../people/mod.ts";
import { refusalAt } from "./admit.ts";
import {
  armUnits,
  type BoardPool,
  cancelUnits,
  changeUnits,
  closeUnits,
  createAwardBook,
  newBoardPool,
  poolBalance,
  prizeView,
  rememberPool,
  unitsLeft,
  unitsOpen,
} from "./board-pool.ts";
import type { Admission, Board, BoardMemory, BoardParts } from "./board-port.ts";
import {
  addClose,
  addDrawn,
  addSeal,
  type BoardRound,
  newRound,
  openWindowOf,
  type RoundLevel,
  rememberRound,
  roundFacts,
  roundPhase,
  roundTimes,
  roundView,
  type SealedWindow,
  sealedWindows,
} from "./board-round.ts";
import { type CueFacts, type CueRow, cueEndsAtMs, cueOpensAtMs } from "./cue-rules.ts";
import {
  BEACON_AFTER_CLOSE_MS,
  type CueDefinition,
  type PoolDefinition,
  type RainCue,
  rainsOf,
  roundsOf,
} from "./definition.ts";
import { createRateMeter } from "./rate-meter.ts";
import { cueTimeMs, drawIdOf, drawRules, poolIdOf, type Run, runEndsAtMs } from "./run-plan.ts";

/** Events that change a round and not only its count of entries. */
type DrawRecordEvent = Extract<
  Event,
  {
    type: "draw.armed" | "window.sealed" | "window.gap" | "draw.stopped" | "window.drawn" | "draw.closed";
  }
>;

/** Makes the board of a run, with every cue pending. */
export function createBoard(parts: BoardParts): Board {
  return new RunBoard(parts);
}

class RunBoard implements Board {
  readonly run: Run;
  readonly #parts: BoardParts;
  readonly #rounds: BoardRound[];
  readonly #roundOf: ReadonlyMap<DrawId, BoardRound>;
  readonly #rains: RainCue[];
  readonly #pools: readonly BoardPool[];
  readonly #poolOf: ReadonlyMap<string, BoardPool>;
  readonly #cueOf: ReadonlyMap<string, CueDefinition>;
  readonly #rows = new Map<string, CueRow>();
  readonly #book: ReturnType<typeof createAwardBook>;
  readonly #listeners = new Set<() => void>();
  /** The phase last told of each round and rain. */
  readonly #told = new Map<string, string>();
  readonly #taps = createRateMeter();
  readonly #entries = createRateMeter();

  constructor(parts: BoardParts) {
    const { run } = parts;
    const { definition } = run;
    this.run = run;
    this.#parts = parts;
    this.#rounds = roundsOf(definition).map((cue, index) => {
      const rules = drawRules(run, cue, parts.showKey);
      const rulesHash = hashJson(rules, parts.sha256);
      return newRound({ cue, draw: drawIdOf(run.run, cue.cue), index, rules, rulesHash });
    });
    this.#roundOf = new Map(this.#rounds.map((round) => [round.draw, round]));
    this.#rains = rainsOf(definition);
    this.#pools = definition.pools.map((pool) => newBoardPool(pool, poolIdOf(run.run, pool.pool)));
    this.#poolOf = new Map(this.#pools.map((pool) => [pool.id, pool]));
    this.#book = createAwardBook(this.#pools);
    this.#cueOf = new Map(definition.cues.map((cue) => [cue.cue, cue]));
    for (const cue of definition.cues) this.#rows.set(cue.cue, pendingRow(run, cue));
  }

  fold(batch: Pick<DurableBatch, "events" | "atMs" | "replay">): CtlMessage[] {
    const messages: CtlMessage[] = [];
    const rounds = new Set<BoardRound>();
    const rains = new Set<RainCue>();
    for (const event of batch.events) {
      const message = this.#apply(event, { rounds, rains, quiet: batch.replay });
      if (message !== null) messages.push(message);
    }
    // After the records: who sees a round closed has seen its last result.
    for (const round of rounds) messages.push(this.#tellRound(round, batch.atMs));
    for (const rain of rains) messages.push(this.#tellRain(rain, batch.atMs));
    if (rounds.size > 0 || rains.size > 0 || messages.length > 0)
      for (const listener of this.#listeners) listener();
    return batch.replay ? [] : messages;
  }

  save(): BoardMemory {
    return {
      rounds: new Map(this.#rounds.map((round) => [round.draw, rememberRound(round)])),
      pools: new Map(this.#pools.map((pool) => [pool.id, rememberPool(pool)])),
      book: this.#book.save(),
      told: this.#told,
    };
  }

  load({ rounds, pools, book, told }: BoardMemory): void {
    for (const round of this.#rounds) Object.assign(round, rounds.get(round.draw));
    for (const pool of this.#pools) Object.assign(pool, pools.get(pool.id));
    this.#book.load(book);
    for (const [cue, phase] of told) this.#told.set(cue, phase);
  }

  /** Takes one event in; events of other runs change nothing here. */
  #apply(
    event: Event,
    touched: { rounds: Set<BoardRound>; rains: Set<RainCue>; quiet: boolean },
  ): CtlMessage | null {
    switch (event.type) {
      case "entered": {
        const round = this.#roundOf.get(event.draw);
        if (round === undefined) return null;
        round.entries += 1;
        this.#entries.add(event.atMs, 1);
        return null;
      }
      case "granted": {
        const pool = this.#poolOf.get(event.pool);
        if (pool !== undefined) this.#book.add(event.awardId, pool, pool.definition.claim.ttlMs === null);
        return null;
      }
      case "award.moved":
        this.#book.move(event);
        return null;
      case "pool.changed": {
        const pool = this.#poolOf.get(event.pool);
        if (pool !== undefined) changeUnits(pool, event.delta);
        return null;
      }
      case "grab.opened": {
        const pool = this.#poolOf.get(event.pool);
        if (pool === undefined) return null;
        pool.grab = { opensAtMs: event.opensAtMs, closesAtMs: event.closesAtMs };
        const rain = this.#rains.find((cue) => cue.pool === pool.definition.pool);
        if (rain !== undefined) touched.rains.add(rain);
        return null;
      }
      case "draw.cancelled": {
        const round = this.#roundOf.get(event.draw);
        if (round === undefined) return null;
        round.cancelled = true;
        const pool = this.#poolOf.get(round.rules.pool);
        if (pool !== undefined) cancelUnits(pool, round.draw);
        touched.rounds.add(round);
        return null;
      }
      case "pool.created":
      case "grab.waiting":
      case "draw.planned":
        return null;
      default:
        return this.#applyRecord(event, touched);
    }
  }

  #applyRecord(
    event: DrawRecordEvent,
    touched: { rounds: Set<BoardRound>; quiet: boolean },
  ): CtlMessage | null {
    const round = this.#roundOf.get(drawOfEvent(event));
    if (round === undefined) return null;
    if (event.type !== "window.sealed" && event.type !== "window.gap") touched.rounds.add(round);
    const pool = this.#poolOf.get(poolIdOf(this.run.run, round.cue.pool));
    switch (event.type) {
      case "draw.armed":
        if (pool !== undefined) armUnits(pool, event.record);
        round.arm = event.record;
        round.armHash = event.armHash;
        round.level = this.#parts.levelOf(event.record.beacon);
        return null;
      case "window.sealed":
        addSeal(round, event);
        return touched.quiet ? null : this.#sealMessage(round, event.header, event.sealHash);
      case "window.drawn":
        addDrawn(round, event);
        if (pool !== undefined) this.#addWinners(round, pool, event.winners);
        return this.#drawnMessage(round, event);
      case "draw.stopped":
        round.stopFrom = event.record.fromWindow;
        round.stopReason = event.record.reason;
        break;
      case "draw.closed":
        if (pool !== undefined) closeUnits(pool, event.record);
        addClose(round);
        break;
      case "window.gap":
        break;
    }
    if (touched.quiet) return null;
    const { record, hash } = event;
    return { t: "chain", draw: round.draw, record, hash, signature: this.#parts.sign(record) };
  }

  #addWinners(round: BoardRound, pool: BoardPool, winners: readonly Winner[]): void {
    pool.heldByDraw -= winners.length;
    for (const { awardId } of winners) this.#book.add(awardId, pool, round.cue.claimTtlMs === null);
  }

  #sealMessage(
    round: BoardRound,
    header: Extract<Event, { type: "window.sealed" }>["header"],
    hash: Hash,
  ): CtlMessage {
    return {
      t: "seal",
      draw: round.draw,
      window: header.window,
      header,
      hash,
      signature: this.#parts.sign(header),
      entries: round.entriesOf.get(header.window) ?? 0,
      resultAtMs: this.#resultAtMs(round, header.round) ?? header.sealedAtMs + RESULT_AFTER_CLOSE_MS,
    };
  }

  /** The stated time of a window's result: it closes two seconds before its beacon is due. */
  #resultAtMs({ arm }: BoardRound, beaconRound: number): number | null {
    if (arm === null) return null;
    return roundDueMs(arm.beacon, beaconRound) - BEACON_AFTER_CLOSE_MS + RESULT_AFTER_CLOSE_MS;
  }

  #drawnMessage(round: BoardRound, event: Extract<Event, { type: "window.drawn" }>): CtlMessage {
    return {
      t: "drawn",
      draw: round.draw,
      window: event.window,
      entries: round.entriesOf.get(event.window) ?? 0,
      units: event.units,
      winners: event.winners.length,
      round: event.round,
      resultAtMs: Math.max(event.atMs, this.#resultAtMs(round, event.round) ?? 0),
    };
  }

  tick(nowMs: number): CtlMessage[] {
    const messages: CtlMessage[] = [];
    for (const round of this.#rounds) {
      const phase = roundPhase(round, this.#row(round.cue), nowMs);
      if (this.#told.get(round.cue.cue) !== phase) messages.push(this.#tellRound(round, nowMs));
    }
    for (const rain of this.#rains) {
      const { phase } = this.#rainView(rain, nowMs);
      if (this.#told.get(rain.cue) !== phase) messages.push(this.#tellRain(rain, nowMs));
    }
    return messages;
  }

  nextChangeMs(nowMs: number): number | null {
    const times: number[] = [];
    for (const round of this.#rounds) {
      if (round.arm === null || round.closed) continue;
      const { opensAtMs, closesAtMs } = roundTimes(round, this.#row(round.cue));
      times.push(opensAtMs, closesAtMs);
    }
    for (const rain of this.#rains) {
      const { opensAtMs, closesAtMs } = this.#rainView(rain, nowMs);
      times.push(opensAtMs, closesAtMs);
    }
    const next = times.filter((ms) => ms > nowMs);
    return next.length === 0 ? null : Math.min(...next);
  }

  setCue(row: CueRow, nowMs: number): CtlMessage[] {
    this.#rows.set(row.cue, row);
    const messages: CtlMessage[] = [{ t: "cue", cue: this.cue(row) }];
    const round = this.#rounds.find(({ cue }) => cue.cue === row.cue);
    if (round !== undefined) messages.push(this.#tellRound(round, nowMs));
    const rain = this.#rains.find(({ cue }) => cue === row.cue);
    if (rain !== undefined) messages.push(this.#tellRain(rain, nowMs));
    return messages;
  }

  setLevel(draw: DrawId, level: RoundLevel, nowMs: number): CtlMessage[] {
    const round = this.#roundOf.get(draw);
    if (round === undefined || round.level === level) return [];
    round.level = level;
    return [this.#tellRound(round, nowMs)];
  }

  addTaps(draw: DrawId, count: number, atMs: number): void {
    const round = this.#roundOf.get(draw);
    if (round === undefined) return;
    round.openTaps += count;
    this.#taps.add(atMs, count);
  }

  view(at: { stream: string; offset: number; nowMs: number; viewers: number }): ShowView {
    const { definition } = this.run;
    return {
      show: definition.show,
      run: this.run.run,
      title: definition.title,
      subtitle: definition.subtitle,
      picture: definition.picture === null ? null : `/${definition.picture}`,
      theme: definition.theme,
      rehearsal: this.run.rehearsal,
      startsAtMs: this.run.startedAtMs,
      endsAtMs: runEndsAtMs(this.run),
      venues: definition.venues.map(({ venue, title, main }) => ({ slug: venue, title, main })),
      cues: definition.cues.map((cue) => this.cue(this.#row(cue))),
      rounds: this.#rounds.map((round) => this.#roundView(round, at.nowMs)),
      rains: this.#rains.map((rain) => this.#rainView(rain, at.nowMs)),
      prizes: this.#pools.map(prizeView),
      beacon: this.#parts.beacon(),
      showKey: this.#parts.showKey,
      stream: at.stream,
      offset: at.offset,
      nowMs: at.nowMs,
      counts: this.counts(at.viewers),
    };
  }

  counts(viewers: number): Counts {
    const sum = (count: (round: BoardRound) => number) =>
      this.#rounds.reduce((total, round) => total + count(round), 0);
    return {
      viewers,
      taps: sum(({ sealedTaps, openTaps }) => sealedTaps + openTaps),
      entries: sum(({ entries }) => entries),
      awards: this.#book.awards,
      claims: this.#book.claims,
      left: Object.fromEntries(this.#pools.map((pool) => [pool.id, unitsLeft(pool)])),
      open: Object.fromEntries(
        this.#pools.flatMap((pool) => (unitsOpen(pool) > 0 ? [[pool.id, unitsOpen(pool)]] : [])),
      ),
    };
  }

  pools(): StudioPoolView[] {
    return this.#pools.map(poolBalance);
  }

  rates(nowMs: number): { tapsPerSecond: number; entriesPerSecond: number } {
    return { tapsPerSecond: this.#taps.perSecond(nowMs), entriesPerSecond: this.#entries.perSecond(nowMs) };
  }

  cue(row: CueRow): CueView {
    const cue = this.#cueOf.get(row.cue);
    if (cue === undefined) throw new Error(`no cue ${row.cue} in run ${this.run.run}`);
    const round = this.#rounds.find(({ cue: { cue: slug } }) => slug === row.cue);
    const times = round === undefined ? null : roundTimes(round, row);
    return {
      cue: row.cue,
      kind: cue.kind,
      title: cue.title,
      detail: cue.detail,
      venue: cue.venue,
      atMs: times?.opensAtMs ?? cueOpensAtMs(row),
      endsAtMs: times?.closesAtMs ?? cueEndsAtMs(cue, row),
      state: row.state,
      opens: cue.kind === "round" || cue.kind === "rain" ? cue.cue : null,
    };
  }

  facts(cue: CueDefinition): CueFacts {
    const round = this.#rounds.find(({ cue: { cue: slug } }) => slug === cue.cue);
    if (round !== undefined) return roundFacts(round);
    const pool = cue.kind === "rain" ? this.#poolOf.get(poolIdOf(this.run.run, cue.pool)) : undefined;
    return {
      armed: pool !== undefined && pool.grab !== null,
      stopped: false,
      closed: false,
      cancelled: false,
    };
  }

  prize(pool: PoolId): PrizeView | null {
    const found = this.#poolOf.get(pool);
    return found === undefined ? null : prizeView(found);
  }

  poolDefinition(pool: PoolId): PoolDefinition | null {
    return this.#poolOf.get(pool)?.definition ?? null;
  }

  round(draw: DrawId, nowMs: number): RoundView | null {
    const round = this.#roundOf.get(draw);
    return round === undefined ? null : this.#roundView(round, nowMs);
  }

  opening(id: string, nowMs: number): RoundView | RainView | null {
    const rain = this.#rains.find((cue) => poolIdOf(this.run.run, cue.pool) === id);
    return rain === undefined ? this.round(id as DrawId, nowMs) : this.#rainView(rain, nowMs);
  }

  admit(entry: { drawIndex: number; session: Session }): Admission<{ draw: DrawId; botCheck: boolean }> {
    const round = this.#rounds[entry.drawIndex];
    if (round === undefined) return { ok: false, code: "draw.unknown" };
    const code = refusalAt(round.cue, entry.session, this.run.rehearsal);
    const botCheck = round.cue.botCheck === true;
    return code === null ? { ok: true, draw: round.draw, botCheck } : { ok: false, code };
  }

  openWindow(drawIndex: number, nowMs: number): number | null {
    const round = this.#rounds[drawIndex];
    return round === undefined ? null : openWindowOf(round, nowMs);
  }

  admitTake(take: { pool: string; session: Session }): Admission<{ pool: PoolId; botCheck: boolean }> {
    const pool = this.#poolOf.get(take.pool);
    const rain = this.#rains.find((cue) => cue.pool === pool?.definition.pool);
    if (pool === undefined || rain === undefined) return { ok: false, code: "pool.unknown" };
    const code = refusalAt(rain, take.session, this.run.rehearsal);
    const botCheck = rain.botCheck === true;
    return code === null ? { ok: true, pool: pool.id, botCheck } : { ok: false, code };
  }

  drawIndexOf(draw: string): number | null {
    return this.#rounds.find((round) => round.draw === draw)?.index ?? null;
  }

  liveChains(): ReadonlySet<Hex> {
    const live = this.#rounds.filter(({ closed }) => !closed);
    return new Set(live.flatMap(({ arm }) => (arm === null ? [] : [arm.beacon.chainHash])));
  }

  sealedUndrawn(): SealedWindow[] {
    return this.#rounds.flatMap(sealedWindows);
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  rules(): { draw: DrawId; rules: DrawRules; rulesHash: Hash }[] {
    return this.#rounds.map(({ draw, rules, rulesHash }) => ({ draw, rules, rulesHash }));
  }

  #row(cue: CueDefinition): CueRow {
    return this.#rows.get(cue.cue) ?? pendingRow(this.run, cue);
  }

  #roundView(round: BoardRound, nowMs: number): RoundView {
    return roundView(round, this.#row(round.cue), { run: this.run.run, nowMs });
  }

  #tellRound(round: BoardRound, nowMs: number): CtlMessage {
    const view = this.#roundView(round, nowMs);
    this.#told.set(round.cue.cue, view.phase satisfies RoundPhase);
    return { t: "round", round: view };
  }

  #tellRain(rain: RainCue, nowMs: number): CtlMessage {
    const view = this.#rainView(rain, nowMs);
    this.#told.set(rain.cue, view.phase);
    return { t: "rain", rain: view };
  }

  #rainView(rain: RainCue, nowMs: number): RainView {
    const row = this.#row(rain);
    const pool = poolIdOf(this.run.run, rain.pool);
    const grab = this.#poolOf.get(pool)?.grab ?? null;
    const opensAtMs = grab?.opensAtMs ?? cueOpensAtMs(row);
    const closesAtMs = grab?.closesAtMs ?? cueEndsAtMs(rain, row);
    return {
      slug: rain.cue,
      pool,
      title: rain.title,
      venue: rain.venue,
      phase: rainPhase(row, grab, nowMs),
      opensAtMs,
      closesAtMs,
      botCheck: rain.botCheck === true,
    };
  }
}

function rainPhase(
  row: CueRow,
  grab: { readonly opensAtMs: number; readonly closesAtMs: number } | null,
  nowMs: number,
): RainView["phase"] {
  if (row.state === "held" || row.state === "missed" || row.state === "skipped") return row.state;
  if (grab === null || nowMs < grab.opensAtMs) return "planned";
  return nowMs < grab.closesAtMs ? "open" : "closed";
}

function pendingRow(run: Run, cue: CueDefinition): CueRow {
  return {
    cue: cue.cue,
    kind: cue.kind,
    atMs: cueTimeMs(run, cue),
    state: "pending",
    reason: null,
    plan: null,
    firedAtMs: null,
    endedAtMs: null,
    version: 0,
  };
}

function drawOfEvent(event: DrawRecordEvent): DrawId {
  if (event.type === "window.drawn") return event.draw;
  return event.type === "window.sealed" ? event.header.draw : event.record.draw;
}
