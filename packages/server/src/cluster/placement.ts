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

/**
 * The same placement among those that can answer now (MP4): a shard whose process is still reading it, or has a copy that
 * does not add up, stays with whoever holds it, else goes to another that is ready. Where nobody is, it stays placed as it was.
 *
 * @param placed by `placeShards`
 * @param serving each with the shards he could not answer for
 */
export function onlyReady(options: {
  readonly placed: readonly (string | null)[];
  readonly shards: readonly { readonly holder: string }[];
  readonly serving: readonly { readonly process: string; readonly unready: readonly number[] }[];
}): readonly (string | null)[] {
  const { placed, shards, serving } = options;
  if (serving.every(({ unready }) => unready.length === 0)) return placed;
  return placed.map((to, shard) => {
    const ready = serving.filter(({ unready }) => !unready.includes(shard)).map(({ process }) => process);
    const holder = shards[shard]?.holder ?? "";
    if (to === null || ready.length === 0 || ready.includes(to)) return to;
    return ready.includes(holder) ? holder : (ready[shard % ready.length] ?? to);
  });
}

function rankOf(shard: number, name: string, sha256: Sha256): string {
  return Buffer.from(sha256(Buffer.from(`wanhui/place/1|${shard}|${name}`))).toString("hex");
}
