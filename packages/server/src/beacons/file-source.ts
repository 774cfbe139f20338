import { open } from "node:fs/promises";
import type { BeaconChain } from "@wanhui/core";
import { type Clock, errorMessage } from "../platform/mod.ts";
import {
  type BeaconSource,
  beaconOf,
  DEFAULT_PATIENCE,
  isSignature,
  lookEarly,
  type Patience,
  patiently,
  QUICKNET,
} from "./beacon-source.ts";
import type { Bls } from "./bls.ts";

/** 64 MiB hold 200,000 rounds, a week of a three-second chain; of a larger file only the end is read. */
const readBytesMax = 64 * 1024 * 1024;

export type FileOptions = {
  readonly path: string;
  readonly clock: Clock;
  readonly bls: Bls;
  readonly chain?: BeaconChain;
  readonly patience?: Patience;
};

/**
 * Rounds an operator appends to a file by hand or by his own fetcher, for machines without a way out: one JSON object
 * per line as drand serves it (`round`, `signature`; `randomness` is worked out anew). Read again whenever a round is
 * asked for and not known yet; verified like any other.
 */
export function createFileSource(options: FileOptions): BeaconSource {
  const { path, clock, bls, chain = QUICKNET, patience = DEFAULT_PATIENCE } = options;
  const name = "drand file";

  const check = async (round: number, candidates: readonly string[]): Promise<string | undefined> => {
    for (const signature of candidates) {
      if (await bls.verify({ publicKey: chain.publicKey, round, signature })) return signature;
    }
    return undefined;
  };

  return {
    name,
    level: "beacon",
    chain,
    round: (round, signal) =>
      patiently({
        source: { name, chain },
        round,
        clock,
        patience,
        signal,
        async attempt() {
          const found = (await readRounds(path)).filter((line) => line.round === round);
          if (found.length === 0) return `the file has no round ${round} yet`;
          const signatures = found.map((line) => line.signature);
          const signature = await check(round, signatures);
          return signature === undefined
            ? `the file's round ${round} is forged or damaged`
            : beaconOf(round, signature);
        },
      }),
    early: (signal) =>
      lookEarly({
        chain,
        clock,
        signal,
        ask: async (round) => {
          const newest = (await readRounds(path)).findLast((line) => line.round >= round);
          const right = newest !== undefined && (await check(newest.round, [newest.signature])) !== undefined;
          return right ? beaconOf(newest.round, newest.signature) : null;
        },
      }),
    async probe() {
      const lines = await readRounds(path).catch(() => undefined);
      const newest = lines?.at(-1);
      if (lines === undefined) return false;
      return newest === undefined || (await check(newest.round, [newest.signature])) !== undefined;
    },
  };
}

type RoundLine = { readonly round: number; readonly signature: string };

/** The well-formed lines of the file, in order; a half-written or foreign line is passed over. */
async function readRounds(path: string): Promise<RoundLine[]> {
  const text = await readEnd(path).catch((error: unknown) => {
    throw new Error(`${path} cannot be read: ${errorMessage(error)}`);
  });
  return text.split("\n").flatMap((line): RoundLine[] => {
    if (line.trim() === "") return [];
    try {
      const { round, signature } = JSON.parse(line) as Record<string, unknown>;
      return Number.isSafeInteger(round) && isSignature(signature)
        ? [{ round: round as number, signature }]
        : [];
    } catch {
      return [];
    }
  });
}

async function readEnd(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - readBytesMax);
    const bytes = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    return bytes.subarray(0, bytesRead).toString("utf8");
  } finally {
    await file.close();
  }
}
