// A second opinion on pools, grabs, awards and draws: slow, small, written from docs/spec without a look at the
// package's code. It keeps lists of what happened and counts everything anew each time it is asked.

import { createHash } from "node:crypto";
import type { Command } from "../src/mod.ts";

const hash = (...parts: (string | Buffer)[]) => {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest("hex");
};
const raw = (hex: string) => Buffer.from(hex, "hex");

type Award = {
  id: string;
  pool: string;
  user: string;
  /** Null when it was won in a draw. */
  requestId: string | null;
  atMs: number;
  /** held | committing | posted | expired | forfeited */
  state: string;
  dueMs: number;
  orderId: string | null;
  reason: string | null;
  extended: boolean;
};
type Pool = {
  units: number;
  withdrawn: number;
  cap: number | null;
  ttlMs: number | null;
  parameters: string;
  changes: Map<string, number>;
  grab: [number, number] | null;
  line: { user: string; requestId: string }[];
  promised: Map<string, number>;
};
type Sealed = {
  window: number;
  entries: Map<string, string>;
  units: number;
  winners: string[] | null;
  sealHash: string;
};
type Draw = {
  rules: Extract<Command, { type: "draw.plan" }>["rules"];
  arm: Extract<Command, { type: "draw.arm" }> | null;
  schedule: number[];
  end: number;
  cancelled: boolean;
  stopReason: string | null;
  entries: { window: number; user: string; key: string }[];
  next: number;
  carried: number;
  sealed: Sealed[];
  closed: boolean;
};

export type Oracle = ReturnType<typeof createOracle>;

