// What the prize wall says of one prize, from the show and the newest numbers.

import type { PrizeView, RoundView, ShowView } from "@wanhui/protocol";
import { nextWindow } from "./windows.ts";

/** The result of a window as the room heard it. */
export type DrawnWindow = { readonly window: number; readonly entries: number; readonly units: number };

export type PrizeFacts = {
  readonly left: number;
  /** The round that gives it next, or gave it last; null for what is grabbed only. */
  readonly round: RoundView | null;
  /** Units of the next window; null when none comes. */
  readonly nextUnits: number | null;
  /** Entries and units of the last window drawn: the only odds that can be known beforehand. */
  readonly last: DrawnWindow | null;
  readonly grabbed: boolean;
};

const OVER = new Set(["closed", "stopped", "missed", "skipped", "drawing"]);

/** Units left of a pool: the newest count, else what the show said when it was fetched. */
export function unitsLeft(show: ShowView, prize: PrizeView): number {
  return show.counts.left[prize.pool] ?? prize.left;
}

/** The facts of one prize at a moment. */
export function prizeFacts(
  show: ShowView,
  prize: PrizeView,
  lastDrawn: (draw: string) => DrawnWindow | null,
  nowMs: number,
): PrizeFacts {
  const rounds = show.rounds
    .filter((round) => round.pool === prize.pool)
    .sort((left, right) => left.opensAtMs - right.opensAtMs);
  const coming = rounds.find((round) => !OVER.has(round.phase) && nowMs < round.closesAtMs);
  const round = coming ?? rounds.at(-1) ?? null;
  const window = coming === undefined ? null : nextWindow(coming, nowMs);
  return {
    left: unitsLeft(show, prize),
    round,
    nextUnits: coming === undefined || window === null ? null : (coming.schedule[window] ?? null),
    last: round === null ? null : lastDrawn(round.draw),
    grabbed: show.rains.some((rain) => rain.pool === prize.pool),
  };
}

/** Whether a prize belongs to a venue: through a round or a rain of that venue. A prize of none is in the main one. */
export function inVenue(show: ShowView, prize: PrizeView, venue: string): boolean {
  const venues = [
    ...show.rounds.filter((round) => round.pool === prize.pool).map((round) => round.venue),
    ...show.rains.filter((rain) => rain.pool === prize.pool).map((rain) => rain.venue),
  ];
  if (venues.length === 0) return show.venues.some((each) => each.slug === venue && each.main);
  return venues.includes(venue);
}
