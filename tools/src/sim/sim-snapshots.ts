import type { SnapshotStore } from "@wanhui/server";

type Kept = {
  readonly ends: Parameters<SnapshotStore["write"]>[0];
  readonly parts: ReadonlyMap<string, unknown>;
};

/** The data folder of a simulated machine, as far as snapshots go: the last one kept, copied in and out. */
export class SimSnapshots {
  #kept: Kept | null = null;

  readonly store: SnapshotStore = {
    read: async () => {
      const kept = this.#kept;
      if (kept === null) return null;
      const names = [...kept.parts.keys()];
      return { ends: kept.ends, names, part: async (name) => structuredClone(kept.parts.get(name)) };
    },
    write: async (ends, parts) => {
      this.#kept = { ends: structuredClone(ends), parts: structuredClone(parts) };
    },
  };
}
