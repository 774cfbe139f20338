import type pg from "pg";
import { Fault } from "./fault.ts";

/**
 * Where time comes from. `nowMs` is milliseconds since 1970 of the clock's own authority; `monotonicMs` only ever
 * grows and means nothing outside this process.
 */
export type Clock = { nowMs(): number; monotonicMs(): number };

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A difference above this between our clock and the database's is a step, reported and slewed away. */
export const stepMs = 100;
/** Rate at which a difference is worked off: 500 parts per million, the limit NTP has used since RFC 1305. */
export const slewPpmMax = 500;
/** An answer of the database that took longer says too little about when it was given. */
const roundTripMsMax = 250;

/** What a clock says when the wall clock it follows jumped. */
export type ClockStep = {
  /** Positive: the database's clock is ahead of ours. */
  differenceMs: number;
  /** How long the slew takes. */
  slewMs: number;
};

/**
 * The shard clock: anchored to the database's `clock_timestamp()`, carried on by this machine's monotonic clock,
 * never running backwards. When the database's clock differs from ours at a later reading, we approach it by at
 * most `slewPpmMax`, so that no second is skipped or lived twice; differences above `stepMs` are reported.
 */
export class AnchoredClock implements Clock {
  readonly #monotonicMs: () => number;
  readonly #onStep: (step: ClockStep) => void;
  /** A moment as both clocks saw it: our time was `ourMs` when the monotonic clock showed `atMs`. */
  #anchor: { ourMs: number; atMs: number };
  /** What is still to be worked off from the anchor on; signed. */
  #differenceMs = 0;
  #lastMs: number;

  /**
   * @param reading the database's time and the monotonic time it belongs to
   */
  constructor(options: {
    reading: { databaseMs: number; atMs: number };
    monotonicMs?: () => number;
    onStep?: (step: ClockStep) => void;
  }) {
    this.#monotonicMs = options.monotonicMs ?? systemClock.monotonicMs;
    this.#onStep = options.onStep ?? (() => undefined);
    this.#anchor = { ourMs: options.reading.databaseMs, atMs: options.reading.atMs };
    this.#lastMs = options.reading.databaseMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs();
  }

  nowMs(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#at(this.#monotonicMs()));
    return this.#lastMs;
  }

  /** Takes a later reading of the database's clock. */
  adjust(reading: { databaseMs: number; atMs: number }): void {
    const ourMs = this.#at(reading.atMs);
    const differenceMs = reading.databaseMs - ourMs;
    this.#anchor = { ourMs, atMs: reading.atMs };
    this.#differenceMs = differenceMs;
    if (Math.abs(differenceMs) > stepMs) {
      this.#onStep({ differenceMs, slewMs: (Math.abs(differenceMs) * 1_000_000) / slewPpmMax });
    }
  }

  #at(monotonicMs: number): number {
    const elapsedMs = monotonicMs - this.#anchor.atMs;
    const workedOffMs = Math.min(
      Math.abs(this.#differenceMs),
      (Math.max(0, elapsedMs) * slewPpmMax) / 1_000_000,
    );
    return this.#anchor.ourMs + elapsedMs + Math.sign(this.#differenceMs) * workedOffMs;
  }
}

/**
 * Reads the database's clock: the best of a few tries, the answer placed in the middle of its round trip.
 *
 * @throws Fault `clock.database_slow` (retryable) when every round trip took too long to tell the time by
 */
export async function readDatabaseClock(
  pool: Pick<pg.Pool, "query">,
  monotonicMs: () => number = systemClock.monotonicMs,
): Promise<{ databaseMs: number; atMs: number }> {
  let best: { databaseMs: number; atMs: number; roundTripMs: number } | undefined;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const before = monotonicMs();
    const { rows } = await pool.query<{ ms: string }>(
      "select (extract(epoch from clock_timestamp()) * 1000)::text as ms",
    );
    const roundTripMs = monotonicMs() - before;
    if (best === undefined || roundTripMs < best.roundTripMs) {
      best = { databaseMs: Number(rows[0]?.ms), atMs: before + roundTripMs / 2, roundTripMs };
    }
  }
  if (best === undefined || best.roundTripMs > roundTripMsMax) {
    throw new Fault("clock.database_slow", "The database answers too slowly to tell the time by.", {
      retryable: true,
    });
  }
  return { databaseMs: best.databaseMs, atMs: best.atMs };
}
