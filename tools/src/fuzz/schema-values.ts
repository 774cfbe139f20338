import type { SeededRandom } from "../sim/random.ts";
import { EDGE_NUMBERS, HOSTILE_TEXTS, hostileValue } from "./mutate.ts";
import type { Names } from "./world.ts";

// Values from JSON Schemas, as the server's own OpenAPI page has them: right ones, and right ones with one fault.

/** The part of JSON Schema that the server's schemas come out as. */
export type Schema = {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
};

/** Chance to leave a field out that may be missing. */
const LEFT_OUT = 0.3;

/** A value the schema takes, at its bounds every third time. `name` is the field's, for what a schema cannot say. */
export function validValue(schema: Schema, random: SeededRandom, names: Names, name = ""): unknown {
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices !== undefined && choices.length > 0)
    return validValue(random.pick(choices), random, names, name);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return random.pick(schema.enum);
  if (schema.properties !== undefined) return validObject(schema, random, names);
  switch (schema.type) {
    case "integer":
    case "number":
      return validNumber(schema, random);
    case "boolean":
      return random.chance(0.5);
    case "null":
      return null;
    case "array":
      return Array.from({ length: random.below(3) }, () => validValue(schema.items ?? {}, random, names));
    case "string":
      return validText(schema, random, names, name);
    default:
      return hostileValue(random);
  }
}

function validObject(schema: Schema, random: SeededRandom, names: Names): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name) !== true && random.chance(LEFT_OUT)) continue;
    value[name] = validValue(field, random, names, name);
  }
  return value;
}

function validNumber({ minimum = -1_000, maximum = 1_000_000 }: Schema, random: SeededRandom): number {
  const low = Math.max(minimum, -(2 ** 31));
  const high = Math.min(maximum, 2 ** 31);
  const bounds = [minimum, maximum, low + 1, high - 1];
  return random.chance(0.33) ? random.pick(bounds) : random.between(Math.ceil(low), Math.floor(high));
}

/** Of what the field is known to be called, of what exists, and of nearly anything: the first that keeps the pattern. */
function validText(schema: Schema, random: SeededRandom, names: Names, name: string): string {
  const { pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  const keeps = (text: string) =>
    text.length >= minLength && text.length <= maxLength && (pattern === undefined || matches(pattern, text));
  const known = names.of(name).filter(keeps);
  if (known.length > 0 && random.chance(0.7)) return random.pick(known);
  const hex = [16, 32, 64].map((bytes) => random.hex(bytes)).filter(keeps);
  if (pattern !== undefined && hex.length > 0) return random.pick(hex);
  const words = [
    "CN",
    "13800138000",
    "a",
    "no/such",
    "main",
    "1700000000000-".concat("ab".repeat(16)),
    "a@b.example",
  ];
  const odd = [...HOSTILE_TEXTS, "x".repeat(Math.min(maxLength, 1_000)), "张三"].filter(keeps);
  const plain = words.filter(keeps);
  if (plain.length > 0 && random.chance(0.6)) return random.pick(plain);
  return odd.length > 0 ? random.pick(odd) : (plain[0] ?? "x");
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return false;
  }
}

/** A right value with one field left out, of another type, at an edge, too long, or one too many. */
export function faultyValue(schema: Schema, random: SeededRandom, names: Names): unknown {
  const value = validValue(schema, random, names);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return hostileValue(random);
  const fields = Object.keys(value);
  const record = value as Record<string, unknown>;
  const field = fields.length > 0 ? random.pick(fields) : "x";
  switch (random.below(6)) {
    case 0:
      delete record[field];
      return record;
    case 1:
      record[random.pick(["extra", "constructor", "toJSON"])] = hostileValue(random);
      return record;
    case 2:
      record[field] = random.pick(HOSTILE_TEXTS);
      return record;
    case 3:
      record[field] = random.pick(EDGE_NUMBERS);
      return record;
    case 4: {
      const inner = schema.properties?.[field];
      record[field] =
        inner?.properties === undefined ? hostileValue(random) : faultyValue(inner, random, names);
      return record;
    }
    default:
      record[field] = hostileValue(random);
      return record;
  }
}
