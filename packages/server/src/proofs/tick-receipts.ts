import {
  type DrawId,
  type Entered,
  type Event,
  type Hash,
  type Hex,
  merklePath,
  type TickStatement,
  tickLeaves,
  tickStatement,
  type UserId,
  type UserKey,
} from "@wanhui/core";
import { sha256 } from "../platform/mod.ts";
import type { ShowSigner } from "./show-key.ts";

/** Ticks kept in memory: a phone asks for its receipt within seconds or days later, seldom between. */
const recentMs = 120_000;
/** Entries of those ticks at most. */
const recentEntriesMax = 65_536;
/** Ticks read back from the journal and kept: people of one tick tend to ask together. */
const reopenedTicksMax = 64;

/** RC1: proof that one entry was acknowledged. */
export type Receipt = {
  readonly version: "wanhui/receipt/1";
  readonly leaf: { readonly draw: DrawId; readonly window: number; readonly userKey: UserKey };
  readonly index: number;
  readonly path: readonly Hash[];
  readonly tick: TickStatement;
  readonly signature: Hex;
};

/** The part of a durable batch this needs. */
export type TickBatch = {
  readonly shard: number;
  readonly seq: number;
  readonly atMs: number;
  readonly events: readonly Event[];
};

export type TickReceiptsParts = {
  readonly signer: ShowSigner;
  /** A batch of the journal; null when there is none. */
  readonly readBatch: (shard: number, seq: number) => Promise<TickBatch | null>;
  /** Where an older entry of a user stands in the journal; null when there is none. */
  readonly findEntry: (entry: {
    readonly draw: DrawId;
    readonly window: number;
    readonly user: UserId;
  }) => Promise<{ readonly shard: number; readonly seq: number } | null>;
};

type Tick = {
  readonly batch: Pick<TickBatch, "shard" | "seq" | "atMs">;
  readonly entries: readonly Entered[];
  /** Entries by user, made when somebody asks: few of those who enter ever do. */
  byUser: ReadonlyMap<UserId, readonly Entered[]> | null;
  /** Made at the first receipt; later ones share it: one signature per tick. */
  seal: {
    readonly leaves: readonly Uint8Array[];
    readonly tick: TickStatement;
    readonly signature: Hex;
  } | null;
};

/**
 * Receipts on demand (RC1). Nothing is hashed or signed before somebody asks; then once per tick. The ticks of
 * the last two minutes are kept, up to 65,536 entries; older ones are read back from the journal.
 */
export class TickReceipts {
  readonly #parts: TickReceiptsParts;
  readonly #recent: Tick[] = [];
  readonly #reopened = new Map<string, Tick>();
  #entries = 0;

  constructor(parts: TickReceiptsParts) {
    this.#parts = parts;
  }

  /** Entries held in memory. */
  get recentEntries(): number {
    return this.#entries;
  }

  /** Takes a durable batch; those replayed at the start can be left out. */
  take(batch: TickBatch): void {
    const entries = entriesOf(batch);
    if (entries.length === 0) return;
    this.#recent.push({ batch: placeOf(batch), entries, byUser: null, seal: null });
    this.#entries += entries.length;
    const sinceMs = batch.atMs - recentMs;
    for (
      let oldest = this.#recent[0];
      oldest !== undefined && this.#recent.length > 1;
      oldest = this.#recent[0]
    ) {
      if (this.#entries <= recentEntriesMax && oldest.batch.atMs >= sinceMs) return;
      this.#recent.shift();
      this.#entries -= oldest.entries.length;
    }
  }

  /** The receipt of a user's entry; null when he has none in that window. */
  async receipt(of: {
    readonly draw: DrawId;
    readonly window: number;
    readonly user: UserId;
  }): Promise<Receipt | null> {
    for (const tick of this.#recent) {
      const entry = entryIn(tick, of);
      if (entry !== undefined) return this.#make(tick, entry);
    }
    const place = await this.#parts.findEntry(of);
    const tick = place === null ? null : await this.#reopen(place);
    const entry = tick === null ? undefined : entryIn(tick, of);
    return tick === null || entry === undefined ? null : this.#make(tick, entry);
  }

  #make(tick: Tick, entry: Entered): Receipt {
    const seal = this.#sealed(tick);
    const index = tick.entries.indexOf(entry);
    const { draw, window, userKey } = entry;
    return {
      version: "wanhui/receipt/1",
      leaf: { draw, window, userKey },
      index,
      path: merklePath(seal.leaves, index, sha256),
      tick: seal.tick,
      signature: seal.signature,
    };
  }

  #sealed(tick: Tick): NonNullable<Tick["seal"]> {
    if (tick.seal !== null) return tick.seal;
    const leaves = tickLeaves(tick.entries, sha256);
    const statement = tickStatement({ ...tick.batch, leaves }, sha256);
    tick.seal = { leaves, tick: statement, signature: this.#parts.signer.signRecord(statement) };
    return tick.seal;
  }

  async #reopen(place: { shard: number; seq: number }): Promise<Tick | null> {
    const name = `${place.shard}/${place.seq}`;
    const known = this.#reopened.get(name);
    if (known !== undefined) return known;
    const batch = await this.#parts.readBatch(place.shard, place.seq);
    if (batch === null) return null;
    const tick: Tick = { batch: placeOf(batch), entries: entriesOf(batch), byUser: null, seal: null };
    this.#reopened.set(name, tick);
    for (const oldest of this.#reopened.keys()) {
      if (this.#reopened.size <= reopenedTicksMax) break;
      this.#reopened.delete(oldest);
    }
    return tick;
  }
}

function entryIn(
  tick: Tick,
  of: { readonly draw: DrawId; readonly window: number; readonly user: UserId },
): Entered | undefined {
  tick.byUser ??= byUserOf(tick.entries);
  return tick.byUser.get(of.user)?.find(({ draw, window }) => draw === of.draw && window === of.window);
}

function byUserOf(entries: readonly Entered[]): Map<UserId, Entered[]> {
  const byUser = new Map<UserId, Entered[]>();
  for (const entry of entries) {
    const known = byUser.get(entry.user);
    if (known === undefined) byUser.set(entry.user, [entry]);
    else known.push(entry);
  }
  return byUser;
}

/** The leaves of a tick in journal order (BY9). */
function entriesOf(batch: TickBatch): Entered[] {
  return batch.events.filter((event) => event.type === "entered");
}

function placeOf({ shard, seq, atMs }: TickBatch): Pick<TickBatch, "shard" | "seq" | "atMs"> {
  return { shard, seq, atMs };
}
