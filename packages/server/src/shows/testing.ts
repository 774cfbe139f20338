import type { ShowDefinition, ShowProblem } from "./definition.ts";
import { parseShow } from "./parse-show.ts";

// What the tests of this folder share.

/** A small good file with one of everything; tests change one text of it. */
export const baseShow = `version: wanhui/show/1
show: small
title: { zh: 夜, en: Night }
subtitle: { zh: 小, en: Small }
theme: gala
zone: Asia/Shanghai
currency: CNY
ends: +30m
venues:
  - venue: main
    title: { zh: 主, en: Stage }
    main: true
pools:
  - pool: kettle
    kind: goods
    title: { zh: 水壶, en: Kettle }
    detail: { zh: 壶, en: Pot }
    units: 100
    worthMinor: 9900
    priceMinor: 1
  - pool: voucher
    kind: coupon
    title: { zh: 券, en: Voucher }
    detail: { zh: 减, en: Off }
    units: 10
    valueMinor: 500
    claim: { within: none, validFor: 30d }
rundown:
  - at: +0s
    say: hello
    title: { zh: 好, en: Hello }
  - at: +60s
    round: round-1
    title: { zh: 一, en: One }
    pool: kettle
    schedule: [20, 20, 20]
    leftovers: round-2
  - at: +5m
    round: round-2
    title: { zh: 二, en: Two }
    pool: kettle
    schedule: { windows: 4, units: 40 }
  - at: +10m
    rain: shower
    title: { zh: 雨, en: Rain }
    pool: voucher
    lasts: 60s
  - at: +20m
    segment: dance
    title: { zh: 舞, en: Dance }
    lasts: 30s
`;

/** The problems of a file; none for a good one. */
export function problemsOf(text: string): readonly ShowProblem[] {
  const parsed = parseShow(text);
  return parsed.ok ? [] : parsed.problems;
}

/** The definition of a file that is known to be good. */
export function goodShow(text: string = baseShow): ShowDefinition {
  const parsed = parseShow(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.show;
}
