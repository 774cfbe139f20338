import type { DrawId, Event, Hex } from "@wanhui/core";

type Saved = {
  readonly newest: number;
  readonly byChain: ReadonlyMap<Hex, number>;
  readonly chainOfDraw: ReadonlyMap<DrawId, Hex>;
};

/**
 * The newest beacon round this process knows of each chain: what it was told, and what the journal says was known
 * before, so that a restart never seals a window whose seed somebody already had (DR11).
 */
export class SeenBeacons {
  /** Newest round told without naming a chain; it counts for all. */
  newest = 0;
  readonly #byChain = new Map<Hex, number>();
  readonly #chainOfDraw = new Map<DrawId, Hex>();

  /** @param chainHash left out by a process that follows one chain only */
  saw(round: number, chainHash?: Hex): void {
    if (chainHash === undefined) this.newest = Math.max(this.newest, round);
    else this.#byChain.set(chainHash, Math.max(this.#byChain.get(chainHash) ?? 0, round));
  }

  readonly newestOf = (chainHash: Hex): number => Math.max(this.newest, this.#byChain.get(chainHash) ?? 0);

  /** What it knows, for a snapshot (JR14). */
  save(): unknown {
    return { newest: this.newest, byChain: this.#byChain, chainOfDraw: this.#chainOfDraw };
  }

  /** Takes in what was saved, beside what it knows already. */
  load(saved: unknown): void {
    const { newest, byChain, chainOfDraw } = saved as Saved;
    this.saw(newest);
    for (const [chainHash, round] of byChain) this.saw(round, chainHash);
    for (const [draw, chainHash] of chainOfDraw) this.#chainOfDraw.set(draw, chainHash);
  }

  /** Learns from an event of the journal. */
  follow(event: Event): void {
    if (event.type === "draw.armed") this.#chainOfDraw.set(event.record.draw, event.record.beacon.chainHash);
    else if (event.type === "window.sealed") this.#known(event.header.draw, event.header.newestRoundSeen);
    else if (event.type === "window.gap") this.#known(event.record.draw, event.record.newestRoundSeen);
    else if (event.type === "window.drawn") this.#known(event.draw, event.round);
    else if (event.type === "draw.closed") this.#chainOfDraw.delete(event.record.draw);
  }

  #known(draw: DrawId, round: number): void {
    const chainHash = this.#chainOfDraw.get(draw);
    if (chainHash !== undefined) this.saw(round, chainHash);
  }
}
