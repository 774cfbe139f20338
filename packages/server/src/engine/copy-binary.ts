// Rows in PostgreSQL's binary COPY format: no escaping, no parsing of numbers on the other side.
// Source: PostgreSQL manual, COPY, "Binary Format".

const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const flagsAndExtension = 8;
const trailer = Buffer.from([0xff, 0xff]);
/** First size of the buffer; it doubles. */
const startBytes = 64 * 1024;

/** Collects rows for one `copy <table> (<columns>) from stdin (format binary)`. */
export class CopyRows {
  #bytes = Buffer.allocUnsafe(startBytes);
  #length = signature.length + flagsAndExtension;
  rows = 0;

  constructor() {
    signature.copy(this.#bytes, 0);
    this.#bytes.fill(0, signature.length, this.#length);
  }

  /** Begins a row of so many columns; exactly that many of the calls below must follow. */
  row(columns: number): this {
    this.rows += 1;
    this.#reserve(2);
    this.#length = this.#bytes.writeInt16BE(columns, this.#length);
    return this;
  }

  text(value: string | null): this {
    if (value === null) return this.#null();
    const size = Buffer.byteLength(value);
    this.#reserve(4 + size);
    this.#length = this.#bytes.writeInt32BE(size, this.#length);
    this.#length += this.#bytes.write(value, this.#length);
    return this;
  }

  /** A `bytea` column from hex. */
  hex(value: string): this {
    const size = value.length / 2;
    this.#reserve(4 + size);
    this.#length = this.#bytes.writeInt32BE(size, this.#length);
    this.#length += this.#bytes.write(value, this.#length, "hex");
    return this;
  }

  /** An `integer` column. */
  int4(value: number | null): this {
    if (value === null) return this.#null();
    this.#reserve(8);
    this.#length = this.#bytes.writeInt32BE(4, this.#length);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
    return this;
  }

  /** A `bigint` column. */
  int8(value: number | null): this {
    if (value === null) return this.#null();
    this.#reserve(12);
    this.#length = this.#bytes.writeInt32BE(8, this.#length);
    this.#length = this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.#length);
    this.#length = this.#bytes.writeUInt32BE(value >>> 0, this.#length);
    return this;
  }

  /** Everything so far as one COPY; the collector is not to be used afterwards. */
  finish(): Buffer {
    this.#reserve(trailer.length);
    trailer.copy(this.#bytes, this.#length);
    return this.#bytes.subarray(0, this.#length + trailer.length);
  }

  #null(): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeInt32BE(-1, this.#length);
    return this;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
