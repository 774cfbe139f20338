// The page's memory: turns what the source says and what the person does into one state, and reveals results at
// their stated second. Knows no DOM.

import { newRequestId, type TakeOutcome } from "@wanhui/client";
import type { AwardView, ShowView } from "@wanhui/protocol";
import { recall, remember } from "../../shared/memory.ts";
import type { VenueEvent, VenueSource } from "../source/source.ts";
import { withAward } from "./awards.ts";
import { isOpen, roundResultMs, stageOf } from "./stage.ts";
import {
  EMPTY_STATE,
  enteredWindows,
  factsIn,
  isHeldBack,
  lacksLevel,
  lookAt,
  noteKey,
  type RainNote,
  revealAtMs,
  type Saying,
  unsettled,
  type VenueState,
  type WindowNote,
} from "./state.ts";
import { resultAtMs, windowAt } from "./windows.ts";

/** How often the clock is looked at for "opens now" and "is over now"; finer than the second that is shown. */
const WATCH_MS = 250;
/** A refusal's words stay this long. */
export const REFUSAL_SHOWN_MS = 4_000;

/** Awards whose moment this browser has shown. */
const CELEBRATED_KEY = "wanhui/celebrated";
/** More wins than anybody has in the time the lane remembers. */
const CELEBRATED_MAX = 64;

type SayingBody = Saying extends infer S ? (S extends unknown ? Omit<S, "id"> : never) : never;

const EMPTY_NOTE: WindowNote = { entered: false, drawn: false, settled: false, resultAtMs: null };
/** A win found by reading is celebrated when it is no older than this; older ones were seen elsewhere. */
const CELEBRATED_WITHIN_MS = 10 * 60_000;
/** Awards are read by the source within six seconds; when that answer is lost we ask, spread over some more. */
const READ_AFTER_MS = 7_000;
const READ_SPREAD_MS = 5_000;

/** The store of the venue page; `run` until the signal aborts. */
export class VenueStore {
  readonly #source: VenueSource;
  readonly #listeners = new Set<() => void>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #state: VenueState = EMPTY_STATE;
  #stageKey = "";
  #saidId = 0;
  #retryAtMs = 0;
  /** Notes each reading of awards will settle when it is answered. */
  readonly #reads = new Map<number, Set<string>>();
  /** When we ask for awards ourselves; null while nothing is unsettled. */
  #readAtMs: number | null = null;

  constructor(source: VenueSource) {
    this.#source = source;
  }

  /** The state now. */
  get state(): VenueState {
    return this.#state;
  }

  /** The server's clock. */
  nowMs(): number {
    return this.#source.nowMs();
  }

  /** When the server is tried again, on the page's own clock; 0 when it is not being retried. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** Calls back after every change until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts to listen, and to watch the clock. */
  start(): void {
    this.#timers.add(setInterval(() => this.#watch(), WATCH_MS));
    this.#source.start((event) => this.hear(event));
  }

  /** Ends a pause between two tries early. */
  retryNow(): void {
    this.#source.wake();
  }

  /** What requests are sent with where cookies do not reach. */
  get token(): string | null {
    return this.#source.token();
  }

  /** Seals this device heard, for the checker. */
  heard(): string {
    return this.#source.heard();
  }

