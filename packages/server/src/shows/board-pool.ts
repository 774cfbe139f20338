import type { AwardId, AwardMoved, PoolId } from "@wanhui/core";
import type { PrizeView } from "@wanhui/protocol";
import type { PoolDefinition } from "./definition.ts";

// Units of the run's pools as the durable events left them.

/** A pool as the durable events left it. */
export type BoardPool = {
  readonly definition: PoolDefinition;
  readonly id: PoolId;
  /** Units there are: the file's, and what was added or withdrawn since. */
  units: number;
  /** Awards that still stand: held, committing or posted. */
  standing: number;
  /** Awards that may still come back: held or committing. */
  open: number;
  grab: { readonly opensAtMs: number; readonly closesAtMs: number } | null;
};

/** Where each award stands, in one small number each: a night has millions. */
export type AwardBook = {
  awards: number;
  claims: number;
  add(awardId: AwardId, pool: BoardPool, posted: boolean): void;
  /** Moves an award; null for one of another run. */
  move(event: AwardMoved): BoardPool | null;
};

const standings = ["held", "committing", "posted", "expired", "forfeited"] as const;

/** Counts awards and claims over the run's pools. */
export function createAwardBook(pools: readonly BoardPool[]): AwardBook {
  /** Index of the pool times the number of standings, plus the standing. */
  const places = new Map<AwardId, number>();
  const indexOf = new Map(pools.map((pool, index) => [pool.id, index]));
  const book: AwardBook = {
    awards: 0,
    claims: 0,
    add: (awardId, pool, posted) => {
      const standing = posted ? 2 : 0;
      places.set(awardId, (indexOf.get(pool.id) ?? 0) * standings.length + standing);
      pool.standing += 1;
      if (!posted) pool.open += 1;
      book.awards += 1;
      if (posted) book.claims += 1;
    },
    move: (event) => {
      const place = places.get(event.awardId);
      if (place === undefined) return null;
      const index = Math.floor(place / standings.length);
      const pool = pools[index];
      if (pool === undefined) return null;
      const standing = standings.indexOf(event.to);
      const ends = event.to === "posted" || event.to === "expired" || event.to === "forfeited";
      if (ends) pool.open -= 1;
      places.set(event.awardId, index * standings.length + standing);
      if (event.to === "expired" || event.to === "forfeited") pool.standing -= 1;
      if (event.to === "posted") book.claims += 1;
      return pool;
    },
  };
  return book;
}

/** Units nobody has yet. */
export function unitsLeft(pool: BoardPool): number {
  return pool.units - pool.standing;
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
