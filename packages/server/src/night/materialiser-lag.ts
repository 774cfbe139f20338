import type { Engine, Materialiser } from "../engine/mod.ts";

/** Batches of the journal that SQL does not have yet. */
export function materialiserLagBatches(
  engine: Pick<Engine, "status">,
  materialiser: Pick<Materialiser, "status">,
): number {
  const reached = new Map(materialiser.status().checkpoints.map(({ shard, seq }) => [shard, seq]));
  return engine
    .status()
    .shards.reduce((lag, { shard, seq }) => lag + Math.max(0, seq - (reached.get(shard) ?? 0)), 0);
}
