/** Used challenges in order of use, so of expiry too: each lives as long as every other from its making. */
export class UsedChallenges {
  readonly #expiryOf = new Map<string, number>();
  readonly #nowMs: () => number;
  readonly #max: number;

  constructor(options: { nowMs: () => number; max: number }) {
    this.#nowMs = options.nowMs;
    this.#max = options.max;
  }

  get size(): number {
    return this.#expiryOf.size;
  }

  /** Notes a use. Synchronous, so that of two exchanges at once one is the second. @returns false when it was used before */
  use(signature: string, expiresAtMs: number): boolean {
    if (this.#expiryOf.has(signature)) return false;
    const nowMs = this.#nowMs();
    for (const [known, endMs] of this.#expiryOf) {
      if (endMs > nowMs && this.#expiryOf.size < this.#max) break;
      this.#expiryOf.delete(known);
    }
    this.#expiryOf.set(signature, expiresAtMs);
    return true;
  }
}
