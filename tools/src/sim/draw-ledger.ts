import { createHash } from "node:crypto";
import {
  type ArmRecord,
  type DrawId,
  type DrawRules,
  type Event,
  fromHex,
  merkleRoot,
  type PoolId,
  roundDueMs,
  type UserId,
  type UserKey,
} from "@wanhui/core";
import { simBeacon, simChain } from "./sim-beacon.ts";

const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

type Entry = { readonly window: number; readonly key: UserKey; readonly user: UserId };
type Drawn = Extract<Event, { type: "window.drawn" }>;
type Sealed = Extract<Event, { type: "window.sealed" }>;

type Seal = { readonly hash: Uint8Array; readonly units: number; readonly entries: readonly Entry[] };

/** One draw in its own bookkeeping. */
type Draw = {
  readonly rules: DrawRules;
  armed: ArmRecord | null;
  /** Entries no seal holds yet. */
  open: Entry[];
  readonly owners: Map<UserKey, UserId>;
  readonly seals: Map<number, Seal>;
  /** The last window that takes no more entries. */
  endedThrough: number;
  stoppedFrom: number;
  released: number;
  readonly wins: Map<UserId, number>;
  drawnThrough: number;
  won: number;
  closed: boolean;
};

/**
 * The draws of a night by the rules of docs/spec/draw.md, written down once more: who wins is worked out again from
 * entries, seals and beacon, sharing no code with the engine's rules but the root and the beacon's times.
 */
export class DrawLedger {
  readonly problems: string[] = [];
  /** Key of each entry, by `draw user window`. */
  readonly entries = new Map<string, UserKey>();
  readonly #draws = new Map<DrawId, Draw>();

  add(event: Event): void {
    switch (event.type) {
      case "draw.planned":
        this.#plan(event.rules);
        return;
      case "draw.armed":
        this.#of(event.record.draw).armed = event.record;
        return;
      case "entered":
        this.#enter(event.draw, { window: event.window, key: event.userKey, user: event.user });
        return;
      case "window.gap":
        this.#end(this.#of(event.record.draw), event.record.fromWindow, event.record.toWindow);
        return;
      case "draw.stopped":
        this.#of(event.record.draw).stoppedFrom = event.record.fromWindow;
        return;
      case "window.sealed":
        this.#seal(event);
        return;
      case "window.drawn":
        this.#draw(event);
        return;
      case "draw.closed":
        this.#of(event.record.draw).closed = true;
        return;
    }
  }

  /** Units each armed draw of a pool may release. */
  promised(pool: PoolId): number {
    let units = 0;
    for (const { rules, armed } of this.#draws.values())
      if (rules.pool === pool && armed !== null) units += armed.schedule.reduce((sum, n) => sum + n, 0);
    return units;
  }

  poolOf(draw: DrawId): PoolId {
    return this.#of(draw).rules.pool;
  }

  /** Everything armed is closed, with every entry sealed and every seal drawn. */
  finish(): void {
    for (const [id, draw] of this.#draws) {
      if (draw.armed === null) continue;
      if (!draw.closed) this.problems.push(`draw ${id} never closed`);
      if (draw.open.length > 0) this.problems.push(`draw ${id} left entries behind`);
      for (const window of draw.seals.keys())
        if (window > draw.drawnThrough) this.problems.push(`window ${id} ${window} never drawn`);
    }
  }

  #of(id: DrawId): Draw {
    const draw = this.#draws.get(id);
    if (draw === undefined) throw new Error(`draw ${id} was never planned`);
    return draw;
  }

