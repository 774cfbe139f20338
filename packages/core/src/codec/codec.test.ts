import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  drawId,
  hexOf,
  keyOf,
  poolId,
  readVectors,
  requestOf,
  rulesOf,
  sha256,
  userOf,
} from "../../testing/world.ts";
import { batchHash, createGrantIds, fromHex, GENESIS_HASH, grantTagOf, utf8 } from "../bytes/mod.ts";
import type { Event } from "../events.ts";
import type { AwardId, Hash } from "../ids.ts";
import { type Batch, checkBatch, decodeEvents, encodeEvents } from "./mod.ts";

const vectors = readVectors();
const hash = "ab".repeat(32) as Hash;

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const name = fc.nat({ max: 5 });
const entered = fc
  .record({ atMs: fc.constantFrom(1, 2), window: fc.nat({ max: 1 }), name, draw: fc.constantFrom("a", "b") })
  .map(
    ({ name: who, draw, ...rest }): Event => ({
      ...rest,
      type: "entered",
      draw: drawId(draw),
      user: userOf(who),
      userKey: keyOf(who),
    }),
  );
const granted = fc
  .record({
    atMs: fc.constantFrom(1, 2),
    name,
    pool: fc.constantFrom("a", "b"),
    number: fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 2 ** 48 - 1 })),
  })
  .map(
    ({ name: who, pool, atMs, number }): Event => ({
      type: "granted",
      atMs,
      pool: poolId(pool),
      number,
      awardId: createGrantIds(grantTagOf(poolId(pool), sha256))(number),
      user: userOf(who),
      requestId: requestOf(who),
    }),
  );
const other = fc.oneof(
  fc.record({ atMs: time, reason: fc.string({ unit: "binary" }) }).map(
    ({ atMs, reason }): Event => ({
      type: "award.moved",
      atMs,
      awardId: "0f".repeat(16) as AwardId,
      to: "forfeited",
      orderId: null,
      claimByMs: null,
      reason,
    }),
  ),
  time.map((atMs): Event => ({ type: "draw.planned", atMs, rules: rulesOf(), rulesHash: hash })),
  fc
    .record({ atMs: time, delta: fc.maxSafeInteger() })
    .map(
      ({ atMs, delta }): Event => ({ type: "pool.changed", atMs, pool: poolId("a"), delta, commandId: "c" }),
    ),
);
const events = fc.array(fc.oneof(entered, granted, other), { maxLength: 30 });

