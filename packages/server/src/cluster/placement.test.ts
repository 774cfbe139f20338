import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { onlyReady, placeShards } from "./placement.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });
const shards = fc.integer({ min: 1, max: 64 });

test("[MP4] every shard has a process, nobody more than his even share, whatever the order of the names", () => {
  fc.assert(
    fc.property(names, shards, (processes, count) => {
      const placed = placeShards({ shards: count, processes, sha256 });
      expect(placed).toHaveLength(count);
      const shareMax = Math.ceil(count / processes.length);
      for (const name of processes) {
        expect(placed.filter((one) => one === name).length).toBeLessThanOrEqual(shareMax);
      }
      expect(placed.every((name) => processes.includes(name))).toBe(true);
      expect(placeShards({ shards: count, processes: [...processes].reverse(), sha256 })).toEqual(placed);
    }),
  );
});

test("[MP4] one who joins moves shards mostly to himself: far fewer change hands than stay", () => {
  let moved = 0;
  let total = 0;
  for (let seed = 0; seed < 200; seed += 1) {
    const processes = ["a", "b", "c"].map((name) => `${name}${seed}`);
    const before = placeShards({ shards: 64, processes, sha256 });
    const after = placeShards({ shards: 64, processes: [...processes, `d${seed}`], sha256 });
    moved += before.filter((name, shard) => name !== after[shard]).length;
    total += 64;
  }
  // A quarter has to move; modulo placement would move three quarters.
  expect(moved / total).toBeLessThan(0.45);
});

test("[MP4] nobody serves: nothing is placed", () => {
  expect(placeShards({ shards: 8, processes: [], sha256 })).toEqual([]);
});

test("[MP4] a shard is with somebody who can answer for it: where it belongs, else where it is, else with another", () => {
  const placed = ["a", "b", "b", "b"];
  const shards = ["a", "a", "b", ""].map((holder) => ({ holder }));
  const serving = (unready: readonly number[]) => [
    { process: "a", unready: [] },
    { process: "b", unready },
  ];
  const of = (unready: readonly number[]) => onlyReady({ placed, shards, serving: serving(unready) });
  expect(of([])).toEqual(placed);
  // Held by another: it stays there. Held by nobody, or by him who cannot: it goes to who can.
  expect(of([1, 2, 3])).toEqual(["a", "a", "a", "a"]);
  const nobody = [{ process: "b", unready: [1] }];
  expect(onlyReady({ placed, shards, serving: nobody })[1]).toBe("b");
});
