import type { CtlMessage } from "@wanhui/protocol";
import { newNonce } from "./keys.ts";
import { type Memory, memoryOf } from "./memory.ts";
import type { ClientStorage } from "./options.ts";

const INDEX = "wanhui.draws";
/** Windows in one item: a header is added by writing some 10 KB, however long the night is. */
const WINDOWS_PER_PART = 32;
/** What belongs to a draw is forgotten this long after the end of its show: complaints about prizes come in days. */
const KEPT_AFTER_END_MS = 30 * 86_400_000;

/** What is remembered of a draw: when its show ends, how many parts its headers have, and how many lines in all. */
type DrawNote = { readonly ends: number; readonly parts: number; readonly lines: number };
type Index = Readonly<Record<string, DrawNote>>;
type Line = {
  readonly record: Readonly<Record<string, unknown>>;
  readonly hash: string;
  readonly signature: string;
  readonly heardAtMs: number;
};
type Heard = Extract<CtlMessage, { t: "seal" | "chain" }>;

/** Headers heard and nonces made, in a storage that several pages share and that may be full. */
export class Keepsakes {
  readonly #memory: Memory;

  constructor(storage: ClientStorage | null | undefined) {
    this.#memory = memoryOf(storage);
  }

  /** Whether everything kept here is there when the page comes back; false once the storage was full or refused. */
  get lasting(): boolean {
    return this.#memory.lasting;
  }

  /** Headers and other records kept, of all draws. */
  get count(): number {
    return Object.values(indexOf(this.#memory)).reduce((sum, { lines }) => sum + lines, 0);
  }

  /**
   * Keeps a seal's header, or another signed record of a draw's chain, with the moment this device heard it, by this
   * device's own clock: nobody's word but ours that it was out before its seed. Heard again, the first time counts.
   *
   * @param at.endsAtMs end of the show, from which the time it is kept is counted
   * @returns whether it was new
   */
  keep(message: Heard, at: { readonly heardAtMs: number; readonly endsAtMs: number }): boolean {
    const { draw, hash, signature } = message;
    // Parts by window, so that a page that wakes after an hour looks in one of them for what another page kept.
    const part = message.t === "seal" ? Math.floor(message.window / WINDOWS_PER_PART) + 1 : 0;
    const lines = linesOf(this.#memory, draw, part);
    if (lines.some((line) => line.hash === hash)) return false;
    const record = (message.t === "seal" ? message.header : message.record) as Line["record"];
    lines.push({ record, hash, signature, heardAtMs: at.heardAtMs });
    this.#memory.setItem(partKey(draw, part), pack(lines));
    const note = indexOf(this.#memory)[draw];
    const parts = Math.max(note?.parts ?? 0, part + 1);
    this.#note(draw, at.endsAtMs, { parts, lines: (note?.lines ?? 0) + 1 });
    return true;
  }

  /** The nonce of a draw, made once (WR14). */
  nonceOf(draw: string, endsAtMs: number): string {
    const known = this.#memory.getItem(nonceKey(draw));
    if (known !== null && /^[0-9a-f]{32}$/.test(known)) return known;
    const nonce = newNonce();
    this.#memory.setItem(nonceKey(draw), nonce);
    this.#note(draw, endsAtMs, {});
    return nonce;
  }

  /** Forgets all of draws whose show ended more than 30 days ago. */
  forgetOld(nowMs: number): void {
    const kept = Object.entries(indexOf(this.#memory)).filter(([draw, { ends, parts }]) => {
      if (ends + KEPT_AFTER_END_MS >= nowMs) return true;
      this.#memory.removeItem(nonceKey(draw));
      for (let part = 0; part < parts; part += 1) this.#memory.removeItem(partKey(draw, part));
      return false;
    });
    this.#memory.setItem(INDEX, JSON.stringify(Object.fromEntries(kept)));
  }

  /** Everything heard, one line `{record, hash, signature, heardAtMs}` each, for `wanhui verify --heard FILE`. */
  ndjson(): string {
    return Object.entries(indexOf(this.#memory))
      .flatMap(([draw, { parts }]) =>
        Array.from({ length: parts }, (_, part) => linesOf(this.#memory, draw, part)).flat(),
      )
      .sort((a, b) => a.heardAtMs - b.heardAtMs)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
  }

  #note(draw: string, endsAtMs: number, more: { readonly parts?: number; readonly lines?: number }): void {
    const index = indexOf(this.#memory);
    const note = { parts: 0, lines: 0, ...index[draw], ends: endsAtMs, ...more };
    this.#memory.setItem(INDEX, JSON.stringify({ ...index, [draw]: note }));
  }
}

/** Everything a storage holds of what was heard, as `RoomClient.heard` gives it. */
export function heardNdjson(storage: ClientStorage): string {
  return new Keepsakes(storage).ndjson();
}

const nonceKey = (draw: string) => `wanhui.nonce.${draw}`;
const partKey = (draw: string, part: number) => `wanhui.heard.${draw}.${part}`;

function indexOf(memory: Memory): Index {
  return JSON.parse(memory.getItem(INDEX) ?? "{}") as Index;
}

/**
 * Lines of one part, as JSON. A header differs from the one before it in some fields only, and names its hash: each
 * line has the fields that changed, so that a night of 4,000 windows takes 1.5 MB of the 5 MB a page has.
 */
function pack(lines: readonly Line[]): string {
  let before: Line | undefined;
  const packed = lines.map((line) => {
    const { record, hash, signature, heardAtMs } = line;
    const old = before?.record ?? {};
    // A record of another shape is written whole.
    const whole = Object.keys(old).some((name) => !(name in record));
    const changed = Object.entries(record).filter(
      ([name, value]) => whole || JSON.stringify(value) !== JSON.stringify(old[name]),
    );
    const fields = changed.map(([name, value]) =>
      name === "previousHash" && value === before?.hash ? [name] : [name, value],
    );
    before = line;
    return [whole ? 1 : 0, fields, hash, signature, heardAtMs];
  });
  return JSON.stringify(packed);
}

function linesOf(memory: Memory, draw: string, part: number): Line[] {
  type Packed = [0 | 1, [string, unknown?][], string, string, number];
  let before: Line | undefined;
  return (JSON.parse(memory.getItem(partKey(draw, part)) ?? "[]") as Packed[]).map(
    ([whole, fields, hash, signature, heardAtMs]) => {
      const changed = Object.fromEntries(
        fields.map((field) => [field[0], field.length === 1 ? before?.hash : field[1]]),
      );
      const record = whole === 1 ? changed : { ...before?.record, ...changed };
      before = { record, hash, signature, heardAtMs };
      return before;
    },
  );
}
