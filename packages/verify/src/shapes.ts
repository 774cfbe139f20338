// What each line's body must look like, field by field. An unknown field is refused like a missing one: a proof says
// nothing that is not checked.

import { isArray, type Json } from "./canonical.ts";
import { Rejected } from "./verdict.ts";

type Check<T> = (value: Json, field: string) => T;
type Fields = { readonly [name: string]: Check<unknown> };
type Shape<S extends Fields> = { readonly [Name in keyof S]: S[Name] extends Check<infer T> ? T : never };

/** Rule named when a line does not have its shape. */
const shapeRule = "PF2";
const userKeysPerLineMax = 1_000;
const textLengthMax = 4_096;

function refuse(field: string, message: string): never {
  throw new Rejected(shapeRule, field, message);
}

/** An object with exactly these fields. */
export function object<S extends Fields>(fields: S): Check<Shape<S>> {
  const names = Object.keys(fields);
  return (value, field) => {
    const path = (name: string) => (field === "" ? name : `${field}.${name}`);
    if (typeof value !== "object" || value === null || isArray(value)) refuse(field, "not an object");
    for (const name of Object.keys(value))
      if (!Object.hasOwn(fields, name)) refuse(path(name), "unknown field");
    const read: Record<string, unknown> = {};
    for (const name of names) {
      const inner = Object.hasOwn(value, name) ? value[name] : undefined;
      if (inner === undefined) refuse(path(name), "missing");
      read[name] = fields[name]?.(inner, path(name));
    }
    return read as Shape<S>;
  };
}

/** A list of at most `max` items. */
export function list<T>(item: Check<T>, max = Number.POSITIVE_INFINITY): Check<readonly T[]> {
  return (value, field) => {
    if (!isArray(value)) refuse(field, "not a list");
    if (value.length > max) refuse(field, `more than ${max} items`);
    return value.map((each, index) => item(each, `${field}[${index}]`));
  };
}

/** An integer of at least `min`. Canonical JSON has no others than safe integers. */
export function integer(min = 0): Check<number> {
  return (value, field) =>
    typeof value === "number" && value >= min ? value : refuse(field, `not an integer of at least ${min}`);
}

/** A text. */
export const text: Check<string> = (value, field) =>
  typeof value === "string" && value.length <= textLengthMax ? value : refuse(field, "not a text");

/** Lower-case hex of exactly `bytes` bytes. */
export function hex(bytes: number): Check<string> {
  const pattern = new RegExp(`^[0-9a-f]{${bytes * 2}}$`);
  return (value, field) =>
    typeof value === "string" && pattern.test(value)
      ? value
      : refuse(field, `not ${bytes} bytes of lower-case hex`);
}

/** One of some fixed texts. */
export function oneOf<const T extends string>(...choices: readonly T[]): Check<T> {
  return (value, field) =>
    choices.find((choice) => choice === value) ?? refuse(field, `not ${choices.join(" or ")}`);
}

function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, field) => (value === null ? null : check(value, field));
}

const hash = hex(32);
const signature = hex(64);

/** First line of a proof (PF2): whose draw it is, and the level the chain alone can give (PF3). */
export const headShape = object({
  version: oneOf("wanhui/proof/1"),
  draw: text,
  show: text,
  run: text,
  level: oneOf("dev", "beacon"),
  software: text,
});

/** The published rules of the draw (DR1); their canonical hash is in the arm record. */
export const rulesShape = object({
  version: oneOf("wanhui/rules/1"),
  draw: text,
  pool: text,
  title: text,
  schedule: list(integer()),
  firstWindowMs: integer(1),
  capPerUser: integer(1),
  enter: oneOf("guest", "contact", "identity"),
  excludedRoles: list(text),
  leftoversTo: orNull(text),
  claimTtlMs: orNull(integer(1)),
  showKey: hash,
  witnesses: list(object({ name: text, publicKey: hash })),
});
/** Rules as read from a proof. */
export type Rules = ReturnType<typeof rulesShape>;

const armRecord = object({
  version: oneOf("wanhui/arm/1"),
  draw: text,
  rulesHash: hash,
  armedAtMs: integer(),
  opensAtMs: integer(),
  beacon: object({
    chainHash: hash,
    publicKey: hex(96),
    scheme: oneOf("bls-unchained-g1-rfc9380"),
    genesisMs: integer(),
    periodMs: integer(1),
  }),
  firstRound: integer(1),
  schedule: list(integer()),
});
/** The arm record as read from a proof (DR4): opening, beacon chain, first round, units of each window. */
export type Arm = ReturnType<typeof armRecord>;
/** Line `arm`: the record and the Ed25519 signature of the show key over it (BY10). */
export const armShape = object({ record: armRecord, signature });

