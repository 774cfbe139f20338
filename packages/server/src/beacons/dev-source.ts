import { hkdfSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BeaconChain, hashJson } from "@wanhui/core";
import { type Clock, errorCode, Fault, sha256 } from "../platform/mod.ts";
import {
  type BeaconSource,
  beaconOf,
  DEFAULT_PATIENCE,
  type Patience,
  patiently,
  SCHEME,
} from "./beacon-source.ts";
import type { Bls } from "./bls.ts";

/** Of earlier versions, whose key was the data folder's own. */
const oldFileName = "dev-beacon.json";
const oldFileVersion = "wanhui/dev-beacon/1";
const seedBytes = 48;
/** The same grid as drand quicknet: every 3 s, on Unix seconds divisible by 3 (DR3). */
const periodMs = 3_000;
/** Round 1 is due as 2026 begins: the chain is the same wherever its secret is, so it cannot begin when it is made. */
const genesisMs = Date.UTC(2026, 0, 1);

type DevKey = { readonly secretKey: string; readonly genesisMs: number };

export type DevOptions = {
  readonly clock: Clock;
  readonly bls: Bls;
  readonly patience?: Patience;
};

/**
 * A beacon of this house with a key of its own: for development, tests and machines without a way out. Unsafe: whoever
 * has the server's secret knows every seed beforehand. It keeps the contract otherwise, so nothing else differs. Every
 * process with the same secret has the same chain, and can draw what another armed.
 *
 * @param options.key 32 bytes derived from the server's secret for this purpose
 */
export async function createDevSource(
  options: DevOptions & { readonly key: Uint8Array },
): Promise<BeaconSource> {
  const seed = Buffer.from(hkdfSync("sha256", options.key, "", "wanhui/dev-beacon/2", seedBytes)).toString(
    "hex",
  );
  const { secretKey } = await options.bls.generate({ seed });
  return sourceOf({ secretKey, genesisMs }, options);
}

/**
 * The beacon whose key an earlier version made in the data folder, for the draws that were armed on it; null when there
 * is none.
 *
 * @throws Fault `beacon.dev_key` when the file is there and cannot be read
 */
export async function openOldDevSource(
  options: DevOptions & { readonly folder: string },
): Promise<BeaconSource | null> {
  const key = await readKey(join(options.folder, oldFileName));
  return key === undefined ? null : sourceOf(key, options);
}

async function sourceOf(key: DevKey, options: DevOptions): Promise<BeaconSource> {
  const { clock, bls, patience = DEFAULT_PATIENCE } = options;
  const publicKey = await bls.publicKey({ secretKey: key.secretKey });
  const facts = { publicKey, scheme: SCHEME, genesisMs: key.genesisMs, periodMs } as const;
  const chain: BeaconChain = {
    chainHash: hashJson({ version: "wanhui/dev-chain/1", ...facts }, sha256),
    ...facts,
  };
  const name = "dev";
  return {
    name,
    level: "dev",
    chain,
    round: (round, signal) =>
      patiently({
        source: { name, chain },
        round,
        clock,
        patience,
        signal,
        async attempt() {
          const signature = await bls.sign({ secretKey: key.secretKey, round });
          return beaconOf(round, signature);
        },
      }),
    probe: async () => true,
    // Its rounds are made here when they are due: there is no other clock to compare with.
    early: async () => null,
  };
}

async function readKey(path: string): Promise<DevKey | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const advice = "Put the file back; without its key sealed windows of earlier runs cannot be drawn.";
  let key: Partial<DevKey & { version: string }>;
  try {
    key = JSON.parse(text) as typeof key;
  } catch (cause) {
    throw new Fault("beacon.dev_key", `${path} is not readable as JSON. ${advice}`, { cause });
  }
  const { version, secretKey, genesisMs } = key;
  if (version !== oldFileVersion || typeof secretKey !== "string" || typeof genesisMs !== "number") {
    throw new Fault("beacon.dev_key", `${path} does not hold a dev beacon's key. ${advice}`);
  }
  return { secretKey, genesisMs };
}
