// What the checker brings himself: receipts of entries, and records heard while the night ran.

import { bigEndian, concat, fromHex, type Sha256, toHex, utf8 } from "./bytes.ts";
import { hashJson, isArray, type Json } from "./canonical.ts";
import { rootFromPath } from "./merkle.ts";
import { hex, integer, type Receipt, receiptShape } from "./shapes.ts";
import { isSigned } from "./signatures.ts";
import { type HeardVerdict, type ReceiptVerdict, Rejected } from "./verdict.ts";

/** A record of a draw's chain with its signature, and when the checker heard it by his own clock. */
export type Heard = {
  readonly record: { readonly [field: string]: Json };
  readonly hash: string;
  readonly signature: string;
  readonly heardAtMs: number;
};

/** Reads a receipt; a text says why it is none. */
export function readReceipt(value: Json): Receipt | string {
  try {
    return receiptShape(value, "");
  } catch (error) {
    if (error instanceof Rejected) return `${error.field}: ${error.message}`;
    throw error;
  }
}

/**
 * RC1: whether a receipt is what it says: its path leads from the entry to the tick's root, and the show's key signed
 * the tick.
 *
 * @param options.showKey Ed25519 public key of the draw's rules, hex
 * @returns null when it is valid, else what is wrong
 */
export function receiptFault(options: { receipt: Receipt; showKey: string; sha256: Sha256 }): string | null {
  const { receipt, showKey, sha256 } = options;
  const { leaf, tick } = receipt;
  if (leaf.window > 0xffff_ffff) return "the window does not exist";
  const data = concat(sha256(utf8(leaf.draw)), bigEndian(leaf.window, 4), fromHex(leaf.userKey));
  const path = receipt.path.map(fromHex);
  const root = rootFromPath({ data, index: receipt.index, count: tick.count, path, sha256 });
  if (root === undefined || toHex(root) !== tick.root) return "its path does not lead to the tick's root";
  return isSigned(tick, receipt.signature, showKey) ? null : "the tick is not signed by the show's key";
}

/** Follows receipts through a proof (RC2): each entry must stand under the first sealed window at or after its own. */
export class ReceiptBook {
  readonly #items: Item[];
  readonly #wanted = new Map<string, Item[]>();

