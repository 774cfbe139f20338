import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describeMachine } from "@wanhui/tools";
import type { Command, Output } from "../command.ts";

/** A part that takes longer than this hangs. */
const partMsMax = 3 * 3_600_000;
/** One long form of something the tests do shortly: a run of vitest, or one of our own commands. */
type Part = {
  readonly name: string;
  readonly says: string;
  readonly words: readonly string[];
  /** What tells the tests how long. */
  readonly env: Readonly<Record<string, string>>;
};

const parts: readonly Part[] = [
  {
    name: "kills",
    says: "100 kills of the server and 30 of PostgreSQL under load",
    words: vitest("server", "test/faults/kill"),
    env: { WANHUI_SOAK_KILLS: "100" },
  },
  {
    name: "processes",
    says: "200 rounds each of a process stalled, NATS killed, PostgreSQL killed, and kills of both processes in turn",
    words: vitest("server", "test/faults/processes"),
    env: { WANHUI_SOAK_PROCESSES: "200" },
  },
  {
    name: "machine",
    says: "200 rounds each of a clock that is set, a network that is gone and a disk that is full, under two processes",
    words: vitest("server", "test/faults/machine"),
    env: { WANHUI_SOAK_MACHINE: "200" },
  },
  {
    name: "world",
    says: "200 rounds each of a slow database, cut connections and a partition, between two processes",
    words: vitest("server", "test/faults/world"),
    env: { WANHUI_SOAK_WORLD: "200" },
  },
  {
    name: "verify",
    says: "1,000 random campaigns through the checker",
    words: vitest("unit", "packages/verify"),
    env: { WANHUI_PROOF_CAMPAIGNS: "1000" },
  },
  {
    name: "fuzz",
    says: "1,000,000 frames and requests of nonsense",
    words: vitest("server", "tools/src/fuzz"),
    env: { WANHUI_FUZZ_INPUTS: "1000000" },
  },
  {
    name: "sim",
    says: "100,000 seeded nights of the simulator",
    words: ["packages/wanhui/bin/wanhui.js", "sim", "--seeds", "100000"],
    env: {},
  },
];

function vitest(group: "unit" | "server", files: string): string[] {
  const run = ["node_modules/vitest/vitest.mjs", "run", "--project", group];
  return [...run, "--testTimeout", String(partMsMax), files];
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");

type Outcome = {
  readonly name: string;
  readonly says: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly lines: readonly string[];
};

/** `wanhui soak`: the tests that take hours, with what came of them written down. */
export const command: Command = {
  usage: `soak [${parts.map(({ name }) => name).join("] [")}]`,
  options: {},
  positionals: { min: 0, max: parts.length },
  help: [
    "Runs the long forms of tests that the usual run does shortly, from a checkout of the source:",
    ...parts.map(({ name, says }) => `  ${name.padEnd(8)} ${says}`),
    "Writes a file to docs/soak/: what ran, for how long, what came of it, on what class of machine.",
    "Ends with 1 when something failed.",
  ].join("\n"),
  async run({ positionals, output }) {
    const unknown = positionals.find((word) => !parts.some(({ name }) => name === word));
    if (unknown !== undefined) {
      output.err(`There is nothing to soak called ${unknown}.`);
      return 2;
    }
    if (!existsSync(join(root, "vitest.config.ts"))) {
      output.err("The soak runs from a checkout of the source: the tests are not part of the package.");
      return 2;
    }
    const source = sourceOf(root);
    const outcomes: Outcome[] = [];
    for (const part of parts) {
      if (positionals.length > 0 && !positionals.includes(part.name)) continue;
      output.err(`${part.name}: ${part.says}`);
      outcomes.push(await runPart(part, output));
    }
    const ended = new Date().toISOString();
    const result = { date: ended.slice(0, 10), ended, source, machine: describeMachine(), outcomes };
    const folder = join(root, "docs", "soak");
    await mkdir(folder, { recursive: true });
    // Each run keeps a file of its own, also one that failed: `wx` never writes over another.
    const file = `${ended.slice(0, 16).replace(":", "")}-${outcomes.map(({ name }) => name).join("-")}.json`;
    await writeFile(join(folder, file), `${JSON.stringify(result, undefined, 2)}\n`, { flag: "wx" });
    for (const { name, ok, seconds, lines } of outcomes) {
      output.out(`${ok ? "ok  " : "FAIL"} ${name}, ${seconds} s: ${lines.at(-1) ?? ""}`);
    }
    output.out(`Written to docs/soak/${file}`);
    return outcomes.every(({ ok }) => ok) ? 0 : 1;
  },
};

/** Which source is tried: its commit, and whether anything was changed on top of it; null without git. */
function sourceOf(folder: string): { readonly commit: string; readonly changed: boolean } | null {
  const git = (...words: string[]) => spawnSync("git", words, { cwd: folder, encoding: "utf8" });
  const commit = git("rev-parse", "HEAD");
  if (commit.status !== 0) return null;
  const changes = git("status", "--porcelain", "--untracked-files=no");
  return { commit: commit.stdout.trim(), changed: changes.stdout.trim() !== "" };
}

async function runPart(part: Part, output: Output): Promise<Outcome> {
  const begun = performance.now();
  const child = spawn(process.execPath, [...part.words], {
    cwd: root,
    env: { ...process.env, ...part.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  // What is written down: each part's own figures, and vitest's counts.
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    output.err(line);
    const text = line.trim();
    if (
      /^(Tests|faults: .*starts|processes: .*takeovers|(world|machine): .*answers|fuzz: .*windows|FAIL|OK|\d+ {2})/.test(
        text,
      )
    )
      lines.push(text);
  }
  const [code] = await ended;
  const { name, says } = part;
  return { name, says, ok: code === 0, seconds: Math.round((performance.now() - begun) / 1_000), lines };
}
