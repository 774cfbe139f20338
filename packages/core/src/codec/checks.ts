// Small combinators that say where a value leaves its shape. A check returns null when all is well, else the
// path of the first field that is wrong ("" for the value itself).

import { isHex, isWellFormed } from "../bytes/mod.ts";

export type Check = (value: unknown) => string | null;

const ID_PATTERN = /^[a-z0-9][a-z0-9._/-]{0,127}$/;

function when(isRight: (value: unknown) => boolean): Check {
  return (value) => (isRight(value) ? null : "");
}

export const isId: Check = when((value) => typeof value === "string" && ID_PATTERN.test(value));
/** A string that UTF-8 can carry. */
export const isText: Check = when((value) => typeof value === "string" && isWellFormed(value));
export const isInteger: Check = when((value) => Number.isSafeInteger(value));
/** Non-negative safe integer. */
export const isCount: Check = when((value) => Number.isSafeInteger(value) && (value as number) >= 0);
export const isPositive: Check = when((value) => Number.isSafeInteger(value) && (value as number) >= 1);
/** Milliseconds that fit u48 (BY1). */
export const isTime: Check = when(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 48,
);

export function isHexOf(byteLength: number): Check {
  return when((value) => typeof value === "string" && isHex(value, byteLength));
}

/** Hex of any length from one byte. */
export const isAnyHex: Check = when(
  (value) => typeof value === "string" && value.length > 0 && isHex(value, value.length / 2),
);

export function isOneOf(...allowed: readonly string[]): Check {
  return when((value) => typeof value === "string" && allowed.includes(value));
}

export function isNullOr(check: Check): Check {
  return (value) => (value === null ? null : check(value));
}

export function isListOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return "";
    for (let i = 0; i < value.length; i++) {
      const wrong = check(value[i]);
      if (wrong !== null) return join(String(i), wrong);
    }
    return null;
  };
}

/** Exactly these fields, each of its shape. */
export function isRecordOf(fields: Readonly<Record<string, Check>>): Check {
  const names = Object.keys(fields);
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "";
    const record = value as Record<string, unknown>;
    for (const name of names) {
      if (!Object.hasOwn(record, name)) return name;
      const wrong = (fields[name] as Check)(record[name]);
      if (wrong !== null) return join(name, wrong);
    }
    return Object.keys(record).find((name) => !Object.hasOwn(fields, name)) ?? null;
  };
}

function join(name: string, rest: string): string {
  return rest === "" ? name : `${name}.${rest}`;
}
