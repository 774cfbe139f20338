import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BeaconChain, DrawId, DrawRules, Event } from "@wanhui/core";
import type { ListenerMemory } from "../engine/mod.ts";
import { errorMessage, type Log, type Service } from "../platform/mod.ts";
import {
  type Mark,
  type ProofHead,
  ProofStory,
  SealMismatch,
  type ToldStory,
  type WitnessSignature,
} from "./proof-story.ts";
import type { ShowSigner } from "./show-key.ts";

/** Bytes written before other work gets a turn: some four lines of 1,000 keys, a few milliseconds. */
const turnBytes = 256 * 1024;
/** A disk that refuses is asked again; the journal keeps everything meanwhile. */
const retryMs = 5_000;

export type ProofArchiveParts = {
  /** Folder of the files; made when missing. Only this archive writes there. */
  readonly folder: string;
  readonly signer: ShowSigner;
  readonly headOf: (draw: DrawId) => ProofHead;
  /** Whether a chain is a known public one (PF3). */
  readonly isPublicChain: (chain: BeaconChain) => boolean;
  /** Asked for every answer, so from memory (`keepWitnesses`). */
  readonly witnessesOf: (draw: DrawId) => Promise<readonly WitnessSignature[]>;
  readonly nowMs: () => number;
  readonly log: Log;
};

/** A proof as it is served: its parts stay valid while the file grows. */
export type ServedProof = {
  /** Changes exactly when the bytes do. */
  readonly etag: string;
  readonly bytes: number;
  chunks(): AsyncIterable<Uint8Array>;
};

type SavedStory = { readonly draw: DrawId; readonly mark: Mark; readonly told: ToldStory };
type Saved = { readonly rules: ReadonlyMap<DrawId, DrawRules>; readonly stories: readonly SavedStory[] };

type Shelf = {
  readonly draw: DrawId;
  readonly path: string;
  readonly story: ProofStory;
  /** Body on disk belongs to an earlier process and is whole: nothing more is appended. */
  readonly whole: boolean;
  /** Found to be at odds with its seals: nothing more is written, and it is never noted as whole (PF6). */
  wrong: boolean;
  /** The last tail made, while nothing changed. */
  made:
    | { readonly stamp: string; readonly mark: Mark; readonly tail: Buffer; readonly etag: string }
    | undefined;
};

/** What the sidecar of a whole body says. */
type Sidecar = Mark & { readonly armHash: string };

/**
 * Keeps the proof file of every armed draw growing (PF4). The body is appended once per drawn window and never changed;
 * what can still change (waiting seals, witnesses, forfeits, the foot) is made anew for whoever asks.
 *
 * Feed `take` with every durable batch in order, those replayed at the start included: bodies are written again from
 * the journal unless a whole one is on disk. `run` does the writing.
 */
export class ProofArchive implements Service {
  readonly name = "proof archive";
  readonly #parts: ProofArchiveParts;
  readonly #rules = new Map<DrawId, DrawRules>();
  readonly #shelves = new Map<DrawId, Shelf>();
  readonly #sidecars: ReadonlyMap<string, Sidecar>;
  readonly #ended = new AbortController();
  /** `changes` of each story when its file was written last. */
  readonly #written = new Map<DrawId, number>();
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  /** Use `createProofArchive`. */
  constructor(parts: ProofArchiveParts, sidecars: ReadonlyMap<string, Sidecar>) {
    this.#parts = parts;
    this.#sidecars = sidecars;
  }

  /** Takes one durable batch; quick, never waits, never touches the disk. */
  take(batch: { readonly events: readonly Event[] }): void {
    for (const event of batch.events) this.#takeEvent(event);
  }

  /** The story of an armed draw; undefined before. */
  story(draw: DrawId): ProofStory | undefined {
    return this.#shelves.get(draw)?.story;
  }

