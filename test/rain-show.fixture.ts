/** A show of ten minutes with one rain over four kettles, open from its first second. @param show its slug */
export function rainShow(show: string): string {
  return `
version: wanhui/show/1
show: ${show}
title: { zh: 夜, en: Night }
subtitle: { zh: 一, en: One }
theme: gala
zone: Asia/Shanghai
currency: CNY
ends: +10m
venues:
  - venue: main
    title: { zh: 主会场, en: Main venue }
    main: true
pools:
  - pool: kettle
    kind: goods
    title: { zh: 水壶, en: Kettle }
    detail: { zh: 水壶, en: A kettle }
    units: 4
    perUser: 1
    worthMinor: 900
    priceMinor: 1
    claim: { within: 1h }
witnesses: []
rundown:
  - at: +0s
    rain: rain
    title: { zh: 雨, en: Rain }
    pool: kettle
    lasts: 9m
    lateMax: 60s
`;
}
