import type { SeededRandom } from "../sim/random.ts";

// Small spoilings of bytes that were right: each keeps most of them, so that a reader gets far before it meets the fault.

/** Longest piece that is repeated, and how often: large enough to meet every length limit, small enough to stay quick. */
const REPEAT_BYTES_MAX = 64;
const REPEATS_MAX = 400;

/** Words that meant trouble somewhere: to JSON, to prototypes, to paths, to SQL's text type, to UTF-16. */
export const HOSTILE_TEXTS = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "x\udfff",
  "\ufffe\uffff",
  "\u202e\u2028",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "../../../etc/passwd",
  "..%2f..%2f",
  "%00",
  "%",
  "%E0%A4%A",
  "' or 1=1 --",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what template engines would work out
  "${7*7}",
  "<script>",
  "\r\nx-injected: 1",
  "👨‍👩‍👧‍👦".repeat(20),
  "0",
  "-1",
  "NaN",
  "1e309",
  "9".repeat(40),
  "a".repeat(129),
  "é".repeat(600),
  "z".repeat(9_000),
] as const;

/** Numbers at the edges of what somebody stores numbers in. */
export const EDGE_NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  2 ** 15,
  2 ** 16,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 48 - 1,
  2 ** 48,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  1e21,
  1e308,
  -1e308,
  5e-324,
] as const;

/** A value of any type and no meaning. */
export function hostileValue(random: SeededRandom): unknown {
  switch (random.below(7)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick(EDGE_NUMBERS);
    case 3:
      return [random.pick(HOSTILE_TEXTS), random.pick(EDGE_NUMBERS)];
    case 4:
      return { [random.pick(HOSTILE_TEXTS)]: random.pick(EDGE_NUMBERS) };
    default:
      return random.pick(HOSTILE_TEXTS);
  }
}

/** One to three spoilings: flipped bits, other bytes, a cut, a piece taken out, doubled, repeated or put in from `other`. */
export function mutateBytes(bytes: Uint8Array, random: SeededRandom, other: Uint8Array = bytes): Buffer {
  let out = Buffer.from(bytes);
  for (let left = random.between(1, 3); left > 0; left -= 1) out = mutateOnce(out, random, other);
  return out;
}

function mutateOnce(bytes: Buffer, random: SeededRandom, other: Uint8Array): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const length = random.below(Math.min(REPEAT_BYTES_MAX, bytes.length - at) + 1);
  const [head, piece, tail] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)];
  switch (random.below(8)) {
    case 0: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    }
    case 1: {
      const copy = Buffer.from(bytes);
      if (at < copy.length)
        copy[at] = random.pick([0, 0xff, 0x7f, 0x80, 0x22, 0x5c, 0x7b, 0x0a, random.below(256)]);
      return copy;
    }
    case 2:
      return Buffer.from(head);
    case 3:
      return Buffer.concat([head, tail.subarray(length)]);
    case 4:
      return Buffer.concat([head, piece, tail]);
    case 5: {
      const copies = Array.from({ length: random.between(2, REPEATS_MAX) }, () => piece);
      return Buffer.concat([head, ...copies, tail]);
    }
    case 6: {
      const from = random.below(other.length + 1);
      return Buffer.concat([head, other.subarray(from, from + REPEAT_BYTES_MAX), tail]);
    }
    default:
      return Buffer.concat([head, Buffer.from(random.pick(HOSTILE_TEXTS)), tail]);
  }
}

/**
 * A copy of a JSON value with one place changed: left out, of another type, at an edge, too long, swapped with a
 * neighbour, or one too many.
 */
export function mutateJson(value: unknown, random: SeededRandom): unknown {
  const copy = structuredClone(value);
  const places = placesOf(copy);
  if (places.length === 0) return hostileValue(random);
  const { holder, key } = random.pick(places);
  switch (random.below(6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return copy;
    case 1:
      set(holder, random.pick(["x", "__proto__", "constructor", `${key}2`, "toJSON"]), hostileValue(random));
      return copy;
    case 2: {
      const twin = random.pick(places);
      const kept = holder[key];
      set(holder, key, twin.holder[twin.key]);
      // A holder swapped into itself would be a circle no JSON has.
      if (typeof kept !== "object" && typeof twin.holder[twin.key] !== "object")
        set(twin.holder, twin.key, kept);
      return isPlain(copy) ? copy : hostileValue(random);
    }
    default:
      set(holder, key, hostileValue(random));
      return copy;
  }
}

type Holder = Record<string, unknown>;
type Place = { readonly holder: Holder; readonly key: string };

function placesOf(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push({ holder: value as Holder, key });
    placesOf((value as Holder)[key], found);
  }
  return found;
}

/** Sets an own property, whatever it is called. */
function set(holder: Holder, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function isPlain(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

/** Text that is nearly JSON: duplicate keys, prototype keys, deep nesting, cut off, trailing words. */
export function oddJsonText(text: string, random: SeededRandom): string {
  const inside = text.startsWith("{") && text.length > 2 ? text.slice(1, -1) : '"x":1';
  switch (random.below(8)) {
    case 0:
      return `{${inside},${inside}}`;
    case 1:
      return `{"__proto__":{"roles":["operator"],"synthetic":true},${inside}}`;
    case 2:
      return `{"constructor":{"prototype":{"level":"identity"}},${inside}}`;
    case 3:
      return `${"[".repeat(random.between(1_000, 8_000))}`;
    case 4: {
      const deep = random.between(1_000, 2_600);
      return `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`;
    }
    case 5:
      return text.slice(0, random.below(text.length + 1));
    case 6:
      return `${text}${random.pick(["x", "}", "\u0000", "{}", ","])}`;
    default:
      return `\ufeff${text}`;
  }
}
