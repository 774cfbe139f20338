// The rules: pure, synchronous, deterministic. The door of the package.

export * from "./commands.ts";
export * from "./events.ts";
export * from "./ids.ts";
// Public surface to come from the rules (see docs/spec):
//   createShardState(shard: number): ShardState
//   decide(state, command, context): { events: Event[]; answer: Answer }       (does not change state)
//   apply(state, event): void                                                   (asserts every invariant)
//   decideAndApply(state, command, context)                                     (hot path, same meaning)
//   nextDueMs(state): number | null                                             (when `tick` has something to do)
//   stateDigest(state, sha256): Hash
//   encodeEvents(events): Uint8Array, decodeEvents(bytes): Event[]
//   canonicalJson(value): Uint8Array, hashJson, merkleRoot, merklePath, userKeyOf, ticketOf, awardIdOf..., batchHash
//   roundDueMs(chain, round), windowTimes(arm, window), gridOpening(chain, wishedMs, firstWindowMs)
