// The course of one draw as its signed records tell it: which window comes next, what it releases, when it may be
// sealed. Pure bookkeeping over records; entries, tickets and signatures are looked at elsewhere.

import type { Sha256 } from "./bytes.ts";
import { hashJson, type Json } from "./canonical.ts";
import { type ChainFacts, roundDueMs } from "./chains.ts";
import type { Arm, closeShape, gapShape, Rules, SealHeader, stopShape } from "./shapes.ts";
import { demand } from "./verdict.ts";

/** A window closes this long before its beacon is due (DR3). */
const closeLeadMs = 2_000;
/** Arming comes at least this long before the opening (DR4). */
const armLeadMs = 10_000;
/** One week (DR3). */
const firstWindowMsMax = 604_800_000;

type Gap = ReturnType<typeof gapShape>["record"];
type Stop = ReturnType<typeof stopShape>["record"];
type Close = ReturnType<typeof closeShape>["record"];

/** DR1, DR2: what can be wrong with rules by themselves. */
export function checkRules(rules: Rules): void {
  demand(rules.schedule.length > 0, "DR2", "body.schedule", "a draw has at least one window");
  demand(rules.firstWindowMs <= firstWindowMsMax, "DR3", "body.firstWindowMs", "longer than a week");
  const names = new Set(
    rules.witnesses.flatMap(({ name, publicKey }) => [`name ${name}`, `key ${publicKey}`]),
  );
  demand(names.size === 2 * rules.witnesses.length, "DR1", "body.witnesses", "a witness is named twice");
}

/** Follows the chain of a draw's records and refuses the first that breaks a rule. */
export class Course {
  readonly rules: Rules;
  readonly arm: Arm;
  readonly armHash: string;
  readonly #sha256: Sha256;
  /** Hash of the newest chain record. */
  #head: string;
  #lastAtMs: number;
  #nextWindow = 0;
  /** Units of gap windows since the last seal. */
  #carriedUnits = 0;
  /** A gap reaches up to the window before the next: only then may an extension window be sealed (DR12). */
  #afterGap = false;
  #stopFrom: number | null = null;
  #releasedUnits = 0;
  #closed = false;

  constructor(options: { rules: Rules; rulesHash: string; arm: Arm; sha256: Sha256 }) {
    const { rules, rulesHash, arm, sha256 } = options;
    this.rules = rules;
    this.arm = arm;
    this.#sha256 = sha256;
    this.armHash = hashJson(arm as Json, sha256);
    this.#head = this.armHash;
    this.#lastAtMs = arm.armedAtMs;
    this.#checkArm(rulesHash);
  }

  /** Index of the window the next seal or gap must name. */
  get nextWindow(): number {
    return this.#nextWindow;
  }
  get stopFrom(): number | null {
    return this.#stopFrom;
  }
  get closed(): boolean {
    return this.#closed;
  }
  /** Sum of the effective schedule. */
  get units(): number {
    return this.arm.schedule.reduce((sum, units) => sum + units, 0);
  }
  /** Units in all headers so far. */
  get releasedUnits(): number {
    return this.#releasedUnits;
  }

  dueMs(window: number): number {
    return roundDueMs(this.arm.beacon as ChainFacts, this.arm.firstRound + window);
  }

  /** Windows that take entries: the schedule, or what a stop left of it (DR13). */
  get #windows(): number {
    return Math.min(this.arm.schedule.length, this.#stopFrom ?? Number.POSITIVE_INFINITY);
  }

