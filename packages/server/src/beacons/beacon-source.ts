import { createHash } from "node:crypto";
import type { BeaconChain, Hash, Hex } from "@wanhui/core";
import { roundDueMs } from "@wanhui/core";
import { type Clock, Fault, withSignal } from "../platform/mod.ts";

/** One public random value: believed only after its signature was verified. */
export type Beacon = {
  readonly round: number;
  /** SHA-256 of the signature. */
  readonly randomness: Hash;
  readonly signature: Hex;
};

/**
 * Where seeds come from (docs/spec/beacon.md). Every adapter keeps the same contract: a round is never given out before
 * it is due (BC2), never without a valid signature of the chain's key (BC3), and always the same (BC4).
 */
export type BeaconSource = {
  readonly name: string;
  /** `beacon`: nobody here holds the key. `dev`: a key of this machine, unsafe, said wherever it shows. */
  readonly level: "beacon" | "dev";
  readonly chain: BeaconChain;
  /**
   * Waits until a round is due and published, verifies and returns it.
   *
   * @throws Fault `beacon.unavailable` (retryable) when it cannot be had within the source's patience
   * @throws the signal's reason when aborted
   */
  round(round: number, signal: AbortSignal): Promise<Beacon>;
  /** Whether the source can be reached now; at most some seconds, never throws. */
  probe(): Promise<boolean>;
  /**
   * Looks for a round that is public already although by our clock it is due only in half a second or later: then our
   * clock is behind, and windows would be sealed with their seed in sight (BC9). Takes at most one period, never throws.
   *
   * @returns such a round, verified; null when there is none, or nobody can say
   */
  early(signal: AbortSignal): Promise<Beacon | null>;
};

/** The scheme of all chains this version speaks. */
export const SCHEME = "bls-unchained-g1-rfc9380";

/**
 * drand "quicknet", run by the League of Entropy; the facts are those the drand network publishes at
 * `/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info`.
 */
export const QUICKNET: BeaconChain = {
  chainHash: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
  publicKey:
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
  scheme: SCHEME,
  genesisMs: 1_692_803_367_000,
  periodMs: 3_000,
};

/** The value a signature stands for. */
export function beaconOf(round: number, signature: Hex): Beacon {
  const randomness = createHash("sha256").update(Buffer.from(signature, "hex")).digest("hex") as Hash;
  return { round, randomness, signature };
}

/** Hex of a signature in G1. */
export function isSignature(value: unknown): value is Hex {
  return typeof value === "string" && /^[0-9a-f]{96}$/.test(value);
}

/** Waits; an abort ends the wait by throwing the signal's reason. */
export function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** A round that is public this long before it is due by our clock proves that clock behind; publishing takes some 100 ms. */
const EARLY_MS = 500;

/**
 * Waits for the moment shortly before the next round is due, and asks for it once.
 *
 * @param options.ask gives the verified round when it is public, null when it is not; errors count as null
 */
export async function lookEarly(options: {
  readonly chain: BeaconChain;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  ask(round: number, signal: AbortSignal): Promise<Beacon | null>;
}): Promise<Beacon | null> {
  const { chain, clock, signal } = options;
  const { genesisMs, periodMs } = chain;
  const round = Math.max(1, Math.floor((clock.nowMs() + EARLY_MS - genesisMs) / periodMs) + 2);
  const dueMs = roundDueMs(chain, round);
  // Before the chain's first round there is nothing to compare with, and nobody waits for that.
  if (dueMs - clock.nowMs() > 2 * periodMs) return null;
  try {
    await sleep(Math.max(0, dueMs - EARLY_MS - clock.nowMs()), signal);
    const found = await withSignal([signal, AbortSignal.timeout(EARLY_MS)], (end) => options.ask(round, end));
    // What comes when the round is due proves nothing.
    return clock.nowMs() < dueMs ? found : null;
  } catch {
    // Not reachable, not there yet, or aborted: nobody can say.
    return null;
  }
}

/** How long and how often a source asks before it gives up. */
export type Patience = {
  /** From the moment the round is due, or from the call when that is later. */
  readonly totalMs: number;
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
};

/** A window's result is awaited by everybody: ask often at first, and tell the caller within half a minute. */
export const DEFAULT_PATIENCE: Patience = { totalMs: 30_000, firstDelayMs: 200, delayMsMax: 2_000 };

/**
 * Waits until a round is due, then tries until an attempt gives it.
 *
 * @param options.attempt gives the round, or says in words why not yet; thrown errors count as words
 */
export async function patiently(options: {
  readonly source: Pick<BeaconSource, "name" | "chain">;
  readonly round: number;
  readonly clock: Clock;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  attempt(signal: AbortSignal): Promise<Beacon | string>;
}): Promise<Beacon> {
  const { source, round, clock, patience, signal } = options;
  if (!Number.isSafeInteger(round) || round < 1) {
    throw new Fault("beacon.bad_round", `There is no beacon round ${round}.`);
  }
  const dueMs = roundDueMs(source.chain, round);
  for (let waitMs = dueMs - clock.nowMs(); waitMs > 0; waitMs = dueMs - clock.nowMs()) {
    // A timer of weeks overflows; a clock that is slewed is asked again.
    await sleep(Math.min(Math.ceil(waitMs), 60_000), signal);
  }
  const startedMs = clock.monotonicMs();
  let delayMs = patience.firstDelayMs;
  for (;;) {
    signal.throwIfAborted();
    const got = await options.attempt(signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return error instanceof Error ? error.message : String(error);
    });
    if (typeof got !== "string") return got;
    if (clock.monotonicMs() - startedMs + delayMs > patience.totalMs) {
      throw new Fault("beacon.unavailable", `Round ${round} of ${source.name} is not to be had: ${got}`, {
        retryable: true,
      });
    }
    await sleep(delayMs, signal);
    delayMs = Math.min(delayMs * 2, patience.delayMsMax);
  }
}