describe("payloads", () => {
  it("[BY7] are the vectors' bytes", () => {
    expect(hexOf(encodeEvents(vectors.payload.events))).toBe(vectors.payload.bytes);
    expect(decodeEvents(fromHex(vectors.payload.bytes))).toEqual(
      vectors.payload.events.map((event: Event) => expect.objectContaining(event)),
    );
  });

  it("[BY7] decode to the events they were made of", () => {
    fc.assert(
      fc.property(events, (list) => {
        expect(decodeEvents(encodeEvents(list))).toEqual(list);
      }),
    );
    expect(decodeEvents(new Uint8Array(0))).toEqual([]);
  });

  it("[BY7] [CJ1] a flipped or missing byte is refused, or is another event with exactly these bytes", () => {
    fc.assert(
      fc.property(events, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, at, flip) => {
        const bytes = encodeEvents(list);
        if (bytes.length === 0) return;
        const flipped = bytes.slice();
        const place = at % bytes.length;
        flipped[place] = (bytes[place] as number) ^ flip;
        expectExact(flipped);
        expectExact(bytes.slice(0, place));
        // Whatever the codec cannot tell, the batch's hash does.
        const batch = { shard: 1, seq: 1, epoch: 1, previousHash: GENESIS_HASH };
        expect(batchHash({ ...batch, payload: flipped }, sha256)).not.toBe(
          batchHash({ ...batch, payload: bytes }, sha256),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("[BY7] every cut inside the vectors' payload but those between groups is refused", () => {
    const bytes = fromHex(vectors.payload.bytes);
    let accepted = 0;
    for (let length = 0; length < bytes.length; length++)
      accepted += expectExact(bytes.slice(0, length)) ? 1 : 0;
    // Nothing, the entries alone, the entries and the JSON event.
    expect(accepted).toBe(3);
  });

  it("[BY7] refuses JSON of another shape, not canonical, or for packed events", () => {
    const group = (text: string): Uint8Array => {
      const json = utf8(text);
      return Uint8Array.from([0, 0, 0, json.length >> 8, json.length & 255, ...json]);
    };
    const good = '{"atMs":1,"closesAtMs":3,"opensAtMs":2,"pool":"a","type":"grab.opened"}';
    expect(decodeEvents(group(good))).toHaveLength(1);
    const bad = [
      good.replace('"atMs":1,', '"atMs": 1,'),
      '{"closesAtMs":3,"atMs":1,"opensAtMs":2,"pool":"a","type":"grab.opened"}',
      good.replace(":3", ":3.5"),
      good.replace(":3", ":-3"),
      good.replace('"a"', '"A"'),
      good.replace('"opensAtMs":2,', ""),
      good.replace('"pool"', '"more":1,"pool"'),
      good.replace("grab.opened", "grab.unheard"),
      good.replace("grab.opened", "__proto__"),
      "null",
      "[]",
      "{",
      '{"atMs":1,"draw":"a","type":"entered"}',
    ];
    for (const text of bad) expect(() => decodeEvents(group(text)), text).toThrow();
  });

  it("[BY7] refuses empty runs and runs split in two", () => {
    const entry: Event = {
      type: "entered",
      atMs: 1,
      draw: drawId("a"),
      window: 0,
      userKey: keyOf(1),
      user: userOf(1),
    };
    const once = encodeEvents([entry]);
    expect(() => decodeEvents(Uint8Array.from([...once, ...once]))).toThrow("split");
    const empty = once.slice(0, once.length - 48);
    empty[empty.length - 1] = 0;
    expect(() => decodeEvents(empty)).toThrow("empty");
    expect(() => decodeEvents(Uint8Array.from([3]))).toThrow("unknown group");
  });
});

// True when accepted; accepted bytes must be the only encoding of their events.
function expectExact(bytes: Uint8Array): boolean {
  let decoded: Event[];
  try {
    decoded = decodeEvents(bytes);
  } catch {
    return false;
  }
  expect(hexOf(encodeEvents(decoded))).toBe(hexOf(bytes));
  return true;
}

describe("batches", () => {
  it("[BY8] hash as the vectors do", () => {
    const { hash: expected, payload, ...fields } = vectors.batch;
    expect(batchHash({ ...fields, payload: fromHex(payload) }, sha256)).toBe(expected);
  });

  const make = (fields: Omit<Batch, "hash">): Batch => ({ ...fields, hash: batchHash(fields, sha256) });
  const payload = utf8("anything");
  const first = make({ shard: 2, seq: 1, epoch: 3, previousHash: GENESIS_HASH, payload });
  const second = make({ shard: 2, seq: 2, epoch: 4, previousHash: first.hash, payload });

  it("[JR8] [BY8] follow one another by number, epoch and hash", () => {
    checkBatch(null, first, sha256);
    checkBatch(first, second, sha256);
  });

  it("[JR8] a gap in a shard's sequence, a falling epoch, a broken chain, another shard are named", () => {
    const again = (changes: Partial<Batch>): Batch => make({ ...second, ...changes });
    expect(() => checkBatch(first, again({ seq: 3 }), sha256)).toThrow(
      "shard 2 seq 3: a gap in the sequence",
    );
    expect(() => checkBatch(null, second, sha256)).toThrow("a gap in the sequence");
    expect(() => checkBatch(first, again({ epoch: 2 }), sha256)).toThrow("epoch 2");
    expect(() => checkBatch(first, again({ previousHash: GENESIS_HASH }), sha256)).toThrow("does not cover");
    expect(() => checkBatch(first, again({ shard: 1 }), sha256)).toThrow("follows a batch of shard 2");
    expect(() => checkBatch(first, { ...second, payload: utf8("other") }, sha256)).toThrow("hash differs");
  });
});
