import { totalmem } from "node:os";
import { SLOW_SOCKET_DROP_BYTES } from "@wanhui/protocol";

/** The part of the memory that sockets may fill: the rest is the engine's, PostgreSQL's and the system's. */
const MEMORY_PART = 4;
/** The smallest room: a machine too small for it would not run PostgreSQL beside it. */
const SOCKETS_MIN = 500;

/**
 * Places of a room when the operator named no number (WR17): as many as would fill a quarter of the memory if each had
 * the 64 KiB queued at which a slow socket begins to lose counts. 8 GiB give 32,768.
 *
 * @param memoryBytes what this process may use; `memoryBytesOfProcess()`
 */
export function socketsMaxOf(memoryBytes: number): number {
  return Math.max(SOCKETS_MIN, Math.floor(memoryBytes / MEMORY_PART / SLOW_SOCKET_DROP_BYTES));
}

/** The machine's memory, or what a container leaves of it. */
export function memoryBytesOfProcess(): number {
  // Node 20 has it; 0 or an absurd number where nothing constrains the process.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
