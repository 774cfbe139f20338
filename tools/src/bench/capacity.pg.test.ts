import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Capacity } from "./mod.ts";

const program = fileURLToPath(new URL("../../../packages/wanhui/bin/wanhui.js", import.meta.url));

test("[OB8] what this machine carries is measured with a real server, and each figure says what binds it", async () => {
  const words = [program, "doctor", "--json", "--sockets-max", "1000", "--beacon", "dev"];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  const { capacities } = JSON.parse(stdout) as { capacities: Capacity[] };
  expect(capacities.map(({ what }) => what)).toEqual(["viewers", "taps", "grabs"]);
  for (const { value, boundBy } of capacities) {
    expect(value).toBeGreaterThan(10);
    expect(boundBy).not.toBe("");
  }
  // A bound that is set is never exceeded, however quick the machine.
  expect(capacities[0]?.value).toBeLessThanOrEqual(1_000);
}, 240_000);
