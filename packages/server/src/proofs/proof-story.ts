// One draw's events turned into the lines of its proof (docs/spec/proof.md PF1 to PF5).

import { createHash } from "node:crypto";
import {
  type ArmRecord,
  canonicalJson,
  type DrawId,
  type DrawRules,
  type Event,
  type Hash,
  type Hex,
  roundDueMs,
  type SealHeader,
  type WindowDrawn,
} from "@wanhui/core";
import type { ShowSigner } from "./show-key.ts";
import { SortedKeys } from "./sorted-keys.ts";

const keysPerLine = 1_000;
const winnersPerLine = 1_000;
const zeroHash = "0".repeat(64);
const newline = Buffer.from("\n");

export type Level = "dev" | "beacon" | "beacon+witness";

/** Who the draw belongs to; the first line of its proof. */
export type ProofHead = { readonly show: string; readonly run: string; readonly software: string };

/** A declared witness's signature over a seal (WT1). */
export type WitnessSignature = {
  readonly name: string;
  readonly publicKey: Hex;
  readonly sealHash: Hash;
  readonly heardAtMs: number;
  readonly signature: Hex;
};

/** A record of a draw's chain as it is published. */
export type ChainRecord = {
  readonly kind: "arm" | "seal" | "gap" | "stop" | "close";
  readonly record: Readonly<Record<string, unknown>>;
  readonly hash: Hash;
  readonly signature: Hex;
};

/** Where a file stands: number and hash of the next line's predecessor, and its length. */
export type Mark = { readonly lines: number; readonly previous: string; readonly bytes: number };

/** What a story was told, apart from entries: all that a proof whole on disk still needs. */
export type ToldStory = {
  readonly arm: ArmRecord | undefined;
  readonly records: readonly ChainRecord[];
  readonly seals: ReadonlyMap<string, { readonly header: SealHeader; drawn: boolean }>;
  readonly drawn: ReadonlySet<number>;
  readonly results: ReadonlySet<number>;
  readonly awards: ReadonlyMap<string, { readonly userKey: string; readonly window: number }>;
  readonly forfeits: readonly Forfeit[];
  readonly closed: boolean;
  readonly changes: number;
};

type Forfeit = Readonly<Record<string, unknown>> & { readonly window: number };

type Item =
  | {
      readonly kind: "seal";
      readonly header: SealHeader;
      readonly keys: SortedKeys;
      drawn: WindowDrawn | null;
    }
  | { readonly kind: "gap" | "stop" | "close"; readonly record: Readonly<Record<string, unknown>> };

/** Lines of the body that belong together. Until `written` is called the story stands before them, and gives them again. */
export type Stretch = {
  /** In order, `\n` included, to be read once and to the end. */
  readonly lines: Iterable<Buffer>;
  /** Says that all of them are in the file. */
  written(): void;
};

/** A window's keys are not as many as its seal covers: a bug here, and nothing that may be published. */
export class SealMismatch extends Error {}

export type StoryOptions = {
  readonly draw: DrawId;
  readonly rules: DrawRules;
  readonly head: ProofHead;
  readonly signer: ShowSigner;
  /** `beacon` for a known public chain (PF3). */
  readonly level: "dev" | "beacon";
  /** Folder for sorted runs of a window's keys. */
  readonly spillFolder: string;
  /** The body was written by an earlier process: only what the tail needs is remembered. */
  readonly written?: Mark | undefined;
};

/**
 * Follows one draw from its arming: `take` every event in journal order, write what `next` gives, and end a file at any
 * time with `tail`. Holds a window's keys on disk, earlier winners in memory (PF5).
 */
export class ProofStory {
  readonly #options: StoryOptions;
  /** Entries by the window they were made in, until a seal takes them. */
  readonly #open = new Map<number, SortedKeys>();
  /** Records not written yet: a sealed window waits for its beacon, and everything behind it in order. */
  readonly #waiting: Item[] = [];
  readonly #records: ChainRecord[] = [];
  /** `drawn`: with its result in the body. */
  readonly #seals = new Map<string, { readonly header: SealHeader; drawn: boolean }>();
  readonly #drawn = new Set<number>();
  /** Windows with a result in the journal, written or not. */
  readonly #results = new Set<number>();
  readonly #awards = new Map<string, { readonly userKey: string; readonly window: number }>();
  readonly #forfeits: Forfeit[] = [];
  #arm: ArmRecord | undefined;
  #mark: Mark;
  #closed = false;
  #full = false;
  #changes = 0;

