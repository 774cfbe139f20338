import { traced } from "../platform/mod.ts";
import type { JournalStore } from "./journal-store.ts";

/** One statement of the journal that was answered. */
export type JournalLook = {
  readonly operation: "append" | "fence" | "raise";
  readonly seconds: number;
  readonly ok: boolean;
  /** Bytes of the payloads; 0 but for appends. */
  readonly bytes: number;
};

/** The same journal; every append, fence check and takeover is a span (OB6) and told to `onLook`. */
export function watchedJournal(store: JournalStore, onLook: (look: JournalLook) => void): JournalStore {
  async function watch<T>(
    operation: JournalLook["operation"],
    more: { readonly shards: number; readonly bytes: number },
    work: () => Promise<T>,
  ): Promise<T> {
    const startedMs = performance.now();
    let ok = false;
    try {
      const attributes = { "wanhui.shards": more.shards, "wanhui.bytes": more.bytes };
      const answer = await traced(`journal.${operation}`, attributes, work);
      ok = true;
      return answer;
    } finally {
      onLook({ operation, seconds: (performance.now() - startedMs) / 1_000, ok, bytes: more.bytes });
    }
  }
  return {
    prepare: (shards) => store.prepare(shards),
    raiseEpoch: (shard, holder) =>
      watch("raise", { shards: 1, bytes: 0 }, () => store.raiseEpoch(shard, holder)),
    raiseEpochIfHeld: (shard, holder, next) =>
      watch("raise", { shards: 1, bytes: 0 }, () => store.raiseEpochIfHeld(shard, holder, next)),
    release: (shard, holder, epoch) => store.release(shard, holder, epoch),
    readTail: (shard, fromSeq) => store.readTail(shard, fromSeq),
    readBatch: (shard, seq) => store.readBatch(shard, seq),
    append(rows) {
      const bytes = rows.reduce((sum, { payload }) => sum + payload.length, 0);
      return watch("append", { shards: rows.length, bytes }, () => store.append(rows));
    },
    checkFence: (fences) =>
      watch("fence", { shards: fences.length, bytes: 0 }, () => store.checkFence(fences)),
    close: () => store.close(),
  };
}
