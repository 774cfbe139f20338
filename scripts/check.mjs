// Everything a machine can say about the code without running it: format, lint, types of code, tests and pages.
// Usage: node scripts/check.mjs
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { capture, root, say, secondsSince, walk } from "./lib.mjs";

const tsc = join(root, "node_modules/typescript/bin/tsc");
const biome = join(root, "node_modules/@biomejs/biome/bin/biome");

/** The pages have a tsconfig per entry folder, each with its own JSX; those that only list others are left out. */
function pageConfigs() {
  return [...walk(join(root, "apps/web"))]
    .filter((path) => /\/tsconfig[^/]*\.json$/.test(path))
    .filter((path) => /"(include|files)"\s*:\s*\[\s*"/.test(readFileSync(path, "utf8")));
}

const lint = { name: "format and lint", args: [biome, "check", "."] };
const types = [
  { name: "types of the packages", args: [tsc, "-b", "--pretty", "false"] },
  { name: "types of the tests", args: [tsc, "-p", "tsconfig.tests.json", "--pretty", "false"] },
];

/** Runs all checks; resolves to how many passed and failed. */
export async function check() {
  const pages = pageConfigs().map((path) => ({
    name: `types of ${relative(root, path)}`,
    args: [tsc, "-p", path, "--noEmit", "--pretty", "false"],
  }));
  const count = { passed: 0, failed: 0 };
  const one = async ({ name, args }) => {
    const start = performance.now();
    const { code, output } = await capture(process.execPath, args);
    if (code !== 0 && output.trim() !== "") say(output.trimEnd());
    count[code === 0 ? "passed" : "failed"] += 1;
    say(`${code === 0 ? "ok  " : "FAIL"} ${name} (${secondsSince(start)})`);
  };
  const inTurn = async () => {
    for (const step of [...types, ...pages]) await one(step);
  };
  await Promise.all([one(lint), inTurn()]);
  return count;
}

if (process.argv[1] === import.meta.filename) {
  const { passed, failed } = await check();
  say(failed === 0 ? `check: all ${passed} passed` : `check: ${failed} of ${passed + failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
