// Runs the checks and the test groups one after the other, prints the time of each, and as its very last line
// `N passed, N failed`. On a build machine (CI=true) a skipped test is a failure.
// Usage: node scripts/test.mjs [--group <name>]... [filter of file names]...
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { check } from "./check.mjs";
import { findProgram, isCi, programs, readJson, root, run, say, secondsSince } from "./lib.mjs";

const groups = ["unit", "server", "e2e"];

const { values, positionals } = parseArgs({
  options: { group: { type: "string", multiple: true } },
  allowPositionals: true,
});

const scratch = mkdtempSync(join(tmpdir(), "wanhui-summary-"));
const chromium = findProgram(programs.chromium);
const nats = findProgram(programs.nats);
const env = {
  ...process.env,
  ...(chromium && { WANHUI_CHROMIUM: chromium }),
  ...(nats && { WANHUI_NATS_SERVER: nats }),
};

async function runGroup(name) {
  if (name === "e2e" && chromium === undefined && !isCi) {
    say("Skipped: e2e needs Chromium (see above how to install it)");
    return { passed: 0, failed: 0, skipped: [] };
  }
  const file = join(scratch, `${name}.json`);
  const args = ["run", "--project", name, "--passWithNoTests", ...positionals];
  const reporters = ["--reporter=default", "--reporter=./scripts/summary-reporter.mjs"];
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const code = await run(process.execPath, [vitest, ...args, ...reporters], {
    env: { ...env, WANHUI_SUMMARY_FILE: file },
  });
  const summary = readJson(file) ?? { passed: 0, failed: 0, skipped: [] };
  // A group that ends badly without a failed test (a crash, a broken set-up) has failed all the same.
  if (code !== 0 && summary.failed === 0) summary.failed = 1;
  return summary;
}

const timed = [];
const total = { passed: 0, failed: 0, skipped: [] };

async function timedGroup(name, work) {
  const start = performance.now();
  const result = await work();
  total.passed += result.passed;
  total.failed += result.failed;
  total.skipped.push(...(result.skipped ?? []));
  timed.push(
    `${name.padEnd(8)} ${secondsSince(start).padStart(8)}  ${result.passed} passed, ${result.failed} failed`,
  );
}

const start = performance.now();
const wanted = values.group ?? groups;
// A run narrowed by hand wants its answer quickly; the checks belong to whole runs.
if (positionals.length === 0 && values.group === undefined) await timedGroup("check", check);
for (const name of groups) if (wanted.includes(name)) await timedGroup(name, () => runGroup(name));
rmSync(scratch, { recursive: true, force: true });

console.log("");
for (const line of timed) console.log(line);
console.log(`in all   ${secondsSince(start).padStart(8)}`);
for (const name of total.skipped) console.log(`${isCi ? "FAILED: skipped" : "skipped"}: ${name}`);
if (isCi) total.failed += total.skipped.length;
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
