import { expect, test } from "vitest";
import { createGate } from "./gate.ts";

test("[OR5] no more than the stated number ask under a lock at once, and each has its turn", async () => {
  const gate = createGate(2);
  let inside = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      gate
        .run(async () => {
          inside += 1;
          most = Math.max(most, inside);
          await Promise.resolve();
          order.push(n);
          inside -= 1;
          if (n % 3 === 0) throw new Error("refused");
        })
        .catch(() => undefined),
    ),
  );
  expect(most).toBe(2);
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(await gate.run(async () => "free again")).toBe("free again");
});
