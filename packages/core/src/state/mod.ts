// A shard's state, to be held by its one writer and changed by apply() alone.

export { type FrozenShard, freezeShard, thawShard } from "./frozen.ts";
export { LINE_LENGTH_MAX } from "./line.ts";
export { type AwardStanding, createShardState, type ShardState } from "./shard-state.ts";
