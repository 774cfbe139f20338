// Writes docs/spec/vectors.json with nothing but node:crypto and the text of the specification: none of the
// package's code takes part, so that a test against the vectors is a test against the specification.
// Run once, by hand, when the specification changes: node packages/core/testing/make-vectors.mjs

import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { writeFileSync } from "node:fs";

const sha = (...parts) =>
  createHash("sha256")
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const raw = (text) => Buffer.from(text, "hex");
const filled = (byte, length) => Buffer.alloc(length, byte);
const u = (width, value) => {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
};

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}
const hashJson = (value) => hex(sha(canonical(value)));

// RFC 9162 by its recursive definition.
const leaf = (data) => sha([0], data);
const node = (left, right) => sha([1], left, right);
const split = (count) => 2 ** Math.ceil(Math.log2(count) - 1);
function root(leaves) {
  if (leaves.length === 0) return sha("");
  if (leaves.length === 1) return leaf(leaves[0]);
  const at = split(leaves.length);
  return node(root(leaves.slice(0, at)), root(leaves.slice(at)));
}
function path(index, leaves) {
  if (leaves.length <= 1) return [];
  const at = split(leaves.length);
  if (index < at) return [...path(index, leaves.slice(0, at)), root(leaves.slice(at))];
  return [...path(index - at, leaves.slice(at)), root(leaves.slice(0, at))];
}

const json = [
  { b: 1, a: [true, false, null, -5, 9007199254740991], "": {} },
  {
    "\u20ac": "Euro",
    "\r": "CR",
    "\ud83d\ude00": "smile",
    "\ufb33": "dalet",
    1: "one",
    "\u0080": "control",
    "\u00f6": "o",
  },
  { text: '"\\/\b\f\n\r\t\u0001\u001f\u007f\u2028 晚会 🧧' },
].map((value) => ({ value, text: canonical(value), sha256: hashJson(value) }));

const user = "00112233445566778899aabbccddeeff";
const draw = "gala-1/shake-1";
const pool = "gala-1/phones";
const pseudonymKey = { serverSecret: hex(filled(7, 32)), draw, user };
const roundSecret = createHmac("sha256", raw(pseudonymKey.serverSecret))
  .update("wanhui/round/1")
  .update(draw)
  .digest();
const pseudonym = createHmac("sha256", roundSecret)
  .update("wanhui/pseudonym/1")
  .update(raw(user))
  .digest()
  .subarray(0, 16);
const nonce = filled(0x5a, 16);
const userKeyOf = (name, salt) => hex(sha("wanhui/user-key/1", name, salt));
const userKey = userKeyOf(pseudonym, nonce);
const ticketOf = (sealHash, randomness, key) =>
  hex(sha("wanhui/ticket/1", raw(sealHash), raw(randomness), raw(key)));
const drawAward = (sealHash, key) => hex(sha("wanhui/award/1", raw(sealHash), raw(key))).slice(0, 32);

const merkle = [0, 1, 2, 3, 5, 7, 8].map((count) => {
  const leaves = Array.from({ length: count }, (_, i) => sha(u(4, i)));
  const paths = leaves.map((_, index) => path(index, leaves).map(hex));
  return { leaves: leaves.map(hex), root: hex(root(leaves)), paths };
});

const requestId = hex(filled(0xc3, 16));
const grantTag = hex(sha("wanhui/grab/1", pool)).slice(0, 20);
const grantNumber = 0x1_0203;
const grabAward = grantTag + hex(u(6, grantNumber));

// One tiny draw from rules to close. Its beacon is a true one: the test vector in the drand facts, round 38.
const signature =
  "95c93585c513ebbcb4777ff15599b3140e5ec0295faa0e483f3deadd88fa6d43f0d3703e3a4ce106e8fd6c6987f32126";
const randomness = hex(sha(raw(signature)));
const beacon = {
  chainHash: hex(filled(0xcc, 32)),
  publicKey:
    "81d320f220ee9c79e60e19dedc838c31e3ab919b15481e9feb52f643628c4f6a13fdc52129493875a818109d767272ca0541cbcdcea9335f2870d781b39b845ba8cbd44fdfe4967781cf72ca5917fc9398bcf97ca0548ed5a709016c4b1ff0f3",
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 1_692_803_367_000,
  periodMs: 3000,
};
const showSeed = filled(1, 32);
const showPrivate = createPrivateKey({
  key: Buffer.concat([raw("302e020100300506032b657004220420"), showSeed]),
  format: "der",
  type: "pkcs8",
});
const showKey = hex(createPublicKey(showPrivate).export({ format: "der", type: "spki" }).subarray(-32));
const signed = (object) => hex(sign(null, Buffer.from(`wanhui/sign/1\n${canonical(object)}`), showPrivate));