  /** Releases timers and the connection. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#source.stop();
  }

  /** One gesture of the person for the round that is open. */
  tap(): void {
    const { show } = this.#state;
    const nowMs = this.nowMs();
    const round = show?.rounds.find((each) => isOpen(each, nowMs));
    if (round === undefined) return;
    if (lacksLevel(this.#state, round)) {
      this.#set({ refusal: { code: "auth.level", atMs: nowMs } });
      return;
    }
    if (!this.#source.tap(round.draw)) {
      this.#set({ uncounted: this.#state.uncounted + 1 });
      return;
    }
    // Not counted here: it leaves with the pass, if the window is open then, and the answer says that it is in.
    if (isHeldBack(this.#state, round.draw)) return;
    const window = windowAt(round, nowMs) ?? 0;
    const known = this.#state.notes[noteKey(round.draw, window)]?.entered === true;
    const taps = { ...this.#state.taps, [round.draw]: (this.#state.taps[round.draw] ?? 0) + 1 };
    this.#set({ taps, sending: known ? null : round.draw });
  }

  /** Grabs one unit of a pool; pressed again while waiting it is the same wish. */
  take(pool: string): void {
    const before = this.#state.rains[pool];
    if (before?.phase === "got") return;
    const request = before?.request ?? newRequestId();
    this.#setRain(pool, { request, phase: "asking", place: null, code: null });
    void this.#source.take(pool, request).then((outcome) => this.#hearTaken(pool, request, outcome));
  }

  /** An award as a claim's answer shows it. */
  replaceAward(award: AwardView): void {
    this.#set({ awards: withAward(this.#state.awards, award) });
  }

  /** Reads own awards anew. */
  refreshAwards(): Promise<void> {
    return this.#source.refreshAwards();
  }

  /** The winner has seen it. */
  endCelebration(): void {
    this.#set({ celebrate: null });
  }

  /** Takes in one event of the source. */
  hear(event: VenueEvent): void {
    switch (event.type) {
      case "boot":
        this.#retryAtMs = event.retryAtMs;
        this.#set({ boot: event.boot });
        break;
      case "show":
        this.#hearShow(event.show);
        break;
      case "link":
        this.#hearLink(event.link);
        break;
      case "seal":
        this.#note(event.draw, event.window, { resultAtMs: event.resultAtMs });
        break;
      case "drawn":
        this.#hearDrawn(event);
        break;
      case "gap":
        this.#hearGap(event);
        break;
      case "received":
        this.#hearReceived(event.draw, event.window);
        break;
      case "refused":
        this.#hearRefused(event);
        break;
      case "check":
        this.#set({ checks: { ...this.#state.checks, [event.check.for]: event.check } });
        break;
      case "level":
        this.#set({ level: event.level });
        break;
      case "heard":
        this.#set({ heard: { count: event.count, lasting: event.lasting } });
        break;
      case "awards":
        this.#set({ awards: event.awards });
        break;
      case "reading":
        this.#reads.set(event.read, new Set(unsettled(this.#state)));
        break;
      case "read":
        this.#hearRead(event.read, event.awards);
        break;
      case "award":
        this.#hearAward(event.award, event.fresh);
        break;
    }
  }

  #hearShow(show: ShowView): void {
    if (this.#state.show === null) {
      const notes: Record<string, WindowNote> = {};
      for (const key of recall<string[]>(enteredKey(show.run), "sessionStorage") ?? []) {
        notes[key] = { ...EMPTY_NOTE, entered: true };
      }
      this.#set({ boot: "ready", show, notes });
      return;
    }
    this.#set({ show });
  }

  #hearLink(link: VenueState["link"]): void {
    const back = link === "live" && this.#state.link === "lost";
    this.#set({ link, sending: link === "live" ? this.#state.sending : null });
    if (back && this.#state.uncounted > 0) this.#later(8_000, () => this.#set({ uncounted: 0 }));
  }

  #hearDrawn(event: VenueEvent & { type: "drawn" }): void {
    const { draw, window, entries, units } = event;
    // Drawn early, it still shows at the stated second; drawn late, when it was drawn.
    const round = this.#state.show?.rounds.find((each) => each.draw === draw);
    const statedMs = round === undefined ? 0 : resultAtMs(round, window, factsIn(this.#state)(draw, window));
    const shownAtMs = Math.max(statedMs, event.resultAtMs);
    this.#note(draw, window, { drawn: true, resultAtMs: shownAtMs });
    if (event.winsToldFirst) this.#settle(noteKey(draw, window));
    const reveal = () =>
      this.#set({ lastDrawn: { ...this.#state.lastDrawn, [draw]: { window, entries, units } } });
    this.#at(shownAtMs, reveal);
  }

  /** From a socket that tells wins first; what was won before it spoke stands in the answers still on their way. */
  #settle(key: string): void {
    for (const keys of this.#reads.values()) keys.add(key);
    if (this.#reads.size === 0) this.#settleAll([key]);
  }

  #settleAll(keys: Iterable<string>): void {
    const notes = { ...this.#state.notes };
    for (const key of keys) notes[key] = { ...EMPTY_NOTE, ...notes[key], settled: true };
    this.#set({ notes });
  }

  #hearRead(read: number, awards: readonly AwardView[] | null): void {
    const keys = this.#reads.get(read) ?? [];
    this.#reads.delete(read);
    if (awards === null) return;
    const known = new Set(this.#state.awards.map(({ awardId }) => awardId));
    // Together: a window is never settled before its win is there.
    this.#state = { ...this.#state, awards };
    this.#settleAll(keys);
    const sinceMs = this.nowMs() - CELEBRATED_WITHIN_MS;
    for (const award of awards) {
      if (known.has(award.awardId)) continue;
      if (award.state === "held" && award.wonAtMs >= sinceMs) this.#hearWon(award);
    }
  }

  #hearGap(event: VenueEvent & { type: "gap" }): void {
    const mine = enteredWindows(this.#state, event.draw).filter(
      (window) => window >= event.fromWindow && window <= event.toWindow,
    );
    if (mine.length === 0) return;
    const notes = { ...this.#state.notes };
    for (const window of mine) notes[noteKey(event.draw, window)] = EMPTY_NOTE;
    this.#set({ notes, carried: [...this.#state.carried, event.draw] });
    this.#note(event.draw, event.toWindow + 1, { entered: true });
    this.#rememberEntered();
  }

  #hearReceived(draw: string, window: number): void {
    const first = enteredWindows(this.#state, draw).length === 0;
    this.#set({ sending: null, refusal: null });
    this.#note(draw, window, { entered: true });
    this.#rememberEntered();
    const { show } = this.#state;
    const round = show?.rounds.find((each) => each.draw === draw);
    // Read aloud once a round: a window closes every three seconds.
    if (first && show !== null && round !== undefined)
      this.#say({ what: "received", atMs: roundResultMs(lookAt(this.#state, show, this.nowMs()), round) });
  }

  /** A refused gesture is none: it was shown as one when it left. */
  #hearRefused({ draw, code, taps: refused }: VenueEvent & { type: "refused" }): void {
    const { taps } = this.#state;
    const left = draw === null ? taps : { ...taps, [draw]: Math.max(0, (taps[draw] ?? 0) - refused) };
    this.#set({ taps: left, sending: null, refusal: { code, atMs: this.nowMs() } });
  }

  #hearTaken(pool: string, request: string, outcome: TakeOutcome): void {
    if (outcome.ok) {
      this.#gotRain(pool, request);
      void this.#source.refreshAwards();
      return;
    }
    const waits = outcome.code === "grab.wait";
    // The unit may have come down the line while the answer was on its way.
    if (this.#state.rains[pool]?.phase === "got") return;
    this.#setRain(pool, {
      request,
      phase: waits ? "wait" : "refused",
      place: outcome.place,
      code: waits ? null : outcome.code,
    });
  }

  #gotRain(pool: string, request: string): void {
    if (this.#state.rains[pool]?.phase !== "got") this.#say({ what: "got", draw: pool });
    this.#setRain(pool, { request, phase: "got", place: null, code: null });
  }

  #hearAward(award: AwardView, fresh: boolean): void {
    const before = this.#state.awards.find((each) => each.awardId === award.awardId);
    this.#set({ awards: withAward(this.#state.awards, award) });
    const paidNow = (view: AwardView | undefined) =>
      view?.claim?.type === "order" && view.claim.order.state === "paid";
    if (paidNow(award) && !paidNow(before)) this.#say({ what: "paid", draw: award.prize.pool });
    if (fresh && before === undefined) this.#hearWon(award);
  }

  /** The first one hears of an own award: its moment is shown once, at its stated second. */
  #hearWon(award: AwardView): void {
    const waiting = this.#state.rains[award.prize.pool];
    if (award.draw === null && waiting !== undefined) this.#gotRain(award.prize.pool, waiting.request);
    // The lane tells a win again after a reload; the moment is for the first time only.
    if (award.draw === null || recall<string[]>(CELEBRATED_KEY)?.includes(award.awardId)) return;
    this.#at(revealAtMs(this.#state, award), () => {
      const celebrated = recall<string[]>(CELEBRATED_KEY) ?? [];
      remember(CELEBRATED_KEY, [...celebrated, award.awardId].slice(-CELEBRATED_MAX));
      this.#set({ celebrate: award });
      this.#say({ what: "won", draw: award.prize.pool });
    });
  }

  /** Says aloud what the clock alone brings about. */
  #watch(): void {
    const { show } = this.#state;
    if (show === null) return;
    this.#readUnsettled();
    const stage = stageOf(lookAt(this.#state, show, this.nowMs()));
    const soon = stage.kind === "waiting" && stage.soon && stage.coming.type === "round";
    const draw = soon ? stage.coming.round.draw : "round" in stage ? stage.round.draw : "";
    const key = `${stage.kind}${soon ? "/soon" : ""}/${draw}`;
    if (key === this.#stageKey) return;
    const begun = this.#stageKey !== "";
    this.#stageKey = key;
    if (!begun) return;
    if (stage.kind === "open") this.#say({ what: "opened", draw });
    if (soon) this.#say({ what: "soon", draw });
    if (stage.kind === "result" && stage.outcome === "lost") this.#say({ what: "lost" });
  }

  /** Asks for own awards where no answer came: an entry must not wait for its result for ever. */
  #readUnsettled(): void {
    if (this.#state.link !== "live" || unsettled(this.#state).length === 0) {
      this.#readAtMs = null;
      return;
    }
    this.#readAtMs ??= this.nowMs() + READ_AFTER_MS + Math.random() * READ_SPREAD_MS;
    if (this.nowMs() < this.#readAtMs) return;
    this.#readAtMs = null;
    void this.#source.refreshAwards();
  }

  #say(body: SayingBody): void {
    this.#saidId += 1;
    this.#set({ saying: { ...body, id: this.#saidId } as Saying });
  }

  #note(draw: string, window: number, part: Partial<WindowNote>): void {
    const key = noteKey(draw, window);
    const note = { ...EMPTY_NOTE, ...this.#state.notes[key], ...part };
    this.#set({ notes: { ...this.#state.notes, [key]: note } });
  }

  #setRain(pool: string, note: RainNote): void {
    this.#set({ rains: { ...this.#state.rains, [pool]: note } });
  }

  #rememberEntered(): void {
    const run = this.#state.show?.run;
    if (run === undefined) return;
    const keys = Object.entries(this.#state.notes).filter(([, note]) => note.entered);
    remember(
      enteredKey(run),
      keys.map(([key]) => key),
      "sessionStorage",
    );
  }

  #set(part: Partial<VenueState>): void {
    this.#state = { ...this.#state, ...part };
    for (const listener of this.#listeners) listener();
  }

  #at(atMs: number, act: () => void): void {
    this.#later(atMs - this.nowMs(), act);
  }

  #later(waitMs: number, act: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        act();
      },
      Math.max(0, waitMs),
    );
    this.#timers.add(timer);
  }
}

function enteredKey(run: string): string {
  return `wanhui.entered.${run}`;
}
