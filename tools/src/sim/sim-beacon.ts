import { createHash } from "node:crypto";
import type { BeaconChain, Hash, Hex } from "@wanhui/core";

/** The chain of the simulated nights. */
export const simChain: BeaconChain = {
  chainHash: "51".repeat(32),
  publicKey: "52".repeat(96),
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 1_700_000_001_000,
  periodMs: 3_000,
};

/** What a round of the simulated beacon says: fixed by its number alone, known to nobody before it is due. */
export function simBeacon(round: number): { round: number; randomness: Hash; signature: Hex } {
  const signature = Buffer.concat([
    createHash("sha256").update(`beacon/${round}`).digest(),
    createHash("sha256").update(`beacon again/${round}`).digest().subarray(0, 16),
  ]);
  const randomness = createHash("sha256").update(signature).digest("hex") as Hash;
  return { round, randomness, signature: signature.toString("hex") };
}
