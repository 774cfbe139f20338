import type { Hex } from "@wanhui/core";
import type { Log, Service } from "../platform/mod.ts";
import { sleep } from "./beacon-source.ts";
import type { Beacons } from "./choose.ts";

/** Between two looks: a clock that is slewed by 500 ppm moves 15 ms in it, one that is stepped is found out soon. */
const CLOCK_LOOK_EVERY_MS = 30_000;

/**
 * Compares our clock with drand's while draws rest on it. A round that is public too early is told to the engine, so
 * that no window whose seed is in sight is sealed (DR11), and said loudly (BC9).
 */
export function createClockWatch(parts: {
  readonly beacons: Pick<Beacons, "early" | "publicChain">;
  readonly engine: { sawBeacon(round: number, chainHash: Hex): void };
  /** Whether draws rest on the public chain now. */
  readonly needed: () => boolean;
  readonly log: Log;
  readonly everyMs?: number;
}): Service {
  const { beacons, engine, log } = parts;
  const ended = new AbortController();
  const look = async (signal: AbortSignal): Promise<void> => {
    const early = parts.needed() ? await beacons.early(signal) : null;
    if (early === null) return;
    engine.sawBeacon(early.round, beacons.publicChain.chainHash);
    log.error(
      { part: "beacons", round: early.round },
      "This server's clock is behind drand's: windows are not sealed but carried on; set the clock of the database's machine",
    );
  };
  return {
    name: "clock watch",
    async run(signal) {
      const over = AbortSignal.any([signal, ended.signal]);
      while (!over.aborted) {
        await look(over);
        // The end cuts the pause short; the loop sees it.
        await sleep(parts.everyMs ?? CLOCK_LOOK_EVERY_MS, over).catch(() => undefined);
      }
    },
    async stop() {
      ended.abort();
    },
  };
}