  constructor(options: StoryOptions) {
    this.#options = options;
    this.#mark = options.written ?? { lines: 0, previous: zeroHash, bytes: 0 };
  }

  get rules(): DrawRules {
    return this.#options.rules;
  }
  get arm(): ArmRecord | undefined {
    return this.#arm;
  }
  /** All records of the chain so far, signed. */
  get records(): readonly ChainRecord[] {
    return this.#records;
  }
  /** What is written of the body. */
  get mark(): Mark {
    return this.#mark;
  }
  get closed(): boolean {
    return this.#closed;
  }
  /** Closed, and nothing waits to be written. */
  get complete(): boolean {
    return this.#closed && this.#waiting.length === 0;
  }
  /** Rises whenever a new file would say something new. */
  get changes(): number {
    return this.#changes;
  }

  /** What it was told, shared with it: copy it. Of a story that is complete. */
  save(): ToldStory {
    return {
      arm: this.#arm,
      records: this.#records,
      seals: this.#seals,
      drawn: this.#drawn,
      results: this.#results,
      awards: this.#awards,
      forfeits: this.#forfeits,
      closed: this.#closed,
      changes: this.#changes,
    };
  }

  /** Begins, told nothing yet, from what another one was told. */
  load(told: ToldStory): void {
    this.#arm = told.arm;
    for (const record of told.records) this.#records.push(record);
    for (const [hash, seal] of told.seals) this.#seals.set(hash, seal);
    for (const window of told.drawn) this.#drawn.add(window);
    for (const window of told.results) this.#results.add(window);
    for (const [awardId, award] of told.awards) this.#awards.set(awardId, award);
    for (const forfeit of told.forfeits) this.#forfeits.push(forfeit);
    this.#closed = told.closed;
    this.#changes = told.changes;
  }

  /** A sealed window's header; undefined for a hash that is none. */
  sealOf(sealHash: string): SealHeader | undefined {
    return this.#seals.get(sealHash)?.header;
  }

  /** When the seed of a sealed window is due. */
  seedDueMs(header: SealHeader): number {
    return this.#arm === undefined ? 0 : roundDueMs(this.#arm.beacon, header.round);
  }

  /** Takes the next event of the shard; those of other draws are passed over. */
  take(event: Event): void {
    const { draw } = this.#options;
    if (event.type === "entered") {
      if (event.draw !== draw || this.#options.written !== undefined) return;
      const keys = this.#keysOf(event.window);
      keys.add(event.userKey);
      this.#full ||= keys.full;
    } else if (event.type === "window.drawn") {
      if (event.draw === draw) this.#takeDrawn(event);
    } else if (event.type === "award.moved") {
      const award = event.to === "forfeited" ? this.#awards.get(event.awardId) : undefined;
      if (award === undefined) return;
      const { awardId, atMs, reason } = event;
      this.#forfeits.push({ awardId, ...award, reason: reason ?? "forfeited", atMs });
      this.#changes++;
    } else {
      this.#takeRecord(event);
    }
  }

  #takeRecord(event: Event): void {
    const { draw } = this.#options;
    if (event.type === "draw.armed" && event.record.draw === draw) {
      this.#arm = event.record;
      this.#note("arm", event.record, event.armHash);
    } else if (event.type === "window.sealed" && event.header.draw === draw) {
      this.#takeSealed(event.header, event.sealHash);
    } else if (event.type === "window.gap" && event.record.draw === draw) {
      this.#note("gap", event.record, event.hash);
      this.#wait({ kind: "gap", record: event.record });
    } else if (event.type === "draw.stopped" && event.record.draw === draw) {
      this.#note("stop", event.record, event.hash);
      this.#wait({ kind: "stop", record: event.record });
    } else if (event.type === "draw.closed" && event.record.draw === draw) {
      this.#note("close", event.record, event.hash);
      this.#wait({ kind: "close", record: event.record });
      this.#closed = true;
      for (const keys of this.#open.values()) keys.remove();
      this.#open.clear();
    }
  }

  #note(kind: ChainRecord["kind"], record: ChainRecord["record"], hash: Hash): void {
    this.#records.push({ kind, record, hash, signature: this.#options.signer.signRecord(record) });
    this.#changes++;
  }

