// Facts per window for the table, read beside the checker from the same bytes. The checker decides; this only shows.

export type WindowRow = {
  readonly window: number;
  /** Beacon round that decides it. */
  readonly round: number;
  readonly entries: number;
  readonly units: number;
  readonly sealedAtMs: number;
  /** Null until drawn. */
  readonly winners: number | null;
};

/** Rows a page can show; a night has some dozens. */
const ROWS_MAX = 2_000;
/** Lines longer than this are lists of entries, which the table does not need. */
const LINE_BYTES_MAX = 4_000_000;

type Loose = { readonly [field: string]: unknown };
const number = (value: unknown) => (typeof value === "number" ? value : 0);

/** Reads windows out of a proof's bytes as they pass by. */
export class WindowReader {
  readonly #decoder = new TextDecoder();
  readonly #rows = new Map<number, WindowRow>();
  #rest = "";

  get rows(): readonly WindowRow[] {
    return [...this.#rows.values()].sort((left, right) => left.window - right.window);
  }

  /** The next bytes of the file. */
  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LINE_BYTES_MAX) this.#rest = "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    // Canonical JSON sorts its keys: the kind stands near the end of its line, so lists of entries are skipped unread.
    const tail = line.slice(-200);
    const isSeal = tail.includes('"kind":"seal"');
    if (!isSeal && !tail.includes('"kind":"draw"')) return;
    try {
      const { body } = JSON.parse(line) as { body: Loose };
      if (isSeal) this.#seal((body.header ?? body) as Loose);
      else this.#draw(body);
    } catch {
      // A broken line is the checker's to report.
    }
  }

  #seal(header: Loose): void {
    if (this.#rows.size >= ROWS_MAX) return;
    const parts = Array.isArray(header.parts) ? (header.parts as Loose[]) : [];
    this.#rows.set(number(header.window), {
      window: number(header.window),
      round: number(header.round),
      entries: parts.reduce((sum, part) => sum + number(part.count), 0),
      units: number(header.units),
      sealedAtMs: number(header.sealedAtMs),
      winners: null,
    });
  }

  #draw(body: Loose): void {
    const row = this.#rows.get(number(body.window));
    if (row === undefined) return;
    this.#rows.set(row.window, { ...row, units: number(body.units), winners: number(body.winners) });
  }
}
