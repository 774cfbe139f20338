import { randomBytes } from "node:crypto";
import {
  createEngine,
  createMaterialiser,
  createOutbox,
  createPostgresJournal,
  type Engine,
  type JournalStore,
  type Materialiser,
  nodeScheduler,
  type Outbox,
} from "../engine/mod.ts";
import type { Service } from "../platform/mod.ts";
import type { Ground } from "./ground.ts";

/** The journal and everything that reads or writes it. */
export type EngineRoom = {
  readonly journal: JournalStore;
  /** As a service it ends with a fault when another process takes a shard over. */
  readonly engine: Engine & Service;
  readonly materialiser: Materialiser;
  readonly outbox: Outbox;
};

/** Makes the engine on the ground's database; `engine.start()` replays the journal. */
export function makeEngineRoom({ database, clock, sha256, log }: Ground): EngineRoom {
  const journal = createPostgresJournal({ url: database.url });
  const engine = createEngine({
    store: journal,
    clock,
    scheduler: nodeScheduler,
    sha256,
    log: log.child({ part: "engine" }),
    holder: `${process.pid}-${randomBytes(6).toString("hex")}`,
  });
  const materialiser = createMaterialiser({
    url: database.url,
    store: journal,
    engine,
    sha256,
    log: log.child({ part: "materialiser" }),
  });
  const outbox = createOutbox({ pool: database.pool, engine, log: log.child({ part: "outbox" }) });
  return { journal, engine, materialiser, outbox };
}
