import { expect, test } from "vitest";
import { paymentPage, unknownPage, wordsFor } from "./page.ts";
import type { SandboxPayment } from "./state.ts";

const payment: SandboxPayment = {
  paymentId: "ab".repeat(16),
  orderId: "cd".repeat(16),
  amount: { amountMinor: 1, currency: "CNY" },
  title: `<script>alert("x")</script>`,
  returnUrl: `http://shop.test/?order=1&x="y"`,
  notifyUrl: "http://shop.test/n",
  createdAtMs: 1,
  state: "open",
  why: "created",
  changedAtMs: 1,
};

test("[PY6] every page says in the buyer's language that no money moves", () => {
  for (const language of ["en", "zh-CN", undefined]) {
    const words = wordsFor(language);
    for (const html of [
      paymentPage(payment, words),
      paymentPage({ ...payment, state: "paid", why: "paid" }, words),
      paymentPage({ ...payment, state: "closed", why: "cancelled" }, words),
      unknownPage(words),
    ]) {
      expect(html).toContain(words.banner);
      expect(html).toContain(`<html lang="${words.lang}">`);
    }
  }
  expect(wordsFor("zh-CN,zh;q=0.9,en;q=0.8").lang).toBe("zh-CN");
  expect(wordsFor("en-US,en;q=0.9,zh;q=0.8").lang).toBe("en");
  expect(wordsFor("fr").lang).toBe("en");
  expect(wordsFor("fr, zh").lang).toBe("zh-CN");
});

test("[PY6] the amount stands in its currency; nothing from outside becomes markup", () => {
  const html = paymentPage(payment, wordsFor("zh-CN"));
  expect(html).toContain("¥0.01");
  expect(html).not.toContain("<script>");
  expect(html).toContain("&lt;script&gt;");
  expect(html).toContain('href="http://shop.test/?order=1&amp;x=&quot;y&quot;"');
  const yen = paymentPage({ ...payment, amount: { amountMinor: 100, currency: "JPY" } }, wordsFor("en"));
  expect(yen).toContain("¥100");
});

test("[PY5] only an open payment has buttons", () => {
  expect(paymentPage(payment, wordsFor("en")).match(/<button/g)).toHaveLength(2);
  for (const why of ["paid", "declined", "cancelled"] as const) {
    const state = why === "paid" ? "paid" : "closed";
    expect(paymentPage({ ...payment, state, why }, wordsFor("en"))).not.toContain("<button");
  }
});
