import { type Answer, gridOpening } from "@wanhui/core";
import type { ActView, StudioCueView, StudioNumbers, StudioView } from "@wanhui/protocol";
import { EngineFault } from "../engine/mod.ts";
import { errorMessage, Fault, withSignal } from "../platform/mod.ts";
import {
  actionsOf,
  type CuePlan,
  type CueRow,
  canStop,
  LEAD_TIMES,
  type LeadTimes,
  missedRound,
  nextStep,
  type RainPlan,
  REARM_LEAD_MS,
  type RoundPlan,
  type Step,
} from "./cue-rules.ts";
import { type CueDefinition, type RoundCue, SHOW_LIMITS } from "./definition.ts";
import type { Actor, ActResult, CueAct, Director, DirectorParts } from "./director-port.ts";
import { drawIdOf, poolIdOf, poolParameters, runEndsAtMs } from "./run-plan.ts";
import type { Act, CueChange } from "./run-store.ts";

/** A look at the clock at least this often: acts and events wake the director sooner. */
const LOOK_EVERY_MS = 1_000;
/** Pause after a step that failed: the world is asked again while there is time. */
const RETRY_AFTER_MS = 500;

/** Makes the director of a run. */
export function createDirector(parts: DirectorParts): Director {
  return new RunDirector(parts);
}

class RunDirector implements Director {
  readonly name = "director";
  readonly #parts: DirectorParts;
  readonly #leads: LeadTimes;
  readonly #cueOf: ReadonlyMap<string, CueDefinition>;
  readonly #rows = new Map<string, CueRow>();
  /** Steps under way; one at a time for each cue. */
  readonly #busy = new Map<string, Promise<void>>();
  /** Cues whose last step failed, and when to try again. */
  readonly #retryAtMs = new Map<string, number>();
  readonly #ended = new AbortController();
  #started: Promise<void> | undefined;
  #ran: Promise<void> | undefined;
  #wake: AbortController | undefined;
  /** When the rows were last read, and the read under way. */
  #readAtMs = 0;
  #reading: Promise<void> | null = null;
  /** Raised by every wake, so that one that comes while looking around is not lost. */
  #wakes = 0;

