import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, constants, mkdtemp, open, readFile, rm, stat, statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { totalmem } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Config, findListenPort } from "../config/mod.ts";
import { inspectDatabase } from "../database/mod.ts";
import { errorMessage } from "../fault.ts";
import {
  commandOf,
  findBinaries,
  type Launcher,
  namespacesWork,
  readConnectionFile,
} from "../postgres/mod.ts";

const run = promisify(execFile);

/** `fail` keeps a server from starting here, `warn` makes it worse than it could be. */
export type CheckStatus = "ok" | "warn" | "fail";

/** The answer of one check. */
export type Check = {
  name: string;
  status: CheckStatus;
  detail: string;
  /** Present unless all is well: one thing a person can do. */
  whatToDo?: string;
};

type Answer = Omit<Check, "name">;

/** What `runDoctor` takes. */
export type DoctorOptions = {
  config: Config;
  /** Asks a beacon relay for its newest round; says what it saw, throws when it cannot. */
  probeDrand?: () => Promise<string>;
  /** Also look for the programs that only tests and measurements need. */
  forDevelopment?: boolean;
};

const gib = 1024 ** 3;

const ok = (detail: string): Answer => ({ status: "ok", detail });
const warn = (detail: string, whatToDo: string): Answer => ({ status: "warn", detail, whatToDo });
const fail = (detail: string, whatToDo: string): Answer => ({ status: "fail", detail, whatToDo });

function checkNode(): Answer {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    return fail(process.version, "Install Node.js 20.19 or newer; 24 is recommended.");
  }
  if (major < 22) return warn(process.version, "Works, but Node.js 20 gets no fixes any more: move to 24.");
  return ok(process.version);
}

async function checkPackages(): Promise<Answer> {
  const require = createRequire(import.meta.url);
  const manifest = new URL("../../../package.json", import.meta.url);
  const { dependencies } = JSON.parse(await readFile(manifest, "utf8")) as {
    dependencies: Record<string, string>;
  };
  const missing = Object.keys(dependencies).filter((name) => {
    const paths = require.resolve.paths(name) ?? [];
    return !paths.some((path) => existsSync(join(path, name)));
  });
  if (missing.length > 0) return fail(`missing: ${missing.join(", ")}`, "Run `npm ci`.");
  return ok(`${Object.keys(dependencies).length} packages of the server are installed`);
}

function checkMemory(): Answer {
  const limit = process.constrainedMemory();
  const bytes = limit > 0 && limit < totalmem() ? limit : totalmem();
  const detail = `${(bytes / gib).toFixed(1)} GiB`;
  if (bytes < 0.9 * gib) return warn(detail, "Give it 1 GiB or more: server and database share it.");
  return ok(detail);
}

async function checkOpenFiles(): Promise<Answer> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return ok("not readable on this system");
  const detail = `${soft} at once`;
  if (soft !== "unlimited" && Number(soft) < 10_000) {
    return warn(detail, "Every viewer is an open file: raise it with `ulimit -n 65536` or LimitNOFILE=.");
  }
  return ok(detail);
}

/** The folder itself, or the nearest one above it that exists. */
async function existing(path: string): Promise<string> {
  const there = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return there || dirname(path) === path ? path : existing(dirname(path));
}

async function checkDisk(dataFolder: string): Promise<Answer> {
  const folder = await existing(resolve(dataFolder));
  const { bavail, bsize } = await statfs(folder);
  const free = Number(bavail) * Number(bsize);
  const detail = `${(free / gib).toFixed(1)} GiB free at ${folder}`;
  if (free < 0.5 * gib) return fail(detail, "Free some space, or choose a larger disk with WANHUI_DATA.");
  if (free < 4 * gib) return warn(detail, "A long night's journal and log take a few GiB.");
  return ok(detail);
}

const syncsTried = 25;

async function checkSync(dataFolder: string): Promise<Answer> {
  const folder = await existing(resolve(dataFolder));
  const advice = "Choose a writable folder with WANHUI_DATA.";
  const scratch = await mkdtemp(join(folder, ".wanhui-doctor-")).catch(() => undefined);
  if (scratch === undefined) return fail(`${folder} cannot be written`, advice);
  const timesMs: number[] = [];
  const handle = await open(join(scratch, "sync"), "w");
  try {
    const page = Buffer.alloc(8_192, 1);
    for (let index = 0; index < syncsTried; index += 1) {
      const start = performance.now();
      await handle.write(page, 0, page.length, index * page.length);
      await handle.datasync();
      timesMs.push(performance.now() - start);
    }
  } finally {
    await handle.close();
    await rm(scratch, { recursive: true, force: true });
  }
  const median = timesMs.sort((a, b) => a - b)[Math.floor(syncsTried / 2)] ?? 0;
  const detail = `a durable write takes ${median.toFixed(2)} ms (median of ${syncsTried})`;
  if (median > 20) return warn(detail, "Every answer waits for one: use an SSD or a faster volume.");
  return ok(detail);
}