  #plan(rules: DrawRules): void {
    if (this.#draws.has(rules.draw)) this.problems.push(`draw ${rules.draw} was planned twice`);
    this.#draws.set(rules.draw, {
      rules,
      armed: null,
      open: [],
      owners: new Map(),
      seals: new Map(),
      endedThrough: -1,
      stoppedFrom: Number.POSITIVE_INFINITY,
      released: 0,
      wins: new Map(),
      drawnThrough: -1,
      won: 0,
      closed: false,
    });
  }

  #enter(id: DrawId, entry: Entry): void {
    const draw = this.#of(id);
    const name = `${id} ${entry.user} ${entry.window}`;
    if (this.entries.has(name)) this.problems.push(`entered twice: ${name}`);
    this.entries.set(name, entry.key);
    if (entry.window <= draw.endedThrough) this.problems.push(`entered behind the seal: ${name}`);
    if ((draw.owners.get(entry.key) ?? entry.user) !== entry.user)
      this.problems.push(`one key for two people: ${name}`);
    draw.owners.set(entry.key, entry.user);
    draw.open.push(entry);
  }

  /** Windows follow each other without a hole. */
  #end(draw: Draw, fromWindow: number, toWindow: number): void {
    if (fromWindow !== draw.endedThrough + 1)
      this.problems.push(`${draw.rules.draw}: window ${fromWindow} after ${draw.endedThrough}`);
    draw.endedThrough = toWindow;
  }

  #seal({ header, sealHash }: Sealed): void {
    const draw = this.#of(header.draw);
    const { window, round, parts } = header;
    const name = `${header.draw} ${window}`;
    this.#end(draw, window, window);
    const entries = draw.open.filter((entry) => entry.window <= window);
    draw.open = draw.open.filter((entry) => entry.window > window);
    const keys = [...new Set(entries.map(({ key }) => key))].sort();
    const root = merkleRoot(
      keys.map((key) => fromHex(key)),
      sha256,
    );
    if (parts[0]?.root !== root || parts[0].count !== keys.length)
      this.problems.push(`the seal of ${name} is not over its entries`);
    if (round !== (draw.armed?.firstRound ?? 0) + window)
      this.problems.push(`${name} is bound to round ${round}`);
    if (header.newestRoundSeen >= round || header.sealedAtMs >= roundDueMs(simChain, round))
      this.problems.push(`${name} was sealed when its seed was out`);
    // What this seal releases, with what gaps before it could not.
    draw.released += header.units;
    const schedule = (draw.armed?.schedule ?? []).slice(0, Math.min(window + 1, draw.stoppedFrom));
    if (draw.released !== schedule.reduce((sum, n) => sum + n, 0))
      this.problems.push(`${name} releases up to ${draw.released}`);
    draw.seals.set(window, { hash: fromHex(sealHash), units: header.units, entries });
  }

  #draw(event: Drawn): void {
    const draw = this.#of(event.draw);
    const name = `${event.draw} ${event.window}`;
    const seal = draw.seals.get(event.window);
    if (seal === undefined) return void this.problems.push(`${name} was drawn without a seal`);
    const skipped = [...draw.seals.keys()].some((w) => w < event.window && w > draw.drawnThrough);
    if (event.window <= draw.drawnThrough || skipped) this.problems.push(`${name} was drawn out of turn`);
    draw.drawnThrough = Math.max(draw.drawnThrough, event.window);
    const { round, randomness } = simBeacon((draw.armed?.firstRound ?? 0) + event.window);
    if (event.round !== round || event.randomness !== randomness)
      this.problems.push(`${name} was drawn with another seed`);
    // A late beacon draws it when later windows are sealed already: theirs are not its units.
    const released = [...draw.seals].filter(([window]) => window <= event.window);
    const units = released.reduce((sum, [, one]) => sum + one.units, 0) - draw.won;
    const rightful = this.#rightful(draw, seal, randomness).slice(0, Math.max(0, units));
    const won = event.winners.map(({ userKey }) => userKey);
    if (JSON.stringify(won) !== JSON.stringify(rightful))
      this.problems.push(`${name} was won by ${won.length} others than the ${rightful.length} it belongs to`);
    draw.won += won.length;
    for (const { user } of event.winners) draw.wins.set(user, (draw.wins.get(user) ?? 0) + 1);
  }

  /** Keys that may win, the smallest ticket first. */
  #rightful(draw: Draw, seal: Seal, randomness: string): UserKey[] {
    const keys = new Map(seal.entries.map(({ key, user }) => [key, user]));
    const candidates = [...keys].filter(([, user]) => (draw.wins.get(user) ?? 0) < draw.rules.capPerUser);
    const tickets = candidates.map(([key]) => ({
      key,
      ticket: sha256("wanhui/ticket/1", seal.hash, fromHex(randomness), fromHex(key)),
    }));
    return tickets.sort((a, b) => Buffer.compare(a.ticket, b.ticket)).map(({ key }) => key);
  }
}
