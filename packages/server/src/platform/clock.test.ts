import fc from "fast-check";
import { expect, test } from "vitest";
import { AnchoredClock, type ClockStep, slewPpmMax, stepMs } from "./clock.ts";

function anchored(): { clock: AnchoredClock; steps: ClockStep[]; at: { ms: number } } {
  const at = { ms: 0 };
  const steps: ClockStep[] = [];
  const clock = new AnchoredClock({
    reading: { databaseMs: 1_000_000, atMs: 0 },
    monotonicMs: () => at.ms,
    onStep: (step) => steps.push(step),
  });
  return { clock, steps, at };
}

test("it carries the database's time on by the monotonic clock", () => {
  const { clock, at } = anchored();
  at.ms = 1_234;
  expect(clock.nowMs()).toBe(1_001_234);
});

test("a step of an hour is reported and never jumped", () => {
  const { clock, steps, at } = anchored();
  at.ms = 1_000;
  clock.adjust({ databaseMs: 1_001_000 + 3_600_000, atMs: 1_000 });
  expect(steps).toEqual([{ differenceMs: 3_600_000, slewMs: 7_200_000_000 }]);
  expect(clock.nowMs()).toBe(1_001_000);
  at.ms = 2_000;
  expect(clock.nowMs()).toBeCloseTo(1_002_000.5, 6);
});

test("a difference is worked off to nothing and not further, in both directions", () => {
  for (const difference of [-50, 50]) {
    const { clock, steps, at } = anchored();
    clock.adjust({ databaseMs: 1_000_000 + difference, atMs: 0 });
    expect(steps).toEqual([]);
    at.ms = 1_000_000;
    expect(clock.nowMs()).toBeCloseTo(2_000_000 + difference, 6);
  }
});

test("whatever the database's clock does, ours never goes back and never runs off its rate", () => {
  const readings = fc.array(
    fc.record({
      elapsedMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
      jumpMs: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    }),
    { maxLength: 50 },
  );
  fc.assert(
    fc.property(readings, (list) => {
      const { clock, steps, at } = anchored();
      let large = 0;
      for (const { elapsedMs, jumpMs } of list) {
        const before = clock.nowMs();
        at.ms += elapsedMs;
        const now = clock.nowMs();
        const slack = (elapsedMs * slewPpmMax) / 1_000_000 + 1e-3;
        expect(now).toBeGreaterThanOrEqual(before);
        expect(Math.abs(now - before - elapsedMs)).toBeLessThanOrEqual(slack);
        clock.adjust({ databaseMs: now + jumpMs, atMs: at.ms });
        if (Math.abs(jumpMs) > stepMs + 1e-3) large += 1;
      }
      expect(steps.length).toBeGreaterThanOrEqual(large);
    }),
  );
});
