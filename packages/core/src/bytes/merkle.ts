// Merkle trees as in RFC 9162, section 2.1 (BY5).

import type { Hash, Sha256 } from "../ids.ts";
import { assert, at } from "../invariant.ts";
import { fromHex, toHex } from "./hex.ts";

/** Builds a root leaf by leaf with memory of log2(count) hashes. */
export type MerkleAccumulator = {
  /** Adds the data of the next leaf; keeps nothing of it. */
  readonly add: (data: Uint8Array) => void;
  readonly root: () => Hash;
};

function leafHash(data: Uint8Array, sha256: Sha256): Uint8Array {
  const input = new Uint8Array(data.length + 1);
  input.set(data, 1);
  return sha256(input);
}

function nodeHash(left: Uint8Array, right: Uint8Array, sha256: Sha256): Uint8Array {
  const input = new Uint8Array(65);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 33);
  return sha256(input);
}

/** Starts an empty tree. Its root at any time is the RFC 9162 tree head of the leaves so far (BY5). */
export function createMerkleAccumulator(sha256: Sha256): MerkleAccumulator {
  // Perfect subtrees from the left, sizes falling; `count` in binary says which exist.
  const subtrees: Uint8Array[] = [];
  let count = 0;
  const add = (data: Uint8Array): void => {
    let hash = leafHash(data, sha256);
    for (let rest = count; rest % 2 === 1; rest = (rest - 1) / 2) {
      hash = nodeHash(subtrees.pop() as Uint8Array, hash, sha256);
    }
    subtrees.push(hash);
    count += 1;
  };
  const root = (): Hash => {
    if (subtrees.length === 0) return toHex(sha256(new Uint8Array(0))) as Hash;
    let hash = at(subtrees, subtrees.length - 1);
    for (let i = subtrees.length - 2; i >= 0; i--) hash = nodeHash(at(subtrees, i), hash, sha256);
    return toHex(hash) as Hash;
  };
  return { add, root };
}

/** Root over the leaves' data in the order given; of no leaf: SHA-256 of nothing (BY5). */
export function merkleRoot(leaves: Iterable<Uint8Array>, sha256: Sha256): Hash {
  const tree = createMerkleAccumulator(sha256);
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}

/** Largest power of two below `count` (count >= 2): where RFC 9162 splits. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** The audit path of leaf `index`, nearest sibling first, as RFC 9162 2.1.3.1 gives it (BY5). */
export function merklePath(leaves: readonly Uint8Array[], index: number, sha256: Sha256): Hash[] {
  assert(Number.isInteger(index) && index >= 0 && index < leaves.length, "BY5: no such leaf", index);
  const path: Hash[] = [];
  let from = 0;
  let to = leaves.length;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      path.push(merkleRoot(leaves.slice(middle, to), sha256));
      to = middle;
    } else {
      path.push(merkleRoot(leaves.slice(from, middle), sha256));
      from = middle;
    }
  }
  return path.reverse();
}

/**
 * The root that a leaf's data and its audit path lead to, or null when the path has not the length that
 * `index` of `count` asks for. Source: RFC 9162 section 2.1.3.2.
 */
export function rootFromPath(
  leaf: {
    readonly data: Uint8Array;
    readonly index: number;
    readonly count: number;
    readonly path: readonly Hash[];
  },
  sha256: Sha256,
): Hash | null {
  if (!Number.isInteger(leaf.index) || leaf.index < 0 || leaf.index >= leaf.count) return null;
  let position = leaf.index;
  let last = leaf.count - 1;
  let hash = leafHash(leaf.data, sha256);
  for (const sibling of leaf.path) {
    if (last === 0) return null;
    const side = fromHex(sibling);
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(side, hash, sha256);
      while (position % 2 === 0 && position !== 0) {
        position = Math.floor(position / 2);
        last = Math.floor(last / 2);
      }
    } else hash = nodeHash(hash, side, sha256);
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? (toHex(hash) as Hash) : null;
}
