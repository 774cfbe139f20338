// Makes a fresh clone ready: npm packages, build, and for tests and measurements the programs of other projects.
// Node built-ins only. Usage: node scripts/setup.mjs <start|test|bench>
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findProgram, isCi, programs, readJson, root, run, say, secondsSince, writeJson } from "./lib.mjs";

const stampPath = join(root, "node_modules", ".wanhui-setup");

function installHash() {
  const lock = readFileSync(join(root, "package-lock.json"));
  const machine = `${process.version} ${process.platform} ${process.arch}`;
  return createHash("sha256").update(lock).update(machine).digest("hex");
}

/** Whether node_modules, made by hand with npm, already is what the lockfile says: then nothing is reinstalled. */
function installedByHand() {
  const wanted = readJson(join(root, "package-lock.json"))?.packages ?? {};
  const present = readJson(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return found.version === entry.version;
  });
}

function npmCommand() {
  const given = process.env.npm_execpath;
  if (given && basename(given).startsWith("npm")) return [process.execPath, given];
  for (const prefix of [dirname(dirname(process.execPath)), "/usr/local", "/usr", "/usr/share"]) {
    for (const modules of ["lib/node_modules", "share/nodejs", "nodejs"]) {
      const path = join(prefix, modules, "npm/bin/npm-cli.js");
      if (existsSync(path)) return [process.execPath, path];
    }
  }
  return ["npm"];
}

async function installPackages() {
  const hash = installHash();
  const stamp = readJson(stampPath);
  if (stamp?.hash === hash) return 0;
  if (stamp === undefined && installedByHand()) {
    writeJson(stampPath, { hash });
    return 0;
  }
  say(stamp === undefined ? "Installing npm packages ..." : "The packages changed: installing again ...");
  const start = performance.now();
  const ticker = setInterval(() => say(`  still installing, ${secondsSince(start)}`), 5_000);
  // The caller may be `npm --silent` or a production shell; the set-up is neither.
  const env = { ...process.env };
  for (const name of ["npm_config_loglevel", "npm_config_omit", "npm_config_dry_run"]) delete env[name];
  const [file, ...args] = npmCommand();
  const flags = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  const code = await run(file, [...args, ...flags], { env });
  clearInterval(ticker);
  if (code !== 0) {
    say("npm ci failed. Its message is above; with a proxy or a mirror, check `npm config get registry`.");
    return code;
  }
  writeJson(stampPath, { hash });
  say(`Installed npm packages in ${secondsSince(start)}`);
  return 0;
}

/** Whether this release of Debian has a package: a newer one may come in several that an older one has as one. */
function aptKnows(name) {
  return spawnSync("apt-cache", ["show", name], { stdio: "ignore" }).status === 0;
}

/** Installs Debian packages as root without letting their services start. */
async function aptInstall(packages) {
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !existsSync(policy);
  if (ours) {
    // 101: "action forbidden". A package's daemon is for us to start and stop inside a test, nobody else.
    writeFileSync(policy, "#!/bin/sh\nexit 101\n");
    chmodSync(policy, 0o755);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quiet = ["-y", "-q", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Color=0"];
  try {
    say("apt-get update ...");
    const updated = await run("apt-get", ["update", "-q"], { env });
    if (updated !== 0) say("apt-get update failed; trying with the lists at hand.");
    const names = packages.map(({ debian, debianElse }) =>
      aptKnows(debian) ? debian : (debianElse ?? debian),
    );
    say(`apt-get install ${names.join(" ")} ...`);
    return await run("apt-get", ["install", ...quiet, "--no-install-recommends", ...names], { env });
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

function missing(names) {
  return names.map((name) => programs[name]).filter((program) => findProgram(program) === undefined);
}

async function installPrograms(names) {
  let wanted = missing(names);
  if (wanted.length === 0) return 0;
  const hasApt = findProgram({ names: ["apt-get"] }) !== undefined;
  if (hasApt && process.geteuid?.() === 0) {
    await aptInstall(wanted);
    wanted = missing(names);
    if (wanted.length === 0) return 0;
  }
  const packages = wanted.map((program) => program.debian).join(" ");
  say(`Not installed: ${wanted.map((program) => program.names[0]).join(", ")}. Install with:`);
  if (process.platform === "darwin") for (const { brew } of wanted) say(`  brew install ${brew}`);
  else if (hasApt) say(`  sudo apt-get install --no-install-recommends ${packages}`);
  else say(`  your system's packages for: ${packages}`);
  for (const {
    variable,
    names: [name],
  } of wanted)
    say(`  or name the program: ${variable}=/path/to/${name}`);
  if (isCi) return 1;
  for (const { without } of wanted) say(`Skipped without it: ${without}`);
  return 0;
}

const extras = { start: [], test: ["chromium", "nats", "ip", "faketime"], bench: ["redis", "nats"] };

async function main() {
  const purpose = process.argv[2] ?? "start";
  const names = extras[purpose];
  if (names === undefined) {
    say(`usage: node scripts/setup.mjs <${Object.keys(extras).join("|")}>`);
    return 2;
  }
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    say(`Wanhui needs Node.js 20.19 or newer; this is ${process.version}. Get one from https://nodejs.org/`);
    return 1;
  }
  const installed = await installPackages();
  if (installed !== 0) return installed;
  const { build } = await import("./build.mjs");
  const built = await build();
  // Tests run from source: they go on and count the broken build as the failed check it is.
  if (built !== 0 && purpose !== "test") return built;
  return installPrograms(names);
}

process.exitCode = await main();
