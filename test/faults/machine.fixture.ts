import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { isAlive } from "@wanhui/server";

// A machine that can be made bad: a network of its own for one process, a disk that is small, a clock that is set.

const run = promisify(execFile);
const ip = (words: string) => run("ip", words.split(" "));

/** Only root of a Linux machine can take a network away or mount a disk. */
export const mayChangeTheMachine = process.platform === "linux" && process.geteuid?.() === 0;

/** A network namespace with two lines out: one for those who come to it, one to what it needs. */
export type Elsewhere = {
  /** Address of the process inside, for those who come. */
  readonly host: string;
  /** This machine's own address on the second line. */
  readonly gateway: string;
  /** What a program is started with to live inside. */
  readonly command: readonly string[];
  /** Takes the second line down: nothing comes back, not even a refusal. */
  cutOff(): Promise<void>;
  join(): Promise<void>;
  remove(): Promise<void>;
};

/** Makes one; addresses and names carry the test's own process id. */
export async function makeElsewhere(): Promise<Elsewhere> {
  await sweep();
  const id = process.pid % 8_192;
  const name = `${PREFIX}${process.pid}`;
  const net = `10.${200 + (id >> 8)}.${id & 0xff}`;
  const [front, back] = [`whf${id}`, `whb${id}`];
  await ip(`netns add ${name}`);
  await line({ name, outside: front, inside: "front", net, first: 1 });
  await line({ name, outside: back, inside: "back", net, first: 5 });
  await ip(`-n ${name} link set lo up`);
  return {
    host: `${net}.2`,
    gateway: `${net}.5`,
    command: ["ip", "netns", "exec", name],
    cutOff: async () => void (await ip(`link set ${back} down`)),
    join: async () => void (await ip(`link set ${back} up`)),
    remove: async () => void (await ip(`netns delete ${name}`)),
  };
}

const PREFIX = "wanhui-test-";

/** Removes what killed test runs left behind. */
async function sweep(): Promise<void> {
  const { stdout } = await ip("netns list");
  for (const name of stdout.split("\n").map((line) => line.split(" ")[0] ?? "")) {
    if (!name.startsWith(PREFIX) || (await isAlive(Number(name.slice(PREFIX.length))))) continue;
    await ip(`netns delete ${name}`);
  }
}

async function line(ends: { name: string; outside: string; inside: string; net: string; first: number }) {
  const { name, outside, inside, net, first } = ends;
  await ip(`link add ${outside} type veth peer name ${inside} netns ${name}`);
  await ip(`addr add ${net}.${first}/30 dev ${outside}`);
  await ip(`link set ${outside} up`);
  await ip(`-n ${name} addr add ${net}.${first + 1}/30 dev ${inside}`);
  await ip(`-n ${name} link set ${inside} up`);
}

/** A disk in memory, of a size somebody else can fill. */
export type SmallDisk = { fill(): Promise<void>; empty(): Promise<void>; unmount(): Promise<void> };

/** Mounts one over a folder. */
export async function mountSmallDisk(folder: string, mebibytes: number): Promise<SmallDisk> {
  await mkdir(folder, { recursive: true });
  await run("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder]);
  const filler = join(folder, "filler");
  return {
    async fill() {
      const handle = await open(filler, "w");
      const chunk = Buffer.alloc(64 * 1_024, 1);
      try {
        // Until there is no room for another one; the last odd bytes as well.
        for (let size = chunk.length; size >= 1; ) {
          const wrote = await handle.write(chunk, 0, size).catch(() => null);
          if (wrote === null) size >>= 1;
        }
      } finally {
        await handle.close();
      }
    },
    empty: () => rm(filler, { force: true }),
    unmount: async () => void (await run("umount", ["-l", folder])),
  };
}

/** The wall clock of one process; what measures time passing is left alone, as when somebody sets the clock. */
export type WallClock = {
  readonly env: Readonly<Record<string, string>>;
  step(seconds: number): Promise<void>;
};

/** @param file where the library looks for how far the clock is off */
export async function makeWallClock(file: string): Promise<WallClock> {
  const library = faketimeLibrary();
  if (library === undefined) throw new Error("faketime is not installed");
  const step = (seconds: number) => writeFile(file, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}s\n`);
  await step(0);
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  return { env, step };
}

/** Where Debian's package puts it: below the folder of the machine's architecture. */
function faketimeLibrary(): string | undefined {
  const folders = readdirSync("/usr/lib").map((name) => join("/usr/lib", name));
  return folders
    .map((folder) => join(folder, "faketime", "libfaketimeMT.so.1"))
    .find((path) => existsSync(path));
}
