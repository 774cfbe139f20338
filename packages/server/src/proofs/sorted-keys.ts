import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Keys in a sorted run on disk: about 2 MB, sorted in some 10 ms. With as many in memory it is time to spill. */
const runKeysMax = 16_384;
/** Keys read back from a run at a time. */
const blockKeys = 512;
const keyChars = 64;

/**
 * The keys of one window in ascending order, however many: sorted runs on disk, merged while they are read. Taking keys
 * never touches the disk and never fails; `spill` does, and what it could not write stays in memory until it can.
 */
export class SortedKeys {
  readonly #folder: string;
  readonly #runs: { readonly path: string; readonly count: number }[] = [];
  /** Only ever appended to while a run of its beginning is on its way to the disk. */
  #tail: string[] = [];
  #count = 0;
  #removed = false;

  /** @param folder where runs are spilled; made when the first is */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Keys added, doubles included. */
  get count(): number {
    return this.#count;
  }

  /** Whether there is a run's worth to `spill`. */
  get full(): boolean {
    return this.#tail.length >= runKeysMax;
  }

  /** @param userKey 64 characters of lower-case hex */
  add(userKey: string): void {
    this.#tail.push(userKey);
    this.#count++;
  }

  /** All keys, ascending, each once. */
  *ascending(): Generator<string, void> {
    const readers = [...this.#runs.map(readRun), this.#tail.toSorted().values()];
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

  /** Takes over all of another window's keys: those of a window nobody sealed in time (DR12). */
  addAll(other: SortedKeys): void {
    this.#runs.push(...other.#runs);
    this.#tail = this.#tail.concat(other.#tail);
    this.#count += other.#count;
    other.#runs.length = 0;
    other.#tail = [];
    other.#removed = true;
  }

  /** Writes whole runs to disk. Call it again after a failure: nothing is lost. Never twice at the same time. */
  async spill(): Promise<void> {
    while (this.full && !this.#removed) {
      const run = this.#tail.slice(0, runKeysMax).sort();
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const path = join(this.#folder, `${randomUUID()}.run`);
      try {
        await writeFile(path, run.join(""), { flag: "wx", mode: 0o600 });
      } catch (error) {
        await rm(path, { force: true }).catch(() => undefined);
        throw error;
      }
      if (this.#removed) {
        await rm(path, { force: true });
        return;
      }
      this.#runs.push({ path, count: run.length });
      this.#tail = this.#tail.slice(run.length);
    }
  }

  /** Lets go of the files. One that cannot be deleted goes with the folder, at the next start. */
  remove(): void {
    this.#removed = true;
    this.#tail = [];
    for (const { path } of this.#runs.splice(0)) {
      try {
        rmSync(path, { force: true });
      } catch {}
    }
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
