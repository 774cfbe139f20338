import type { DrawId } from "@wanhui/core";
import type { Cluster, TapsTold } from "../cluster/mod.ts";
import type { Service } from "../platform/mod.ts";
import type { Room } from "../rooms/mod.ts";
import type { Board } from "../shows/mod.ts";
import { pause } from "./ground.ts";

/** Numbers on pages move about twice a second; a process that is not heard for six of these has no viewers any more. */
const TELL_EVERY_MS = 500;
const FORGET_AFTER_MS = 3_000;

type Told = { readonly viewers: number; readonly taps: ReadonlyMap<DrawId, number>; readonly atMs: number };

/** Viewers and taps of all processes of the house together (MP16). For display: who has what is the journal's. */
export type HouseCounts = Service & {
  /** Counts taps this process took. */
  addTaps(draw: DrawId, count: number): void;
  /** People in the room, here and at the other processes. Somebody with a socket at two of them counts at both. */
  viewers(): number;
};

/** Makes the counts; told by the others from here on. */
export function createHouseCounts(parts: {
  readonly cluster: Pick<Cluster, "tell" | "onTold">;
  readonly room: Pick<Room, "viewers">;
  readonly board: Pick<Board, "addTaps">;
  readonly nowMs: () => number;
}): HouseCounts {
  const { cluster, room, board, nowMs } = parts;
  const ended = new AbortController();
  const own = new Map<DrawId, number>();
  const told = new Map<string, Told>();
  const unhear = cluster.onTold((from, message) => {
    if (message.t !== "counts") return;
    const atMs = nowMs();
    const before = told.get(from)?.taps;
    // Sums since its start: a lost message is made good by the next one. Of what a process counted before it was first
    // heard here the journal tells, at the latest when the window is sealed.
    for (const [draw, taps] of before === undefined ? [] : message.taps) {
      const more = taps - (before?.get(draw) ?? 0);
      if (more > 0) board.addTaps(draw, more, atMs);
    }
    told.set(from, { viewers: message.viewers, taps: new Map(message.taps), atMs });
  });
  return {
    name: "counts",
    addTaps(draw, count) {
      own.set(draw, (own.get(draw) ?? 0) + count);
      board.addTaps(draw, count, nowMs());
    },
    viewers() {
      const fresh = [...told.values()].filter(({ atMs }) => nowMs() - atMs < FORGET_AFTER_MS);
      return fresh.reduce((sum, { viewers }) => sum + viewers, room.viewers);
    },
    async run(signal) {
      const end = AbortSignal.any([signal, ended.signal]);
      while (!end.aborted) {
        const taps: TapsTold[] = [...own];
        cluster.tell({ t: "counts", viewers: room.viewers, taps });
        await pause(TELL_EVERY_MS, end);
      }
    },
    async stop() {
      unhear();
      ended.abort();
    },
  };
}
