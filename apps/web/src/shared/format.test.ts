import { expect, test } from "vitest";
import { countdown, makeFormat } from "./format.ts";
import { firstLanguage, textIn } from "./language.ts";

const zh = makeFormat("zh-CN", "Asia/Shanghai");
const en = makeFormat("en", "Asia/Shanghai");

test("a countdown reaches zero exactly at the moment, never before", () => {
  expect(countdown(205_000)).toBe("03:25");
  expect(countdown(1)).toBe("00:01");
  expect(countdown(0)).toBe("00:00");
  expect(countdown(-5)).toBe("00:00");
  expect(countdown(3_600_000 + 205_000)).toBe("1:03:25");
});

test("money in minor units keeps its cent, in every currency's own places", () => {
  expect(zh.money({ amountMinor: 1, currency: "CNY" })).toBe("¥0.01");
  expect(en.money({ amountMinor: 29_900, currency: "CNY" })).toBe("¥299");
  expect(en.money({ amountMinor: 500, currency: "JPY" })).toBe("¥500");
  expect(en.money({ amountMinor: 1_999, currency: "USD" })).toBe("$19.99");
});

test("clocks have seconds, lunar days their own names", () => {
  const newYear = Date.UTC(2026, 1, 17, 4, 15, 6);
  expect(zh.clock(newYear)).toBe("12:15:06");
  expect(zh.lunarDay(newYear)).toBe("正月初一");
  expect(zh.lunarDay(newYear + 14 * 86_400_000)).toBe("正月十五");
  expect(zh.lunarDay(newYear + 19 * 86_400_000)).toBe("正月二十");
  expect(zh.lunarDay(newYear + 23 * 86_400_000)).toBe("正月廿四");
});

test("the language asked for wins over the browser's wish", () => {
  expect(firstLanguage("?lang=en", ["zh-CN"])).toBe("en");
  expect(firstLanguage("", ["fr", "en-GB", "zh"])).toBe("en");
  expect(firstLanguage("", ["zh-Hant"])).toBe("zh");
  expect(firstLanguage("", ["fr"])).toBe("en");
  expect(textIn("en", { zh: "茶", en: "" })).toBe("茶");
});
