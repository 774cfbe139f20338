import { processPlace, processStartedAt } from "../platform/mod.ts";
import { LEASE_MS, type Member } from "./member-store.ts";

/** Tells who lives (MP2). Holds how long the database has answered without a break. */
export class Liveness {
  readonly #nowMs: () => number;
  readonly #isGoneHere: (member: Member) => Promise<boolean>;
  #sinceMs: number | null = null;
  /** The lease each member was last seen with, and since when it is that one, by the own monotonic clock. */
  readonly #leases = new Map<string, { readonly untilMs: number; readonly sinceMs: number }>();

  /** @param parts.nowMs monotonic @param parts.isGoneHere whether a process of this machine is known to have ended */
  constructor(parts: { nowMs: () => number; isGoneHere?: (member: Member) => Promise<boolean> }) {
    this.#nowMs = parts.nowMs;
    this.#isGoneHere = parts.isGoneHere ?? endedHere;
  }

  /** The database did not answer: leases that ran out meanwhile say nothing. */
  interrupted(): void {
    this.#sinceMs = null;
    this.#leases.clear();
  }

  /** Those of the members that live, or may live. Called with every look that succeeded. */
  async living(members: readonly Member[]): Promise<Member[]> {
    this.#sinceMs ??= this.#nowMs();
    const believesLeases = this.#nowMs() - this.#sinceMs >= LEASE_MS;
    const gone = await Promise.all(
      members.map(
        async (member) =>
          (member.leaseMs <= 0 && believesLeases) ||
          this.#isSilent(member) ||
          (await this.#isGoneHere(member)),
      ),
    );
    const names = new Set(members.map(({ process }) => process));
    for (const name of this.#leases.keys()) if (!names.has(name)) this.#leases.delete(name);
    return members.filter((_, at) => gone[at] === false);
  }

  /** Not renewed for as long as a lease lasts: a database's clock that was set back must not keep the dead alive. */
  #isSilent({ process, leaseUntilMs }: Member): boolean {
    const nowMs = this.#nowMs();
    const known = this.#leases.get(process);
    if (known?.untilMs === leaseUntilMs) return nowMs - known.sinceMs >= LEASE_MS;
    this.#leases.set(process, { untilMs: leaseUntilMs, sinceMs: nowMs });
    return false;
  }
}

/** On the same machine the process table knows at once; anywhere else nothing is known. */
async function endedHere({ place, pid, started }: Member): Promise<boolean> {
  try {
    return place === (await processPlace()) && (await processStartedAt(pid)) !== started;
  } catch {
    // It cannot be told now: the lease tells later.
    return false;
  }
}
