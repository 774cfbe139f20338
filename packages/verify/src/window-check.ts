import { decodeHex, fromHex, type Sha256, toHex } from "./bytes.ts";
import type { Json } from "./canonical.ts";
import { MerkleStream } from "./merkle.ts";
import type { drawShape, entriesShape, SealHeader, winnersShape } from "./shapes.ts";
import { awardIdOf, type DrawnWinner, SmallestTickets } from "./tickets.ts";
import { demand, Rejected } from "./verdict.ts";

type Draw = ReturnType<typeof drawShape>;

/** One drawn window whose keys and winners go by: rebuilds the root, draws again and compares. */
export class WindowCheck {
  readonly sealHash: string;
  readonly window: number;
  readonly #header: SealHeader;
  readonly #draw: Draw;
  /** Line of the `draw`, blamed when its number of winners is wrong. */
  readonly #line: number;
  readonly #sha256: Sha256;
  readonly #capped: (userKey: string) => boolean;
  readonly #onKey: ((userKey: string) => void) | undefined;
  readonly #tree: MerkleStream;
  readonly #tickets: SmallestTickets;
  readonly #count: number;
  readonly #key = new Uint8Array(32);
  #lastKey = "";
  #expected: readonly DrawnWinner[] = [];
  #winnersRead = 0;

  constructor(options: {
    header: SealHeader;
    sealHash: string;
    draw: Draw;
    line: number;
    sha256: Sha256;
    /** Whether a key has won as often as the rules allow (DR14). */
    capped: (userKey: string) => boolean;
    onKey: ((userKey: string) => void) | undefined;
  }) {
    const { header, draw, sha256 } = options;
    this.sealHash = options.sealHash;
    this.window = header.window;
    this.#header = header;
    this.#draw = draw;
    this.#line = options.line;
    this.#sha256 = sha256;
    this.#capped = options.capped;
    this.#onKey = options.onKey;
    this.#count = header.parts[0]?.count ?? 0;
    this.#tree = new MerkleStream(sha256, 32);
    this.#tickets = new SmallestTickets({
      sealHash: fromHex(options.sealHash),
      randomness: fromHex(draw.randomness),
      keep: draw.units,
      sha256,
    });
    if (this.#count === 0) this.#finishEntries("body");
  }

  get wantsEntries(): boolean {
    return this.#tree.count < this.#count;
  }
  get wantsWinners(): boolean {
    return !this.wantsEntries && this.#winnersRead < this.#expected.length;
  }

  entries(body: ReturnType<typeof entriesShape>): void {
    demand(body.window === this.window, "PF2", "body.window", `the keys of window ${this.window} stand here`);
    const most = this.#count - this.#tree.count;
    demand(body.keys.length <= most, "DR10", "body.keys", `the seal counts ${this.#count} entries`);
    for (const [index, key] of body.keys.entries()) this.#add(key, `body.keys[${index}]`);
    if (!this.wantsEntries) this.#finishEntries("body.keys");
  }

  /** Takes the next winners of the line; returns each with its award id as worked out here. */
  winners(body: ReturnType<typeof winnersShape>): void {
    demand(
      body.window === this.window,
      "PF2",
      "body.window",
      `the winners of window ${this.window} stand here`,
    );
    demand(body.winners.length > 0, "PF2", "body.winners", "an empty list");
    for (const [index, winner] of body.winners.entries()) {
      const at = `body.winners[${index}]`;
      const expected = this.#expected[this.#winnersRead];
      demand(expected !== undefined, "DR14", at, `only ${this.#expected.length} keys win here`);
      demand(
        winner.userKey === expected.userKey,
        "DR14",
        `${at}.userKey`,
        `the next winner is ${expected.userKey}`,
      );
      demand(winner.ticket === expected.ticket, "BY4", `${at}.ticket`, `the ticket is ${expected.ticket}`);
      const awardId = awardIdOf(fromHex(this.sealHash), winner.userKey, this.#sha256);
      demand(winner.awardId === awardId, "BY6", `${at}.awardId`, `the award id is ${awardId}`);
      this.#winnersRead++;
    }
  }

  #add(key: Json, field: string): void {
    if (typeof key !== "string" || key.length !== 64 || !decodeHex(key, this.#key, 0)) {
      throw new Rejected("PF2", field, "not 32 bytes of lower-case hex");
    }
    demand(key > this.#lastKey, "BY5", field, "keys stand strictly ascending, none twice");
    this.#lastKey = key;
    this.#tree.add(this.#key);
    if (!this.#capped(key)) this.#tickets.offer(this.#key);
    this.#onKey?.(key);
  }

  #finishEntries(field: string): void {
    const root = toHex(this.#tree.root());
    demand(
      root === this.#header.parts[0]?.root,
      "BY5",
      field,
      `these keys have the root ${root}, the seal another`,
    );
    this.#expected = this.#tickets.take();
    const expected = this.#expected.length;
    if (this.#draw.winners === expected) return;
    throw new Rejected("DR14", "body.winners", `${expected} keys win in this window`, this.#line);
  }
}
