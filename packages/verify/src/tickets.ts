import { compareBytes, concat, decodeHex, type Sha256, toHex, utf8 } from "./bytes.ts";

const ticketTag = utf8("wanhui/ticket/1");
const awardTag = utf8("wanhui/award/1");
const hashBytes = 32;
const slotBytes = 2 * hashBytes;
const firstSlots = 64;

/** A winner as the verifier works it out. */
export type DrawnWinner = { readonly userKey: string; readonly ticket: string };

/**
 * Keeps the k smallest tickets of a window while its keys go by (BY4, DR14): a heap of k slots, the largest on top, so
 * that memory follows the winners and not the entries.
 */
export class SmallestTickets {
  readonly #sha256: Sha256;
  readonly #keep: number;
  readonly #input: Uint8Array;
  readonly #keyAt: number;
  /** Slot: ticket, then key. Grows to `keep` slots. */
  #slots = new Uint8Array(firstSlots * slotBytes);
  /** Slot numbers in heap order. */
  readonly #heap: number[] = [];

  constructor(options: { sealHash: Uint8Array; randomness: Uint8Array; keep: number; sha256: Sha256 }) {
    this.#sha256 = options.sha256;
    this.#keep = options.keep;
    this.#input = concat(ticketTag, options.sealHash, options.randomness, new Uint8Array(hashBytes));
    this.#keyAt = this.#input.length - hashBytes;
  }

  offer(userKey: Uint8Array): void {
    if (this.#keep === 0) return;
    this.#input.set(userKey, this.#keyAt);
    const ticket = this.#sha256(this.#input);
    if (this.#heap.length < this.#keep) {
      const slot = this.#heap.length;
      this.#write(slot, ticket, userKey);
      this.#heap.push(slot);
      this.#up(slot);
      return;
    }
    const top = this.#heap[0] ?? 0;
    if (!this.#isBefore(ticket, userKey, top)) return;
    this.#write(top, ticket, userKey);
    this.#down(0);
  }

  /** The winners in ticket order. Empties the heap. */
  take(): DrawnWinner[] {
    const slots = [...this.#heap].sort((left, right) => this.#compare(left, right));
    this.#heap.length = 0;
    return slots.map((slot) => {
      const at = slot * slotBytes;
      return {
        ticket: toHex(this.#slots.subarray(at, at + hashBytes)),
        userKey: toHex(this.#slots.subarray(at + hashBytes, at + slotBytes)),
      };
    });
  }

  #isBefore(ticket: Uint8Array, userKey: Uint8Array, slot: number): boolean {
    const at = slot * slotBytes;
    const difference = compareBytes(ticket, this.#slots.subarray(at, at + hashBytes));
    if (difference !== 0) return difference < 0;
    return compareBytes(userKey, this.#slots.subarray(at + hashBytes, at + slotBytes)) < 0;
  }

  #compare(left: number, right: number): number {
    const from = left * slotBytes;
    const to = right * slotBytes;
    return compareBytes(
      this.#slots.subarray(from, from + slotBytes),
      this.#slots.subarray(to, to + slotBytes),
    );
  }

  #write(slot: number, ticket: Uint8Array, userKey: Uint8Array): void {
    const at = slot * slotBytes;
    if (at + slotBytes > this.#slots.length) {
      const larger = new Uint8Array(this.#slots.length * 2);
      larger.set(this.#slots);
      this.#slots = larger;
    }
    this.#slots.set(ticket, at);
    this.#slots.set(userKey, at + hashBytes);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#compare(this.#heap[at] ?? 0, this.#heap[parent] ?? 0) <= 0) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      let largest = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child >= this.#heap.length) continue;
        if (this.#compare(this.#heap[child] ?? 0, this.#heap[largest] ?? 0) > 0) largest = child;
      }
      if (largest === at) return;
      this.#swap(at, largest);
      at = largest;
    }
  }

  #swap(left: number, right: number): void {
    const kept = this.#heap[left] ?? 0;
    this.#heap[left] = this.#heap[right] ?? 0;
    this.#heap[right] = kept;
  }
}

/** BY6: the award id of a winner. */
export function awardIdOf(sealHash: Uint8Array, userKey: string, sha256: Sha256): string {
  const key = new Uint8Array(hashBytes);
  decodeHex(userKey, key, 0);
  return toHex(sha256(concat(awardTag, sealHash, key)).subarray(0, 16));
}
