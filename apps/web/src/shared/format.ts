// Money, numbers, dates and spans for people, by `Intl` alone.

import type { Money } from "@wanhui/protocol";

/** Formats for one locale and time zone. Times are Unix milliseconds. */
export type Format = {
  readonly locale: string;
  readonly number: (value: number) => string;
  readonly compact: (value: number) => string;
  readonly percent: (value: number) => string;
  readonly money: (money: Money) => string;
  /** 20:15:06 */
  readonly clock: (atMs: number) => string;
  /** 20:15 */
  readonly minute: (atMs: number) => string;
  /** Day and minute, for deadlines that are not tonight. */
  readonly moment: (atMs: number) => string;
  readonly day: (atMs: number) => string;
  /** Day of the Chinese calendar, the way calendars print it: 十月十四, 正月初一. */
  readonly lunarDay: (atMs: number) => string;
  /** Several things one after the other: A, B, and C. */
  readonly list: (items: readonly string[]) => string;
  /** `one` or `other`, as the locale counts. */
  readonly plural: (count: number, forms: { readonly one: string; readonly other: string }) => string;
};

/** Minor units of a currency as its major unit: 1 fen is 0.01 yuan, 1 yen is 1 yen. */
export function majorUnits(money: Money): number {
  const digits = new Intl.NumberFormat("en", {
    style: "currency",
    currency: money.currency,
  }).resolvedOptions().maximumFractionDigits;
  return money.amountMinor / 10 ** (digits ?? 2);
}

const TENS = ["初", "十", "廿", "三"];
const ONES = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

/** The days of a lunar month have names of their own, which `Intl` does not write. */
function lunarDay(parts: readonly Intl.DateTimeFormatPart[]): string {
  const month = parts.find((part) => part.type === "month")?.value ?? "";
  const day = Number.parseInt(parts.find((part) => part.type === "day")?.value ?? "", 10);
  if (Number.isNaN(day)) return parts.map((part) => part.value).join("");
  const whole: Readonly<Record<number, string>> = { 10: "初十", 20: "二十", 30: "三十" };
  return `${month}${whole[day] ?? `${TENS[Math.floor(day / 10)] ?? ""}${ONES[day % 10] ?? ""}`}`;
}

/** The house's formats for a locale; `timeZone` is the browser's own when left out. */
export function makeFormat(locale: string, timeZone?: string): Format {
  const zone = timeZone === undefined ? {} : { timeZone };
  const number = new Intl.NumberFormat(locale);
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumSignificantDigits: 2 });
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...zone } as const;
  const clock = new Intl.DateTimeFormat(locale, { ...time, second: "2-digit" });
  const minute = new Intl.DateTimeFormat(locale, time);
  const moment = new Intl.DateTimeFormat(locale, { month: "long", day: "numeric", ...time });
  const day = new Intl.DateTimeFormat(locale, { month: "long", day: "numeric", ...zone });
  const lunar = new Intl.DateTimeFormat("zh-CN-u-ca-chinese", { month: "long", day: "numeric", ...zone });
  const list = new Intl.ListFormat(locale, { type: "conjunction" });
  const plurals = new Intl.PluralRules(locale);
  return {
    locale,
    number: (value) => number.format(value),
    compact: (value) => compact.format(value),
    percent: (value) => percent.format(value),
    money: (money) => {
      const value = majorUnits(money);
      return new Intl.NumberFormat(locale, {
        style: "currency",
        currency: money.currency,
        currencyDisplay: "narrowSymbol",
        // Whole sums without ".00": a wall of prizes reads better. A cent keeps its places.
        ...(Number.isInteger(value) ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : {}),
      }).format(value);
    },
    clock: (atMs) => clock.format(atMs),
    minute: (atMs) => minute.format(atMs),
    moment: (atMs) => moment.format(atMs),
    day: (atMs) => day.format(atMs),
    lunarDay: (atMs) => lunarDay(lunar.formatToParts(atMs)),
    list: (items) => list.format(items),
    plural: (count, forms) => (plurals.select(count) === "one" ? forms.one : forms.other),
  };
}

/**
 * The digits of a countdown: `03:25`, or `1:03:25` from an hour on. Seconds are rounded up, so that 0 shows
 * exactly when the moment has come, never before.
 */
export function countdown(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1_000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}

/** Whole days, hours, minutes and seconds left, for a screen reader and for far events. */
export function spanParts(leftMs: number): {
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
} {
  const seconds = Math.max(0, Math.ceil(leftMs / 1_000));
  return {
    days: Math.floor(seconds / 86_400),
    hours: Math.floor(seconds / 3_600) % 24,
    minutes: Math.floor(seconds / 60) % 60,
    seconds: seconds % 60,
  };
}
