import {
  type ArmRecord,
  type AwardId,
  type AwardMoved,
  canonicalJson,
  type DrawId,
  type Event,
  type Granted,
  type PoolId,
  type WindowDrawn,
  type WindowSealed,
} from "@wanhui/core";
import { CopyRows } from "./copy-binary.ts";
import type { DurableBatch } from "./types.ts";

/** A statement that must touch exactly one row. */
export type Statement = { readonly text: string; readonly values: readonly unknown[]; readonly key: string };

/** An award as the `awards` table shows it. */
export type AwardRow = {
  readonly awardId: AwardId;
  readonly pool: PoolId;
  readonly draw: DrawId | null;
  readonly window: number | null;
  readonly userId: string;
  readonly userKey: string | null;
  readonly ticket: string | null;
  readonly requestId: string | null;
  state: AwardMoved["to"];
  orderId: string | null;
  claimByMs: number | null;
  reason: string | null;
  readonly wonAtMs: number;
  movedAtMs: number;
  readonly shard: number;
};

/** Where an award of an earlier transaction has gone since. `claimByMs` undefined leaves the deadline as it is. */
export type AwardMove = {
  state: AwardMoved["to"];
  orderId: string | null;
  claimByMs: number | null | undefined;
  reason: string | null;
  movedAtMs: number;
};

/** What later events need to know of earlier ones: small, read from the tables at the start. */
export type ProjectionMemory = {
  readonly draws: Map<DrawId, { pool: PoolId; claimTtlMs: number | null; records: number }>;
  readonly grabClaimTtlMs: Map<PoolId, number | null>;
};

/** Applies one move to a row or to an earlier move of the same transaction. */
export function moveOn(target: AwardRow | AwardMove, event: AwardMoved): void {
  target.state = event.to;
  if (event.orderId !== null) target.orderId = event.orderId;
  if (event.to === "held") target.claimByMs = event.claimByMs;
  else if (event.to !== "committing") target.claimByMs = null;
  target.reason = event.reason;
  target.movedAtMs = event.atMs;
}

const json = (value: unknown) => Buffer.from(canonicalJson(value)).toString("utf8");

/** Turns journal events into rows of one transaction (MT1); it knows no database. */
export class Projection {
  readonly #memory: ProjectionMemory;
  readonly statements: Statement[] = [];
  readonly entries = new CopyRows();
  readonly grabs = new CopyRows();
  readonly waits = new CopyRows();
  readonly awards = new Map<AwardId, AwardRow>();
  readonly moves = new Map<AwardId, AwardMove>();
  events = 0;

  constructor(memory: ProjectionMemory) {
    this.#memory = memory;
  }

  add(batch: Pick<DurableBatch, "shard" | "seq" | "events">): void {
    for (const event of batch.events) this.#event(batch, event);
    this.events += batch.events.length;
  }

