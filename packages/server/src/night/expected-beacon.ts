import type { BeaconSource, Beacons } from "../beacons/mod.ts";

/** What would decide a round armed now, for pages; and the choice itself, for the director. */
export type ExpectedBeacon = {
  now(): { readonly level: "dev" | "beacon"; readonly name: string };
  choose(): Promise<BeaconSource>;
};

/** Follows the choices made; until the first one it expects the least: the local beacon, which is unsafe. */
export function createExpectedBeacon(beacons: Pick<Beacons, "choose">): ExpectedBeacon {
  let expected: { level: "dev" | "beacon"; name: string } = { level: "dev", name: "dev" };
  async function choose(): Promise<BeaconSource> {
    const source = await beacons.choose();
    expected = { level: source.level, name: source.name };
    return source;
  }
  return { now: () => expected, choose };
}
