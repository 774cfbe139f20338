import type { Service } from "../platform/mod.ts";
import type { Room } from "../rooms/mod.ts";
import type { Board } from "../shows/mod.ts";
import { pause } from "./ground.ts";

/** Phases that change by time alone are told this often at most; pages count down by themselves. */
const LOOK_EVERY_MS = 100;

/** Tells the room of the phases that change by time alone (a round opens, a rain ends). */
export function createBoardTeller(parts: {
  board: Pick<Board, "tick">;
  room: Pick<Room, "publish" | "start" | "stop">;
  nowMs: () => number;
}): Service {
  const ended = new AbortController();
  return {
    name: "room",
    async run(signal) {
      const end = AbortSignal.any([signal, ended.signal]);
      parts.room.start();
      while (!end.aborted) {
        parts.room.publish(parts.board.tick(parts.nowMs()));
        await pause(LOOK_EVERY_MS, end);
      }
    },
    async stop() {
      ended.abort();
      parts.room.stop();
    },
  };
}