  #event(place: { shard: number; seq: number }, event: Event): void {
    const { shard, seq } = place;
    switch (event.type) {
      case "entered":
        this.entries.row(7).text(event.draw).int4(event.window).hex(event.userKey).hex(event.user);
        this.entries.int8(event.atMs).int4(shard).int8(seq);
        return;
      case "granted":
        this.#granted(shard, event);
        return;
      case "grab.waiting":
        this.waits.row(4).text(event.pool).text(event.user).text(event.requestId).int8(event.atMs);
        return;
      case "award.moved":
        this.#moved(event);
        return;
      case "window.sealed":
        this.#sealed(place, event);
        return;
      case "window.drawn":
        this.#drawn(shard, event);
        return;
      case "window.gap":
        this.#record(place, { kind: "gap", hash: event.hash, record: event.record, atMs: event.atMs });
        return;
      case "draw.stopped":
        this.#record(place, { kind: "stop", hash: event.hash, record: event.record, atMs: event.atMs });
        this.#drawState(event.record.draw, "stopped", null);
        return;
      case "draw.cancelled":
        this.#drawState(event.draw, "cancelled", event.atMs);
        return;
      case "draw.closed":
        this.#record(place, { kind: "close", hash: event.hash, record: event.record, atMs: event.atMs });
        this.#drawState(event.record.draw, "closed", event.atMs);
        return;
      default:
        this.#plan(shard, event);
        return;
    }
  }

  #plan(shard: number, event: Event): void {
    if (event.type === "pool.created") {
      const { pool, units, capPerUser, grabClaimTtlMs, atMs } = event;
      this.#memory.grabClaimTtlMs.set(pool, grabClaimTtlMs);
      this.#one(
        pool,
        `insert into pools (pool, shard, units, cap_per_user, grab_claim_ttl_ms, created_at_ms)
         values ($1, $2, $3, $4, $5, $6)`,
        [pool, shard, units, capPerUser, grabClaimTtlMs, atMs],
      );
    } else if (event.type === "pool.changed") {
      const column = event.delta > 0 ? "units" : "withdrawn";
      const text = `update pools set ${column} = ${column} + $2 where pool = $1`;
      this.#one(event.pool, text, [event.pool, Math.abs(event.delta)]);
    } else if (event.type === "grab.opened") {
      const text = "update pools set grab_opens_at_ms = $2, grab_closes_at_ms = $3 where pool = $1";
      this.#one(event.pool, text, [event.pool, event.opensAtMs, event.closesAtMs]);
    } else if (event.type === "draw.planned") {
      const { rules, rulesHash, atMs } = event;
      this.#memory.draws.set(rules.draw, { pool: rules.pool, claimTtlMs: rules.claimTtlMs, records: 0 });
      this.#one(
        rules.draw,
        `insert into draws (draw, pool, shard, state, rules, rules_hash, planned_at_ms)
         values ($1, $2, $3, 'planned', $4, $5, $6)`,
        [rules.draw, rules.pool, shard, json(rules), rulesHash, atMs],
      );
    } else if (event.type === "draw.armed") this.#armed(event.record, event.armHash);
  }

  #armed(record: ArmRecord, armHash: string): void {
    const text =
      "update draws set state = 'armed', arm = $2, arm_hash = $3 where draw = $1 and state = 'planned'";
    this.#one(record.draw, text, [record.draw, json(record), armHash]);
  }

  #drawState(draw: DrawId, state: "cancelled" | "stopped" | "closed", closedAtMs: number | null): void {
    const text = "update draws set state = $2, closed_at_ms = $3 where draw = $1 and state <> 'closed'";
    this.#one(draw, text, [draw, state, closedAtMs]);
  }

  #record(
    place: { shard: number; seq: number },
    entry: { kind: string; hash: string; record: { readonly draw: DrawId }; atMs: number },
  ): void {
    const memory = this.#draw(entry.record.draw);
    const { draw } = entry.record;
    this.#one(
      `${draw} ${entry.kind}`,
      `insert into draw_records (draw, position, kind, record, hash, shard, seq, at_ms)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [draw, memory.records, entry.kind, json(entry.record), entry.hash, place.shard, place.seq, entry.atMs],
    );
    memory.records += 1;
  }

  #sealed(place: { shard: number; seq: number }, event: WindowSealed): void {
    const { header, sealHash, taps, atMs } = event;
    const part = header.parts[0];
    this.#record(place, { kind: "seal", hash: sealHash, record: header, atMs });
    this.#one(
      `${header.draw} ${header.window}`,
      `insert into draw_windows (draw, window_index, header, seal_hash, root, count, units_released, round, taps,
         sealed_at_ms, shard, sealed_seq) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        header.draw,
        header.window,
        json(header),
        sealHash,
        part?.root,
        part?.count,
        header.units,
        header.round,
        taps,
        header.sealedAtMs,
        place.shard,
        place.seq,
      ],
    );
  }

  #drawn(shard: number, event: WindowDrawn): void {
    const { draw, window, randomness, signature, units, winners, atMs } = event;
    this.#one(
      `${draw} ${window}`,
      `update draw_windows set drawn_at_ms = $3, randomness = $4, beacon_signature = $5, units_drawn = $6, winners = $7
       where draw = $1 and window_index = $2 and drawn_at_ms is null`,
      [draw, window, atMs, randomness, signature, units, winners.length],
    );
    const { pool, claimTtlMs } = this.#draw(draw);
    for (const { awardId, user, userKey, ticket } of winners) {
      const won = { awardId, pool, draw, window, userId: user, userKey, ticket, requestId: null };
      this.#won({ ...won, wonAtMs: atMs, shard }, claimTtlMs);
    }
  }

  #granted(shard: number, event: Granted): void {
    const { pool, awardId, user, requestId, atMs } = event;
    this.grabs.row(5).text(pool).text(user).text(requestId).text(awardId).int8(atMs);
    const won = {
      awardId,
      pool,
      draw: null,
      window: null,
      userId: user,
      userKey: null,
      ticket: null,
      requestId,
    };
    const claimTtlMs = this.#memory.grabClaimTtlMs.get(pool);
    if (claimTtlMs === undefined) throw new ProjectionBreak(`a grant of pool ${pool}, which is not in SQL`);
    this.#won({ ...won, wonAtMs: atMs, shard }, claimTtlMs);
  }

  #won(
    won: Omit<AwardRow, "state" | "orderId" | "claimByMs" | "reason" | "movedAtMs">,
    claimTtlMs: number | null,
  ): void {
    if (this.awards.has(won.awardId)) throw new ProjectionBreak(`award ${won.awardId} is made twice`);
    this.awards.set(won.awardId, {
      ...won,
      state: claimTtlMs === null ? "posted" : "held",
      claimByMs: claimTtlMs === null ? null : won.wonAtMs + claimTtlMs,
      orderId: null,
      reason: null,
      movedAtMs: won.wonAtMs,
    });
  }

  #moved(event: AwardMoved): void {
    const known = this.awards.get(event.awardId) ?? this.moves.get(event.awardId);
    if (known !== undefined) {
      moveOn(known, event);
      return;
    }
    const { to, orderId, reason, atMs } = event;
    const move: AwardMove = { state: to, orderId, claimByMs: undefined, reason, movedAtMs: atMs };
    moveOn(move, event);
    this.moves.set(event.awardId, move);
  }

  #draw(draw: DrawId): { pool: PoolId; claimTtlMs: number | null; records: number } {
    const memory = this.#memory.draws.get(draw);
    if (memory === undefined) throw new ProjectionBreak(`an event of draw ${draw}, which is not in SQL`);
    return memory;
  }

  #one(key: string, text: string, values: readonly unknown[]): void {
    this.statements.push({ text, values, key });
  }
}

/** The journal says something that the tables cannot have: the line stops (MT2). */
export class ProjectionBreak extends Error {
  override readonly name = "ProjectionBreak";
}

/** The awards collected as one COPY, in the order of `awardColumns`. */
export function copyOfAwards(awards: Iterable<AwardRow>): CopyRows {
  const rows = new CopyRows();
  for (const award of awards) {
    rows.row(15).text(award.awardId).text(award.pool).text(award.draw).int4(award.window).text(award.userId);
    rows.text(award.userKey).text(award.ticket).text(award.requestId).text(award.state).text(award.orderId);
    rows.int8(award.claimByMs).text(award.reason).int8(award.wonAtMs).int8(award.movedAtMs).int4(award.shard);
  }
  return rows;
}

export const awardColumns =
  "award_id, pool, draw, window_index, user_id, user_key, ticket, request_id, state, order_id, claim_by_ms, reason, " +
  "won_at_ms, moved_at_ms, shard";
