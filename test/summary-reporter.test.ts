import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import SummaryReporter from "../scripts/summary-reporter.mjs";

// The last line of `npm test` is only as true as these counts.

const folder = mkdtempSync(join(tmpdir(), "wanhui-summary-test-"));

afterEach(() => {
  vi.unstubAllEnvs();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function moduleWith(states: string[], state = "passed") {
  const tests = states.map((outcome, index) => ({
    result: () => ({ state: outcome }),
    fullName: `test ${index}`,
  }));
  return { relativeModuleId: "a.test.ts", state: () => state, children: { allTests: () => tests } };
}

function summaryOf(modules: ReturnType<typeof moduleWith>[], errors: unknown[] = []): unknown {
  const path = join(folder, "summary.json");
  vi.stubEnv("WANHUI_SUMMARY_FILE", path);
  new SummaryReporter().onTestRunEnd(modules, errors);
  const summary: unknown = JSON.parse(readFileSync(path, "utf8"));
  rmSync(path);
  return summary;
}

test("passed, failed and skipped tests are counted, a skipped one by name", () => {
  expect(summaryOf([moduleWith(["passed", "failed", "skipped", "passed"], "failed")])).toEqual({
    passed: 2,
    failed: 1,
    skipped: ["a.test.ts: test 2"],
  });
});

test("a file that fails before its first test, and an error nobody caught, are failures", () => {
  expect(summaryOf([moduleWith([], "failed"), moduleWith(["passed"])], [new Error("loose")])).toEqual({
    passed: 1,
    failed: 2,
    skipped: [],
  });
});
