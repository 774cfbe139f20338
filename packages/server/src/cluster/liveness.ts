import { processPlace, processStartedAt } from "../platform/mod.ts";
import { LEASE_MS, type Member } from "./member-store.ts";

/** Tells who lives (MP2). Holds how long the database has answered without a break. */
export class Liveness {
  readonly #nowMs: () => number;
  readonly #isGoneHere: (member: Member) => Promise<boolean>;
  #sinceMs: number | null = null;

  /** @param parts.nowMs monotonic @param parts.isGoneHere whether a process of this machine is known to have ended */
  constructor(parts: { nowMs: () => number; isGoneHere?: (member: Member) => Promise<boolean> }) {
    this.#nowMs = parts.nowMs;
    this.#isGoneHere = parts.isGoneHere ?? endedHere;
  }

  /** The database did not answer: leases that ran out meanwhile say nothing. */
  interrupted(): void {
    this.#sinceMs = null;
  }

  /** Those of the members that live, or may live. Called with every look that succeeded. */
  async living(members: readonly Member[]): Promise<Member[]> {
    this.#sinceMs ??= this.#nowMs();
    const believesLeases = this.#nowMs() - this.#sinceMs >= LEASE_MS;
    const gone = await Promise.all(
      members.map(
        async (member) => (member.leaseMs <= 0 && believesLeases) || (await this.#isGoneHere(member)),
      ),
    );
    return members.filter((_, at) => gone[at] === false);
  }
}

/** On the same machine the process table knows at once; anywhere else nothing is known. */
async function endedHere({ place, pid, started }: Member): Promise<boolean> {
  return place === (await processPlace()) && (await processStartedAt(pid)) !== started;
}
