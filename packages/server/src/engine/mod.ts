// The door of the engine: the shards' single writer, its journal, and what is made of it (docs/spec/journal.md).

export { type AuditCounts, type AuditResult, audit } from "./audit.ts";
export { createEngine } from "./engine.ts";
export { type JournalRule, type JournalUnderTest, journalStoreContract } from "./journal-contract.ts";
export { createPostgresJournal } from "./journal-postgres.ts";
export type { Batch, Fence, JournalStore } from "./journal-store.ts";
export {
  type Checkpoint,
  createMaterialiser,
  LineStopped,
  type Materialiser,
  type MaterialiserParts,
} from "./materialiser.ts";
export { type AnsweredHook, createOutbox, type Outbox, type OutboxRow } from "./outbox.ts";
export { JournalBreak, openBatch, type Replayed, replayShard } from "./replay.ts";
export { nodeScheduler } from "./scheduler.ts";
export type { ListenerMemory, SnapshotParts, SnapshotStore } from "./snapshot.ts";
export { createSnapshotFile } from "./snapshot-file.ts";
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
  type Neighbours,
  type Scheduler,
  type ShardControl,
  type ShardPhase,
  type TimerHandle,
  type Where,
} from "./types.ts";
export { type JournalLook, watchedJournal } from "./watched-journal.ts";
