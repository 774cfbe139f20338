// docs/spec/vectors.json, checked with this package's own code: what the server's core makes and what this package
// recomputes are the same bytes.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { concat, fromHex, portableSha256, toHex, utf8 } from "./bytes.ts";
import { hashJson, parseCanonical, printCanonical } from "./canonical.ts";
import { roundDueMs } from "./chains.ts";
import { Course } from "./course.ts";
import { receiptFault } from "./evidence.ts";
import { MerkleStream, rootFromPath } from "./merkle.ts";
import { nodeSha256 } from "./node.ts";
import { areBeacons, isBeacon, isSigned } from "./signatures.ts";
import { type Loose, treePath } from "./testing.ts";
import { awardIdOf, SmallestTickets } from "./tickets.ts";

const vectors: Loose = JSON.parse(
  readFileSync(new URL("../../../docs/spec/vectors.json", import.meta.url), "utf8"),
);
const sha256 = portableSha256;

function ticketOf(userKey: string, { sealHash, randomness }: Loose): string | undefined {
  const tickets = new SmallestTickets({
    sealHash: fromHex(sealHash),
    randomness: fromHex(randomness),
    keep: 1,
    sha256,
  });
  tickets.offer(fromHex(userKey));
  return tickets.take()[0]?.ticket;
}

function streamRoot(leaves: readonly string[]): string {
  const tree = new MerkleStream(sha256, (leaves[0]?.length ?? 0) / 2);
  for (const leaf of leaves) tree.add(fromHex(leaf));
  return toHex(tree.root());
}

test("[CJ1][CJ2][CJ3] canonical JSON", () => {
  for (const { value, text, sha256: hash } of vectors.canonicalJson) {
    expect(printCanonical(value)).toBe(text);
    expect(hashJson(value, sha256)).toBe(hash);
  }
});

test.each([
  ['{"b":1,"a":2}', "unsorted keys"],
  ['{"a":1,"a":1}', "a key twice"],
  ['{"a": 1}', "white space"],
  ["1.5", "a float"],
  ["1e3", "an exponent"],
  ["-0", "minus zero"],
  ["9007199254740992", "an unsafe integer"],
  ['"\\u0041"', "a needless escape"],
  ['"\\/"', "another needless escape"],
  ['"\\u000A"', "an escape in upper case"],
  ['"\\ud800"', "a lone surrogate"],
  ['["a"', "half a text"],
  [`${"[".repeat(40)}${"]".repeat(40)}`, "forty lists in one another"],
])("[CJ1][CJ2] %s is refused: %s", (text) => {
  expect(parseCanonical(text)).toBeUndefined();
});

test("[BY2] user key", () => {
  const { pseudonym, nonce, userKey } = vectors.userKey;
  expect(toHex(sha256(concat(utf8("wanhui/user-key/1"), fromHex(pseudonym), fromHex(nonce))))).toBe(userKey);
});

test("[BY4][BY6] ticket and award id", () => {
  expect(ticketOf(vectors.ticket.userKey, vectors.ticket)).toBe(vectors.ticket.ticket);
  const { sealHash, userKey, awardId } = vectors.awardIds.draw;
  expect(awardIdOf(fromHex(sealHash), userKey, sha256)).toBe(awardId);
});

test("[BY5] trees of any size: the stream's root, and every path leads to it", () => {
  for (const { leaves, root, paths } of vectors.merkle) {
    expect(streamRoot(leaves)).toBe(root);
    for (const [index, path] of paths.entries()) {
      const options = {
        data: fromHex(leaves[index]),
        index,
        count: leaves.length,
        path: path.map(fromHex),
        sha256,
      };
      expect(toHex(rootFromPath(options) ?? new Uint8Array())).toBe(root);
    }
  }
});

test("[BY9][RC1] the tick's leaves, its root, and a receipt over them", () => {
  const { entries, leaves, statement } = vectors.tick;
  expect(streamRoot(leaves)).toBe(statement.root);
  const { publicKey, object, signature } = vectors.signature;
  expect(object).toEqual(statement);
  for (const [index, leaf] of entries.entries()) {
    const path = treePath(
      leaves.map((each: string) => Buffer.from(each, "hex")),
      index,
    ).map((hash) => hash.toString("hex"));
    const receipt = { version: "wanhui/receipt/1", leaf, index, path, tick: statement, signature } as Loose;
    expect(receiptFault({ receipt, showKey: publicKey, sha256 })).toBeNull();
    expect(
      receiptFault({ receipt: { ...receipt, index: index + 1 }, showKey: publicKey, sha256 }),
    ).not.toBeNull();
  }
});

