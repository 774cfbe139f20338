import { readFile, stat } from "node:fs/promises";
import {
  type ChainFacts,
  describeVerdict,
  knownChains,
  type VerifyOptions,
  verifyProof,
} from "@wanhui/verify";
import { fileChunks, nodeSha256 } from "@wanhui/verify/node";
import type { Command, Output } from "../command.ts";

/** Files above this show how far the reading has come. */
const progressAboveBytes = 8 * 1024 * 1024;
const progressEveryMs = 200;
/** What the checker brings is small; anything larger is the wrong file. */
const broughtBytesMax = 64 * 1024 * 1024;
const [exitAccepted, exitRejected, exitTrouble] = [0, 1, 2];

/** `wanhui verify`: checks a proof file without any server (docs/spec/proof.md VF1 to VF4). */
export const command: Command = {
  usage: "verify <proof file | -> [--receipt FILE] [--heard FILE] [--chain FILE] [--json] [--stats]",
  options: {
    receipt: { type: "string", multiple: true },
    heard: { type: "string", multiple: true },
    chain: { type: "string" },
    json: { type: "boolean" },
    stats: { type: "boolean" },
  },
  positionals: { min: 1, max: 1 },
  help: [
    "Works everything in the file out again and compares: hashes, signatures, seals, beacons, tickets, winners.",
    "Two verdicts: consistent (from the file alone) and sealed before the seed (needs a witness, or --heard).",
    "  --receipt FILE  your receipts: is each entry where it must be, and did it win",
    "  --heard FILE    records you heard yourself, one JSON object per line, as `wanhui witness --out` writes",
    "  --chain FILE    a public beacon chain to trust besides drand quicknet, as drand's /info gives it",
    "  --json          the verdict as JSON",
    "  --stats         time and memory, on standard error",
    "Ends with 0 when accepted, 1 when rejected or a receipt is not valid, 2 when a file cannot be read.",
  ].join("\n"),
  async run({ values, positionals, output }) {
    const [path = ""] = positionals;
    const startedMs = performance.now();
    try {
      const options = await broughtOf(values);
      const source = path === "-" ? process.stdin : fileChunks(path);
      const totalBytes = path === "-" ? 0 : (await stat(path)).size;
      const progress = progressOn(output, totalBytes);
      const verdict = await verifyProof(source, {
        ...options,
        sha256: nodeSha256,
        onProgress: progress.show,
      });
      progress.end();
      output.out(
        values.json === true ? JSON.stringify(verdict, undefined, 2) : describeVerdict(verdict).join("\n"),
      );
      if (values.stats === true) output.err(statsOf(startedMs));
      const isSound = verdict.receipts.every(({ status }) => status !== "not valid");
      return verdict.accepted && isSound ? exitAccepted : exitRejected;
    } catch (error) {
      output.err(error instanceof Error ? error.message : String(error));
      return exitTrouble;
    }
  },
};

async function broughtOf(values: Record<string, unknown>): Promise<VerifyOptions> {
  const [receipts, heard] = await Promise.all([readAll(values.receipt), readAll(values.heard)]);
  const chain = typeof values.chain === "string" ? [await readChain(values.chain)] : [];
  return { receipts, heard, knownChains: [...knownChains, ...chain] };
}

/** JSON values of files: one value, a list, or one value per line. */
async function readAll(paths: unknown): Promise<unknown[]> {
  const list = Array.isArray(paths) ? (paths as string[]) : [];
  const values = await Promise.all(list.map(async (path) => valuesOf(path, await readText(path))));
  return values.flat();
}

function valuesOf(path: string, text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        throw new Error(`${path}:${index + 1} is not JSON`);
      }
    });
  }
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > broughtBytesMax) throw new Error(`${path} has more than ${broughtBytesMax} bytes`);
  return readFile(path, "utf8");
}

async function readChain(path: string): Promise<ChainFacts> {
  const info = JSON.parse(await readText(path)) as Record<string, unknown>;
  const facts = {
    chainHash: String(info.hash ?? ""),
    publicKey: String(info.public_key ?? ""),
    scheme: String(info.schemeID ?? ""),
    genesisMs: Number(info.genesis_time) * 1_000,
    periodMs: Number(info.period) * 1_000,
  };
  const whole = Number.isSafeInteger(facts.genesisMs) && Number.isSafeInteger(facts.periodMs);
  if (!whole || facts.chainHash === "" || facts.publicKey === "") {
    throw new Error(
      `${path} does not look like drand's /info: hash, public_key, schemeID, genesis_time, period`,
    );
  }
  return facts;
}

function progressOn(output: Output, totalBytes: number) {
  const isShown = totalBytes > progressAboveBytes && process.stderr.isTTY === true;
  let lastMs = performance.now();
  return {
    show: ({ bytes }: { readonly bytes: number }) => {
      const nowMs = performance.now();
      if (!isShown || nowMs - lastMs < progressEveryMs) return;
      lastMs = nowMs;
      process.stderr.write(
        `\r${Math.floor((100 * bytes) / totalBytes)} % of ${Math.ceil(totalBytes / 1e6)} MB`,
      );
    },
    end: () => {
      if (isShown) output.err("");
    },
  };
}

function statsOf(startedMs: number): string {
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(2);
  const { maxRSS } = process.resourceUsage();
  return `${seconds} s, at most ${Math.ceil(maxRSS / 1_024)} MiB of memory`;
}
