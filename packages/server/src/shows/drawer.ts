import { setMaxListeners } from "node:events";
import type { Answer, BeaconChain, Hash, Hex } from "@wanhui/core";
import { errorMessage, type Log, type Service, withSignal } from "../platform/mod.ts";
import type { Board } from "./board-port.ts";
import type { SealedWindow } from "./board-round.ts";
import type { DrawerEngine, ShowClock } from "./director-port.ts";

/** A beacon value whose signature was verified. */
export type VerifiedBeacon = { readonly round: number; readonly randomness: Hash; readonly signature: Hex };

/** What a drawer is made of. */
export type DrawerParts = {
  readonly board: Pick<Board, "sealedUndrawn" | "watch">;
  readonly engine: DrawerEngine;
  readonly clock: ShowClock;
  /** Fetches a round of a chain and verifies it; throws while it is not there. */
  readonly fetchBeacon: (beacon: BeaconChain, round: number, signal: AbortSignal) => Promise<VerifiedBeacon>;
  readonly log: Log;
};

/** CU4. Beacons are some 100 ms late; the first pauses are short so that results keep their stated time. */
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5_000;
/** The board's own changes wake the drawer; this only bounds a lost wake. */
const LOOK_EVERY_MS = 1_000;

/**
 * Draws every sealed window with its own beacon, in window order, however late, at restarts too (CU4, DR14). It
 * gives up nothing: a window is asked for again until the journal has its result.
 */
export function createDrawer(parts: DrawerParts): Service {
  return new Drawer(parts);
}

class Drawer implements Service {
  readonly name = "drawer";
  readonly #parts: DrawerParts;
  readonly #ended = new AbortController();
  /** Draws with a window under way; draws do not wait for each other. */
  readonly #busy = new Map<string, Promise<void>>();
  #ran: Promise<void> | undefined;
  #wake = new AbortController();
  #wakes = 0;

  constructor(parts: DrawerParts) {
    this.#parts = parts;
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
    // Every draw that waits for its beacon listens to it; that is no leak.
    setMaxListeners(0, signal);
    const unwatch = this.#parts.board.watch(() => this.#awake());
    try {
      while (!signal.aborted) {
        const wakes = this.#wakes;
        for (const window of this.#parts.board.sealedUndrawn()) {
          // The first of each draw in the list is the one to draw; the others wait for it.
          if (!this.#busy.has(window.draw)) this.#begin(window, signal);
        }
        if (wakes !== this.#wakes) continue;
        this.#wake = new AbortController();
        await withSignal([signal, this.#wake.signal], (end) => this.#parts.clock.wait(LOOK_EVERY_MS, end));
      }
      await Promise.all(this.#busy.values());
    } finally {
      unwatch();
    }
  }

  #awake(): void {
    this.#wakes += 1;
    this.#wake.abort();
  }

  #begin(window: SealedWindow, signal: AbortSignal): void {
    const work = this.#draw(window, signal).finally(() => {
      this.#busy.delete(window.draw);
      this.#awake();
    });
    this.#busy.set(window.draw, work);
  }

  async #draw(window: SealedWindow, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (let pauseMs = RETRY_MS_MIN; !signal.aborted; pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)) {
      const earlyMs = window.dueAtMs - clock.nowMs();
      if (earlyMs > 0) await clock.wait(earlyMs, signal);
      if (signal.aborted) return;
      const why = await this.#try(window, signal);
      if (why === null || signal.aborted) return;
      const fields = { part: "drawer", draw: window.draw, window: window.window, reason: why };
      // A beacon that is a little late is the ordinary case.
      if (pauseMs > 1_000) this.#parts.log.warn(fields, "A sealed window waits for its result");
      else this.#parts.log.debug(fields, "A sealed window waits for its result");
      await clock.wait(pauseMs, signal);
    }
  }

  /** One try. @returns null when the window is drawn, else why not */
  async #try(window: SealedWindow, signal: AbortSignal): Promise<string | null> {
    const { engine, fetchBeacon } = this.#parts;
    try {
      const { round, randomness, signature } = await fetchBeacon(window.beacon, window.round, signal);
      // Told before anything else happens with it: no window of this round or an older one is sealed from here (DR11).
      engine.sawBeacon(round, window.beacon.chainHash);
      const answer: Answer = await engine.submit({
        type: "draw.reveal",
        draw: window.draw,
        window: window.window,
        round,
        randomness,
        signature,
      });
      return answer.ok ? null : answer.code;
    } catch (error) {
      return errorMessage(error);
    }
  }
}
