/** The facts of a beacon chain, as a draw's arm record states them. */
export type ChainFacts = {
  readonly chainHash: string;
  readonly publicKey: string;
  readonly scheme: string;
  readonly genesisMs: number;
  readonly periodMs: number;
};

/**
 * drand "quicknet", run by the League of Entropy; the facts are those the drand network publishes at
 * `/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info`.
 */
export const quicknet: ChainFacts = {
  chainHash: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
  publicKey:
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 1_692_803_367_000,
  periodMs: 3_000,
};

/** Chains whose key no operator of a show holds. A draw on any other chain is `dev` (PF3). */
export const knownChains: readonly ChainFacts[] = [quicknet];

/** When round r is due, Unix ms (DR3). */
export function roundDueMs(chain: ChainFacts, round: number): number {
  return chain.genesisMs + (round - 1) * chain.periodMs;
}
