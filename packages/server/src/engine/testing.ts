import { createHash } from "node:crypto";
import type {
  BeaconChain,
  DrawId,
  DrawRules,
  Hash,
  Hex,
  PoolId,
  RequestId,
  UserId,
  UserKey,
} from "@wanhui/core";
import { createEngine } from "./engine.ts";
import type { Batch, Fence, JournalStore } from "./journal-store.ts";
import { nodeScheduler } from "./scheduler.ts";
import type { EngineCommand, EngineLog, EngineParts } from "./types.ts";

// What the tests of this folder share: names, commands, a clock that is set, a store that waits or loses.

/** SHA-256 of Node. */
export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

const hexOf = (kind: string, n: number, bytes: number): Hex =>
  createHash("sha256")
    .update(`${kind}/${n}`)
    .digest("hex")
    .slice(0, bytes * 2);

export const userOf = (n: number): UserId => hexOf("user", n, 16) as UserId;
export const keyOf = (n: number): UserKey => hexOf("key", n, 32) as UserKey;
export const requestOf = (n: number): RequestId => hexOf("request", n, 16) as RequestId;

/** A clock that stands until it is set. */
export class SetClock {
  ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
  nowMs = (): number => this.ms;
  monotonicMs = (): number => performance.now();
}

/** A log that keeps what was said. */
export function listeningLog(): EngineLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (_: Record<string, unknown>, message: string) => void lines.push(message);
  return { lines, info: keep, warn: keep, error: keep };
}

/** A beacon chain of the tests: 3 s, from 1,700,000,001 s on. */
export const chain: BeaconChain = {
  chainHash: "ab".repeat(32),
  publicKey: "cd".repeat(96),
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 1_700_000_001_000,
  periodMs: 3_000,
};

/** What a round of that chain would be: anything, as long as randomness is the hash of the signature. */
export function beaconOf(round: number): { round: number; randomness: Hash; signature: Hex } {
  const signature = hexOf("beacon", round, 32).repeat(2).slice(0, 96);
  const randomness = createHash("sha256").update(Buffer.from(signature, "hex")).digest("hex") as Hash;
  return { round, randomness, signature };
}

export function poolCommand(
  pool: string,
  units: number,
  more: { ttlMs?: number; cap?: number } = {},
): EngineCommand {
  const { ttlMs, cap } = more;
  return {
    type: "pool.create",
    pool: pool as PoolId,
    units,
    capPerUser: cap ?? null,
    grabClaimTtlMs: ttlMs ?? null,
  };
}

export function rulesOf(draw: string, pool: string, schedule: readonly number[]): DrawRules {
  return {
    version: "wanhui/rules/1",
    draw: draw as DrawId,
    pool: pool as PoolId,
    title: draw,
    schedule,
    firstWindowMs: 3_000,
    capPerUser: 1,
    enter: "guest",
    excludedRoles: [],
    leftoversTo: null,
    claimTtlMs: 60_000,
    showKey: "ef".repeat(32),
    witnesses: [],
  };
}

/** A store whose statements can be held, lost before or after they happened, and counted. */
export class TroubledStore implements JournalStore {
  readonly #store: JournalStore;
  /** Awaited before an append or a fence check goes out, and after it came back. */
  before: (kind: "append" | "fence" | "raise") => Promise<void> | void = () => {};
  after: (kind: "append" | "fence" | "raise") => Promise<void> | void = () => {};
  appends = 0;

  constructor(store: JournalStore) {
    this.#store = store;
  }

  async append(rows: readonly Batch[]): Promise<ReadonlySet<number>> {
    this.appends += 1;
    await this.before("append");
    const written = await this.#store.append(rows);
    await this.after("append");
    return written;
  }

  async checkFence(fences: readonly Fence[]): Promise<ReadonlySet<number>> {
    await this.before("fence");
    const held = await this.#store.checkFence(fences);
    await this.after("fence");
    return held;
  }

  async raiseEpochIfHeld(shard: number, holder: string, next?: string): Promise<number | null> {
    await this.before("raise");
    return this.#store.raiseEpochIfHeld(shard, holder, next);
  }

  release = (shard: number, holder: string, epoch: number) => this.#store.release(shard, holder, epoch);
  prepare = (shards: number) => this.#store.prepare(shards);
  raiseEpoch = (shard: number, holder: string) => this.#store.raiseEpoch(shard, holder);
  readTail = (shard: number, fromSeq: number) => this.#store.readTail(shard, fromSeq);
  readBatch = (shard: number, seq: number) => this.#store.readBatch(shard, seq);
  close = () => this.#store.close();
}

/** A promise and its two ends. */
export function gate(): { opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** An engine over a store, with a clock at the chain's genesis. */
export function engineOver(
  store: JournalStore,
  options: { clock?: SetClock; holder?: string; log?: EngineLog; shards?: number } & Pick<
    EngineParts,
    "snapshots"
  > = {},
) {
  const clock = options.clock ?? new SetClock(chain.genesisMs);
  return createEngine({
    store,
    clock,
    scheduler: nodeScheduler,
    sha256,
    log: options.log ?? listeningLog(),
    holder: options.holder ?? "test",
    shards: options.shards ?? 4,
    ...(options.snapshots && { snapshots: options.snapshots }),
  });
}
