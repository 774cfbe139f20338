import { portableSha256, type Sha256 } from "./bytes.ts";
import type { Json } from "./canonical.ts";
import { type ChainFacts, knownChains } from "./chains.ts";
import { type Heard, readHeard } from "./evidence.ts";
import { LineChain, splitLines } from "./lines.ts";
import { type Outcome, ProofCheck } from "./proof-check.ts";
import { type Failure, type HeardVerdict, Rejected, type Verdict } from "./verdict.ts";

/** What the checker brings, and how the machine hashes. */
export type VerifyOptions = {
  /** Records heard by the checker himself, one per item, as a witness's file has them (VF2, VF4). */
  readonly heard?: readonly unknown[];
  /** Receipts the checker holds (RC1, RC2). */
  readonly receipts?: readonly unknown[];
  /** Called after every chunk of the source. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly lines: number }) => void;
  /** A faster SHA-256 where the platform has one, e.g. `nodeSha256` of `@wanhui/verify/node`. */
  readonly sha256?: Sha256;
  /** Public chains to trust instead of those built in (`knownChains`). */
  readonly knownChains?: readonly ChainFacts[];
};

/**
 * Checks a proof file from beginning to end in one pass, without any server (docs/spec/proof.md VF1 to VF4).
 * Memory stays flat: one line, one hash per level of the tree, and the winners.
 *
 * In a browser: `await verifyProof(streamOf(file), { onProgress })` with a `File` or `Blob`. In Node:
 * `await verifyProof(fileChunks(path), { sha256: nodeSha256 })` with both from `@wanhui/verify/node`.
 *
 * @param source the file's bytes in order, in chunks of any size
 * @returns the verdict; a file that breaks a rule is a verdict with `failure`, never an exception
 * @throws only what `source` throws
 */
export async function verifyProof(
  source: AsyncIterable<Uint8Array>,
  options: VerifyOptions = {},
): Promise<Verdict> {
  const sha256 = options.sha256 ?? portableSha256;
  const { heard, unread } = readAllHeard(options.heard ?? [], sha256);
  const check = new ProofCheck({
    sha256,
    knownChains: options.knownChains ?? knownChains,
    heard,
    receipts: (options.receipts ?? []) as readonly Json[],
  });
  const chain = new LineChain(sha256);
  let bytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of source) {
      bytes += chunk.length;
      yield chunk;
      options.onProgress?.({ bytes, lines: chain.count });
    }
  }
  let failure: Failure | null = null;
  let outcome: Outcome | undefined;
  try {
    for await (const line of splitLines(counted())) {
      const before = chain.lastHash;
      const read = chain.next(line);
      if (read !== undefined) check.line(read, before);
    }
    chain.end();
    check.settleBeacons();
    outcome = check.outcome();
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    failure = failureOf(earliest(check, error, chain.count), chain.count);
  }
  const ended = { check, bytes, lines: chain.count, unread };
  return verdictOf(ended, outcome, failure);
}

/** Several windows' beacons are checked together, so a forged one may lie before the failure that ended the reading. */
function earliest(check: ProofCheck, error: Rejected, count: number): Rejected {
  try {
    check.settleBeacons();
    return error;
  } catch (other) {
    if (!(other instanceof Rejected)) throw other;
    return (other.line ?? count) <= (error.line ?? count) ? other : error;
  }
}

function failureOf(error: Rejected, lastLine: number): Failure {
  const { field, rule, message } = error;
  return { line: error.line ?? lastLine, field, rule, message };
}

function readAllHeard(
  values: readonly unknown[],
  sha256: Sha256,
): { heard: Heard[]; unread: HeardVerdict[] } {
  const heard: Heard[] = [];
  const unread: HeardVerdict[] = [];
  for (const value of values) {
    const read = readHeard(value as Json, sha256);
    if (typeof read === "string") unread.push({ hash: "", status: "not valid", reason: read });
    else heard.push(read);
  }
  return { heard, unread };
}

const REJECTED = {
  sealedBeforeSeed: "not shown",
  sealedCode: "rejected",
  sealedReason: "the proof is rejected",
  windowsUncovered: 0,
} as const;

function verdictOf(
  ended: { check: ProofCheck; bytes: number; lines: number; unread: readonly HeardVerdict[] },
  outcome: Outcome | undefined,
  failure: Failure | null,
): Verdict {
  const { check } = ended;
  const broken = failure ?? (outcome === undefined ? null : conflict(outcome));
  const head = check.head;
  return {
    accepted: broken === null,
    consistent: failure === null,
    ...(broken === null && outcome !== undefined ? outcome.sealed : REJECTED),
    level: outcome?.level ?? null,
    draw: head?.draw ?? null,
    show: head?.show ?? null,
    run: head?.run ?? null,
    title: check.title,
    final: check.final,
    counts: { lines: ended.lines, bytes: ended.bytes, ...check.counts },
    receipts: outcome?.receipts ?? [],
    heard: [...(outcome?.heard ?? []), ...ended.unread],
    failure: broken,
  };
}

/** RC2, VF4: the file by itself is right, but it and what the checker holds cannot both be true. */
function conflict(outcome: Outcome): Failure | null {
  const missing = outcome.receipts.find(({ status }) => status === "missing");
  if (missing !== undefined) {
    return { line: 0, field: `receipt ${missing.userKey}`, rule: "RC2", message: missing.reason };
  }
  const differs = outcome.heard.find(({ status }) => status === "differs");
  if (differs !== undefined) {
    return { line: 0, field: `heard ${differs.hash}`, rule: "VF4", message: differs.reason };
  }
  return null;
}
