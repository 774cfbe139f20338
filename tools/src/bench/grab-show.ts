const text = (word: string) => `{ zh: ${word}, en: ${word} }`;

/** The pool everybody grabs from. */
export const GRAB_POOL = "units";

/** A show of one rain that is open from its first second on, over more units than any measurement takes. */
export function grabShow(units: number): string {
  return `version: wanhui/show/1
show: bench
title: ${text("bench")}
subtitle: ${text("bench")}
theme: gala
zone: UTC
currency: CNY
ends: +2h
venues: [{ venue: main, title: ${text("main")}, main: true }]
pools:
  - { pool: ${GRAB_POOL}, kind: goods, title: ${text("unit")}, detail: ${text("unit")}, units: ${units}, perUser: none,
      worthMinor: 100, priceMinor: 1, claim: { within: 24h } }
rundown:
  - { at: +0s, rain: rain, title: ${text("rain")}, pool: ${GRAB_POOL}, lasts: 100m, lateMax: 60s }
`;
}
