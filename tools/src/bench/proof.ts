import { execFile } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type BeaconChain,
  type Command,
  createShardState,
  type DrawId,
  type DrawRules,
  decideAndApply,
  type Event,
  gridOpening,
  type Hash,
  type PoolId,
  roundDueMs,
  type UserId,
  type UserKey,
} from "@wanhui/core";
import { createBls, createShowSigner, type ShowSigner, sha256, writeProof } from "@wanhui/server";
import { type BenchRow, median, spreadOf } from "./rows.ts";

const ENTRIES = 1_000_000;
const ROUNDS = 3;
/** What somebody who checks a million entries is asked to wait at most, and to have free. */
const BOUND_MS = 20_000;
const MEMORY_BOUND_MIB = 256;

const draw = "bench-1/round" as DrawId;
const pool = "bench-1/pool" as PoolId;

/** `wanhui verify` over a proof of a million entries in one window, made by the rules and the writer of a real night. */
export async function benchVerify(options: {
  readonly say: (text: string) => void;
  readonly program: string;
}): Promise<BenchRow[]> {
  const { say, program } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-proof-"));
  try {
    const path = join(folder, "proof.ndjson");
    say(`verify: a draw of ${ENTRIES} entries is played and its proof written`);
    await writeLargeProof(path);
    const { size } = await stat(path);
    const times: number[] = [];
    const memories: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { stderr } = await promisify(execFile)(process.execPath, [program, "verify", path, "--stats"]);
      const [, seconds, mebibytes] = /([\d.]+) s, at most (\d+) MiB/.exec(stderr) ?? [];
      times.push(Number(seconds) * 1_000);
      memories.push(Number(mebibytes));
      say(`verify ${round}/${ROUNDS}: ${seconds} s, ${mebibytes} MiB at most`);
    }
    const work = `proof of ${ENTRIES.toLocaleString("en")} entries in one window checked`;
    const note = `wanhui verify, ${Math.round(size / 2 ** 20)} MiB of proof`;
    return [
      boundRow({ work, unit: "ms", bound: BOUND_MS, note }, times),
      boundRow({ work, unit: "MiB of memory", bound: MEMORY_BOUND_MIB, note }, memories),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function boundRow(
  row: { readonly work: string; readonly unit: string; readonly bound: number; readonly note: string },
  values: readonly number[],
): BenchRow {
  const ours = median(values);
  return { ...row, ours, ok: ours <= row.bound, spread: spreadOf(values) };
}

async function writeLargeProof(path: string): Promise<void> {
  const bls = createBls();
  const { publicKey, secretKey } = await bls.generate();
  const genesisMs = Math.floor(Date.now() / 3_000) * 3_000;
  const chain: BeaconChain = {
    chainHash: randomBytes(32).toString("hex"),
    publicKey,
    scheme: "bls-unchained-g1-rfc9380",
    genesisMs,
    periodMs: 3_000,
  };
  const signer = createShowSigner(generateKeyPairSync("ed25519").privateKey);
  const file = await open(path, "w");
  try {
    const sign = (round: number) => bls.sign({ secretKey, round });
    await writeProof({
      draw,
      events: playDraw({ chain, signer, sign }),
      signer,
      head: { show: "bench", run: "bench-1", software: "wanhui bench" },
      witnesses: [],
      isPublicChain: () => false,
      madeMs: genesisMs,
      out: async (bytes) => void (await file.write(bytes)),
    });
  } finally {
    await file.close();
    await bls.stop();
  }
}

/** One window of `ENTRIES` people, sealed and drawn by the rules; each event as soon as it is decided. */
async function* playDraw(parts: {
  readonly chain: BeaconChain;
  readonly signer: ShowSigner;
  readonly sign: (round: number) => Promise<string>;
}): AsyncGenerator<Event> {
  const { chain } = parts;
  const state = createShardState(0);
  let nowMs = chain.genesisMs;
  let decided: Event[] = [];
  const ask = (command: Command): Event[] => {
    decided = [];
    const answer = decideAndApply(state, command, { nowMs, newestRoundSeen: 0, sha256 }, (event) => {
      decided.push(event);
    });
    if (!answer.ok) throw new Error(`${command.type}: ${answer.code}`);
    return decided;
  };
  yield* ask({ type: "pool.create", pool, units: 1_000, capPerUser: 1, grabClaimTtlMs: null });
  yield* ask({ type: "draw.plan", rules: rulesOf(parts.signer.publicKey) });
  const opening = gridOpening({ chain, wishedAtMs: nowMs + 12_000, firstWindowMs: 3_000 });
  yield* ask({ type: "draw.arm", draw, ...opening, beacon: chain });
  const round = opening.firstRound;
  nowMs = roundDueMs(chain, round) - 2_500;
  for (let n = 0; n < ENTRIES; n += 1) {
    const text = randomBytes(48).toString("hex");
    const user = text.slice(0, 32) as UserId;
    yield* ask({ type: "draw.enter", draw, user, userKey: text.slice(32) as UserKey });
  }
  nowMs = roundDueMs(chain, round) - 2_000;
  yield* ask({ type: "tick", taps: new Map() });
  nowMs = roundDueMs(chain, round) + 100;
  const signature = await parts.sign(round);
  const randomness = Buffer.from(sha256(Buffer.from(signature, "hex"))).toString("hex") as Hash;
  yield* ask({ type: "draw.reveal", draw, window: 0, round, randomness, signature });
  yield* ask({ type: "tick", taps: new Map() });
}

function rulesOf(showKey: string): DrawRules {
  return {
    version: "wanhui/rules/1",
    draw,
    pool,
    title: "a million",
    schedule: [1_000],
    firstWindowMs: 3_000,
    capPerUser: 1,
    enter: "guest",
    excludedRoles: [],
    leftoversTo: null,
    claimTtlMs: null,
    showKey,
    witnesses: [],
  };
}
