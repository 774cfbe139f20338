import { mkdir, open, readFile } from "node:fs/promises";
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

const fileName = "dev-beacon.json";
const fileVersion = "wanhui/dev-beacon/1";
/** The same grid as drand quicknet: every 3 s, on Unix seconds divisible by 3 (DR3). */
const periodMs = 3_000;

type DevKey = { readonly version: string; readonly secretKey: string; readonly genesisMs: number };

export type DevOptions = {
  /** Data folder; the key is made there once, readable by its owner only. */
  readonly folder: string;
  readonly clock: Clock;
  readonly bls: Bls;
  readonly patience?: Patience;
};

/**
 * A beacon of this machine with a key of its own: for development, tests and machines without a way out. Unsafe:
 * whoever can read the key knows every seed beforehand. It keeps the contract otherwise, so nothing else differs.
 */
export async function createDevSource(options: DevOptions): Promise<BeaconSource> {
  const { clock, bls, patience = DEFAULT_PATIENCE } = options;
  const key = await loadKey(options);
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

async function loadKey({ folder, clock, bls }: DevOptions): Promise<DevKey> {
  const path = join(folder, fileName);
  const known = await readKey(path);
  if (known !== undefined) return known;
  const { secretKey } = await bls.generate();
  const genesisMs = Math.floor(clock.nowMs() / periodMs) * periodMs - periodMs;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    // `wx`: of two processes that come at once one makes the key, the other reads it.
    const file = await open(path, "wx", 0o600);
    await file.writeFile(`${JSON.stringify({ version: fileVersion, secretKey, genesisMs })}\n`);
    await file.sync();
    await file.close();
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  const made = await readKey(path);
  if (made === undefined) throw new Fault("beacon.dev_key", `${path} vanished while it was made.`);
  return made;
}

async function readKey(path: string): Promise<DevKey | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const advice = "Put the file back; without its key sealed windows of earlier runs cannot be drawn.";
  let key: Partial<DevKey>;
  try {
    key = JSON.parse(text) as Partial<DevKey>;
  } catch (cause) {
    throw new Fault("beacon.dev_key", `${path} is not readable as JSON. ${advice}`, { cause });
  }
  const { version, secretKey, genesisMs } = key;
  if (version !== fileVersion || typeof secretKey !== "string" || typeof genesisMs !== "number") {
    throw new Fault("beacon.dev_key", `${path} does not hold a dev beacon's key. ${advice}`);
  }
  return { version, secretKey, genesisMs };
}
