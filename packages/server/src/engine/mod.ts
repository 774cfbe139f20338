// The door of the engine: the shards' single writer, its journal, and what is made of it (docs/spec/journal.md).

export { type JournalRule, type JournalUnderTest, journalStoreContract } from "./journal-contract.ts";
export { createPostgresJournal } from "./journal-postgres.ts";
export type { Batch, Fence, JournalStore } from "./journal-store.ts";
export {
  type Done,
  type DurableBatch,
  type Engine,
  type EngineClock,
  type EngineCommand,
  EngineFault,
  type EngineFaultCode,
  type EngineLog,
  type EngineParts,
  type EngineStatus,
  type Scheduler,
  type ShardPhase,
  type TimerHandle,
  type Where,
} from "./types.ts";
