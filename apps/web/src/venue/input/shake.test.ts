import { expect, test } from "vitest";
import { type MotionSample, shakeDetector, strength } from "./shake.ts";

const free = (x: number): MotionSample => ({
  acceleration: { x, y: 0, z: 0 },
  accelerationIncludingGravity: null,
});
const heavy = (z: number): MotionSample => ({
  acceleration: null,
  accelerationIncludingGravity: { x: 0, y: 0, z },
});

test("a phone at rest, in a pocket or without a sensor does not shake", () => {
  expect(strength(heavy(9.81))).toBeCloseTo(0);
  expect(strength({ acceleration: { x: null, y: null, z: null }, accelerationIncludingGravity: null })).toBe(
    0,
  );
  const isShake = shakeDetector();
  expect([2, 5, 8, 11].some((x, place) => isShake(free(x), place * 200))).toBe(false);
});

test("one swing is one shake, however many samples it has", () => {
  const isShake = shakeDetector();
  const shakes = [0, 16, 33, 50, 66, 130, 146].filter((atMs) => isShake(free(20), atMs));
  expect(shakes).toEqual([0, 130]);
});
