import { batchHash, GENESIS_HASH } from "../bytes/mod.ts";
import type { Hash, Sha256 } from "../ids.ts";
import { InvariantError } from "../invariant.ts";

/** One row of a shard's journal (JR2). */
export type Batch = {
  readonly shard: number;
  readonly seq: number;
  readonly epoch: number;
  readonly previousHash: Hash;
  readonly hash: Hash;
  readonly payload: Uint8Array;
};

/**
 * Checks that a batch follows the one before it: same shard, next sequence number, an epoch that does not fall,
 * the chain's hash (JR8). `previous` is null for a shard's first batch. A break throws and names the place.
 */
export function checkBatch(
  previous: Pick<Batch, "shard" | "seq" | "epoch" | "hash"> | null,
  batch: Batch,
  sha256: Sha256,
): void {
  const broken = breakOf(previous, batch, sha256);
  if (broken !== null) throw new InvariantError(`JR8: shard ${batch.shard} seq ${batch.seq}: ${broken}`);
}

function breakOf(
  previous: Pick<Batch, "shard" | "seq" | "epoch" | "hash"> | null,
  batch: Batch,
  sha256: Sha256,
): string | null {
  if (previous !== null && batch.shard !== previous.shard)
    return `follows a batch of shard ${previous.shard}`;
  const expectedSeq = (previous?.seq ?? 0) + 1;
  if (batch.seq !== expectedSeq) return `a gap in the sequence, expected ${expectedSeq}`;
  if (batch.epoch < (previous?.epoch ?? 0)) return `epoch ${batch.epoch} is below the one before`;
  if (batch.previousHash !== (previous?.hash ?? GENESIS_HASH)) return "does not cover the batch before";
  if (batch.hash !== batchHash(batch, sha256)) return "hash differs from its content";
  return null;
}
