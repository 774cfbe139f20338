import { createHash } from "node:crypto";
import type { AwardId } from "@wanhui/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canMove, checkAgainAfterMs, type OrderEvent, orderIdOf } from "./rules.ts";

test("[OR1] placed is paid or expires; paid is final; expired can only be paid after all", () => {
  expect(canMove("placed", "paid")).toBe("paid");
  expect(canMove("placed", "closed")).toBe("expired");
  expect(canMove("expired", "paid")).toBe("paid");
  expect(canMove("expired", "closed")).toBeNull();
  expect(canMove("paid", "paid")).toBeNull();
  expect(canMove("paid", "closed")).toBeNull();
});

test("[OR1] [PY3] whatever is said in whatever order and how often: once paid, always paid", () => {
  const events = fc.array(fc.constantFrom<OrderEvent>("paid", "closed"), { maxLength: 12 });
  fc.assert(
    fc.property(events, (said) => {
      let state: ReturnType<typeof canMove> = "placed";
      for (const event of said) state = canMove(state ?? "placed", event) ?? state;
      const expected = said.includes("paid") ? "paid" : said.length > 0 ? "expired" : "placed";
      expect(state).toBe(expected);
    }),
  );
});

test("[OR2] an order's id is derived from its award and attempt", () => {
  const award = "00112233445566778899aabbccddeeff" as AwardId;
  const bytes = Buffer.concat([
    Buffer.from("wanhui/order/1"),
    Buffer.from(award, "hex"),
    Buffer.from([0, 0, 0, 2]),
  ]);
  expect(orderIdOf(award, 2)).toBe(createHash("sha256").update(bytes).digest("hex").slice(0, 32));
  expect(orderIdOf(award, 1)).not.toBe(orderIdOf(award, 2));
});

test("[OR4] a provider that does not answer is asked again, ever more seldom, for ever", () => {
  const waits = Array.from({ length: 40 }, (_, checks) => checkAgainAfterMs(checks));
  expect(waits[0]).toBe(5_000);
  for (const [at, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(waits[at - 1] ?? 0);
  expect(waits.at(-1)).toBe(300_000);
});
