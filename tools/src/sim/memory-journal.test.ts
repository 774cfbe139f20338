import { type Batch, type JournalStore, journalStoreContract } from "@wanhui/server";
import { test } from "vitest";
import { MemoryDisk, MemoryJournal, type StatementFate } from "./memory-journal.ts";

const quick: StatementFate = { requestMs: 0, commitMs: 0, responseMs: 0, lost: "no" };

for (const rule of journalStoreContract) {
  test(rule.name, async () => {
    const disk = new MemoryDisk();
    const world = { sleep: async () => undefined, fate: () => quick };
    const store: JournalStore = new MemoryJournal(disk, world);
    const other: JournalStore = new MemoryJournal(disk, world);
    await store.prepare(3);
    const held = async (rows: readonly Batch[]) => {
      let commit = () => {};
      const sleep = () =>
        new Promise<void>((resolve) => {
          commit = resolve;
        });
      const slow = new MemoryJournal(disk, { sleep, fate: () => ({ ...quick, commitMs: 1 }) });
      const flying = slow.append(rows);
      const contended = async () => {
        while (!rows.some((row) => disk.shard(row.shard).waiting.length > 0)) await Promise.resolve();
      };
      return {
        contended,
        release: () => {
          commit();
          return flying;
        },
      };
    };
    await rule.run({ store, other, held });
  });
}
