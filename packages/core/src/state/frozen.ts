// A shard's state as plain data (docs/spec/journal.md JR14): what a structured clone can carry to a file and back.

import { createGrantIds } from "../bytes/mod.ts";
import type { AwardId, DrawId, PoolId, UserId } from "../ids.ts";
import { assert } from "../invariant.ts";
import type { AwardState, DrawState, PoolState, ShardState } from "./shard-state.ts";

type FrozenPool = Omit<PoolState, "grantIdOf" | "liveDraw"> & { readonly liveDraw: DrawId | null };
type FrozenAward = Omit<AwardState, "olderOfUser"> & { readonly olderOfUser: AwardId | null };

/** Without functions, and without chains of awards that would be as deep as a person is lucky. */
export type FrozenShard = Omit<
  ShardState,
  "pools" | "poolsByTag" | "liveDraws" | "awards" | "newestAwardOfUser"
> & {
  readonly pools: readonly (readonly [PoolId, FrozenPool])[];
  readonly liveDraws: readonly DrawId[];
  readonly awards: readonly (readonly [AwardId, FrozenAward])[];
  readonly newestAwardOfUser: readonly (readonly [UserId, AwardId])[];
};

/** The state as plain data that shares its parts with the state: copy it before the state moves on. */
export function freezeShard(state: ShardState): FrozenShard {
  const { poolsByTag: _tags, ...rest } = state;
  return {
    ...rest,
    pools: [...state.pools].map(([id, { grantIdOf: _made, liveDraw, ...pool }]) => [
      id,
      { ...pool, liveDraw: liveDraw?.rules.draw ?? null },
    ]),
    liveDraws: [...state.liveDraws].map(({ rules }) => rules.draw),
    awards: [...state.awards].map(([id, award]) => [
      id,
      { ...award, olderOfUser: award.olderOfUser?.id ?? null },
    ]),
    newestAwardOfUser: [...state.newestAwardOfUser].map(([user, { id }]) => [user, id]),
  };
}

/** The state again. The frozen one belongs to it from here on. */
export function thawShard(frozen: FrozenShard): ShardState {
  const { draws, pools: frozenPools, liveDraws, awards: frozenAwards, newestAwardOfUser, ...rest } = frozen;
  const drawOf = (draw: DrawId): DrawState => found(draws, draw);
  const pools = new Map<PoolId, PoolState>();
  const poolsByTag = new Map<string, PoolState>();
  for (const [id, frozenPool] of frozenPools) {
    const { tag, liveDraw } = frozenPool;
    const grantIdOf = createGrantIds(tag);
    const pool = { ...frozenPool, grantIdOf, liveDraw: liveDraw === null ? null : drawOf(liveDraw) };
    pools.set(id, pool);
    poolsByTag.set(tag, pool);
  }
  const awards = new Map<AwardId, AwardState>();
  for (const [id, award] of frozenAwards) awards.set(id, { ...award, olderOfUser: null });
  const awardOf = (id: AwardId): AwardState => found(awards, id);
  for (const [id, { olderOfUser }] of frozenAwards) {
    // Only here, where the chain is made: everybody else finds it made.
    if (olderOfUser !== null) Object.assign(awardOf(id), { olderOfUser: awardOf(olderOfUser) });
  }
  return {
    ...rest,
    draws,
    pools,
    poolsByTag,
    liveDraws: new Set(liveDraws.map(drawOf)),
    awards,
    newestAwardOfUser: new Map(newestAwardOfUser.map(([user, id]) => [user, awardOf(id)])),
  };
}

function found<Key extends string, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  assert(value !== undefined, "JR14: what a frozen shard names is in it", key);
  return value;
}