/** An oracle answers with the kind of answer ("granted", "pool.sold_out", ...) and whatever else the rules fix. */
export function createOracle() {
  const pools = new Map<string, Pool>();
  const draws = new Map<string, Draw>();
  const awards: Award[] = [];
  let nowMs = 0;
  let newest = 0;

  const dueMs = (draw: Draw, window: number) => {
    if (draw.arm === null) throw new Error("not armed");
    return draw.arm.beacon.genesisMs + (draw.arm.firstRound + window - 1) * draw.arm.beacon.periodMs;
  };
  const closesMs = (draw: Draw, window: number) => dueMs(draw, window) - 2000;
  const openWindow = (draw: Draw) => {
    if (draw.arm === null || nowMs < draw.arm.opensAtMs) return -1;
    let window = 0;
    while (nowMs >= closesMs(draw, window)) window++;
    return window;
  };
  const winsOf = (draw: Draw, user: string) =>
    draw.sealed.filter((one) => one.winners?.includes(user)).length;
  const liveDraw = (poolId: string) =>
    [...draws.values()].find((draw) => draw.rules.pool === poolId && draw.arm !== null && !draw.closed);
  const heldByDraw = (draw: Draw) =>
    sum(draw.schedule) - sum(draw.sealed.map((one) => one.winners?.length ?? 0));

  function sum(values: Iterable<number>): number {
    let total = 0;
    for (const value of values) total += value;
    return total;
  }

  function numbers(poolId: string) {
    const pool = pools.get(poolId);
    if (pool === undefined) throw new Error("no pool");
    const of = (...states: string[]) =>
      awards.filter((award) => award.pool === poolId && states.includes(award.state)).length;
    const draw = liveDraw(poolId);
    const held = of("held", "committing") + (draw ? heldByDraw(draw) : 0) + sum(pool.promised.values());
    const posted = of("posted");
    const free = pool.units - pool.withdrawn - held - posted;
    return { units: pool.units, free, held, posted, withdrawn: pool.withdrawn, waiting: pool.line.length };
  }

  /** What a user can come to in a pool if everything of his still undecided succeeds. */
  function worst(poolId: string, user: string, moreEntries: number): number {
    const pool = pools.get(poolId);
    const draw = liveDraw(poolId);
    let chances = 0;
    if (draw) {
      const waiting = new Set(
        draw.entries.filter((entry) => entry.user === user).map((entry) => entry.window),
      );
      const sealed = draw.sealed.filter((one) => one.winners === null && one.entries.has(user)).length;
      chances = Math.min(draw.rules.capPerUser - winsOf(draw, user), waiting.size + sealed + moreEntries);
    }
    const taken = awards.filter((award) => award.pool === poolId && award.user === user).length;
    return taken + chances + (pool?.line.some((place) => place.user === user) ? 1 : 0);
  }

  function grant(poolId: string, user: string, requestId: string): Award {
    const pool = pools.get(poolId) as Pool;
    const before = awards.filter((award) => award.pool === poolId && award.requestId !== null).length;
    const id = hash("wanhui/grab/1", poolId).slice(0, 20) + before.toString(16).padStart(12, "0");
    const state = pool.ttlMs === null ? "posted" : "held";
    const award: Award = {
      id,
      pool: poolId,
      user,
      requestId,
      atMs: nowMs,
      state,
      dueMs: nowMs + (pool.ttlMs ?? 0),
      orderId: null,
      reason: null,
      extended: false,
    };
    awards.push(award);
    return award;
  }

  function serve(poolId: string): void {
    const pool = pools.get(poolId) as Pool;
    while (numbers(poolId).free > 0) {
      const head = pool.line.shift();
      if (head === undefined) return;
      grant(poolId, head.user, head.requestId);
    }
  }

  function take(command: Extract<Command, { type: "grab.take" }>): string {
    const { user, requestId } = command;
    const pool = pools.get(command.pool);
    if (pool === undefined) return "pool.unknown";
    if (pool.grab === null) return "grab.not_open";
    const [opens, closes] = pool.grab;
    const known = awards.find(
      (award) => award.pool === command.pool && award.user === user && award.requestId === requestId,
    );
    if (known && nowMs < closes + 86_400_000) {
      return command.quantity === 1 ? `granted ${known.id} ${known.atMs}` : "request.conflict";
    }
    const place = pool.line.findIndex((one) => one.user === user);
    const inLine = () => (numbers(command.pool).held === 0 ? "pool.sold_out" : `waiting ${place + 1}`);
    if (pool.line[place]?.requestId === requestId) {
      return command.quantity === 1 ? inLine() : "request.conflict";
    }
    if (nowMs < opens) return "grab.not_open";
    if (nowMs >= closes) return "grab.closed";
    if (command.quantity !== 1) return "pool.bad_parameters";
    if (place >= 0) return inLine();
    if (pool.cap !== null && worst(command.pool, user, 0) + 1 > pool.cap) return "grab.cap_reached";
    const { free, held } = numbers(command.pool);
    if (free > 0) {
      const award = grant(command.pool, user, requestId);
      return `granted ${award.id} ${award.atMs}`;
    }
    if (held === 0) return "pool.sold_out";
    pool.line.push({ user, requestId });
    return `waiting ${pool.line.length}`;
  }

  function moveAward(command: Extract<Command, { awardId: unknown }>): string {
    const award = awards.find((one) => one.id === command.awardId);
    if (award === undefined) return "award.unknown";
    const wrong = `award.wrong_state ${award.state}`;
    const order = "orderId" in command ? command.orderId : null;
    const has = (...states: string[]) => states.includes(award.state);
    switch (command.type) {
      case "award.commit":
        if (has("committing") || (has("posted") && award.orderId !== null)) {
          return award.orderId === order ? "done" : "award.committed_elsewhere";
        }
        if (!has("held")) return wrong;
        award.state = "committing";
        award.orderId = order;
        return "done";
      case "award.release":
        if (has("held") && award.orderId === order) return "done";
        if (!has("committing")) return wrong;
        if (award.orderId !== order) return "award.committed_elsewhere";
        award.state = "held";
        award.dueMs = Math.max(award.dueMs, nowMs + 600_000);
        return "done";
      case "award.post":
        if (has("posted"))
          return award.orderId === order
            ? "done"
            : award.orderId === null
              ? wrong
              : "award.committed_elsewhere";
        if (has("committing") && award.orderId !== order)
          return order === null ? wrong : "award.committed_elsewhere";
        if (!has("committing") && !(has("held") && order === null)) return wrong;
        // A claim without an order keeps the id of the order it was once released from, if any.
        award.state = "posted";
        return "done";
      case "award.forfeit":
        if (has("forfeited") && award.reason === command.reason) return "done";
        if (!has("held")) return wrong;
        award.state = "forfeited";
        award.reason = command.reason;
        serve(award.pool);
        return "done";
      case "award.extend":
        if (!has("held")) return wrong;
        if (award.extended && award.dueMs === command.claimByMs) return "done";
        if (award.extended || command.claimByMs <= award.dueMs) return "award.bad_deadline";
        award.extended = true;
        award.dueMs = command.claimByMs;
        return "done";
    }
  }

  function armDraw(command: Extract<Command, { type: "draw.arm" }>): string {
    const draw = draws.get(command.draw);
    if (draw === undefined) return "draw.unknown";
    if (draw.arm !== null) {
      return draw.arm.firstRound === command.firstRound && draw.arm.opensAtMs === command.opensAtMs
        ? "armed"
        : "draw.already_armed";
    }
    if (draw.cancelled) return "draw.cancelled";
    const { rules } = draw;
    if (rules.schedule.length === 0) return "draw.no_window";
    if (rules.schedule.some((units) => units < 0)) return "draw.bad_schedule";
    if (liveDraw(rules.pool)) return "draw.pool_busy";
    const pool = pools.get(rules.pool) as Pool;
    const promised = pool.promised.get(command.draw) ?? 0;
    if (sum(rules.schedule) > numbers(rules.pool).free || sum(rules.schedule) + promised === 0) {
      return "draw.insufficient_units";
    }
    if (command.opensAtMs - nowMs < 10_000 || newest >= command.firstRound) return "draw.arm_too_late";
    pool.promised.delete(command.draw);
    draw.arm = command;
    draw.schedule = rules.schedule.map((units, window) => units + (window === 0 ? promised : 0));
    draw.end = draw.schedule.length;
    return "armed";
  }

  function enter(command: Extract<Command, { type: "draw.enter" }>): string {
    const draw = draws.get(command.draw);
    if (draw === undefined) return "draw.unknown";
    if (draw.cancelled) return "draw.cancelled";
    if (draw.arm === null) return "draw.not_open";
    if (draw.closed) return "draw.closed";
    const window = openWindow(draw);
    if (Math.max(window, 0) >= draw.end) return "draw.closed";
    if (window < 0) return "draw.not_open";
    const all = [
      ...draw.entries,
      ...draw.sealed.flatMap((one) => [...one.entries].map(([user, key]) => ({ window: -1, user, key }))),
    ];
    const mine = all.find((entry) => entry.user === command.user)?.key ?? null;
    const fixed = mine !== null && mine !== command.userKey ? mine : null;
    if (draw.entries.some((entry) => entry.user === command.user && entry.window === window)) {
      return `entered ${window} false ${fixed}`;
    }
    if (mine === null && all.some((entry) => entry.key === command.userKey)) return "draw.key_clash";
    if (winsOf(draw, command.user) >= draw.rules.capPerUser) return "draw.cap_reached";
    const cap = pools.get(draw.rules.pool)?.cap ?? null;
    if (cap !== null && worst(draw.rules.pool, command.user, 1) > cap) return "draw.cap_reached";
    draw.entries.push({ window, user: command.user, key: mine ?? command.userKey });
    return `entered ${window} true ${fixed}`;
  }

  function seal(draw: Draw, window: number, units: number): void {
    const entries = new Map<string, string>();
    for (const entry of draw.entries) if (entry.window <= window) entries.set(entry.user, entry.key);
    draw.entries = draw.entries.filter((entry) => entry.window > window);
    draw.sealed.push({ window, entries, units, winners: null, sealHash: "" });
    draw.next = window + 1;
    draw.carried = 0;
  }

  function tickDraw(draw: Draw): void {
    if (draw.arm === null || draw.closed) return;
    const isReady =
      draw.next >= draw.end && draw.entries.length === 0 && draw.sealed.every((one) => one.winners);
    if (isReady) {
      const left = heldByDraw(draw);
      draw.closed = true;
      const target = draw.rules.leftoversTo === null ? undefined : draws.get(draw.rules.leftoversTo);
      if (target && target.arm === null && !target.cancelled && target.rules.pool === draw.rules.pool) {
        const { promised } = pools.get(draw.rules.pool) as Pool;
        promised.set(target.rules.draw, (promised.get(target.rules.draw) ?? 0) + left);
      } else serve(draw.rules.pool);
      return;
    }
    const { firstRound } = draw.arm;
    let isGap = false;
    while (draw.next < draw.end && closesMs(draw, draw.next) <= nowMs) {
      const window = draw.next;
      const units = (draw.schedule[window] as number) + draw.carried;
      isGap = nowMs >= dueMs(draw, window) || newest >= firstRound + window;
      if (isGap) {
        draw.carried = units;
        draw.next += 1;
      } else seal(draw, window, units);
    }
    if (!isGap || draw.next < draw.end || draw.entries.length === 0) return;
    let extension = draw.end;
    while (closesMs(draw, extension) < nowMs || firstRound + extension <= newest) extension++;
    seal(draw, extension, draw.carried);
  }

  function tick(): string {
    for (const draw of draws.values()) tickDraw(draw);
    const due = awards
      .filter((award) => award.state === "held" && award.dueMs <= nowMs)
      .sort((a, b) => a.dueMs - b.dueMs || (a.id < b.id ? -1 : 1));
    for (const award of due) {
      award.state = "expired";
      serve(award.pool);
    }
    return "done";
  }

  function reveal(command: Extract<Command, { type: "draw.reveal" }>): string {
    const draw = draws.get(command.draw);
    if (draw === undefined) return "draw.unknown";
    if (draw.arm === null) return "draw.not_armed";
    if (command.round !== draw.arm.firstRound + command.window) return "draw.bad_beacon";
    const window = draw.sealed.find((one) => one.window === command.window);
    if (window === undefined) return "draw.not_sealed";
    if (window.winners !== null) return `drawn ${window.winners.length}`;
    const index = draw.sealed.indexOf(window);
    if (index > 0 && draw.sealed[index - 1]?.winners === null) return "draw.out_of_order";
    const before = draw.sealed.slice(0, index);
    const units =
      sum(before.map((one) => one.units)) + window.units - sum(before.map((one) => one.winners?.length ?? 0));
    const ranked = [...window.entries]
      .filter(([user]) => winsOf(draw, user) < draw.rules.capPerUser)
      .map(([user, key]) => ({
        user,
        key,
        ticket: hash("wanhui/ticket/1", raw(window.sealHash), raw(command.randomness), raw(key)),
      }))
      .sort((a, b) => (a.ticket < b.ticket ? -1 : 1))
      .slice(0, units);
    window.winners = ranked.map((one) => one.user);
    for (const { user, key } of ranked) {
      const id = hash("wanhui/award/1", raw(window.sealHash), raw(key)).slice(0, 32);
      const ttlMs = draw.rules.claimTtlMs;
      awards.push({
        id,
        pool: draw.rules.pool,
        user,
        requestId: null,
        atMs: nowMs,
        state: ttlMs === null ? "posted" : "held",
        dueMs: nowMs + (ttlMs ?? 0),
        orderId: null,
        reason: null,
        extended: false,
      });
    }
    return `drawn ${ranked.length}`;
  }

  function stop(command: Extract<Command, { type: "draw.stop" }>): string {
    const draw = draws.get(command.draw);
    if (draw === undefined) return "draw.unknown";
    if (draw.arm === null) return "draw.not_armed";
    if (draw.stopReason === command.reason) return "done";
    const open = openWindow(draw);
    if (draw.stopReason !== null || draw.closed || open >= draw.end) return "draw.closed";
    draw.stopReason = command.reason;
    // Units of windows that no longer exist stay with the draw until it closes.
    draw.end = Math.min(draw.end, open + 1);
    return "done";
  }

  function cancel(command: Extract<Command, { type: "draw.cancel" }>): string {
    const draw = draws.get(command.draw);
    if (draw === undefined) return "draw.unknown";
    if (draw.arm !== null) return "draw.already_armed";
    draw.cancelled = true;
    pools.get(draw.rules.pool)?.promised.delete(command.draw);
    serve(draw.rules.pool);
    return "done";
  }

  function answer(command: Command): string {
    switch (command.type) {
      case "pool.create": {
        const parameters = JSON.stringify([command.units, command.capPerUser, command.grabClaimTtlMs]);
        const existing = pools.get(command.pool);
        if (existing) return existing.parameters === parameters ? "done" : "pool.conflict";
        const { units, capPerUser: cap, grabClaimTtlMs: ttlMs } = command;
        pools.set(command.pool, {
          units,
          withdrawn: 0,
          cap,
          ttlMs,
          parameters,
          changes: new Map(),
          grab: null,
          line: [],
          promised: new Map(),
        });
        return "done";
      }
      case "pool.change": {
        const pool = pools.get(command.pool);
        if (pool === undefined) return "pool.unknown";
        const before = pool.changes.get(command.commandId);
        if (before !== undefined) return before === command.delta ? "done" : "request.conflict";
        if (command.delta === 0) return "pool.bad_parameters";
        if (numbers(command.pool).free + command.delta < 0) return "pool.insufficient";
        pool.changes.set(command.commandId, command.delta);
        if (command.delta > 0) pool.units += command.delta;
        else pool.withdrawn -= command.delta;
        serve(command.pool);
        return "done";
      }
      case "grab.open": {
        const pool = pools.get(command.pool);
        if (pool === undefined) return "pool.unknown";
        const { opensAtMs: opens, closesAtMs: closes } = command;
        if (pool.grab?.[0] === opens && pool.grab[1] === closes) return "done";
        if (closes <= opens || closes <= nowMs) return "grab.bad_schedule";
        if (pool.grab && (opens < pool.grab[1] || nowMs < pool.grab[1])) return "grab.bad_schedule";
        pool.grab = [opens, closes];
        return "done";
      }
      case "grab.take":
        return take(command);
      case "draw.plan": {
        const existing = draws.get(command.rules.draw);
        if (existing)
          return JSON.stringify(existing.rules) === JSON.stringify(command.rules) ? "done" : "draw.conflict";
        draws.set(command.rules.draw, {
          rules: command.rules,
          arm: null,
          schedule: [],
          end: 0,
          cancelled: false,
          stopReason: null,
          entries: [],
          next: 0,
          carried: 0,
          sealed: [],
          closed: false,
        });
        return "done";
      }
      case "draw.arm":
        return armDraw(command);
      case "draw.enter":
        return enter(command);
      case "draw.cancel":
        return cancel(command);
      case "draw.stop":
        return stop(command);
      case "draw.reveal":
        return reveal(command);
      case "tick":
        return tick();
      default:
        return moveAward(command);
    }
  }

  return {
    decide(command: Command, atMs: number, newestRoundSeen: number): string {
      nowMs = atMs;
      newest = newestRoundSeen;
      return answer(command);
    },
    numbers,
    pools: () => [...pools.keys()],
    awards: () => awards,
    /** Seal hashes are the one thing the oracle is told: it does not build chains. */
    learnSealHash(drawId: string, window: number, sealHash: string): void {
      const sealed = draws.get(drawId)?.sealed.find((one) => one.window === window);
      if (sealed === undefined) throw new Error(`the oracle has not sealed window ${window}`);
      sealed.sealHash = sealHash;
    },
    sealedWindows: (drawId: string) => draws.get(drawId)?.sealed ?? [],
  };
}
