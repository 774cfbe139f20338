// The door of `beacons`: where seeds come from (docs/spec/beacon.md).
export {
  type Beacon,
  type BeaconSource,
  beaconOf,
  DEFAULT_PATIENCE,
  type Patience,
  QUICKNET,
  SCHEME,
} from "./beacon-source.ts";
export { type Bls, type BlsKey, createBls } from "./bls.ts";
export { type BeaconConfig, type Beacons, createBeacons } from "./choose.ts";
export { createClockWatch } from "./clock-watch.ts";
export { createDevSource, type DevOptions, openOldDevSource } from "./dev-source.ts";
export { createDrandSource, type DrandOptions } from "./drand-source.ts";
export { createFileSource, type FileOptions } from "./file-source.ts";