  #closesMs(window: number): number {
    return this.dueMs(window) - closeLeadMs;
  }

  #scheduled(window: number): number {
    return window < this.#windows ? (this.arm.schedule[window] ?? 0) : 0;
  }

  #checkArm(rulesHash: string): void {
    const { rules, arm } = this;
    const at = "body.record";
    demand(arm.draw === rules.draw, "DR4", `${at}.draw`, "another draw than the rules name");
    demand(arm.rulesHash === rulesHash, "DR4", `${at}.rulesHash`, "not the hash of the rules in this file");
    demand(
      arm.schedule.length === rules.schedule.length,
      "DR4",
      `${at}.schedule`,
      "other windows than the rules",
    );
    for (const [window, units] of arm.schedule.entries()) {
      const promised = rules.schedule[window] ?? 0;
      // Units promised by earlier draws join window 0; how many, this file alone cannot know.
      const right = window === 0 ? units >= promised : units === promised;
      demand(right, "DR4", `${at}.schedule[${window}]`, `the rules release ${promised} units here`);
    }
    demand(this.units > 0 && Number.isSafeInteger(this.units), "DR2", `${at}.schedule`, "no unit at all");
    const opensAtMs = this.#closesMs(0) - rules.firstWindowMs;
    demand(
      arm.opensAtMs === opensAtMs,
      "DR3",
      `${at}.opensAtMs`,
      `the grid puts the opening at ${opensAtMs}`,
    );
    const late = arm.opensAtMs - arm.armedAtMs < armLeadMs;
    demand(!late, "DR4", `${at}.armedAtMs`, "armed less than 10 s before the opening");
  }

  /** What every chain record says of its place. */
  #link(
    record: { readonly draw: string; readonly armHash: string; readonly previousHash: string },
    atMs: number,
    where: { readonly at: string; readonly time: string; readonly rule: string },
  ): void {
    const { at, time, rule } = where;
    demand(!this.#closed, "DR16", at, "the draw is closed");
    demand(record.draw === this.rules.draw, rule, `${at}.draw`, "a record of another draw");
    demand(record.armHash === this.armHash, rule, `${at}.armHash`, "not the hash of this draw's arm record");
    demand(
      record.previousHash === this.#head,
      rule,
      `${at}.previousHash`,
      "does not follow the record before it",
    );
    demand(atMs >= this.#lastAtMs, "JR10", `${at}.${time}`, "earlier than the record before it");
  }

  /** DR10, DR11, DR12. Returns the seal hash. */
  seal(header: SealHeader): string {
    const at = "body.header";
    const { window } = header;
    this.#link(header, header.sealedAtMs, { at, time: "sealedAtMs", rule: "DR10" });
    const missing = `window ${this.#nextWindow} comes next: it was neither sealed nor recorded as a gap`;
    demand(window === this.#nextWindow, "DR12", `${at}.window`, missing);
    const extension = window >= this.#windows;
    demand(!extension || this.#afterGap, "DR13", `${at}.window`, "there is no such window");
    const round = this.arm.firstRound + window;
    demand(header.round === round, "DR3", `${at}.round`, `window ${window} is decided by round ${round}`);
    const units = this.#scheduled(window) + this.#carriedUnits;
    demand(header.units === units, "DR10", `${at}.units`, `this window releases ${units} units`);
    demand(header.parts.length === 1, "DR10", `${at}.parts`, "not exactly one part");
    const early = !extension && header.sealedAtMs < this.#closesMs(window);
    demand(!early, "DR10", `${at}.sealedAtMs`, "sealed while the window was still open");
    demand(
      header.sealedAtMs < this.dueMs(window),
      "DR11",
      `${at}.sealedAtMs`,
      "sealed when its seed was due",
    );
    demand(header.newestRoundSeen < round, "DR11", `${at}.newestRoundSeen`, "sealed when its seed was known");
    this.#nextWindow = window + 1;
    this.#carriedUnits = 0;
    this.#afterGap = false;
    this.#releasedUnits += units;
    return this.#advance(header as Json, header.sealedAtMs);
  }

  /** DR12. */
  gap(record: Gap): string {
    const at = "body.record";
    this.#link(record, record.atMs, { at, time: "atMs", rule: "DR12" });
    const { fromWindow, toWindow } = record;
    demand(
      fromWindow === this.#nextWindow,
      "DR12",
      `${at}.fromWindow`,
      `window ${this.#nextWindow} comes next`,
    );
    demand(toWindow >= fromWindow, "DR12", `${at}.toWindow`, "ends before it begins");
    demand(
      fromWindow < this.#windows || this.#afterGap,
      "DR13",
      `${at}.fromWindow`,
      "there is no such window",
    );
    // Windows behind the last one took no entries; skipping them needs no excuse.
    const last = Math.min(toWindow, this.#windows - 1);
    const due = record.atMs >= this.dueMs(last) || record.newestRoundSeen >= this.arm.firstRound + last;
    demand(last < fromWindow || due, "DR12", `${at}.toWindow`, "skipped while it could still be sealed");
    for (let window = fromWindow; window <= last; window++) this.#carriedUnits += this.#scheduled(window);
    this.#nextWindow = toWindow + 1;
    this.#afterGap = true;
    return this.#advance(record as Json, record.atMs);
  }

  /** DR13. */
  stop(record: Stop): string {
    const at = "body.record";
    this.#link(record, record.atMs, { at, time: "atMs", rule: "DR13" });
    demand(this.#stopFrom === null, "DR13", at, "stopped a second time");
    demand(record.reason.trim() !== "", "DR13", `${at}.reason`, "a stop names its reason");
    const from = this.#windowAfter(record.atMs);
    demand(
      record.fromWindow === from,
      "DR13",
      `${at}.fromWindow`,
      `at that time a stop takes effect at window ${from}`,
    );
    demand(from >= this.#nextWindow, "DR13", `${at}.fromWindow`, "the window is sealed already");
    this.#stopFrom = from;
    return this.#advance(record as Json, record.atMs);
  }

  /** DR16. `winners` of all drawn windows; every sealed window is drawn. */
  close(record: Close, winners: number): string {
    const at = "body.record";
    this.#link(record, record.atMs, { at, time: "atMs", rule: "DR16" });
    const waiting = `window ${this.#nextWindow} was neither sealed nor recorded as a gap`;
    demand(this.#nextWindow >= this.#windows, "DR16", at, waiting);
    const left = this.units - winners;
    demand(record.leftUnits === left, "DR16", `${at}.leftUnits`, `${left} units are left`);
    // Units the named draw cannot take any more go back to the pool.
    const target = record.leftoversTo === null || record.leftoversTo === this.rules.leftoversTo;
    demand(target, "DR16", `${at}.leftoversTo`, "the rules send them elsewhere");
    this.#closed = true;
    return this.#advance(record as Json, record.atMs);
  }

  /** The window after the one open at a time; 0 before the opening. */
  #windowAfter(atMs: number): number {
    if (atMs < this.arm.opensAtMs) return 0;
    if (atMs < this.#closesMs(0)) return 1;
    return 2 + Math.floor((atMs - this.#closesMs(0)) / this.arm.beacon.periodMs);
  }

  #advance(record: Json, atMs: number): string {
    this.#head = hashJson(record, this.#sha256);
    this.#lastAtMs = atMs;
    return this.#head;
  }
}
