/** A title in both languages, in YAML. */
export const text = (word: string) => `{ zh: ${word}, en: ${word} }`;

/** The pool everybody grabs from. */
export const GRAB_POOL = "units";

/** A pool that a rain gives away: goods to be ordered for a cent. */
export function goodsPool(units: number): string {
  return `  - { pool: ${GRAB_POOL}, kind: goods, title: ${text("unit")}, detail: ${text("unit")}, units: ${units}, perUser: none,
      worthMinor: 100, priceMinor: 1, claim: { within: 24h } }`;
}

/** A pool of coupons for one round. */
export function couponPool(pool: string, more: { readonly units: number; readonly perUser: string }): string {
  return `  - { pool: ${pool}, kind: coupon, title: ${text(pool)}, detail: ${text(pool)}, units: ${more.units}, perUser: ${more.perUser},
      valueMinor: 100, worthMinor: 100, claim: { within: none } }`;
}

/** The rain over `goodsPool`, open from the first second on. */
export function rainCue(lasts: string): string {
  return `  - { at: +0s, rain: rain, title: ${text("rain")}, pool: ${GRAB_POOL}, lasts: ${lasts}, lateMax: 60s }`;
}

/** A show file with these pools and this rundown, and nothing beside. */
export function benchShow(parts: {
  readonly ends: string;
  readonly pools: readonly string[];
  readonly cues: readonly string[];
}): string {
  return `version: wanhui/show/1
show: bench
title: ${text("bench")}
subtitle: ${text("bench")}
theme: gala
zone: UTC
currency: CNY
ends: +${parts.ends}
venues: [{ venue: main, title: ${text("main")}, main: true }]
pools:
${parts.pools.join("\n")}
rundown:
${parts.cues.join("\n")}
`;
}
