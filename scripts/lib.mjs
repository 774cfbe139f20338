// Shared by the scripts: where things are, hashing of inputs, running a child with its output in view.
// Node built-ins only: this runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Whether nothing may be skipped: on a build machine. */
export const isCi = process.env.CI !== undefined && process.env.CI !== "" && process.env.CI !== "false";

/** Prints one line for people, on standard error: standard output belongs to the command that follows. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Seconds since `startMs` (of `performance.now()`), for people. */
export function secondsSince(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}

const notSource = new Set(["node_modules", "dist", ".git", ".wanhui", "coverage", ".cache"]);

/** All files below `path` (or `path` itself) in a stable order, without what tools produce. */
export function* walk(path) {
  if (!existsSync(path)) return;
  let entries;
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    yield path;
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (notSource.has(entry.name) || entry.name.endsWith(".tsbuildinfo")) continue;
    if (entry.isDirectory()) yield* walk(join(path, entry.name));
    else if (entry.isFile()) yield join(path, entry.name);
  }
}

/** One hash over the names and contents of everything below `paths` (relative to the root). */
export function hashInputs(paths, keep = () => true) {
  const hash = createHash("sha256").update(process.version);
  for (const path of paths) {
    for (const file of walk(join(root, path))) {
      const name = relative(root, file);
      if (!keep(name)) continue;
      const content = readFileSync(file);
      hash.update(`${name}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest("hex");
}

/** Reads a JSON file; undefined when it is missing or not whole. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Writes a JSON file in one step. */
export function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(value));
  renameSync(`${path}.${process.pid}`, path);
}

/** Runs a program with its output in view; resolves to its exit code. */
export function run(file, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: "inherit", ...options });
    child.once("error", (error) => {
      say(`${file}: ${error.message}`);
      resolve(127);
    });
    child.once("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
  });
}

/** Runs a program and keeps its output; resolves to `{ code, output }`. */
export function capture(file, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    child.once("error", (error) => resolve({ code: 127, output: error.message }));
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Full path of a program: the variable's value, one of the usual places, or the first on PATH. */
export function findProgram({ variable, names, places = [] }) {
  const given = variable ? process.env[variable] : undefined;
  if (given) return existsSync(given) ? given : undefined;
  for (const place of places) if (existsSync(place)) return place;
  for (const name of names) {
    const found = spawnSync("sh", ["-c", 'command -v "$1"', "sh", name], { encoding: "utf8" });
    if (found.status === 0 && found.stdout.trim() !== "") return found.stdout.trim();
    // Debian puts servers where an ordinary user's PATH does not look.
    for (const folder of ["/usr/sbin", "/usr/local/sbin"]) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
  }
  return undefined;
}

/** The programs of other projects that tests and measurements need, with the packages that bring them. */
export const programs = {
  chromium: {
    variable: "WANHUI_CHROMIUM",
    // The same engine without a window costs half the processor time: no toolbar is drawn, nothing goes to a screen.
    names: ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"],
    places: [
      "/usr/bin/chromium-headless-shell",
      "/usr/bin/chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    debian: "chromium-headless-shell",
    debianElse: "chromium",
    brew: "--cask chromium",
    without: "the tests in a real browser (group e2e)",
  },
  nats: {
    variable: "WANHUI_NATS_SERVER",
    names: ["nats-server"],
    debian: "nats-server",
    brew: "nats-server",
    without: "the tests of several processes",
  },
  ip: {
    variable: "WANHUI_IP",
    names: ["ip"],
    places: ["/sbin/ip", "/usr/sbin/ip"],
    debian: "iproute2",
    brew: "iproute2mac",
    without: "the test of a network that is taken away",
  },
  faketime: {
    variable: "WANHUI_FAKETIME",
    names: ["faketime"],
    debian: "faketime",
    brew: "libfaketime",
    without: "the test of a clock that is set",
  },
  redis: {
    variable: "WANHUI_REDIS_SERVER",
    names: ["redis-server"],
    debian: "redis-server",
    brew: "redis",
    without: "the comparison with Redis",
  },
};
