// Sorting a window's entries by key, a million of them in about half a second.

import type { UserKey } from "../ids.ts";
import { at } from "../invariant.ts";

const DOUBLE_INTEGER_BITS = 53;

/**
 * The items in ascending order of their keys, as unsigned bytes. Sorts (key's first bits, position) as plain
 * numbers, which is several times faster than comparing strings, then settles equal first bits by the whole key.
 */
export function sortedByKey<Item extends { readonly key: UserKey }>(items: readonly Item[]): Item[] {
  const positionBits = Math.ceil(Math.log2(items.length + 1));
  const positions = 2 ** positionBits;
  const prefixBits = Math.min(DOUBLE_INTEGER_BITS - positionBits, 32);
  const order = new Float64Array(items.length);
  for (let i = 0; i < items.length; i++) order[i] = prefixOf(at(items, i).key, prefixBits) * positions + i;
  order.sort();
  const result: Item[] = [];
  let runFrom = 0;
  for (let i = 0; i < order.length; i++) {
    const packed = at(order, i);
    result.push(at(items, packed % positions));
    const next = i + 1 < order.length ? Math.floor(at(order, i + 1) / positions) : -1;
    if (Math.floor(packed / positions) === next) continue;
    if (i > runFrom) settle(result, runFrom);
    runFrom = i + 1;
  }
  return result;
}

// First bits of a key as a number; at most 32.
function prefixOf(key: UserKey, bits: number): number {
  let prefix = 0;
  for (let i = 0; i < 8; i++) {
    const code = key.charCodeAt(i);
    prefix = prefix * 16 + (code <= 57 ? code - 48 : code - 87);
  }
  return Math.floor(prefix / 2 ** (32 - bits));
}

function settle<Item extends { readonly key: UserKey }>(result: Item[], from: number): void {
  const run = result.splice(from);
  run.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  for (const item of run) result.push(item);
}
