import { describe, expect, test } from "vitest";
import { CLUSTER_VERSION, decodeBatches, decodeMessage, encodeBatches, encodeMessage } from "./messages.ts";

const members = { t: "members" } as const;
const a = (version = CLUSTER_VERSION) => ({ process: "a", version });
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("[MP14] messages of other versions", () => {
  test("one step apart is understood, also with fields not known here", () => {
    for (const step of [-1, 0, 1]) {
      const bytes = encodeMessage(a(CLUSTER_VERSION + step), members);
      expect(decodeMessage(bytes, CLUSTER_VERSION)).toMatchObject({
        from: "a",
        message: members,
      });
    }
    const newer = bytesOf({ v: CLUSTER_VERSION + 1, from: "a", t: "members", shade: "red" });
    expect(decodeMessage(newer, CLUSTER_VERSION)).toMatchObject({ from: "a", message: members });
  });

  test("further apart is dropped as such, and what is no message is none", () => {
    for (const step of [-2, 2, 40]) {
      const bytes = encodeMessage(a(CLUSTER_VERSION + step), members);
      expect(decodeMessage(bytes, CLUSTER_VERSION)).toBe("too far apart");
    }
    const nonsense = ["", "null", "[]", "{}", '{"v":1}', '{"v":1,"from":2,"t":"members"}', "\u0000\u0001"];
    for (const text of nonsense)
      expect([text, decodeMessage(Buffer.from(text), CLUSTER_VERSION)]).toEqual([text, "unreadable"]);
  });

  test("batches come back byte for byte; a length that lies is unreadable", () => {
    const batch = {
      shard: 3,
      seq: 7,
      epoch: 2,
      atMs: 1_700_000_000_000,
      previousHash: "00".repeat(32),
      hash: "11".repeat(32),
      payload: Buffer.from([0, 255, 13, 10]),
    } as unknown as Parameters<typeof encodeBatches>[1][number];
    const bytes = encodeBatches(a(), [batch, { ...batch, seq: 8, payload: Buffer.alloc(0) }]);
    const read = decodeBatches(bytes, CLUSTER_VERSION);
    expect(read).toMatchObject({ from: "a", message: [{ seq: 7 }, { seq: 8 }] });
    if (typeof read === "object")
      expect(Buffer.from(read.message[0]?.payload ?? []).equals(batch.payload)).toBe(true);
    for (let length = 0; length < bytes.length; length += 1) {
      expect([length, decodeBatches(bytes.subarray(0, length), CLUSTER_VERSION)]).toEqual([
        length,
        "unreadable",
      ]);
    }
  });
});
