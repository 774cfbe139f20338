// What a rain means to the person looking, from the answer to the last press.

import type { RainNote } from "./state.ts";

export type RainFace = "take" | "asking" | "got" | "wait" | "refused" | "gone";

/** The face of a rain. Gone is said only when the server said so: while units are held, some may come back. */
export function rainFace(note: RainNote | undefined): RainFace {
  if (note?.phase === "refused" && note.code === "pool.sold_out") return "gone";
  return note?.phase ?? "take";
}

/** Whether pressing means anything: whoever waits in line keeps the place without it. */
export function canTake(face: RainFace): boolean {
  return face === "take" || face === "asking" || face === "refused";
}