  constructor(values: readonly Json[]) {
    this.#items = values.map((value) => ({
      read: readReceipt(value),
      fault: null,
      sealedWindow: null,
      found: false,
      done: false,
      won: null,
    }));
  }

  /** Checks signatures as soon as the show's key is known. */
  check(options: { showKey: string; draw: string; sha256: Sha256 }): void {
    for (const item of this.#items) {
      if (typeof item.read === "string") item.fault = item.read;
      else if (item.read.leaf.draw !== options.draw) item.fault = "a receipt of another draw";
      else item.fault = receiptFault({ ...options, receipt: item.read });
    }
  }

  /** A window was sealed: entries of this and earlier windows that are not sealed yet belong to it (DR12). */
  sealed(window: number): void {
    for (const item of this.#items) {
      if (typeof item.read === "string" || item.fault !== null) continue;
      if (item.sealedWindow === null && item.read.leaf.window <= window) item.sealedWindow = window;
    }
  }

  /** What to call with each key of a window that is read; undefined when nothing is looked for there. */
  reader(window: number): ((userKey: string) => void) | undefined {
    this.#wanted.clear();
    for (const item of this.#items) {
      if (typeof item.read === "string" || item.sealedWindow !== window) continue;
      const key = item.read.leaf.userKey;
      this.#wanted.set(key, [...(this.#wanted.get(key) ?? []), item]);
    }
    if (this.#wanted.size === 0) return undefined;
    return (userKey) => {
      for (const item of this.#wanted.get(userKey) ?? []) item.found = true;
    };
  }

  /** Every key and winner of a window went by. */
  drawn(window: number, hasWon: (userKey: string) => boolean): void {
    for (const item of this.#items) {
      if (typeof item.read === "string" || item.sealedWindow !== window) continue;
      item.done = true;
      item.won = item.found && hasWon(item.read.leaf.userKey);
    }
  }

  verdicts(final: boolean): ReceiptVerdict[] {
    return this.#items.map((item) => verdictOf(item, final));
  }
}

type Item = {
  readonly read: Receipt | string;
  fault: string | null;
  sealedWindow: number | null;
  found: boolean;
  done: boolean;
  won: boolean | null;
};

function verdictOf(item: Item, final: boolean): ReceiptVerdict {
  const leaf = typeof item.read === "string" ? { draw: "", window: 0, userKey: "" } : item.read.leaf;
  const { sealedWindow, won } = item;
  const base = { draw: leaf.draw, window: leaf.window, userKey: leaf.userKey, sealedWindow, won };
  if (item.fault !== null) return { ...base, status: "not valid", reason: item.fault };
  if (item.found) {
    return { ...base, status: "found", reason: `the entry stands under the root of window ${sealedWindow}` };
  }
  if (item.done) {
    return {
      ...base,
      status: "missing",
      reason: `acknowledged, but not under the root of window ${sealedWindow}`,
    };
  }
  if (final) return { ...base, status: "missing", reason: "acknowledged, but no window was sealed for it" };
  const reason = "the window of this entry is not drawn yet in this file";
  return { ...base, status: "not yet sealed", reason };
}

const hashCheck = hex(32);
const signatureCheck = hex(64);
const timeCheck = integer();

/**
 * Reads one line of a witness's or a viewer's own file of heard records: an object with `record`, `signature` and
 * `heardAtMs`; other fields are not looked at.
 *
 * @returns a text when it is none
 */
export function readHeard(value: Json, sha256: Sha256): Heard | string {
  if (typeof value !== "object" || value === null || isArray(value)) return "not an object";
  const record = value.record ?? null;
  if (typeof record !== "object" || record === null || isArray(record)) return "record: not an object";
  try {
    return {
      record: record as Heard["record"],
      hash: hashCheck(hashJson(record, sha256), "hash"),
      signature: signatureCheck(value.signature ?? null, "signature"),
      heardAtMs: timeCheck(value.heardAtMs ?? null, "heardAtMs"),
    };
  } catch (error) {
    if (error instanceof Rejected || error instanceof RangeError) return error.message;
    throw error;
  }
}

/** What the file says about the place a heard record claims. */
export type FileView = {
  readonly draw: string;
  readonly showKey: string;
  readonly nextWindow: number;
  readonly stopped: boolean;
  readonly final: boolean;
  has(hash: string): boolean;
  /** When the seed of a sealed window was due. */
  dueMs(hash: string): number | undefined;
};

/** VF4: compares one heard record with the file. */
export function compareHeard(heard: Heard, file: FileView): HeardVerdict {
  const { hash, record } = heard;
  if (file.has(hash)) {
    const dueMs = file.dueMs(hash);
    if (dueMs !== undefined && heard.heardAtMs >= dueMs) {
      return { hash, status: "late", reason: "in the file, but heard only when its seed was due" };
    }
    return { hash, status: "matches", reason: "in the file as heard" };
  }
  if (record.draw !== file.draw) return { hash, status: "not valid", reason: "a record of another draw" };
  if (!isSigned(record, heard.signature, file.showKey)) {
    return { hash, status: "not valid", reason: "not signed by the show's key" };
  }
  if (!isPast(record, file))
    return { hash, status: "not yet in the file", reason: "the file ends before it" };
  return {
    hash,
    status: "differs",
    reason: "signed by the show's key, yet the file tells another story here",
  };
}

/** Whether the file has gone past the place where a record would stand. */
function isPast(record: Heard["record"], file: FileView): boolean {
  if (file.final) return true;
  const window = record.version === "wanhui/seal/1" ? record.window : record.fromWindow;
  if (record.version === "wanhui/stop/1") return file.stopped;
  return typeof window === "number" && window < file.nextWindow;
}