const rules = {
  version: "wanhui/rules/1",
  draw,
  pool,
  title: "摇一摇 1",
  schedule: [2, 1],
  firstWindowMs: 10_000,
  capPerUser: 1,
  enter: "guest",
  excludedRoles: ["host", "operator"],
  leftoversTo: null,
  claimTtlMs: 600_000,
  showKey,
  witnesses: [{ name: "notary", publicKey: hex(filled(2, 32)) }],
};
const firstRound = 38;
const dueMs = beacon.genesisMs + (firstRound - 1) * beacon.periodMs;
const closesAtMs = dueMs - 2000;
const opensAtMs = closesAtMs - rules.firstWindowMs;
const arm = {
  version: "wanhui/arm/1",
  draw,
  rulesHash: hashJson(rules),
  armedAtMs: opensAtMs - 60_000,
  opensAtMs,
  beacon,
  firstRound,
  schedule: [2, 1],
};
const armHash = hashJson(arm);
const stop = {
  version: "wanhui/stop/1",
  draw,
  fromWindow: 1,
  armHash,
  previousHash: armHash,
  atMs: opensAtMs + 5000,
  reason: "stage fire alarm",
};
const entries = Array.from({ length: 5 }, (_, i) => ({
  user: hex(sha("user", [i])).slice(0, 32),
  userKey: userKeyOf(filled(i, 16), filled(0xa0 + i, 16)),
  atMs: opensAtMs + i * 1000,
}));
const keys = entries.map((entry) => entry.userKey).sort();
const seal = {
  version: "wanhui/seal/1",
  draw,
  window: 0,
  armHash,
  previousHash: hashJson(stop),
  round: firstRound,
  units: 2,
  parts: [{ count: 5, root: hex(root(keys.map(raw))) }],
  sealedAtMs: closesAtMs + 3,
  newestRoundSeen: firstRound - 1,
};
const sealHash = hashJson(seal);
const tickets = keys
  .map((key) => ({ userKey: key, ticket: ticketOf(sealHash, randomness, key) }))
  .sort((a, b) => (a.ticket < b.ticket ? -1 : 1));
const winners = tickets.slice(0, 2).map(({ userKey: key, ticket }) => ({
  userKey: key,
  user: entries.find((entry) => entry.userKey === key).user,
  ticket,
  awardId: drawAward(sealHash, key),
}));
const close = {
  version: "wanhui/close/1",
  draw,
  armHash,
  previousHash: sealHash,
  atMs: dueMs + 1500,
  leftUnits: 1,
  leftoversTo: null,
};
const gap = {
  version: "wanhui/gap/1",
  draw,
  fromWindow: 0,
  toWindow: 1,
  armHash,
  previousHash: armHash,
  atMs: dueMs + 4000,
  newestRoundSeen: firstRound + 1,
};

const entryEvents = entries
  .slice(0, 2)
  .map((entry) => ({ ...entry, atMs: opensAtMs, draw, window: 0, type: "entered" }));
const grantEvent = {
  type: "granted",
  atMs: opensAtMs,
  pool,
  number: grantNumber,
  awardId: grabAward,
  user,
  requestId,
};
const jsonEvent = { type: "pool.changed", atMs: opensAtMs, pool, delta: -3, commandId: "takeback-1" };
const jsonBytes = Buffer.from(canonical(jsonEvent));
const payload = Buffer.concat(
  [
    ...[[1], u(2, draw.length), Buffer.from(draw), u(4, 0), u(6, opensAtMs), u(4, 2)],
    ...entryEvents.flatMap((entry) => [raw(entry.userKey), raw(entry.user)]),
    ...[[0], u(4, jsonBytes.length), jsonBytes],
    ...[
      [2],
      u(2, pool.length),
      Buffer.from(pool),
      raw(grantTag),
      u(6, opensAtMs),
      u(6, grantNumber),
      u(4, 1),
      raw(user),
      raw(requestId),
    ],
  ].map((part) => Buffer.from(part)),
);
const batchFields = { shard: 3, seq: 258, epoch: 7, previousHash: hex(filled(0x11, 32)) };
const batchHash = hex(sha("wanhui/batch/1", u(2, 3), u(6, 258), u(4, 7), filled(0x11, 32), sha(payload)));

const tickLeaves = entries
  .slice(0, 3)
  .map((entry) => Buffer.concat([sha(draw), u(4, 0), raw(entry.userKey)]));
const tick = {
  version: "wanhui/tick/1",
  shard: 3,
  seq: 258,
  atMs: opensAtMs,
  count: 3,
  root: hex(root(tickLeaves)),
};

const vectors = {
  about:
    "Fixed vectors for docs/spec/canonical.md and one tiny draw; made by packages/core/testing/make-vectors.mjs from node:crypto alone.",
  canonicalJson: json,
  userKey: { pseudonym: hex(pseudonym), nonce: hex(nonce), userKey },
  pseudonym: { ...pseudonymKey, roundSecret: hex(roundSecret), pseudonym: hex(pseudonym) },
  ticket: { sealHash, randomness, userKey, ticket: ticketOf(sealHash, randomness, userKey) },
  merkle,
  awardIds: {
    draw: { sealHash, userKey, awardId: drawAward(sealHash, userKey) },
    grab: { pool, grantTag, number: grantNumber, awardId: grabAward },
  },
  shardOfPool: [pool, "a", "gala-1/coupons"].map((id) => ({
    pool: id,
    shards: 8,
    shard: sha(id).readUInt32BE(0) % 8,
  })),
  payload: { events: [...entryEvents, jsonEvent, grantEvent], bytes: hex(payload) },
  batch: { ...batchFields, payload: hex(payload), hash: batchHash },
  tick: {
    entries: entries.slice(0, 3).map((entry) => ({ draw, window: 0, userKey: entry.userKey })),
    leaves: tickLeaves.map(hex),
    statement: tick,
  },
  signature: { seed: hex(showSeed), publicKey: showKey, object: tick, signature: signed(tick) },
  gap: { record: gap, hash: hashJson(gap) },
  draw: {
    rules,
    rulesHash: hashJson(rules),
    arm,
    armHash,
    entries,
    stop,
    stopHash: hashJson(stop),
    seal,
    sealHash,
    keys,
    beacon: { round: firstRound, signature, randomness },
    tickets,
    winners,
    drawnAtMs: dueMs + 1000,
    close,
    closeHash: hashJson(close),
  },
};

writeFileSync(
  new URL("../../../docs/spec/vectors.json", import.meta.url),
  `${JSON.stringify(vectors, null, 2)}\n`,
);
