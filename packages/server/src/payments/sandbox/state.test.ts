import fc from "fast-check";
import { expect, test } from "vitest";
import {
  DELIVERIES,
  LATE_MS,
  noticesOf,
  pressed,
  retryAfterMs,
  type SandboxPayment,
  TRIES_MAX,
} from "./state.ts";

const open: SandboxPayment = {
  paymentId: "p",
  orderId: "o",
  amount: { amountMinor: 1, currency: "CNY" },
  title: "t",
  returnUrl: "http://shop.test/",
  notifyUrl: "http://shop.test/n",
  createdAtMs: 1,
  state: "open",
  why: "created",
  changedAtMs: 1,
};

test("[PY5] a payment is decided once: closed is never paid, paid never closed", () => {
  const actions = fc.array(fc.constantFrom("pay" as const, "decline" as const, "cancel" as const), {
    minLength: 1,
  });
  fc.assert(
    fc.property(actions, (buttons) => {
      let payment = open;
      for (const button of buttons) payment = pressed(payment, button, 2) ?? payment;
      expect(payment.state).toBe(buttons[0] === "pay" ? "paid" : "closed");
    }),
  );
});

test("[PY3] notices as a tester wants them: once, late, twice, out of order, never", () => {
  const paid = pressed(open, "pay", 1_000) ?? open;
  let n = 0;
  const sent = DELIVERIES.map((delivery) => noticesOf(paid, delivery, () => `n${n++}`));
  const [once, late, twice, reordered, never] = sent;
  expect(once).toMatchObject([{ state: "paid", nextAtMs: 1_000 }]);
  expect(late).toMatchObject([{ state: "paid", nextAtMs: 1_000 + LATE_MS }]);
  expect(twice?.[0]?.noticeId).toBe(twice?.[1]?.noticeId);
  expect(reordered).toMatchObject([
    { state: "paid", atMs: 1_000 },
    { state: "open", atMs: 1 },
  ]);
  expect(never).toEqual([]);
});

test("[PY7] a notice is tried for about a day", () => {
  const day = Array.from({ length: TRIES_MAX }, (_, tries) => retryAfterMs(tries)).reduce((a, b) => a + b);
  expect(day).toBeGreaterThan(10 * 3_600_000);
  expect(day).toBeLessThan(26 * 3_600_000);
});