test("[BY10] a signature, and one bit of it changed", () => {
  const { publicKey, object, signature } = vectors.signature;
  expect(isSigned(object, signature, publicKey)).toBe(true);
  expect(isSigned({ ...object, atMs: object.atMs + 1 }, signature, publicKey)).toBe(false);
  expect(
    isSigned(
      object,
      signature.replace(/.$/, (last: string) => (last === "0" ? "1" : "0")),
      publicKey,
    ),
  ).toBe(false);
});

test("[DR3][DR10][DR13][DR14] the tiny draw: hashes, course and winners", () => {
  const { rules, rulesHash, arm, armHash, stop, stopHash, seal, sealHash, close, closeHash } = vectors.draw;
  const { randomness } = vectors.draw.beacon;
  expect(hashJson(rules, sha256)).toBe(rulesHash);
  const course = new Course({ rules, rulesHash, arm, sha256 });
  expect(course.armHash).toBe(armHash);
  expect(course.stop(stop)).toBe(stopHash);
  expect(course.seal(seal)).toBe(sealHash);
  expect(course.nextWindow).toBe(seal.window + 1);
  const { keys } = vectors.draw;
  expect(streamRoot(keys)).toBe(seal.parts[0].root);
  const tickets = new SmallestTickets({
    sealHash: fromHex(sealHash),
    randomness: fromHex(randomness),
    keep: seal.units,
    sha256,
  });
  for (const key of keys) tickets.offer(fromHex(key));
  const expected = vectors.draw.winners.map(({ userKey, ticket }: Loose) => ({ userKey, ticket }));
  expect(tickets.take()).toEqual(expected);
  for (const { userKey, awardId } of vectors.draw.winners) {
    expect(awardIdOf(fromHex(sealHash), userKey, sha256)).toBe(awardId);
  }
  for (const { userKey, ticket } of vectors.draw.tickets) {
    expect(ticketOf(userKey, { sealHash, randomness })).toBe(ticket);
  }
  expect(course.close(close, vectors.draw.winners.length)).toBe(closeHash);
  expect(course.closed).toBe(true);
});

test("[BC1] drand's vector: right for round 38 and wrong for round 39; a batch with one forged signature is wrong", () => {
  const publicKey =
    "81d320f220ee9c79e60e19dedc838c31e3ab919b15481e9feb52f643628c4f6a13fdc52129493875a818109d767272ca0541cbcdcea9335f2870d781b39b845ba8cbd44fdfe4967781cf72ca5917fc9398bcf97ca0548ed5a709016c4b1ff0f3";
  const signature =
    "95c93585c513ebbcb4777ff15599b3140e5ec0295faa0e483f3deadd88fa6d43f0d3703e3a4ce106e8fd6c6987f32126";
  expect(isBeacon({ round: 38, signature }, publicKey)).toBe(true);
  expect(isBeacon({ round: 39, signature }, publicKey)).toBe(false);
  expect(toHex(sha256(fromHex(signature)))).toBe(
    "b2fc21325a24904a6a9e81a6c63f65f6cec3f0b2400df3f4a56b214770e9ccca",
  );
  expect(
    areBeacons(
      [
        { round: 38, signature },
        { round: 38, signature },
      ],
      publicKey,
    ),
  ).toBe(true);
  expect(
    areBeacons(
      [
        { round: 38, signature },
        { round: 39, signature },
      ],
      publicKey,
    ),
  ).toBe(false);
  expect(
    areBeacons(
      [
        { round: 38, signature },
        { round: 38, signature: "ab".repeat(48) },
      ],
      publicKey,
    ),
  ).toBe(false);
  expect(roundDueMs({ chainHash: "", publicKey, scheme: "", genesisMs: 3_000, periodMs: 3_000 }, 1)).toBe(
    3_000,
  );
});

test("[BC1] two wrong signatures whose errors cancel do not pass as a batch", async () => {
  const { bls12_381 } = await import("@noble/curves/bls12-381.js");
  const { testBeacon } = await import("./testing.ts");
  const beacon = testBeacon();
  const bls = bls12_381.shortSignatures;
  const error = bls12_381.G1.Point.BASE;
  const point = (round: number) => bls.Signature.fromBytes(fromHex(beacon.signature(round)));
  const forged = [
    { round: 1, signature: toHex(point(1).add(error).toBytes()) },
    { round: 2, signature: toHex(point(2).subtract(error).toBytes()) },
  ];
  expect(areBeacons(forged, beacon.chain.publicKey)).toBe(false);
});

test("[CJ3] both hashes are SHA-256", () => {
  for (const length of [0, 1, 55, 56, 64, 111, 1_000]) {
    const bytes = new Uint8Array(length).fill(7);
    expect(toHex(nodeSha256(bytes))).toBe(toHex(portableSha256(bytes)));
  }
});
