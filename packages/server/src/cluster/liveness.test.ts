import { expect, test } from "vitest";
import { Liveness } from "./liveness.ts";
import { LEASE_MS, type Member } from "./member-store.ts";

const nobodyEnds = async () => false;
const member = (leaseMs: number, leaseUntilMs: number) =>
  ({ process: "c", leaseMs, leaseUntilMs }) as unknown as Member;

test("[MP2] a database's clock that was set back keeps nobody alive: a lease that is not renewed ends by the own clock", async () => {
  let nowMs = 0;
  const liveness = new Liveness({ nowMs: () => nowMs, isGoneHere: nobodyEnds });
  expect(await liveness.living([member(3_000, 10_000)])).toHaveLength(1);
  // Back by an hour: by the database's time there is an hour of it left.
  for (nowMs = 500; nowMs < LEASE_MS; nowMs += 500)
    expect(await liveness.living([member(3_600_000, 10_000)])).toHaveLength(1);
  expect(await liveness.living([member(3_600_000, 10_000)])).toEqual([]);
  // It renews after all.
  expect(await liveness.living([member(3_000, 11_000)])).toHaveLength(1);
});

test("[MP2] while the database did not answer nobody could renew: everybody is watched anew", async () => {
  let nowMs = 0;
  const liveness = new Liveness({ nowMs: () => nowMs, isGoneHere: nobodyEnds });
  await liveness.living([member(3_000, 10_000)]);
  nowMs = 60_000;
  liveness.interrupted();
  expect(await liveness.living([member(-57_000, 10_000)])).toHaveLength(1);
  nowMs += LEASE_MS;
  expect(await liveness.living([member(-60_000, 10_000)])).toEqual([]);
});