  /** The proof as it stands now; null before the draw is armed or its first lines are written. */
  async open(draw: DrawId): Promise<ServedProof | null> {
    const shelf = this.#shelves.get(draw);
    if (shelf === undefined) return null;
    const witnesses = await this.#parts.witnessesOf(draw);
    const { story } = shelf;
    if (story.mark.lines === 0) return null;
    const stamp = `${story.changes}/${story.mark.lines}/${witnesses.length}`;
    if (shelf.made?.stamp !== stamp) {
      const tail = story.tail({ witnesses, madeMs: Math.floor(this.#parts.nowMs()) });
      const hash = createHash("sha256").update(story.mark.previous).update(tail);
      shelf.made = { stamp, mark: story.mark, tail, etag: `"${hash.digest("base64url")}"` };
    }
    const { mark, tail, etag } = shelf.made;
    const { path } = shelf;
    return {
      etag,
      bytes: mark.bytes + tail.length,
      async *chunks() {
        yield* createReadStream(path, { end: mark.bytes - 1 });
        yield tail;
      },
    };
  }

  /** What a snapshot keeps: the stories of proofs that are whole on disk. While one is being written there is none. */
  readonly memory: ListenerMemory = {
    name: "proofs",
    save: () => {
      const shelves = [...this.#shelves.values()];
      if (!shelves.every((shelf) => this.#isWhole(shelf))) return null;
      const stories = shelves.map(({ draw, story }) => ({ draw, mark: story.mark, told: story.save() }));
      return { rules: this.#rules, stories } satisfies Saved;
    },
    fits: (saved) => (saved as Saved).stories.every((story) => this.#wholeOf(story) !== undefined),
    load: (saved) => {
      const { rules, stories } = saved as Saved;
      for (const [draw, each] of rules) this.#rules.set(draw, each);
      for (const story of stories) this.#recall(story);
    },
  };

  run(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#loop(AbortSignal.any([signal, this.#ended.signal]));
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  /** Writes everything that can be written now; `run` does this whenever something came. */
  async flush(): Promise<void> {
    const failed: unknown[] = [];
    for (const shelf of this.#shelves.values()) {
      try {
        if (shelf.story.full) await shelf.story.spill();
        await this.#write(shelf);
      } catch (error) {
        // One draw's trouble keeps no other's proof back.
        if (error instanceof SealMismatch) this.#giveUp(shelf, error);
        else failed.push(error);
      }
    }
    if (failed.length > 0) throw failed[0];
  }

  #giveUp(shelf: Shelf, error: SealMismatch): void {
    shelf.wrong = true;
    this.#parts.log.error(
      { part: "proofs", draw: shelf.draw, reason: error.message },
      "A proof is not written on: its entries are not those of its seal. This is a bug; run `wanhui audit`, then restart.",
    );
  }

  #takeEvent(event: Event): void {
    if (event.type === "draw.planned") this.#rules.set(event.rules.draw, event.rules);
    if (event.type === "draw.armed") this.#shelve(event.record.draw, event);
    const draw = drawOf(event);
    const story = draw === undefined ? undefined : this.#shelves.get(draw)?.story;
    if (draw !== undefined) story?.take(event);
    else if (event.type === "award.moved" && event.to === "forfeited") {
      for (const { story } of this.#shelves.values()) story.take(event);
    }
    if (event.type !== "entered" || story?.full === true) this.#wake();
  }

  #shelve(draw: DrawId, event: Extract<Event, { type: "draw.armed" }>): void {
    const rules = this.#rules.get(draw);
    if (rules === undefined || this.#shelves.has(draw)) return;
    const sidecar = this.#sidecars.get(fileNameOf(draw));
    const written = sidecar?.armHash === event.armHash ? sidecar : undefined;
    this.#makeShelf(rules, event.record.beacon, written);
  }

  /** The shelf of a proof that is whole on disk, with what its story was told. */
  #recall(saved: SavedStory): void {
    const rules = this.#rules.get(saved.draw);
    const { arm } = saved.told;
    if (rules === undefined || arm === undefined) return;
    this.#makeShelf(rules, arm.beacon, this.#wholeOf(saved)).load(saved.told);
  }

  /** The note beside the body, if it is of this very proof. */
  #wholeOf({ draw, mark, told }: SavedStory): Sidecar | undefined {
    const sidecar = this.#sidecars.get(fileNameOf(draw));
    const armHash = told.records.find(({ kind }) => kind === "arm")?.hash;
    const isIt = sidecar?.armHash === armHash && sidecar?.previous === mark.previous;
    return isIt ? sidecar : undefined;
  }

  #makeShelf(rules: DrawRules, beacon: BeaconChain, written: Sidecar | undefined): ProofStory {
    const { folder, signer, headOf, isPublicChain } = this.#parts;
    const { draw } = rules;
    const story = new ProofStory({
      draw,
      rules,
      head: headOf(draw),
      signer,
      level: isPublicChain(beacon) ? "beacon" : "dev",
      spillFolder: join(folder, "runs"),
      written: written && { lines: written.lines, previous: written.previous, bytes: written.bytes },
    });
    const path = join(folder, `${fileNameOf(draw)}.body`);
    const whole = written !== undefined;
    this.#shelves.set(draw, { draw, path, story, whole, wrong: false, made: undefined });
    return story;
  }

  #isWhole(shelf: Shelf): boolean {
    return !shelf.wrong && (shelf.whole || (shelf.story.complete && this.#isWritten(shelf)));
  }

  async #loop(signal: AbortSignal): Promise<void> {
    // One listener for the whole life: one for each wake would gather on the signal all night.
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        await this.flush();
        await woken;
      } catch (error) {
        this.#parts.log.error(
          { part: "proofs", reason: errorMessage(error) },
          "A proof file could not be written; trying again. Look at the disk.",
        );
        await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Appends what is ready. A file that failed half-way is cut back to its mark first. */
  async #write(shelf: Shelf): Promise<void> {
    const { story, path, whole, wrong } = shelf;
    if (whole || wrong || this.#isWritten(shelf)) return;
    const { changes } = story;
    const file = await open(path, story.mark.lines === 0 ? "w" : "r+");
    try {
      await file.truncate(story.mark.bytes);
      await appendLines(file, story);
      await file.sync();
    } finally {
      await file.close();
    }
    if (story.complete) await this.#complete(shelf);
    this.#written.set(shelf.draw, changes);
  }

  #isWritten({ draw, story }: Shelf): boolean {
    return this.#written.get(draw) === story.changes;
  }

  /** Notes beside the body that it is whole, so that the next start need not write it again. */
  async #complete({ path, story }: Shelf): Promise<void> {
    const arm = story.records.find(({ kind }) => kind === "arm");
    const sidecar = { ...story.mark, armHash: arm?.hash ?? "" };
    const target = path.replace(/\.body$/, ".whole");
    await writeFile(`${target}.new`, JSON.stringify(sidecar));
    await rename(`${target}.new`, target);
  }
}

/** Opens the folder and reads which bodies are whole. */
export async function createProofArchive(parts: ProofArchiveParts): Promise<ProofArchive> {
  const { folder } = parts;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(join(folder, "runs"), { recursive: true, force: true });
  const sidecars = new Map<string, Sidecar>();
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".whole")) continue;
    const base = name.slice(0, -".whole".length);
    const size = await stat(join(folder, `${base}.body`)).then(
      (found) => found.size,
      () => -1,
    );
    try {
      const sidecar = JSON.parse(await readFile(join(folder, name), "utf8")) as Sidecar;
      // A body cut short by a lost disk is written again from the journal.
      if (sidecar.bytes === size) sidecars.set(base, sidecar);
    } catch {
      parts.log.warn({ part: "proofs", file: name }, "An unreadable note beside a proof; it is made anew");
    }
  }
  return new ProofArchive(parts, sidecars);
}

