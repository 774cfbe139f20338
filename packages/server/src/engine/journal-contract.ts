import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Hash } from "@wanhui/core";
import type { Batch, JournalStore } from "./journal-store.ts";

/**
 * A store under test. `store` and `other` are two processes' views of one database, three shards, empty. `held`
 * begins an append on `store` that has taken the fence's lock and written, but not yet committed; `release` commits,
 * `contended` resolves once a second statement waits for that lock.
 */
export type JournalUnderTest = {
  readonly store: JournalStore;
  readonly other: JournalStore;
  held(
    rows: readonly Batch[],
  ): Promise<{ release(): Promise<ReadonlySet<number>>; contended(): Promise<void> }>;
};

/** One rule every journal store keeps. */
export type JournalRule = { readonly name: string; run(journal: JournalUnderTest): Promise<void> };

const start = "00".repeat(32) as Hash;

function hashOf(text: string): Hash {
  return createHash("sha256").update(text).digest("hex") as Hash;
}

/** A batch whose hash says where it stands; the store checks links, not how a hash was made. */
function batch(place: { shard: number; seq: number; epoch: number; after?: Hash; say?: string }): Batch {
  const { shard, seq, epoch, say = "" } = place;
  const previousHash = place.after ?? (seq === 1 ? start : hashOf(`${shard}/${seq - 1}`));
  const hash = hashOf(`${shard}/${seq}${say}`);
  return {
    shard,
    seq,
    epoch,
    previousHash,
    hash,
    atMs: 1_000 + seq,
    payload: Buffer.from(`${shard}/${seq}`),
  };
}

async function tail(store: JournalStore, shard: number, fromSeq = 1): Promise<Batch[]> {
  const found: Batch[] = [];
  for await (const row of store.readTail(shard, fromSeq)) found.push(row);
  return found;
}

async function seqs(store: JournalStore, shard: number): Promise<number[]> {
  return (await tail(store, shard)).map((row) => row.seq);
}

