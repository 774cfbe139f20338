import { GRAB_POOL } from "./grab-show.ts";

/** Rounds that are open at the same time: more of them than a phone sends frames in a window, so that each is an entry. */
const ROUNDS = 30;

/** A show of many rounds at once, each over a pool of its own, and a rain that is open from the beginning. */
export function tapShow(): string {
  const text = (word: string) => `{ zh: ${word}, en: ${word} }`;
  const numbers = Array.from({ length: ROUNDS }, (_, n) => n);
  const pools = numbers.map(
    (n) => `  - { pool: p${n}, kind: coupon, title: ${text(`p${n}`)}, detail: ${text("x")}, units: 100,
      perUser: none, worthMinor: 100, valueMinor: 100, claim: { within: none } }`,
  );
  const rounds = numbers.map(
    (n) =>
      `  - { at: +31s, round: r${n}, title: ${text(`r${n}`)}, pool: p${n}, perUser: 100, schedule: { lasts: 480s, units: 20 } }`,
  );
  return `version: wanhui/show/1
show: bench
title: ${text("bench")}
subtitle: ${text("bench")}
theme: gala
zone: UTC
currency: CNY
ends: +10m
venues: [{ venue: main, title: ${text("main")}, main: true }]
pools:
${pools.join("\n")}
  - { pool: ${GRAB_POOL}, kind: goods, title: ${text("unit")}, detail: ${text("unit")}, units: 1000000, perUser: none,
      worthMinor: 100, priceMinor: 1, claim: { within: 24h } }
rundown:
  - { at: +0s, rain: rain, title: ${text("rain")}, pool: ${GRAB_POOL}, lasts: 9m, lateMax: 60s }
${rounds.join("\n")}
`;
}
