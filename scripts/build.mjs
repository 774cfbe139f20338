// Builds what changed: TypeScript to `dist`, and the pages. Each step is skipped when a hash over the contents of
// its inputs equals the one of its last success. Usage: node scripts/build.mjs [--force]
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { hashInputs, readJson, root, run, say, secondsSince, writeJson } from "./lib.mjs";

const stampPath = join(root, "node_modules", ".wanhui-build.json");

const libraries = [...readdirSync(join(root, "packages")).map((name) => `packages/${name}`), "tools"].filter(
  (path) => existsSync(join(root, path, "tsconfig.json")),
);

const shared = ["package-lock.json", "package.json", "tsconfig.base.json", "tsconfig.json"];
const isTest = (name) => /\.test\.tsx?$/.test(name);

function* outputs(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* outputs(path);
    else yield path;
  }
}

/** Removes what an older build left for sources that are gone: a deleted module must not go on being imported. */
function removeStale(library) {
  const dist = join(root, library, "dist");
  if (!existsSync(dist)) return;
  for (const path of outputs(dist)) {
    const stem = relative(dist, path).replace(/\.(d\.ts|js)(\.map)?$/, "");
    if (stem === relative(dist, path)) continue;
    const source = join(root, library, "src", stem);
    if (isTest(`${stem}.ts`) || !(existsSync(`${source}.ts`) || existsSync(`${source}.tsx`))) rmSync(path);
  }
}

function node(script, args, cwd = root) {
  return run(process.execPath, [join(root, "node_modules", script), ...args], { cwd });
}

const steps = [
  {
    name: "TypeScript",
    hash: () =>
      hashInputs(
        [
          ...shared,
          ...libraries.flatMap((path) => [`${path}/src`, `${path}/package.json`, `${path}/tsconfig.json`]),
        ],
        (name) => !isTest(name),
      ),
    isThere: () => libraries.every((path) => existsSync(join(root, path, "dist", "mod.js"))),
    make: async () => {
      const code = await node("typescript/bin/tsc", ["-b"]);
      for (const library of libraries) removeStale(library);
      return code;
    },
  },
  {
    name: "pages",
    hash: () =>
      hashInputs(
        [
          ...shared,
          "apps/web",
          "packages/client/src",
          "packages/protocol/src",
          "packages/verify/src",
          "packages/core/src",
        ],
        (name) => !isTest(name) && !name.startsWith("apps/web/e2e/"),
      ),
    isThere: () => existsSync(join(root, "apps/web/dist")),
    isWanted: () => existsSync(join(root, "apps/web/vite.config.ts")),
    make: () => node("vite/bin/vite.js", ["build", "--logLevel", "warn"], join(root, "apps/web")),
  },
];

/** Builds what is out of date; resolves to the exit code of the first step that failed, or 0. */
export async function build({ force = false } = {}) {
  const stamps = readJson(stampPath) ?? {};
  for (const step of steps) {
    if (step.isWanted?.() === false) continue;
    const hash = step.hash();
    if (!force && stamps[step.name] === hash && step.isThere()) continue;
    const start = performance.now();
    say(`Building ${step.name} ...`);
    const code = await step.make();
    if (code !== 0) {
      say(`Building ${step.name} failed.`);
      return code;
    }
    // The hash from before: a source changed while we built makes the next run build again.
    writeJson(stampPath, { ...readJson(stampPath), [step.name]: hash });
    say(`Built ${step.name} in ${secondsSince(start)}`);
  }
  return 0;
}

if (process.argv[1] === import.meta.filename) {
  process.exitCode = await build({ force: process.argv.includes("--force") });
}