const rules: JournalRule[] = [
  {
    name: "[JR1] the number of shards is fixed when the database is made",
    async run({ store, other }) {
      equal(await store.prepare(3), 3);
      equal(await other.prepare(5), 3);
    },
  },
  {
    name: "[JR2] what was appended is read back, in order, field by field",
    async run({ store }) {
      const epoch = await store.raiseEpoch(1, "a");
      const rows = [1, 2, 3].map((seq) => batch({ shard: 1, seq, epoch }));
      for (const row of rows) deepEqual(await store.append([row]), new Set([1]));
      const read = await tail(store, 1);
      deepEqual(
        read.map((row) => ({ ...row, payload: Buffer.from(row.payload) })),
        rows,
      );
      deepEqual(
        (await tail(store, 1, 3)).map((row) => row.seq),
        [3],
      );
      equal((await store.readBatch(1, 2))?.hash, rows[1]?.hash);
      equal(await store.readBatch(1, 4), null);
      equal(await store.readBatch(0, 1), null);
    },
  },
  {
    name: "[JR3] one statement writes rows of several shards",
    async run({ store }) {
      const epochs = [
        await store.raiseEpoch(0, "a"),
        await store.raiseEpoch(1, "a"),
        await store.raiseEpoch(2, "a"),
      ];
      const rows = [2, 0, 1].map((shard) => batch({ shard, seq: 1, epoch: epochs[shard] ?? 0 }));
      deepEqual(await store.append(rows), new Set([0, 1, 2]));
      deepEqual(await seqs(store, 2), [1]);
    },
  },
  {
    name: "[JR3] an epoch raised between the decision and the append fences the append",
    async run({ store, other }) {
      const epoch = await store.raiseEpoch(0, "a");
      await store.append([batch({ shard: 0, seq: 1, epoch })]);
      const raised = await other.raiseEpoch(0, "b");
      ok(raised > epoch);
      deepEqual(await store.append([batch({ shard: 0, seq: 2, epoch })]), new Set());
      deepEqual(await seqs(other, 0), [1]);
      deepEqual(await other.append([batch({ shard: 0, seq: 2, epoch: raised })]), new Set([0]));
    },
  },
  {
    name: "[JR3] of a partly fenced append only the shards returned are written",
    async run({ store, other }) {
      const mine = [await store.raiseEpoch(0, "a"), await store.raiseEpoch(1, "a")];
      await other.raiseEpoch(0, "b");
      const rows = [0, 1].map((shard) => batch({ shard, seq: 1, epoch: mine[shard] ?? 0 }));
      deepEqual(await store.append(rows), new Set([1]));
      deepEqual(await seqs(other, 0), []);
      deepEqual(await seqs(other, 1), [1]);
    },
  },
  {
    name: "[JR3] a predecessor of another hash is refused",
    async run({ store }) {
      const epoch = await store.raiseEpoch(0, "a");
      await store.append([batch({ shard: 0, seq: 1, epoch })]);
      deepEqual(await store.append([batch({ shard: 0, seq: 2, epoch, after: hashOf("other") })]), new Set());
      deepEqual(await seqs(store, 0), [1]);
    },
  },
  {
    name: "[JR3] a gap in the sequence is refused",
    async run({ store }) {
      const epoch = await store.raiseEpoch(0, "a");
      const first = batch({ shard: 0, seq: 1, epoch });
      await store.append([first]);
      deepEqual(await store.append([batch({ shard: 0, seq: 3, epoch, after: first.hash })]), new Set());
      deepEqual(
        await store.append([batch({ shard: 1, seq: 2, epoch: await store.raiseEpoch(1, "a") })]),
        new Set(),
      );
      deepEqual(await seqs(store, 0), [1]);
      deepEqual(await seqs(store, 1), []);
    },
  },
  {
    name: "[JR3] a sequence number is written once: neither a second first nor a second next",
    async run({ store }) {
      const epoch = await store.raiseEpoch(0, "a");
      const rows = [batch({ shard: 0, seq: 1, epoch }), batch({ shard: 0, seq: 2, epoch })];
      for (const row of rows) await store.append([row]);
      deepEqual(await store.append([batch({ shard: 0, seq: 1, epoch, say: "again" })]), new Set());
      deepEqual(await store.append([batch({ shard: 0, seq: 2, epoch, say: "again" })]), new Set());
      deepEqual(
        (await tail(store, 0)).map((row) => row.hash),
        rows.map((row) => row.hash),
      );
    },
  },
  {
    name: "[JR2] an epoch never falls, nor does one of the future pass",
    async run({ store }) {
      const epoch = await store.raiseEpoch(0, "a");
      const raised = await store.raiseEpoch(0, "a");
      equal(raised, epoch + 1);
      deepEqual(await store.append([batch({ shard: 0, seq: 1, epoch: raised })]), new Set([0]));
      deepEqual(await store.append([batch({ shard: 0, seq: 2, epoch })]), new Set());
      deepEqual(await store.append([batch({ shard: 0, seq: 2, epoch: raised + 1 })]), new Set());
    },
  },
  {
    name: "[JR6] a raise waits for an append in flight, and the tail read after it has its batch",
    async run({ store, other, held }) {
      const epoch = await store.raiseEpoch(0, "a");
      const flying = await held([batch({ shard: 0, seq: 1, epoch })]);
      let raised = false;
      const raise = other.raiseEpoch(0, "b").then((value) => {
        raised = true;
        return value;
      });
      await Promise.race([raise, flying.contended()]);
      // Another shard's raise goes through meanwhile: the lock is the shard's, and the store is alive.
      await store.raiseEpoch(1, "a");
      equal(raised, false);
      deepEqual(await flying.release(), new Set([0]));
      notEqual(await raise, epoch);
      deepEqual(await seqs(other, 0), [1]);
    },
  },
  {
    name: "[JR7] an epoch is raised again only by the one who holds it",
    async run({ store, other }) {
      const epoch = await store.raiseEpoch(0, "a");
      equal(await store.raiseEpochIfHeld(0, "a"), epoch + 1);
      await other.raiseEpoch(0, "b");
      equal(await store.raiseEpochIfHeld(0, "a"), null);
      equal(await other.raiseEpochIfHeld(0, "b"), epoch + 3);
    },
  },
  {
    name: "[MP5] a shard is taken only from the holder that was seen, and from nobody once it was released",
    async run({ store, other }) {
      const epoch = await store.raiseEpoch(0, "a");
      equal(await other.raiseEpochIfHeld(0, "c", "b"), null);
      equal(await other.raiseEpochIfHeld(0, "a", "b"), epoch + 1);
      equal(await store.raiseEpochIfHeld(0, "a", "d"), null);
      equal(await other.release(0, "b", epoch + 1), true);
      equal(await store.raiseEpochIfHeld(0, "b", "a"), null);
      equal(await store.raiseEpochIfHeld(0, "", "a"), epoch + 2);
    },
  },
  {
    name: "[MP6] only its holder releases a shard, and only at his own epoch",
    async run({ store, other }) {
      const epoch = await store.raiseEpoch(0, "a");
      equal(await other.release(0, "b", epoch), false);
      equal(await store.release(0, "a", epoch - 1), false);
      // Released is no fence: until somebody raises the epoch the last writer's batch would still be the only one.
      equal(await store.release(0, "a", epoch), true);
      deepEqual(await store.checkFence([{ shard: 0, epoch, seq: 0, hash: start }]), new Set([0]));
      equal(await store.release(0, "a", epoch), false);
    },
  },
  {
    name: "[JR4] the fence alone answers which shards are still ours",
    async run({ store, other }) {
      const mine = [await store.raiseEpoch(0, "a"), await store.raiseEpoch(1, "a")];
      const fences = mine.map((epoch, shard) => ({ shard, epoch, seq: 0, hash: start }));
      deepEqual(await store.checkFence(fences), new Set([0, 1]));
      await other.raiseEpoch(1, "b");
      deepEqual(await store.checkFence(fences), new Set([0]));
    },
  },
  {
    name: "[JR4] a shard whose last batch is not the one known is not ours, whatever its epoch",
    async run({ store }) {
      const epoch = await store.raiseEpoch(0, "a");
      const first = batch({ shard: 0, seq: 1, epoch });
      await store.append([first]);
      const held = { shard: 0, epoch, seq: 1, hash: first.hash };
      deepEqual(await store.checkFence([held]), new Set([0]));
      // What a standby that lagged would say: there is no second batch, or it is another one.
      deepEqual(await store.checkFence([{ ...held, seq: 2 }]), new Set());
      deepEqual(await store.checkFence([{ ...held, hash: "11".repeat(32) as Hash }]), new Set());
    },
  },
];

/** What every journal store must keep, as a list to run in any test runner. */
export const journalStoreContract: readonly JournalRule[] = rules;
