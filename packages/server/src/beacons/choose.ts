import type { BeaconChain } from "@wanhui/core";
import { type Clock, Fault, type Log } from "../platform/mod.ts";
import type { Beacon, BeaconSource } from "./beacon-source.ts";
import { type Bls, createBls } from "./bls.ts";
import { createDevSource } from "./dev-source.ts";
import { createDrandSource } from "./drand-source.ts";
import { createFileSource } from "./file-source.ts";

/** The settings this part reads. */
export type BeaconConfig = {
  readonly dataFolder: string;
  readonly beacon: "auto" | "drand" | "dev";
  readonly drandUrls: readonly string[];
  /** File of rounds fed by the operator; replaces the relays. */
  readonly drandFile?: string | undefined;
};

/** All sources this process has. */
export type Beacons = {
  /**
   * The source a draw armed now shall use: drand when that is asked for or reachable, else the local beacon (BC6).
   * What was chosen is written into the arm record and never changes for that draw.
   */
  choose(): Promise<BeaconSource>;
  /** The source of an armed draw's chain, also after a restart with other settings; null when no source here knows it. */
  ofChain(chain: Pick<BeaconChain, "chainHash">): BeaconSource | null;
  /**
   * A verified round of an armed draw's chain, whichever source has it.
   *
   * @throws Fault `beacon.no_source` when no source here knows the chain, else as `BeaconSource.round`
   */
  round(chain: Pick<BeaconChain, "chainHash">, round: number, signal?: AbortSignal): Promise<Beacon>;
  stop(): Promise<void>;
};

/** Makes the sources; the dev beacon's key is made in the data folder at the first start. */
export async function createBeacons(options: {
  readonly config: BeaconConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly bls?: Bls;
  /** Another public chain than drand quicknet. */
  readonly chain?: BeaconChain;
}): Promise<Beacons> {
  const { config, clock, log } = options;
  const ended = new AbortController();
  const bls = options.bls ?? createBls();
  const shared = { clock, bls, ...(options.chain === undefined ? {} : { chain: options.chain }) };
  const dev = await createDevSource({ folder: config.dataFolder, clock, bls });
  const drand =
    config.drandFile === undefined
      ? createDrandSource({ ...shared, urls: config.drandUrls })
      : createFileSource({ ...shared, path: config.drandFile });
  const ofChain: Beacons["ofChain"] = ({ chainHash }) =>
    [drand, dev].find((source) => source.chain.chainHash === chainHash) ?? null;
  return {
    async choose() {
      if (config.beacon === "dev") return dev;
      if (config.beacon === "drand" || (await drand.probe())) return drand;
      log.warn(
        { part: "beacons" },
        "drand is out of reach: this draw uses the local dev beacon, which is unsafe; set BEACON=drand to insist",
      );
      return dev;
    },
    ofChain,
    async round(armed, round, signal) {
      const source = ofChain(armed);
      if (source === null) {
        throw new Fault("beacon.no_source", `No source here knows the beacon chain ${armed.chainHash}.`);
      }
      return source.round(round, signal ?? ended.signal);
    },
    async stop() {
      ended.abort();
      await bls.stop();
    },
  };
}
