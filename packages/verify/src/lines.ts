import { type Sha256, toHex } from "./bytes.ts";
import { parseCanonical } from "./canonical.ts";
import { footShape, type Line, lineShape } from "./shapes.ts";
import { demand, Rejected } from "./verdict.ts";

const newline = 0x0a;
const zeroHash = "0".repeat(64);
/** A line of 1,000 keys is 67 KB and a long schedule stays below 1 MiB; a longer line is there to exhaust memory. */
const lineBytesMax = 4 * 1024 * 1024;

/** Splits a stream of bytes into lines without their `\n`; the last must end with one. */
export async function* splitLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let held = 0;
  let line = 1;
  const limit = (bytes: number) => {
    if (bytes <= lineBytesMax) return;
    throw new Rejected("PF1", "", `a line of more than ${lineBytesMax} bytes`, line);
  };
  for await (const chunk of source) {
    let from = 0;
    for (let to = chunk.indexOf(newline); to >= 0; to = chunk.indexOf(newline, from)) {
      const rest = chunk.subarray(from, to);
      limit(held + rest.length);
      yield held === 0 ? rest : join([...parts, rest], held + rest.length);
      line++;
      parts = [];
      held = 0;
      from = to + 1;
    }
    if (from < chunk.length) {
      // The reader may use its buffer again for the next chunk.
      parts.push(chunk.slice(from));
      held += chunk.length - from;
      limit(held);
    }
  }
  if (held > 0) throw new Rejected("PF1", "", "the file ends in the middle of a line", line);
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Checks PF1 line by line and says which line is to blame when a link does not hold. A link joins two lines and either
 * may have been changed: so the verdict waits for the line after, whose own link tells whether the later one is whole.
 */
export class LineChain {
  readonly #sha256: Sha256;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #count = 0;
  #previous = zeroHash;
  /** Set when the link into the line before did not hold. */
  #broken = false;

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** Lines read so far. */
  get count(): number {
    return this.#count;
  }

  /** SHA-256 of the line read last. */
  get lastHash(): string {
    return this.#previous;
  }

  /**
   * Takes the next line.
   *
   * @returns the line, or undefined while a broken link waits for the next line to tell which side was changed
   * @throws Rejected naming the line at fault
   */
  next(bytes: Uint8Array): Line | undefined {
    const number = this.#count;
    this.#count++;
    const line = this.#read(bytes, number);
    if (this.#broken) this.#blame(line.previous === this.#previous ? number - 2 : number - 1);
    demand(line.n === number, "PF1", "n", `this is line number ${number} of the file, counted from 0`);
    const before = this.#previous;
    this.#previous = toHex(this.#sha256(bytes));
    if (line.previous === before) return line;
    if (number === 0) this.#blame(0);
    if (line.kind === "foot") {
      // A foot names the line before it twice.
      const foot = footShape(line.body, "body");
      this.#blame(foot.sha256 === line.previous ? number - 1 : number);
    }
    this.#broken = true;
    return undefined;
  }

  /** To be called after the last line. */
  end(): void {
    if (this.#broken) this.#blame(this.#count - 1);
  }

  #blame(index: number): never {
    throw new Rejected(
      "PF1",
      "previous",
      "this line is not what it was: its hash and the next line's `previous` disagree, or its own `previous` was changed",
      index + 1,
    );
  }

  #read(bytes: Uint8Array, number: number): Line {
    try {
      return this.#parse(bytes);
    } catch (error) {
      if (this.#broken && error instanceof Rejected) this.#blame(number - 1);
      throw error;
    }
  }

  #parse(bytes: Uint8Array): Line {
    let text: string;
    try {
      text = this.#decoder.decode(bytes);
    } catch {
      throw new Rejected("PF1", "", "not UTF-8");
    }
    const value = parseCanonical(text);
    demand(value !== undefined, "PF1", "", "not one line of canonical JSON");
    return lineShape(value, "");
  }
}