  #wait(item: Item): void {
    if (this.#options.written === undefined) this.#waiting.push(item);
  }

  #keysOf(window: number): SortedKeys {
    const known = this.#open.get(window) ?? new SortedKeys(this.#options.spillFolder);
    this.#open.set(window, known);
    return known;
  }

  #takeSealed(header: SealHeader, sealHash: Hash): void {
    this.#note("seal", header, sealHash);
    this.#seals.set(sealHash, { header, drawn: false });
    const keys = this.#keysOf(header.window);
    this.#open.delete(header.window);
    for (const [window, carried] of this.#open) {
      if (window > header.window) continue;
      keys.addAll(carried);
      this.#open.delete(window);
    }
    this.#wait({ kind: "seal", header, keys, drawn: null });
  }

  #takeDrawn(event: WindowDrawn): void {
    this.#results.add(event.window);
    for (const { awardId, userKey } of event.winners)
      this.#awards.set(awardId, { userKey, window: event.window });
    if (this.#options.written !== undefined) this.#markDrawn(event.window);
    for (const item of this.#waiting) {
      if (item.kind === "seal" && item.header.window === event.window) item.drawn = event;
    }
    this.#changes++;
  }

  /** Whether enough keys are in memory that `spill` has something to do. */
  get full(): boolean {
    return this.#full;
  }

  /** Moves keys from memory to disk (PF5). What cannot be written stays in memory: call it again. */
  async spill(): Promise<void> {
    const waiting = this.#waiting.flatMap((item) => (item.kind === "seal" ? [item.keys] : []));
    for (const keys of [...this.#open.values(), ...waiting]) await keys.spill();
    this.#full = false;
  }

  /** What of the body can be written next; undefined when nothing can. A window is one stretch. */
  next(): Stretch | undefined {
    if (this.#arm === undefined || this.#options.written !== undefined) return undefined;
    if (this.#mark.lines === 0) return this.#stretch(this.#beginning(this.#arm), () => undefined);
    const item = this.#waiting[0];
    if (item === undefined) return undefined;
    if (item.kind !== "seal")
      return this.#stretch([this.#recordLine(item)], () => void this.#waiting.shift());
    if (item.drawn === null) return undefined;
    return this.#stretch(this.#windowLines(item), () => {
      this.#waiting.shift();
      this.#markDrawn(item.header.window);
      item.keys.remove();
    });
  }

  #stretch(items: Iterable<[string, unknown]>, then: () => void): Stretch {
    const writer = new LineWriter(this.#mark);
    return {
      lines: linesOf(items, writer),
      written: () => {
        this.#mark = writer.mark;
        then();
      },
    };
  }

  #markDrawn(window: number): void {
    this.#drawn.add(window);
    for (const seal of this.#seals.values()) if (seal.header.window === window) seal.drawn = true;
  }

  /** The lines that end a file whose body is written up to `mark`: what waits, witnesses, forfeits, the foot. */
  tail(options: { readonly witnesses: readonly WitnessSignature[]; readonly madeMs: number }): Buffer {
    const { signer } = this.#options;
    const lines = new LineWriter(this.#mark);
    const parts: Buffer[] = [];
    for (const item of this.#waiting) parts.push(lines.line(...this.#recordLine(item)));
    const valid = options.witnesses.filter(({ sealHash }) => this.#seals.has(sealHash));
    for (const { name, publicKey, sealHash, heardAtMs, signature } of valid) {
      parts.push(lines.line("witness", { name, publicKey, sealHash, heardAtMs, signature }));
    }
    for (const forfeit of this.#forfeits) {
      // An award is not in the file before its window is.
      if (this.#drawn.has(forfeit.window)) parts.push(lines.line("forfeit", forfeit));
    }
    const { lines: count, previous } = lines.mark;
    const foot = {
      version: "wanhui/foot/1",
      level: this.level(valid),
      lines: count + 1,
      madeMs: options.madeMs,
      sha256: previous,
    };
    parts.push(lines.line("foot", { ...foot, signature: signer.signRecord(foot) }));
    return Buffer.concat(parts);
  }

  /** PF3, for the windows whose result stands in the body. */
  level(witnesses: readonly WitnessSignature[]): Level {
    return this.#levelOver(witnesses, ({ drawn }) => drawn);
  }

  /** PF3, for every window drawn so far, whether its lines are written yet or not. */
  levelNow(witnesses: readonly WitnessSignature[]): Level {
    return this.#levelOver(witnesses, ({ header }) => this.#results.has(header.window));
  }

  #levelOver(
    witnesses: readonly WitnessSignature[],
    isDrawn: (seal: { readonly header: SealHeader; readonly drawn: boolean }) => boolean,
  ): Level {
    if (this.#options.level === "dev") return "dev";
    const heard = new Set(
      witnesses
        .filter(({ sealHash, heardAtMs }) => {
          const header = this.sealOf(sealHash);
          return header !== undefined && heardAtMs < this.seedDueMs(header);
        })
        .map(({ sealHash }) => sealHash as string),
    );
    const drawn = [...this.#seals].filter(([, seal]) => isDrawn(seal));
    return drawn.length > 0 && drawn.every(([hash]) => heard.has(hash)) ? "beacon+witness" : "beacon";
  }

  #beginning(arm: ArmRecord): [string, unknown][] {
    const { draw, head, level, rules } = this.#options;
    const { show, run, software } = head;
    return [
      ["head", { version: "wanhui/proof/1", draw, show, run, level, software }],
      ["rules", rules],
      ["arm", this.#signed(arm)],
    ];
  }

  #signed(record: Readonly<Record<string, unknown>>): unknown {
    return { record, signature: this.#options.signer.signRecord(record) };
  }

  #recordLine(item: Item): [string, unknown] {
    if (item.kind !== "seal") return [item.kind, this.#signed(item.record)];
    const { header } = item;
    return ["seal", { header, signature: this.#options.signer.signRecord(header) }];
  }

  *#windowLines(item: Extract<Item, { kind: "seal" }>): Generator<[string, unknown], void> {
    const { drawn, keys } = item;
    if (drawn === null) return;
    const { window, round, randomness, signature: beaconSignature, units } = drawn;
    const winners = drawn.winners.map(({ userKey, ticket, awardId }) => ({ userKey, ticket, awardId }));
    const covered = item.header.parts.reduce((sum, { count }) => sum + count, 0);
    // Doubles are in the first number: fewer are certainly too few, the rest is known at the end.
    if (keys.count < covered) throw mismatch(item.header, keys.count, covered);
    yield this.#recordLine(item);
    yield ["draw", { window, round, randomness, beaconSignature, units, winners: winners.length }];
    let part: string[] = [];
    let count = 0;
    for (const key of keys.ascending()) {
      part.push(key);
      count++;
      if (part.length < keysPerLine) continue;
      yield ["entries", { window, keys: part }];
      part = [];
    }
    if (count !== covered) throw mismatch(item.header, count, covered);
    if (part.length > 0) yield ["entries", { window, keys: part }];
    for (let at = 0; at < winners.length; at += winnersPerLine) {
      yield ["winners", { window, winners: winners.slice(at, at + winnersPerLine) }];
    }
  }
}

function* linesOf(items: Iterable<[string, unknown]>, writer: LineWriter): Generator<Buffer, void> {
  for (const [kind, body] of items) yield writer.line(kind, body);
}

function mismatch({ draw, window }: SealHeader, count: number, covered: number): SealMismatch {
  return new SealMismatch(
    `draw ${draw}, window ${window}: ${count} keys are at hand, its seal covers ${covered}`,
  );
}

/** Numbers and links lines (PF1). */
class LineWriter {
  #mark: Mark;

  constructor(mark: Mark) {
    this.#mark = mark;
  }

  get mark(): Mark {
    return this.#mark;
  }

  line(kind: string, body: unknown): Buffer {
    const { lines: n, previous, bytes } = this.#mark;
    const line = canonicalJson({ kind, n, previous, body });
    const hash = createHash("sha256").update(line).digest("hex");
    this.#mark = { lines: n + 1, previous: hash, bytes: bytes + line.length + 1 };
    return Buffer.concat([line, newline]);
  }
}
