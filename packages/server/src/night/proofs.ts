import { type DrawId, decodeEvents } from "@wanhui/core";
import { QUICKNET } from "../beacons/mod.ts";
import type { Cluster } from "../cluster/mod.ts";
import type { DurableBatch, JournalStore, ListenerMemory } from "../engine/mod.ts";
import type { App } from "../http/mod.ts";
import { requireSession } from "../people/mod.ts";
import { errorMessage, type Service } from "../platform/mod.ts";
import {
  createEntryFinder,
  createProofArchive,
  createWitnessLevels,
  createWitnessStore,
  keepWitnesses,
  type LevelNews,
  proofRoutes,
  TickReceipts,
  type WitnessStore,
} from "../proofs/mod.ts";
import type { Ground } from "./ground.ts";
import type { ProofsFolder } from "./proofs-folder.ts";

/** Proof files, receipts and witnesses of the night, fed by the journal. */
export type Proofs = Service & {
  /** Takes each durable batch in order, the replayed ones at the start too. */
  onBatch(batch: DurableBatch): void;
  /** What a snapshot keeps of that (JR14). */
  readonly memory: ListenerMemory;
  /** The boards were recalled too: they are told how far each draw can be trusted. */
  recalled(): void;
  mount(app: App): void;
};

/** Opens the archive in the data folder; its `run` writes the files. */
export async function openProofs(parts: {
  readonly ground: Pick<Ground, "signer" | "log"> & {
    readonly database: Pick<Ground["database"], "pool">;
    readonly clock: Pick<Ground["clock"], "nowMs">;
  };
  readonly folder: ProofsFolder;
  readonly cluster: Pick<Cluster, "tell" | "onTold">;
  readonly journal: Pick<JournalStore, "readBatch">;
  readonly version: string;
  /** Draws whose level is told: those of the run. */
  readonly draws: readonly DrawId[];
  /** Called after each result and each accepted signature of a witness. */
  readonly onLevel: (news: LevelNews) => void;
}): Promise<Proofs> {
  const { ground, cluster, journal, version, draws } = parts;
  const { database, signer, clock, log } = ground;
  const witnessStore = createWitnessStore(database.pool);
  const witnesses = keepWitnesses(witnessStore, () => clock.nowMs());
  const archive = await createProofArchive({
    folder: parts.folder.path,
    signer,
    headOf: (draw) => ({ ...showAndRunOf(draw), software: `wanhui ${version}` }),
    isPublicChain: (chain) => chain.chainHash === QUICKNET.chainHash,
    witnessesOf: (draw) => witnesses.of(draw),
    nowMs: () => clock.nowMs(),
    log,
  });
  // From here until it is stopped: keys go to disk while the journal is still being read (PF5).
  void archive.run(new AbortController().signal);
  const levels = createWitnessLevels({
    story: (draw) => (draws.includes(draw) ? archive.story(draw) : undefined),
    kept: new Map(await Promise.all(draws.map(async (draw) => [draw, await witnesses.of(draw)] as const))),
    tell: parts.onLevel,
  });
  const heardWitnesses: WitnessStore = {
    of: witnesses.of,
    async accept(story, signature) {
      const answer = await witnesses.accept(story, signature);
      if (answer.ok) {
        levels.heard(story.rules.draw, signature);
        cluster.tell({ t: "witness", draw: story.rules.draw });
      }
      return answer;
    },
  };
  const unhear = cluster.onTold((_, message) => {
    if (message.t !== "witness" || !draws.includes(message.draw)) return;
    // What is in the table was checked before it came there; the message alone proves nothing.
    void witnessStore.of(message.draw).then(
      (signatures) => {
        for (const signature of signatures) levels.heard(message.draw, signature);
      },
      (error: unknown) =>
        log.warn({ part: "proofs", reason: errorMessage(error) }, "Witnesses could not be read"),
    );
  });
  const receipts = new TickReceipts({
    signer,
    findEntry: createEntryFinder(database.pool),
    readBatch: async (shard, seq) => {
      const batch = await journal.readBatch(shard, seq);
      return batch === null ? null : { shard, seq, atMs: batch.atMs, events: decodeEvents(batch.payload) };
    },
  });
  return {
    name: archive.name,
    run: (signal) => archive.run(signal),
    async stop() {
      unhear();
      await archive.stop();
      await parts.folder.leave();
    },
    onBatch(batch) {
      archive.take(batch);
      levels.onBatch(batch);
      if (!batch.replay) receipts.take(batch);
    },
    memory: archive.memory,
    recalled: () => levels.recalled(),
    mount: (app) =>
      proofRoutes(app, {
        archive,
        receipts,
        witnesses: heardWitnesses,
        userOf: (request) => requireSession(request).userId,
      }),
  };
}

/** A draw's id is `<show>-<number>/<round>`: the run is before the slash, the show before the last dash of it. */
function showAndRunOf(draw: DrawId): { show: string; run: string } {
  const run = draw.slice(0, draw.indexOf("/"));
  return { run, show: run.slice(0, run.lastIndexOf("-")) };
}