const sealHeader = object({
  version: oneOf("wanhui/seal/1"),
  draw: text,
  window: integer(),
  armHash: hash,
  previousHash: hash,
  round: integer(1),
  units: integer(),
  parts: list(object({ count: integer(), root: hash })),
  sealedAtMs: integer(),
  newestRoundSeen: integer(),
});
/** Header of a sealed window as read from a proof (DR10). */
export type SealHeader = ReturnType<typeof sealHeader>;
/** Line `seal`: header of a window and its signature; entries follow once it is drawn. */
export const sealShape = object({ header: sealHeader, signature });

/** Line `gap`: windows that were never sealed, and where their entries and units went (DR12). */
export const gapShape = object({
  record: object({
    version: oneOf("wanhui/gap/1"),
    draw: text,
    fromWindow: integer(),
    toWindow: integer(),
    armHash: hash,
    previousHash: hash,
    atMs: integer(),
    newestRoundSeen: integer(),
  }),
  signature,
});

/** Line `stop`: from which window on nothing is taken, and why (DR13). */
export const stopShape = object({
  record: object({
    version: oneOf("wanhui/stop/1"),
    draw: text,
    fromWindow: integer(),
    armHash: hash,
    previousHash: hash,
    atMs: integer(),
    reason: text,
  }),
  signature,
});

/** Line `close`: units left over and the draw they are promised to (DR16). */
export const closeShape = object({
  record: object({
    version: oneOf("wanhui/close/1"),
    draw: text,
    armHash: hash,
    previousHash: hash,
    atMs: integer(),
    leftUnits: integer(),
    leftoversTo: orNull(text),
  }),
  signature,
});

/**
 * Line `draw`: the seed of a window, with the 48-byte BLS signature it is the hash of, units and number of winners.
 */
export const drawShape = object({
  window: integer(),
  round: integer(1),
  randomness: hash,
  beaconSignature: hex(48),
  units: integer(),
  winners: integer(),
});

/** Keys are looked at one by one where they are hashed; here only that there are 1 to 1,000. */
export const entriesShape = object({
  window: integer(),
  keys: (value, field): readonly Json[] =>
    isArray(value) && value.length >= 1 && value.length <= userKeysPerLineMax
      ? value
      : refuse(field, `not a list of 1 to ${userKeysPerLineMax} keys`),
});

/** Line `winners`: 1 to 1,000 of a window, in ticket order. */
export const winnersShape = object({
  window: integer(),
  winners: list(object({ userKey: hash, ticket: hash, awardId: hex(16) }), userKeysPerLineMax),
});

/** Line `witness`: a signature over a seal and the time its witness heard it, by the clock of the witness (WT1). */
export const witnessShape = object({
  name: text,
  publicKey: hash,
  sealHash: hash,
  heardAtMs: integer(),
  signature,
});

/** Line `forfeit`: an award taken back, with its reason; nobody moves up (AW4). */
export const forfeitShape = object({
  awardId: hex(16),
  userKey: hash,
  window: integer(),
  reason: text,
  atMs: integer(),
});

/** Last line: level of the file, number of lines, hash of the line before, signed by the show key. */
export const footShape = object({
  version: oneOf("wanhui/foot/1"),
  level: oneOf("dev", "beacon", "beacon+witness"),
  lines: integer(),
  madeMs: integer(),
  sha256: hash,
  signature,
});

/** What every line has around its body: kind, number from 0, and the SHA-256 of the line before (PF1). */
export const lineShape = object({
  kind: oneOf(
    "head",
    "rules",
    "arm",
    "seal",
    "draw",
    "entries",
    "winners",
    "gap",
    "stop",
    "close",
    "witness",
    "forfeit",
    "foot",
  ),
  n: integer(),
  previous: hash,
  body: (value): Json => value,
});
/** A line before its body is looked at. */
export type Line = ReturnType<typeof lineShape>;

/** A receipt (RC1): leaf, Merkle path of at most 64 hashes, the signed statement of its journal tick. */
export const receiptShape = object({
  version: oneOf("wanhui/receipt/1"),
  leaf: object({ draw: text, window: integer(), userKey: hash }),
  index: integer(),
  path: list(hash, 64),
  tick: object({
    version: oneOf("wanhui/tick/1"),
    shard: integer(),
    seq: integer(1),
    atMs: integer(),
    count: integer(1),
    root: hash,
  }),
  signature,
});
/** RC1: proof that the server acknowledged one entry. */
export type Receipt = ReturnType<typeof receiptShape>;
