import type { Sha256 } from "@wanhui/core";

/**
 * Which process writes which shard (MP4): rendezvous hashing, nobody above his even share, so that one who comes or goes
 * moves as few shards as that allows. Depends on the set of names alone.
 *
 * @param processes names of those that serve, in any order
 * @returns the process of shard 0, 1, ...; empty without processes
 * Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998), with bounded loads.
 */
export function placeShards(options: {
  readonly shards: number;
  readonly processes: readonly string[];
  readonly sha256: Sha256;
}): string[] {
  const { shards, processes, sha256 } = options;
  if (processes.length === 0) return [];
  const shareMax = Math.ceil(shards / processes.length);
  const load = new Map<string, number>(processes.map((name) => [name, 0]));
  const placed: string[] = [];
  for (let shard = 0; shard < shards; shard += 1) {
    const ranked = [...load.keys()]
      .map((name) => ({ name, rank: rankOf(shard, name, sha256) }))
      .sort((a, b) => (a.rank < b.rank ? 1 : -1));
    // Somebody has room: all shares together are at least as many as there are shards.
    const chosen = ranked.find(({ name }) => (load.get(name) ?? 0) < shareMax)?.name ?? "";
    load.set(chosen, (load.get(chosen) ?? 0) + 1);
    placed.push(chosen);
  }
  return placed;
}

function rankOf(shard: number, name: string, sha256: Sha256): string {
  return Buffer.from(sha256(Buffer.from(`wanhui/place/1|${shard}|${name}`))).toString("hex");
}
