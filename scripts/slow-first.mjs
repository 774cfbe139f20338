import { BaseSequencer } from "vitest/node";

/** Files that take most of a group's time, the longest first; the runner itself would go by the size of a file. */
const slowest = [
  "test/faults/processes.pg.test.ts",
  "test/faults/machine.pg.test.ts",
  "test/faults/world.pg.test.ts",
  "tools/src/fuzz/fuzz.pg.test.ts",
  "tools/src/sim/sim-house.test.ts",
  "packages/server/src/platform/postgres/embedded-postgres.pg.test.ts",
  "test/faults/kill.pg.test.ts",
  "tools/src/crowd/crowd.pg.test.ts",
  "tools/src/bench/capacity.pg.test.ts",
  "packages/server/src/awards/crashes.pg.test.ts",
  "tools/src/sim/sim-alone.test.ts",
  "test/abuse.pg.test.ts",
  "apps/web/e2e/venue-states.e2e.test.ts",
  "apps/web/e2e/night.e2e.test.ts",
  "apps/web/e2e/studio-panels.e2e.test.ts",
];

/** Starts the longest files first, so that no worker is left alone with one at the end. */
export class SlowFirst extends BaseSequencer {
  async sort(specifications) {
    const rank = ({ moduleId }) => {
      const at = slowest.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at === -1 ? slowest.length : at;
    };
    const sorted = await super.sort(specifications);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
