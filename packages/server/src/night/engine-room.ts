import { join } from "node:path";
import { Cluster } from "../cluster/mod.ts";
import {
  createEngine,
  createMaterialiser,
  createOutbox,
  createPostgresJournal,
  createSnapshotFile,
  type Engine,
  type JournalStore,
  type Materialiser,
  nodeScheduler,
  type Outbox,
  watchedJournal,
} from "../engine/mod.ts";
import { readBuild, type Service } from "../platform/mod.ts";
import type { Ground } from "./ground.ts";
import { journalMetrics } from "./metrics.ts";

/** The journal and everything that reads or writes it, in this process and beside it. */
export type EngineRoom = {
  readonly journal: JournalStore;
  /** The processes of the house; who of them does what (MP15). */
  readonly cluster: Cluster;
  /** As a service it ends with the bug of a listener (JR12). */
  readonly engine: Engine & Service;
  readonly materialiser: Materialiser;
  readonly outbox: Outbox;
};

/** Makes the engine on the ground's database; `startEngine` replays the journal. */
export function makeEngineRoom(ground: Ground): EngineRoom {
  const { config, database, clock, sha256, log, joined, bus } = ground;
  const { self, store, house } = joined;
  const shared = { clock, scheduler: nodeScheduler, sha256 };
  const cluster = new Cluster({ ...shared, self, store, house, bus, log });
  const journal = watchedJournal(
    createPostgresJournal({ url: database.url }),
    journalMetrics(ground.metrics),
  );
  const engine = createEngine({
    ...shared,
    store: journal,
    log: log.child({ part: "engine" }),
    holder: self.process,
    neighbours: cluster.neighbours,
    snapshots: {
      store: createSnapshotFile({ path: join(config.dataFolder, "snapshot"), build: readBuild }),
      // Proofs of a guest of the folder are made anew at each start: from the whole journal. Who was a guest at its start
      // may hold the folder at its end.
      isOurs: () => database.keeper.holds,
      afterEvents: config.snapshotEvents,
    },
  });
  const materialiser = createMaterialiser({
    url: database.url,
    store: journal,
    engine,
    sha256,
    log: log.child({ part: "materialiser" }),
    leads: () => cluster.leads(),
  });
  const outbox = createOutbox({
    pool: database.pool,
    engine,
    delivers: (shard) => (shard === null ? cluster.leads() : engine.status().shards[shard]?.mine === true),
    log: log.child({ part: "outbox" }),
  });
  return { journal, cluster, engine, materialiser, outbox };
}

/** Reads the journal, then takes the shards placed here: all of them if nobody else is there. */
export async function startEngine(room: EngineRoom, { joined }: Pick<Ground, "joined">): Promise<void> {
  const { cluster, engine } = room;
  cluster.open(engine);
  await engine.start();
  await joined.begun();
  await cluster.begin();
  // The lease is renewed from here on, and others are met; `stop` ends it.
  void cluster.run(new AbortController().signal);
}
