import { createHmac, createPrivateKey, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexOf, readVectors, sha256 } from "../../testing/world.ts";
import {
  awardIdOfDraw,
  canonicalJson,
  canonicalText,
  compareBytes,
  createGrantIds,
  createMerkleAccumulator,
  fromHex,
  fromUtf8,
  grantOfAwardId,
  grantTagOf,
  hashJson,
  merklePath,
  merkleRoot,
  pseudonymMessage,
  rootFromPath,
  roundSecretMessage,
  shardOfPool,
  signedBytes,
  ticketOf,
  tickLeaf,
  tickLeaves,
  tickStatement,
  toHex,
  userKeyOf,
  utf8,
} from "./mod.ts";

const vectors = readVectors();

const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string({ unit: "binary" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: "binary" }), tie("value"), { maxKeys: 4 }),
  ),
})).value;

describe("canonical JSON", () => {
  it("[CJ1] [CJ2] [CJ3] matches the fixed vectors byte for byte", () => {
    for (const { value, text, sha256: hash } of vectors.canonicalJson) {
      expect(canonicalText(value)).toBe(text);
      expect(hexOf(canonicalJson(value))).toBe(Buffer.from(text, "utf8").toString("hex"));
      expect(hashJson(value, sha256)).toBe(hash);
    }
  });

  it("[CJ1] gives the same text for the same value in any key order, and JSON reads it back", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const text = canonicalText(value);
        expect(JSON.parse(text)).toEqual(value === 0 ? 0 : JSON.parse(JSON.stringify(value)));
        expect(canonicalText(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it("[CJ1] treats floats, -0, undefined, bigints, lone surrogates and classes as bugs", () => {
    const bad = [
      1.5,
      -0,
      Number.NaN,
      2 ** 53,
      undefined,
      1n,
      "\ud800",
      "a\udc00b",
      { "\udfff": 1 },
      new Map(),
      [undefined],
    ];
    for (const value of bad) expect(() => canonicalText(value)).toThrow("CJ1");
    expect(() => canonicalText({ a: undefined })).toThrow("CJ1");
  });

  it("[CJ2] escapes quote, backslash and controls, and nothing else", () => {
    expect(canonicalText('\u0000\b\t\n\f\r\u001f"\\/\u007f\u2028é')).toBe(
      '"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/\u007f\u2028é"',
    );
  });
});

describe("UTF-8 and hex", () => {
  it("[BY1] encodes as the platform does and decodes strictly", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(hexOf(utf8(text))).toBe(Buffer.from(text, "utf8").toString("hex"));
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
        let expected: string | null = null;
        try {
          expected = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
        } catch {}
        if (expected === null) expect(() => fromUtf8(bytes)).toThrow();
        else expect(fromUtf8(bytes)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("[BY1] writes lower-case hex and reads nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        expect(toHex(bytes)).toBe(hexOf(bytes));
        expect(hexOf(fromHex(toHex(bytes)))).toBe(hexOf(bytes));
      }),
    );
    for (const bad of ["A0", "0", "0g", "g0", " 0", "é0"]) expect(() => fromHex(bad)).toThrow();
  });

  it("[BY4] orders bytes as unsigned, first byte first", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (left, right) => {
        expect(Math.sign(compareBytes(left, right))).toBe(Buffer.compare(left, right));
      }),
    );
  });
});