  constructor(parts: DirectorParts) {
    this.#parts = parts;
    this.#leads = parts.leads ?? LEAD_TIMES;
    this.#cueOf = new Map(parts.run.definition.cues.map((cue) => [cue.cue, cue]));
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const { store, board, clock } = this.#parts;
    for (const row of await store.cues()) {
      this.#rows.set(row.cue, row);
      board.setCue(row, this.#nowMs());
    }
    board.tick(clock.nowMs());
    const pools = this.#parts.run.definition.pools;
    const { run } = this.#parts.run;
    await Promise.all(
      pools.map((pool) => this.#insist({ type: "pool.create", ...poolParameters(run, pool) })),
    );
    await Promise.all(board.rules().map(({ rules }) => this.#insist({ type: "draw.plan", rules })));
  }

  /** Asks until answered; a refusal here means the journal holds another show under this run's name. */
  async #insist(command: Parameters<DirectorParts["engine"]["submit"]>[0]): Promise<void> {
    for (;;) {
      const answer = await this.#ask(command);
      if (answer?.ok === true) return;
      if (answer !== null) {
        const what = command.type === "pool.create" ? command.pool : command.type;
        throw new Fault("show.refused", `The engine refused ${what}: ${answer.code}.`);
      }
      await this.#parts.clock.wait(RETRY_AFTER_MS, this.#ended.signal);
      if (this.#ended.signal.aborted) return;
    }
  }

  /** One answer, or null when the engine could not say (JR7): the same command is asked again. */
  async #ask(command: Parameters<DirectorParts["engine"]["submit"]>[0]): Promise<Answer | null> {
    try {
      return await this.#parts.engine.submit(command);
    } catch (error) {
      if (error instanceof EngineFault && error.retryable) return null;
      throw error;
    }
  }

  run(signal: AbortSignal): Promise<void> {
    this.#ran ??= this.#loop(AbortSignal.any([signal, this.#ended.signal]));
    return this.#ran;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#ran?.catch(() => undefined);
  }

  async #loop(signal: AbortSignal): Promise<void> {
    await this.start();
    const unwatch = this.#parts.board.watch(() => this.#awake());
    try {
      while (!signal.aborted) {
        const wakes = this.#wakes;
        this.#readWhatOthersChanged();
        const untilMs = this.#lookAround(signal);
        this.#publish(this.#parts.board.tick(this.#nowMs()));
        if (wakes !== this.#wakes) continue;
        this.#wake = new AbortController();
        const delayMs = Math.max(1, Math.min(untilMs - this.#nowMs(), LOOK_EVERY_MS));
        await withSignal([signal, this.#wake.signal], (end) => this.#parts.clock.wait(delayMs, end));
      }
      await Promise.all(this.#busy.values());
    } finally {
      unwatch();
    }
  }

  #awake(): void {
    this.#wakes += 1;
    this.#wake?.abort();
  }

  #nowMs(): number {
    return Math.floor(this.#parts.clock.nowMs());
  }

  #publish(messages: Parameters<DirectorParts["publish"]>[0]): void {
    if (messages.length > 0) this.#parts.publish(messages);
  }

  /** Begins every step that is due and says when to look again. */
  #lookAround(signal: AbortSignal): number {
    const nowMs = this.#nowMs();
    let untilMs = this.#parts.board.nextChangeMs(nowMs) ?? Number.POSITIVE_INFINITY;
    for (const cue of this.#cueOf.values()) {
      const retryAtMs = this.#retryAtMs.get(cue.cue) ?? 0;
      if (nowMs < retryAtMs) untilMs = Math.min(untilMs, retryAtMs);
      if (this.#busy.has(cue.cue) || nowMs < retryAtMs) continue;
      if (this.#parts.house?.moves(cue) === false) continue;
      const step = this.#next(cue);
      if (step.do === "wait") untilMs = Math.min(untilMs, step.untilMs ?? untilMs);
      else this.#begin(cue, signal);
    }
    return untilMs;
  }

  #next(cue: CueDefinition): Step {
    const row = this.#rows.get(cue.cue);
    if (row === undefined) return { do: "wait", untilMs: null };
    const facts = this.#parts.board.facts(cue);
    const endsAtMs = runEndsAtMs(this.#parts.run);
    return nextStep({ cue, row, facts, nowMs: this.#nowMs(), endsAtMs, leads: this.#leads });
  }

  #begin(cue: CueDefinition, signal: AbortSignal): void {
    const work = this.#advance(cue, signal)
      .catch((error: unknown) => {
        this.#retryAtMs.set(cue.cue, this.#nowMs() + RETRY_AFTER_MS);
        const fields = { part: "director", cue: cue.cue, err: error };
        this.#parts.log.warn(fields, "A step of the rundown failed and is tried again");
      })
      .finally(() => {
        this.#busy.delete(cue.cue);
        this.#awake();
      });
    this.#busy.set(cue.cue, work);
  }

  /** Carries a cue on until it has to wait. */
  async #advance(cue: CueDefinition, signal: AbortSignal): Promise<void> {
    // Each cue has a handful of states; more steps than this in a row would be a circle.
    for (let steps = 0; steps < 16 && !signal.aborted; steps++) {
      const step = this.#next(cue);
      const row = this.#rows.get(cue.cue);
      if (step.do === "wait" || row === undefined) return;
      const again = await this.#carryOut(cue, row, step);
      if (!again) {
        this.#retryAtMs.set(cue.cue, this.#nowMs() + RETRY_AFTER_MS);
        return;
      }
    }
  }

  /** @returns false when the same step should be tried again after a pause */
  async #carryOut(cue: CueDefinition, row: CueRow, step: Exclude<Step, { do: "wait" }>): Promise<boolean> {
    switch (step.do) {
      case "become":
        await this.#become(row, step);
        return true;
      case "plan-round":
        return cue.kind !== "round" || (await this.#planRound(cue, row)) !== "failed";
      case "plan-rain": {
        const { opensAtMs, closesAtMs } = step;
        await this.#change(row, { plan: { kind: "rain", opensAtMs, closesAtMs } });
        return true;
      }
      case "send-plan":
        return this.#sendPlan(cue, row);
      case "send-stop":
        return this.#sendStop(cue, row, step.reason);
      case "plan-cancel": {
        const { reason } = step;
        const missed = row.state === "held" ? { state: "missed" as const, endedAtMs: this.#nowMs() } : {};
        await this.#change(row, {
          ...missed,
          reason: row.reason ?? reason,
          plan: { kind: "cancel", reason },
        });
        return true;
      }
      case "send-cancel":
        return this.#sendCancel(cue, step.reason);
    }
  }

  async #become(row: CueRow, { state, reason }: { state: CueRow["state"]; reason: string | null }) {
    const nowMs = this.#nowMs();
    const firedAtMs = state === "live" ? nowMs : row.firedAtMs;
    const ended = state === "done" || state === "missed";
    await this.#change(row, { state, reason, firedAtMs, endedAtMs: ended ? nowMs : null });
    if (state === "missed") {
      this.#parts.log.warn({ part: "director", cue: row.cue, reason }, "A cue was missed");
    }
  }

  /** Chooses the beacon and stores what arming will be asked for (CU2). */
  async #planRound(cue: RoundCue, row: CueRow, act?: Act): Promise<"stored" | "late" | "changed" | "failed"> {
    let chosen: Awaited<ReturnType<DirectorParts["chooseBeacon"]>>;
    try {
      chosen = await this.#parts.chooseBeacon();
    } catch (error) {
      if (act !== undefined) throw error;
      const fields = { part: "director", cue: cue.cue, reason: errorMessage(error) };
      this.#parts.log.warn(fields, "No beacon could be chosen; trying again");
      if (row.reason !== fields.reason) await this.#change(row, { reason: fields.reason });
      return "failed";
    }
    const wish = { chain: chosen.chain, wishedAtMs: row.atMs, firstWindowMs: cue.firstWindowMs };
    const { opensAtMs, firstRound } = gridOpening(wish);
    if (opensAtMs - this.#nowMs() < this.#leads.armLeadMinMs) {
      if (act === undefined) {
        await this.#become(row, { state: "missed", reason: missedRound(row, this.#nowMs()) });
      }
      return "late";
    }
    const plan: RoundPlan = { kind: "round", opensAtMs, firstRound, beacon: chosen.chain, stop: null };
    return (await this.#change(row, { plan, reason: null }, act)) ? "stored" : "changed";
  }

  /** Sends the stored plan; the same at every try, so that a lost answer costs nothing (CU2, CU8). */
  async #sendPlan(cue: CueDefinition, row: CueRow): Promise<boolean> {
    const { plan } = row;
    if (plan === null || plan.kind === "cancel") return true;
    const answer = await this.#ask(this.#planCommand(cue, plan));
    if (answer === null) return false;
    if (answer.ok) {
      await this.#become(row, { state: "armed", reason: null });
      return true;
    }
    if (answer.code === "draw.pool_busy") {
      // The round before is not drawn to its end; while there is time the plan is made anew.
      await this.#change(row, { plan: null, reason: answer.code });
      return false;
    }
    if (answer.code === "draw.already_armed") {
      throw new Fault("show.armed_elsewhere", `Round ${row.cue} is armed with another opening.`);
    }
    const reason = answer.code === "draw.arm_too_late" ? missedRound(row, this.#nowMs()) : answer.code;
    await this.#change(row, { state: "missed", plan: null, reason, endedAtMs: this.#nowMs() });
    this.#parts.log.warn({ part: "director", cue: row.cue, reason: answer.code }, "A cue could not be armed");
    return true;
  }

  #planCommand(
    cue: CueDefinition,
    plan: RoundPlan | RainPlan,
  ): Parameters<DirectorParts["engine"]["submit"]>[0] {
    const { run } = this.#parts.run;
    if (plan.kind === "rain") {
      const pool = poolIdOf(run, cue.kind === "rain" ? cue.pool : "");
      return { type: "grab.open", pool, opensAtMs: plan.opensAtMs, closesAtMs: plan.closesAtMs };
    }
    const { opensAtMs, firstRound, beacon } = plan;
    return { type: "draw.arm", draw: drawIdOf(run, cue.cue), opensAtMs, firstRound, beacon };
  }

  async #sendStop(cue: CueDefinition, row: CueRow, reason: string): Promise<boolean> {
    const draw = drawIdOf(this.#parts.run.run, cue.cue);
    const answer = await this.#ask({ type: "draw.stop", draw, reason });
    if (answer === null) return false;
    if (answer.ok || row.plan?.kind !== "round") return true;
    // Every window was open or sealed already: nothing is left to stop, the round ends by itself.
    await this.#change(row, { plan: { ...row.plan, stop: null }, reason: `stop refused: ${answer.code}` });
    return true;
  }

  /** The board learns of it from the journal; a refusal means that the round was armed after all. */
  async #sendCancel(cue: CueDefinition, reason: string): Promise<boolean> {
    const draw = drawIdOf(this.#parts.run.run, cue.cue);
    const answer = await this.#ask({ type: "draw.cancel", draw, reason });
    if (answer === null) return false;
    if (!answer.ok) throw new Fault("show.refused", `Round ${cue.cue} cannot be given up: ${answer.code}.`);
    return true;
  }

  /** @returns whether the cue still was as seen; if not, it is read anew */
  async #change(row: CueRow, change: CueChange, act?: Act): Promise<boolean> {
    const changed = await this.#parts.store.change(row, change, act);
    this.#takeRows(changed === null ? await this.#parts.store.cues() : [changed]);
    this.#awake();
    if (changed !== null) this.#parts.house?.changed();
    return changed !== null;
  }

  /** Versions only rise: an old read that arrives late changes nothing. */
  #takeRows(rows: readonly CueRow[]): void {
    for (const fresh of rows) {
      if ((this.#rows.get(fresh.cue)?.version ?? -1) >= fresh.version) continue;
      this.#rows.set(fresh.cue, fresh);
      this.#publish(this.#parts.board.setCue(fresh, this.#nowMs()));
    }
  }

  lookAgain(): void {
    this.#readAtMs = 0;
    this.#awake();
  }

  /** What no message told of is found at the next look (MP15). */
  #readWhatOthersChanged(): void {
    const { house, store, clock, log } = this.#parts;
    if (house?.isShared() !== true || this.#reading !== null) return;
    if (this.#readAtMs !== 0 && clock.nowMs() - this.#readAtMs < LOOK_EVERY_MS) return;
    this.#readAtMs = clock.nowMs();
    this.#reading = store
      .cues()
      .then((rows) => this.#takeRows(rows))
      .catch((error: unknown) =>
        log.debug({ part: "director", reason: errorMessage(error) }, "Cues could not be read"),
      )
      .finally(() => {
        this.#reading = null;
        this.#awake();
      });
  }

  async act(input: CueAct): Promise<ActResult> {
    const cue = this.#cueOf.get(input.cue);
    const row = this.#rows.get(input.cue);
    if (cue === undefined || row === undefined) return { ok: false, code: "cue.unknown" };
    const wrongState: ActResult = { ok: false, code: "cue.wrong_state", rule: "CU5" };
    if (!actionsOf(row).includes(input.action)) return wrongState;
    const act = this.#actOf(input.by, input.action, input.cue, input.reason);
    if (input.action === "arm") return this.#armNow(cue, row, act);
    const change = this.#changeOf(cue, input);
    if (change === null) return { ok: false, code: "body.invalid", field: "opensAtMs", rule: "CU5" };
    return (await this.#change(row, change, act)) ? { ok: true } : wrongState;
  }

  #actOf(by: Actor, action: string, target: string, reason: string | null): Act {
    return { atMs: this.#nowMs(), who: by.who, role: by.role, action, target, reason };
  }

  async #armNow(cue: CueDefinition, row: CueRow, act: Act): Promise<ActResult> {
    const wrongState: ActResult = { ok: false, code: "cue.wrong_state", rule: "CU5" };
    if (cue.kind === "round") {
      const planned = await this.#planRound(cue, row, act);
      if (planned === "late") return { ok: false, code: "draw.arm_too_late", rule: "CU3" };
      return planned === "stored" ? { ok: true } : wrongState;
    }
    if (cue.kind !== "rain") return wrongState;
    const opensAtMs = Math.max(row.atMs, this.#nowMs() + this.#leads.rainLateLeadMs);
    const plan: CuePlan = { kind: "rain", opensAtMs, closesAtMs: opensAtMs + cue.lengthMs };
    return (await this.#change(row, { plan }, act)) ? { ok: true } : wrongState;
  }

  /** What an act makes of a cue; null when its time is not allowed. */
  #changeOf(cue: CueDefinition, { action, reason, opensAtMs }: CueAct): CueChange | null {
    const nowMs = this.#nowMs();
    if (action === "hold") return { state: "held", reason };
    if (action === "release") return { state: "pending", reason: null };
    if (action === "cancel") return { reason, plan: { kind: "cancel", reason: reason ?? "given up" } };
    if (action === "skip") return { state: "skipped", reason, endedAtMs: nowMs };
    const soonestMs = cue.kind === "round" ? nowMs + REARM_LEAD_MS : nowMs;
    const atMs = opensAtMs ?? (cue.kind === "round" ? nowMs + this.#leads.armLeadMs : nowMs);
    const allowed = Number.isSafeInteger(atMs) && atMs <= nowMs + SHOW_LIMITS.lengthMsMax;
    if (!allowed || atMs < soonestMs) return null;
    const moved = { atMs, plan: null, firedAtMs: null, endedAtMs: null };
    return { state: "pending", reason, ...moved };
  }

  async stopDraw(input: { draw: string; by: Actor; reason: string }): Promise<ActResult> {
    const { run } = this.#parts.run;
    const row = [...this.#rows.values()].find(
      ({ cue, kind }) => kind === "round" && drawIdOf(run, cue) === input.draw,
    );
    if (row === undefined) return { ok: false, code: "draw.unknown" };
    if (!canStop(row) || row.plan?.kind !== "round") {
      return { ok: false, code: "cue.wrong_state", rule: "CU5" };
    }
    const act = this.#actOf(input.by, "stop", input.draw, input.reason);
    const changed = await this.#change(row, { plan: { ...row.plan, stop: input.reason } }, act);
    return changed ? { ok: true } : { ok: false, code: "cue.wrong_state", rule: "CU5" };
  }

  async record(input: { action: string; target: string; by: Actor; reason: string | null }): Promise<void> {
    await this.#parts.store.record(this.#actOf(input.by, input.action, input.target, input.reason));
  }

  acts(before: number | null): Promise<ActView[]> {
    return this.#parts.store.acts(before);
  }

  cues(): StudioCueView[] {
    return [...this.#cueOf.values()].flatMap((cue) => {
      const row = this.#rows.get(cue.cue);
      if (row === undefined) return [];
      const view = this.#parts.board.cue(row);
      return [{ ...view, actions: actionsOf(row), reason: row.reason, lateMaxMs: cue.lateMaxMs }];
    });
  }

  async studio(at: {
    show: StudioView["show"];
    numbers: StudioNumbers;
  }): Promise<Omit<StudioView, "health">> {
    const cues = this.cues();
    const byTime = [...cues].sort((a, b) => a.atMs - b.atMs);
    const current = byTime.findLast(({ state }) => state === "live");
    const next = byTime.find(({ state }) => state === "pending" || state === "armed");
    return {
      show: at.show,
      cues,
      currentCue: current?.cue ?? null,
      nextCue: next?.cue ?? null,
      numbers: at.numbers,
      pools: this.#parts.board.pools(),
      acts: await this.acts(null),
    };
  }
}
