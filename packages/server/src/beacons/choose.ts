import type { BeaconChain } from "@wanhui/core";
import { type Clock, Fault, type Log } from "../platform/mod.ts";
import type { Beacon, BeaconSource } from "./beacon-source.ts";
import { type Bls, createBls } from "./bls.ts";
import { createDevSource, openOldDevSource } from "./dev-source.ts";
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
   * What was chosen is written into the arm record and never changes for that draw. With our clock behind drand's
   * (BC9) `auto` takes the local beacon.
   *
   * @throws Fault `beacon.clock_behind` (retryable) when drand is insisted on and our clock is behind it
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
  /** A round of drand's that proves our clock behind, looked for now; null when none does (BC9). */
  early(signal: AbortSignal): Promise<Beacon | null>;
  /** Hash of drand's chain, as `early` looks at it. */
  readonly publicChain: BeaconChain;
  stop(): Promise<void>;
};

/** Makes the sources. @param options.devKey as `createDevSource` takes it */
export async function createBeacons(options: {
  readonly config: BeaconConfig;
  readonly devKey: Uint8Array;
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
  const dev = await createDevSource({ key: options.devKey, clock, bls });
  const old = await openOldDevSource({ folder: config.dataFolder, clock, bls });
  const drand =
    config.drandFile === undefined
      ? createDrandSource({ ...shared, urls: config.drandUrls })
      : createFileSource({ ...shared, path: config.drandFile });
  const ofChain: Beacons["ofChain"] = ({ chainHash }) =>
    [drand, dev, old].find((source) => source?.chain.chainHash === chainHash) ?? null;
  return {
    async choose() {
      if (config.beacon === "dev") return dev;
      const insists = config.beacon === "drand";
      const [reachable, early] = await Promise.all([insists || drand.probe(), drand.early(ended.signal)]);
      if (reachable && early === null) return drand;
      if (early !== null && insists) throw clockBehind(early.round);
      const why = early === null ? "drand is out of reach" : clockBehind(early.round).message;
      log.warn(
        { part: "beacons" },
        `${why}: this draw uses the local dev beacon, which is unsafe; set BEACON=drand to insist`,
      );
      return dev;
    },
    early: (signal) => drand.early(signal),
    publicChain: drand.chain,
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

function clockBehind(round: number): Fault {
  const message = `Round ${round} of drand is public before it is due by this server's clock: the clock is behind`;
  return new Fault("beacon.clock_behind", message, { retryable: true });
}
