import { defineConfig } from "vitest/config";
import { SlowFirst } from "./scripts/slow-first.mjs";

/**
 * Three groups, run one after the other by scripts/test.mjs: `unit` needs nothing, `server` needs the embedded
 * PostgreSQL (`*.pg.test.ts`), `e2e` needs a real browser. Workspace packages resolve to their source, so a
 * test never sees a stale build.
 */
// Vitest hands these to Node's command line as well: with "import" or "module" among them Node's own `require` would be
// given files that only a bundler can read.
const conditions = ["wanhui-source", "node", "development|production"];

const resolve = { conditions };
const ssr = { resolve: { conditions, externalConditions: ["wanhui-source"] } };

const ignored = ["**/node_modules/**", "**/dist/**"];

export default defineConfig({
  resolve,
  ssr,
  test: {
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "unit",
          sequence: { groupOrder: 0 },
          include: [
            "packages/*/src/**/*.test.ts",
            "tools/src/**/*.test.ts",
            "apps/web/src/**/*.test.{ts,tsx}",
            "test/**/*.test.ts",
          ],
          exclude: [...ignored, "**/*.pg.test.ts", "**/*.e2e.test.ts"],
          // Left to itself the runner keeps one of two cores free.
          maxWorkers: 2,
          // Nothing lives at the top of a module (style), so files share a process: half the time went into loading.
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: "server",
          sequence: { groupOrder: 1 },
          include: ["packages/*/src/**/*.pg.test.ts", "tools/src/**/*.pg.test.ts", "test/**/*.pg.test.ts"],
          exclude: ignored,
          globalSetup: ["./test/server-group.setup.ts"],
          // Nights of real servers mostly wait, for leases and windows: three of them use two cores, more would time out.
          maxWorkers: 3,
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: "e2e",
          sequence: { groupOrder: 2 },
          include: ["apps/web/e2e/**/*.e2e.test.ts", "test/**/*.e2e.test.ts"],
          exclude: ignored,
          // A night mostly waits for its rounds. No test asserts how fast a browser is.
          maxWorkers: 3,
          isolate: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
