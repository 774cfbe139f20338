import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createTestFolder, removeTestFolder } from "../testing.ts";

/** The built one, in a process of its own: what it runs out of would be missed by the test runner too. */
const fixture = fileURLToPath(new URL("../../../dist/platform/postgres/starved.fixture.js", import.meta.url));

test.runIf(process.platform === "linux")(
  "[MP2] [FT6] where nothing more can be opened nobody is told to have ended, and no second database is started",
  async () => {
    const folder = await createTestFolder();
    try {
      const words = ["-c", 'ulimit -n 256; exec "$0" "$@"', process.execPath, fixture, join(folder, "data")];
      const { stdout } = await promisify(execFile)("sh", words);
      expect(JSON.parse(stdout)).toEqual({
        starved: { code: "EMFILE", self: "process.unknown", server: "process.unknown" },
        fed: { server: "true", ended: false },
        later: { sameServer: true, ended: false },
        gone: { server: "false" },
      });
    } finally {
      await removeTestFolder(folder);
    }
  },
);
