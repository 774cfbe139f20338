import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { sha256 } from "./sha256.ts";

test("gives what node:crypto's Hash gives, for every length around a block", () => {
  for (let length = 0; length < 200; length += 1) {
    const bytes = randomBytes(length);
    expect(Buffer.from(sha256(bytes)).equals(createHash("sha256").update(bytes).digest())).toBe(true);
  }
});

test("a digest keeps its bytes when the next one is made", () => {
  const first = sha256(new Uint8Array([1]));
  const copy = first.slice();
  sha256(new Uint8Array([2]));
  expect(first).toEqual(copy);
});
