import { randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Keys held before a sorted run is spilled: about 2 MB, sorted in some 10 ms. */
const runKeysMax = 16_384;
/** Keys read back from a run at a time. */
const blockKeys = 512;
const keyChars = 64;

/**
 * The keys of one window in ascending order, however many: sorted runs on disk, merged while they are read. Writing and
 * reading are synchronous: a run is a megabyte into the page cache, and the order of events must not be lost to awaits.
 */
export class SortedKeys {
  readonly #folder: string;
  readonly #runs: { readonly path: string; readonly count: number }[] = [];
  #tail: string[] = [];
  #count = 0;

  /** @param folder where runs are spilled; made when the first is */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Keys added, doubles included. */
  get count(): number {
    return this.#count;
  }

  /** @param userKey 64 characters of lower-case hex */
  add(userKey: string): void {
    this.#tail.push(userKey);
    this.#count++;
    if (this.#tail.length === runKeysMax) this.#spill();
  }

  /** All keys, ascending, each once. */
  *ascending(): Generator<string, void> {
    this.#tail.sort();
    const readers = [...this.#runs.map(readRun), this.#tail.values()];
    const heads: { key: string; reader: Iterator<string> }[] = [];
    for (const reader of readers) pushHead(heads, reader);
    let last = "";
    for (let head = heads[0]; head !== undefined; head = heads[0]) {
      if (head.key !== last) yield head.key;
      last = head.key;
      const next = head.reader.next();
      if (next.done === true) {
        const end = heads.pop();
        if (end !== undefined && heads.length > 0) heads[0] = end;
      } else {
        head.key = next.value;
      }
      sink(heads);
    }
  }

  /** Adds all of another window's keys: those of a window nobody sealed in time (DR12). */
  addAll(other: SortedKeys): void {
    for (const key of other.ascending()) this.add(key);
    other.remove();
  }

  /** Lets go of the files. */
  remove(): void {
    for (const { path } of this.#runs) rmSync(path, { force: true });
    this.#runs.length = 0;
    this.#tail = [];
  }

  #spill(): void {
    this.#tail.sort();
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, `${randomUUID()}.run`);
    const file = openSync(path, "wx", 0o600);
    writeSync(file, this.#tail.join(""));
    closeSync(file);
    this.#runs.push({ path, count: this.#tail.length });
    this.#tail = [];
  }
}

function* readRun({ path, count }: { path: string; count: number }): Generator<string, void> {
  const file = openSync(path, "r");
  const block = Buffer.alloc(blockKeys * keyChars);
  try {
    for (let done = 0; done < count; done += blockKeys) {
      const bytes = readSync(file, block, 0, block.length, done * keyChars);
      const text = block.toString("latin1", 0, bytes);
      for (let at = 0; at < bytes; at += keyChars) yield text.slice(at, at + keyChars);
    }
  } finally {
    closeSync(file);
  }
}

type Head = { key: string; reader: Iterator<string> };

function pushHead(heads: Head[], reader: Iterator<string>): void {
  const first = reader.next();
  if (first.done === true) return;
  heads.push({ key: first.value, reader });
  for (let at = heads.length - 1; at > 0; ) {
    const parent = (at - 1) >> 1;
    if (keyAt(heads, parent) <= keyAt(heads, at)) return;
    swap(heads, at, parent);
    at = parent;
  }
}

function sink(heads: Head[]): void {
  for (let at = 0; ; ) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heads.length && keyAt(heads, child) < keyAt(heads, least)) least = child;
    }
    if (least === at) return;
    swap(heads, at, least);
    at = least;
  }
}

const keyAt = (heads: readonly Head[], at: number): string => heads[at]?.key ?? "";

function swap(heads: Head[], left: number, right: number): void {
  const one = heads[left];
  const other = heads[right];
  if (one === undefined || other === undefined) return;
  heads[left] = other;
  heads[right] = one;
}
