/** Seeded random numbers, the same on every machine: xoshiro128**, seeded by splitmix32. Source: Blackman and Vigna. */
export type SeededRandom = {
  /** Integer in [0, 2^32). */
  u32(): number;
  /** Integer in [0, limit). */
  below(limit: number): number;
  /** Integer in [low, high]. */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Lower-case hex of so many bytes. */
  hex(bytes: number): string;
  /** An independent stream: what one part draws does not move what another one sees. */
  fork(): SeededRandom;
};

function splitmix(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

/** Makes a stream from a seed of 32 bits. */
export function seededRandom(seed: number): SeededRandom {
  const mix = splitmix(seed);
  let [a, b, c, d] = [mix(), mix(), mix(), mix()];
  const u32 = () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  const below = (limit: number) => Math.floor((u32() / 2 ** 32) * limit);
  return {
    u32,
    below,
    between: (low, high) => low + below(high - low + 1),
    chance: (probability) => u32() / 2 ** 32 < probability,
    pick<T>(items: readonly T[]): T {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("Nothing to pick from");
      return item;
    },
    hex: (bytes) => Array.from({ length: bytes }, () => below(256).toString(16).padStart(2, "0")).join(""),
    fork: () => seededRandom(u32()),
  };
}