describe("derived values", () => {
  it("[BY2] derives the user key of the vectors", () => {
    const { pseudonym, nonce, userKey } = vectors.userKey;
    expect(userKeyOf({ pseudonym: fromHex(pseudonym), nonce: fromHex(nonce) }, sha256)).toBe(userKey);
    expect(() => userKeyOf({ pseudonym: new Uint8Array(15), nonce: new Uint8Array(16) }, sha256)).toThrow(
      "BY2",
    );
  });

  it("[BY3] lays out what the server's HMACs take, as the vectors have it", () => {
    const { serverSecret, draw, user, roundSecret, pseudonym } = vectors.pseudonym;
    const secret = createHmac("sha256", fromHex(serverSecret)).update(roundSecretMessage(draw)).digest();
    expect(hexOf(secret)).toBe(roundSecret);
    const mac = createHmac("sha256", secret).update(pseudonymMessage(user)).digest();
    expect(hexOf(mac.subarray(0, 16))).toBe(pseudonym);
  });

  it("[BY4] derives the ticket of the vectors", () => {
    const { ticket, ...input } = vectors.ticket;
    expect(ticketOf(input, sha256)).toBe(ticket);
  });

  it("[BY6] derives the award ids of the vectors", () => {
    const { draw, grab } = vectors.awardIds;
    expect(awardIdOfDraw(draw, sha256)).toBe(draw.awardId);
    expect(grantTagOf(grab.pool, sha256)).toBe(grab.grantTag);
    expect(createGrantIds(grab.grantTag)(grab.number)).toBe(grab.awardId);
    expect(grantOfAwardId(grab.awardId)).toEqual({ tag: grab.grantTag, number: grab.number });
  });

  it("[BY6] numbers the grants of a pool in 48 bits, whatever was asked for before", () => {
    const idOf = createGrantIds("ab".repeat(10));
    fc.assert(
      fc.property(fc.oneof(fc.nat({ max: 10_000 }), fc.integer({ min: 0, max: 2 ** 48 - 1 })), (number) => {
        expect(idOf(number)).toBe("ab".repeat(10) + number.toString(16).padStart(12, "0"));
      }),
    );
  });

  it("[PL4] places pools on shards as the vectors do", () => {
    for (const { pool, shards, shard } of vectors.shardOfPool)
      expect(shardOfPool(pool, shards, sha256)).toBe(shard);
  });

  it("[BY9] lays out tick leaves and the tick statement", () => {
    const { entries, leaves, statement } = vectors.tick;
    expect(tickLeaves(entries, sha256).map(hexOf)).toEqual(leaves);
    expect(hexOf(tickLeaf(entries[0], sha256))).toBe(leaves[0]);
    const { shard, seq, atMs } = statement;
    expect(tickStatement({ shard, seq, atMs, leaves: leaves.map(fromHex) }, sha256)).toEqual(statement);
  });

  it("[BY10] gives the bytes whose Ed25519 signature the vectors hold", () => {
    const { seed, object, signature } = vectors.signature;
    const key = createPrivateKey({
      key: Buffer.concat([fromHex("302e020100300506032b657004220420"), fromHex(seed)]),
      format: "der",
      type: "pkcs8",
    });
    expect(hexOf(sign(null, signedBytes(object), key))).toBe(signature);
    expect(hexOf(signedBytes({ ...object, signature }))).toBe(hexOf(signedBytes(object)));
  });
});

describe("Merkle trees", () => {
  it("[BY5] match the recursive definition's vectors: roots and every path", () => {
    for (const { leaves, root, paths } of vectors.merkle) {
      const data: Uint8Array[] = leaves.map(fromHex);
      expect(merkleRoot(data, sha256)).toBe(root);
      paths.forEach((path: string[], index: number) => {
        expect(merklePath(data, index, sha256)).toEqual(path);
      });
    }
  });

  it("[BY5] every path leads to the root, and no other leaf, place or path does", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (count, pick, other) => {
        const leaves = Array.from({ length: count }, (_, i) => utf8(`leaf ${i}`));
        const index = pick % count;
        const data = leaves[index] as Uint8Array;
        const root = merkleRoot(leaves, sha256);
        const path = merklePath(leaves, index, sha256);
        expect(rootFromPath({ data, index, count, path }, sha256)).toBe(root);
        expect(rootFromPath({ data: utf8("stranger"), index, count, path }, sha256)).not.toBe(root);
        expect(rootFromPath({ data, index, count, path: [...path, root] }, sha256)).not.toBe(root);
        expect(rootFromPath({ data, index: count, count, path }, sha256)).toBeNull();
        const elsewhere = other % count;
        if (elsewhere !== index) {
          expect(rootFromPath({ data, index: elsewhere, count, path }, sha256)).not.toBe(root);
        }
      }),
    );
  });

  it("[BY5] an accumulator's root can be asked for at any time", () => {
    const tree = createMerkleAccumulator(sha256);
    const leaves: Uint8Array[] = [];
    for (let i = 0; i < 40; i++) {
      expect(tree.root()).toBe(merkleRoot(leaves, sha256));
      leaves.push(utf8(`${i}`));
      tree.add(utf8(`${i}`));
    }
  });
});