async function checkEmbedded(config: Config): Promise<Answer> {
  if (config.databaseUrl !== undefined) return ok("not used: DATABASE_URL is set");
  const { nativeDirectory, version } = await findBinaries();
  const isRoot = process.geteuid?.() === 0;
  const folder = await existing(resolve(config.dataFolder));
  const inNamespace = isRoot && (await namespacesWork(nativeDirectory, folder));
  const launcher: Launcher = {
    kind: inNamespace ? "namespace" : "plain",
    nativeDirectory,
    dataDirectory: folder,
  };
  const { file, args } = commandOf(launcher, "postgres", ["--version"]);
  const { stdout } = await run(file, args);
  const detail = `${stdout.trim()} from npm ${version}`;
  if (!isRoot) return ok(detail);
  if (inNamespace) return ok(`${detail}, in a user namespace because this is root`);
  const advice = "Nothing to do, or start as an ordinary user to keep data in the data folder.";
  return warn(`${detail}; user namespaces are off, data goes below /var/lib/wanhui`, advice);
}

async function checkSettings(config: Config): Promise<Answer> {
  const url = config.databaseUrl ?? (await readConnectionFile(config.dataFolder).catch(() => undefined))?.url;
  if (url === undefined) return ok("the embedded database is not running");
  const report = await inspectDatabase(url);
  const say = (list: typeof report.unsafe) =>
    list.map(({ setting, value, advice }) => `${setting} = ${value}: ${advice}`).join(" ");
  if (report.unsafe.length > 0) return fail(`PostgreSQL ${report.version} is unsafe`, say(report.unsafe));
  if (report.doubtful.length > 0) return warn(`PostgreSQL ${report.version}`, say(report.doubtful));
  return ok(`PostgreSQL ${report.version}, its settings are safe`);
}

async function checkPort(config: Config): Promise<Answer> {
  const port = await findListenPort(config.host, config.port);
  if (port === config.port) return ok(`${config.port} is free`);
  return warn(`${config.port} is busy`, `The server would take ${port}. Set PORT for another one.`);
}

async function checkClock(): Promise<Answer> {
  const advice =
    "Switch on time synchronisation (chrony, systemd-timesyncd): rounds open at announced seconds.";
  const { stdout } = await run("timedatectl", ["show", "-p", "NTPSynchronized", "--value"]).catch(() => ({
    stdout: "",
  }));
  if (stdout.trim() === "yes") return ok("synchronised");
  if (stdout.trim() === "no") return warn("not synchronised", advice);
  return ok("synchronisation cannot be seen from here; in a container the host looks after it");
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"]) {
    const path = join(folder, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

async function checkProgram(names: readonly string[], purpose: string): Promise<Answer> {
  for (const name of names) {
    const path = await onPath(name);
    if (path !== undefined) return ok(path);
  }
  return warn("not installed", `Needed only for ${purpose}: apt-get install ${names[0]}`);
}

async function checkDrand(probe: () => Promise<string>, config: Config): Promise<Answer> {
  if (config.beacon === "dev") return ok("not used: BEACON is dev");
  return probe().then(ok, (error: unknown) => {
    const advice =
      "Let this machine reach DRAND_URLS by https, or feed rounds by file; its clock must be right.";
    const detail = `drand: ${errorMessage(error)}`;
    if (config.beacon === "drand") return fail(detail, advice);
    return warn(`${detail}; draws would use the unsafe local beacon`, advice);
  });
}

/**
 * Looks at the machine and says what to do. Changes nothing and leaves nothing behind.
 *
 * @returns the checks in the order a person would want to read them; any `fail` keeps a server from starting
 */
export async function runDoctor(options: DoctorOptions): Promise<Check[]> {
  const { config, probeDrand } = options;
  const list: [string, () => Answer | Promise<Answer>][] = [
    ["Node.js", checkNode],
    ["npm packages", checkPackages],
    ["memory", checkMemory],
    ["open files", checkOpenFiles],
    ["disk space", () => checkDisk(config.dataFolder)],
    ["disk speed", () => checkSync(config.dataFolder)],
    ["embedded PostgreSQL", () => checkEmbedded(config)],
    ["database settings", () => checkSettings(config)],
    ["port", () => checkPort(config)],
    ["clock", checkClock],
  ];
  if (probeDrand !== undefined) list.push(["beacon", () => checkDrand(probeDrand, config)]);
  if (options.forDevelopment === true) {
    list.push([
      "Chromium",
      () => checkProgram(["chromium-headless-shell", "chromium", "google-chrome"], "browser tests"),
    ]);
    list.push(["NATS", () => checkProgram(["nats-server"], "tests of several processes")]);
    list.push(["Redis", () => checkProgram(["redis-server"], "npm run bench")]);
  }
  const checks: Check[] = [];
  for (const [name, look] of list) {
    try {
      checks.push({ name, ...(await look()) });
    } catch (error) {
      checks.push({ name, ...fail(errorMessage(error), "The sentence before says what failed.") });
    }
  }
  return checks;
}
