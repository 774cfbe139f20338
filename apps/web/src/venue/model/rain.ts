// What a rain means to the person looking, from the answer to the last press.

import type { Counts } from "@wanhui/protocol";
import type { RainNote } from "./state.ts";

export type RainFace = "take" | "asking" | "got" | "wait" | "refused" | "gone";

/**
 * The face of a rain. Gone is said when the server refused with it, and to whoever waits in line as soon as nothing is
 * left and nothing held: while units are held, some may come back (GR4).
 */
export function rainFace(
  note: RainNote | undefined,
  counts: Pick<Counts, "left" | "open"> | undefined,
  pool: string,
): RainFace {
  if (note?.phase === "refused" && note.code === "pool.sold_out") return "gone";
  const over = counts?.left[pool] === 0 && (counts.open[pool] ?? 0) === 0;
  if (note?.phase === "wait" && over) return "gone";
  return note?.phase ?? "take";
}

/** Whether pressing means anything: whoever waits in line keeps the place without it. */
export function canTake(face: RainFace): boolean {
  return face === "take" || face === "asking" || face === "refused";
}
