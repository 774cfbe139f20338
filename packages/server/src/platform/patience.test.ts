import { expect, test } from "vitest";
import { Fault } from "./fault.ts";
import { patiently } from "./patience.ts";

const slow = () => new Fault("clock.database_slow", "too slow", { retryable: true });

test("retryable faults are tried again, and the wait is told of once", async () => {
  let tries = 0;
  let told = 0;
  const work = async () => {
    tries += 1;
    if (tries < 3) throw slow();
    return "there";
  };
  expect(await patiently(work, { onWait: () => (told += 1) })).toBe("there");
  expect([tries, told]).toEqual([3, 1]);
});

test("when the patience ends the last fault is thrown; what no waiting mends is thrown at once", async () => {
  let tries = 0;
  const failing = async () => {
    tries += 1;
    throw slow();
  };
  await expect(patiently(failing, { patienceMs: 600 })).rejects.toMatchObject({
    code: "clock.database_slow",
  });
  expect(tries).toBeGreaterThan(1);
  const wrong = async () => {
    tries += 100;
    throw new Fault("database.unsafe_setting", "fsync is off");
  };
  await expect(patiently(wrong)).rejects.toMatchObject({ code: "database.unsafe_setting" });
  expect(Math.floor(tries / 100)).toBe(1);
});