/** Moves the proofs of one folder that are whole into another, which keeps what else it has. No archive works on either. */
export async function moveWholeProofs(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const note of await readdir(from)) {
    if (!note.endsWith(".whole")) continue;
    const body = note.replace(/\.whole$/, ".body");
    // In this order: whenever it is cut short, no note stands beside the body of another.
    await rm(join(to, note), { force: true });
    await rename(join(from, body), join(to, body));
    await rename(join(from, note), join(to, note));
  }
}

async function appendLines(file: FileHandle, story: ProofStory): Promise<void> {
  for (let stretch = story.next(); stretch !== undefined; stretch = story.next()) {
    let held: Buffer[] = [];
    let heldBytes = 0;
    let position = story.mark.bytes;
    const write = async () => {
      for (let bytes = Buffer.concat(held, heldBytes); bytes.length > 0; ) {
        // A disk that fills up takes a part first, and says so at the next try.
        const { bytesWritten } = await file.write(bytes, 0, bytes.length, position);
        position += bytesWritten;
        bytes = bytes.subarray(bytesWritten);
      }
      held = [];
      heldBytes = 0;
    };
    for (const line of stretch.lines) {
      held.push(line);
      heldBytes += line.length;
      if (heldBytes >= turnBytes) await write();
    }
    await write();
    // Only now: what is not in the file is asked for again.
    stretch.written();
  }
}

/** A draw's id as a file name: `~` is not in an id's alphabet. */
function fileNameOf(draw: DrawId): string {
  return draw.replaceAll("/", "~");
}

/** The draw an event is about; undefined for those of pools and awards. */
function drawOf(event: Event): DrawId | undefined {
  if ("record" in event) return event.record.draw;
  if ("header" in event) return event.header.draw;
  if (event.type === "entered" || event.type === "window.drawn") return event.draw;
  return undefined;
}
