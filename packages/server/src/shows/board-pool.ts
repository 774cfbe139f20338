import type { ArmRecord, AwardId, AwardMoved, CloseRecord, DrawId, PoolId } from "@wanhui/core";
import type { PrizeView, StudioPoolView } from "@wanhui/protocol";
import type { PoolDefinition } from "./definition.ts";

// Units of the run's pools as the durable events left them.

/** A pool as the durable events left it. */
export type BoardPool = {
  readonly definition: PoolDefinition;
  readonly id: PoolId;
  /** Units there are: the file's, and what was added or withdrawn since. */
  units: number;
  /** Units an operator took out; no part of `units` (PL3). */
  withdrawn: number;
  /** Awards that still stand: held, committing or posted. */
  standing: number;
  /** Those of them that are posted. */
  posted: number;
  /** Units with the armed draw that are not won yet. */
  heldByDraw: number;
  /** Units left over for draws that are not armed yet (DR16). */
  readonly promised: Map<DrawId, number>;
  grab: { readonly opensAtMs: number; readonly closesAtMs: number } | null;
};

/** Where each award stands, in one small number each: a night has millions. */
export type AwardBook = {
  awards: number;
  claims: number;
  add(awardId: AwardId, pool: BoardPool, posted: boolean): void;
  /** Moves an award; null for one of another run. */
  move(event: AwardMoved): BoardPool | null;
  /** For a snapshot; shared with the book: copy it (JR14). */
  save(): BookMemory;
  load(memory: BookMemory): void;
};

export type BookMemory = {
  readonly awards: number;
  readonly claims: number;
  readonly places: ReadonlyMap<AwardId, number>;
};

/** A pool before its first event: every unit is free. */
export function newBoardPool(definition: PoolDefinition, id: PoolId): BoardPool {
  const none = { withdrawn: 0, standing: 0, posted: 0, heldByDraw: 0 };
  return { definition, id, units: definition.units, ...none, promised: new Map(), grab: null };
}

/** Takes a restock or a withdrawal in (PL3). */
export function changeUnits(pool: BoardPool, delta: number): void {
  pool.units += delta;
  if (delta < 0) pool.withdrawn -= delta;
}

/** A round takes its units out of the pool, with those that were promised to it. */
export function armUnits(pool: BoardPool, { draw, schedule }: ArmRecord): void {
  pool.promised.delete(draw);
  pool.heldByDraw += schedule.reduce((sum, units) => sum + units, 0);
}

/** A closed round gives back what nobody won: to a later round or to the pool (DR16). */
export function closeUnits(pool: BoardPool, { leftUnits, leftoversTo }: CloseRecord): void {
  pool.heldByDraw = 0;
  if (leftoversTo === null || leftUnits === 0) return;
  pool.promised.set(leftoversTo, (pool.promised.get(leftoversTo) ?? 0) + leftUnits);
}

/** A round that never opens gives back what was promised to it (DR20). */
export function cancelUnits(pool: BoardPool, draw: DrawId): void {
  pool.promised.delete(draw);
}

/** What the journal has said of a pool, without what the show file says. */
export type PoolMemory = Omit<BoardPool, "definition" | "id">;

/** For a snapshot; shared with the pool: copy it (JR14). */
export function rememberPool(pool: BoardPool): PoolMemory {
  const { definition: _definition, id: _id, ...memory } = pool;
  return memory;
}

const standings = ["held", "committing", "posted", "expired", "forfeited"] as const;

/** Counts awards and claims over the run's pools. */
export function createAwardBook(pools: readonly BoardPool[]): AwardBook {
  /** Index of the pool times the number of standings, plus the standing. */
  let places = new Map<AwardId, number>();
  const indexOf = new Map(pools.map((pool, index) => [pool.id, index]));
  const book: AwardBook = {
    awards: 0,
    claims: 0,
    add: (awardId, pool, posted) => {
      const standing = posted ? 2 : 0;
      places.set(awardId, (indexOf.get(pool.id) ?? 0) * standings.length + standing);
      pool.standing += 1;
      book.awards += 1;
      if (!posted) return;
      pool.posted += 1;
      book.claims += 1;
    },
    move: (event) => {
      const place = places.get(event.awardId);
      if (place === undefined) return null;
      const index = Math.floor(place / standings.length);
      const pool = pools[index];
      if (pool === undefined) return null;
      const standing = standings.indexOf(event.to);
      places.set(event.awardId, index * standings.length + standing);
      if (event.to === "expired" || event.to === "forfeited") pool.standing -= 1;
      if (event.to === "posted") {
        pool.posted += 1;
        book.claims += 1;
      }
      return pool;
    },
    save: () => ({ awards: book.awards, claims: book.claims, places }),
    load: (memory) => {
      book.awards = memory.awards;
      book.claims = memory.claims;
      places = new Map(memory.places);
    },
  };
  return book;
}

/** Units nobody has yet. */
export function unitsLeft(pool: BoardPool): number {
  return pool.units - pool.standing;
}

/** Where every unit of a pool is: units = free + held + posted + withdrawn (PL1). */
export function poolBalance(pool: BoardPool): StudioPoolView {
  const { posted, withdrawn, heldByDraw } = pool;
  const openAwards = pool.standing - posted;
  const promised = [...pool.promised.values()].reduce((sum, units) => sum + units, 0);
  const held = openAwards + heldByDraw + promised;
  const free = pool.units - held - posted;
  const units = pool.units + withdrawn;
  return { pool: pool.id, units, free, held, openAwards, heldByDraw, promised, posted, withdrawn };
}

/** Units won and neither claimed nor given up: they may come back. */
export function unitsOpen(pool: BoardPool): number {
  return pool.standing - pool.posted;
}

/** What the pages are shown of a prize. */
export function prizeView(pool: BoardPool): PrizeView {
  const { definition } = pool;
  return {
    pool: pool.id,
    slug: definition.pool,
    kind: definition.kind,
    title: definition.title,
    detail: definition.detail,
    picture: definition.picture === null ? null : `/${definition.picture}`,
    worth: definition.worth,
    price: definition.price,
    value: definition.value,
    sponsor: definition.sponsor,
    promised: pool.units,
    left: unitsLeft(pool),
  };
}
