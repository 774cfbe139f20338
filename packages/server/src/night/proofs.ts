import { join } from "node:path";
import { type DrawId, decodeEvents } from "@wanhui/core";
import { QUICKNET } from "../beacons/mod.ts";
import type { DurableBatch, JournalStore } from "../engine/mod.ts";
import type { App } from "../http/mod.ts";
import { requireSession } from "../people/mod.ts";
import type { Service } from "../platform/mod.ts";
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

/** Proof files, receipts and witnesses of the night, fed by the journal. */
export type Proofs = Service & {
  /** Takes each durable batch in order, the replayed ones at the start too. */
  onBatch(batch: DurableBatch): void;
  mount(app: App): void;
};

/** Opens the archive in the data folder; its `run` writes the files. */
export async function openProofs(parts: {
  readonly ground: Pick<Ground, "signer" | "log"> & {
    readonly config: Pick<Ground["config"], "dataFolder">;
    readonly database: Pick<Ground["database"], "pool">;
    readonly clock: Pick<Ground["clock"], "nowMs">;
  };
  readonly journal: Pick<JournalStore, "readBatch">;
  readonly version: string;
  /** Draws whose level is told: those of the run. */
  readonly draws: readonly DrawId[];
  /** Called after each result and each accepted signature of a witness. */
  readonly onLevel: (news: LevelNews) => void;
}): Promise<Proofs> {
  const { ground, journal, version, draws } = parts;
  const { config, database, signer, clock, log } = ground;
  const witnesses = keepWitnesses(createWitnessStore(database.pool), () => clock.nowMs());
  const archive = await createProofArchive({
    folder: join(config.dataFolder, "proofs"),
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
      if (answer.ok) levels.heard(story.rules.draw, signature);
      return answer;
    },
  };
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
    stop: () => archive.stop(),
    onBatch(batch) {
      archive.take(batch);
      levels.onBatch(batch);
      if (!batch.replay) receipts.take(batch);
    },
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
