import { concat, type Sha256 } from "./bytes.ts";

const leafTag = 0x00;
const nodeTag = 0x01;

/**
 * Builds the root of RFC 9162 section 2.1 while its leaves go by, holding one hash per level (BY5).
 * Adding leaf n merges as many complete subtrees as n + 1 has trailing zero bits.
 */
export class MerkleStream {
  readonly #sha256: Sha256;
  readonly #stack: Uint8Array[] = [];
  readonly #leaf: Uint8Array;
  readonly #node = new Uint8Array(65);
  #count = 0;

  /** @param leafBytes length of every leaf's data */
  constructor(sha256: Sha256, leafBytes: number) {
    this.#sha256 = sha256;
    this.#leaf = new Uint8Array(1 + leafBytes);
    this.#leaf[0] = leafTag;
    this.#node[0] = nodeTag;
  }

  get count(): number {
    return this.#count;
  }

  add(data: Uint8Array): void {
    this.#leaf.set(data, 1);
    let hash = this.#sha256(this.#leaf);
    this.#count++;
    for (let size = this.#count; size % 2 === 0; size /= 2) {
      const left = this.#stack.pop();
      if (left === undefined) throw new RangeError("an empty stack under a complete subtree");
      hash = this.#join(left, hash);
    }
    this.#stack.push(hash);
  }

  root(): Uint8Array {
    const last = this.#stack.at(-1);
    if (last === undefined) return this.#sha256(new Uint8Array(0));
    let hash = last;
    for (let at = this.#stack.length - 2; at >= 0; at--) hash = this.#join(this.#stack[at] ?? hash, hash);
    return hash;
  }

  #join(left: Uint8Array, right: Uint8Array): Uint8Array {
    this.#node.set(left, 1);
    this.#node.set(right, 33);
    return this.#sha256(this.#node);
  }
}

/**
 * The root an inclusion path leads to, RFC 9162 section 2.1.3.2.
 *
 * @returns undefined when the path has the wrong length for a tree of `count` leaves
 */
export function rootFromPath(options: {
  data: Uint8Array;
  index: number;
  count: number;
  path: readonly Uint8Array[];
  sha256: Sha256;
}): Uint8Array | undefined {
  const { data, index, count, path, sha256 } = options;
  if (index >= count) return undefined;
  let hash = sha256(concat(Uint8Array.of(leafTag), data));
  let position = index;
  let last = count - 1;
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (position % 2 === 1 || position === last) {
      hash = sha256(concat(Uint8Array.of(nodeTag), sibling, hash));
      while (position % 2 === 0 && position !== 0) {
        position = Math.floor(position / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = sha256(concat(Uint8Array.of(nodeTag), hash, sibling));
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : undefined;
}
