// The door of the measurements: what is measured, and how it is written down.

import { benchCrowd } from "./crowd-memory.ts";
import { benchFanout } from "./fanout.ts";
import { benchGrabs } from "./grabs.ts";
import { benchCurve, benchGrabsEndToEnd } from "./grabs-end-to-end.ts";
import { benchIdle } from "./idle.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { benchVerify } from "./proof.ts";
import { benchRoundStart } from "./round-start.ts";
import type { BenchRow } from "./rows.ts";
import { benchScale } from "./scale.ts";
import { benchSnapshot } from "./snapshot.ts";
import { benchStart } from "./start.ts";
import { benchTakeover } from "./takeover.ts";
import { benchTaps } from "./taps.ts";

export { type Capacity, measureCapacity } from "./capacity.ts";
export { describeMachine, type Machine } from "./machine.ts";
export { type BenchRow, type BoundRow, cellsOf, type PeerRow, tableHead } from "./rows.ts";

/** One run as it is written to a file. */
export type BenchResult = {
  readonly machine: Machine;
  readonly date: string;
  readonly rows: readonly BenchRow[];
  /** What could not be measured, such as for want of a program. */
  readonly failed: readonly { readonly name: BenchName; readonly reason: string }[];
};

type Bench = (options: {
  readonly say: (text: string) => void;
  readonly program: string;
}) => Promise<BenchRow[]>;

/** Every measurement by the name it is asked for with. */
export const benches = {
  grabs: async (options) => [...(await benchGrabs(options)), ...(await benchGrabsEndToEnd(options))],
  curve: benchCurve,
  taps: benchTaps,
  fanout: benchFanout,
  idle: benchIdle,
  start: async (options) => [
    ...(await benchStart(options)),
    ...(await benchSnapshot(options)),
    ...(await benchRoundStart(options)),
  ],
  takeover: benchTakeover,
  verify: benchVerify,
  scale: benchScale,
  crowd: benchCrowd,
} as const satisfies Record<string, Bench>;

/** Measured only when asked for by name: half an hour and more. */
export const longBenches: readonly string[] = ["crowd"];

export type BenchName = keyof typeof benches;

/**
 * Runs the named measurements one after the other; the machine should have nothing else to do.
 *
 * @param options.say hears a line of progress
 * @param options.program the command line's own file, to start servers with
 */
export async function runBench(options: {
  readonly names: readonly BenchName[];
  readonly say: (text: string) => void;
  readonly program: string;
}): Promise<BenchResult> {
  const { say, program } = options;
  const rows: BenchRow[] = [];
  const failed: { name: BenchName; reason: string }[] = [];
  for (const name of options.names) {
    try {
      rows.push(...(await benches[name]({ say, program })));
    } catch (error) {
      // What was measured before is an hour's work, and what follows may need nothing of what is missing.
      const reason = error instanceof Error ? error.message : String(error);
      failed.push({ name, reason });
      say(`${name} was not measured: ${reason}`);
    }
  }
  return { machine: describeMachine(), date: new Date().toISOString().slice(0, 10), rows, failed };
}
