import fc from "fast-check";
import { expect, test } from "vitest";
import { audienceShare, CHEATS, castAudience, KINDS, payStyle } from "./audience.ts";
import { createRandom } from "./random.ts";

const round = { opensAtMs: 1_000_000, closesAtMs: 1_024_000 };
const late = 3_600_000;

test("[CR3] the audience arrives, swells before an opening, is whole until the last result, and thins out", () => {
  const at = (ms: number) => audienceShare([round], ms, late);
  expect(audienceShare([round], 900_000, 0)).toBeLessThan(0.05);
  expect(at(900_000)).toBeCloseTo(0.45, 2);
  expect(at(985_000)).toBeGreaterThan(0.6);
  expect(at(1_000_000)).toBe(1);
  expect(at(1_030_000)).toBe(1);
  expect(at(1_050_000)).toBeLessThan(0.9);
  expect(at(1_080_000)).toBeCloseTo(0.45, 2);
});

test("[CR3] at no moment of any night is it empty, over full, or jumping", () => {
  const rounds = fc.array(
    fc.record({
      opensAtMs: fc.integer({ min: 0, max: 600_000 }),
      lasts: fc.integer({ min: 3_000, max: 60_000 }),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(rounds, fc.integer({ min: 0, max: 700_000 }), (night, ms) => {
      const times = night.map(({ opensAtMs, lasts }) => ({ opensAtMs, closesAtMs: opensAtMs + lasts }));
      const now = audienceShare(times, ms, ms);
      expect(now).toBeGreaterThan(0);
      expect(now).toBeLessThanOrEqual(1);
      expect(Math.abs(audienceShare(times, ms + 500, ms + 500) - now)).toBeLessThan(0.08);
    }),
  );
});

test("[CR2] [CR4] every kind and every sort of cheat is there, devices are one's own, addresses are shared as in life", () => {
  const casts = castAudience(1_000, createRandom(7));
  const kinds = new Map(KINDS.map((kind) => [kind, casts.filter((cast) => cast.kind === kind).length]));
  expect(kinds.get("casual")).toBeGreaterThan(400);
  expect(kinds.get("eager")).toBeGreaterThan(250);
  for (const kind of KINDS) expect(kinds.get(kind)).toBeGreaterThan(20);
  for (const cheat of CHEATS) expect(casts.some((cast) => cast.cheat === cheat)).toBe(true);
  expect(new Set(casts.map(({ device }) => device)).size).toBe(1_000);
  expect(new Set(casts.map(({ person }) => person)).size).toBe(1_000);
  const homes = new Map<string, number>();
  for (const { address } of casts) homes.set(address, (homes.get(address) ?? 0) + 1);
  const stadium = casts.filter(({ address }) => address === "172.16.0.1").length;
  expect(stadium).toBeGreaterThan(120);
  expect(stadium).toBeLessThan(280);
  homes.delete("172.16.0.1");
  expect(Math.max(...homes.values())).toBe(3);
  expect(casts[0]?.kind).toBe("casual");
  expect(castAudience(1_000, createRandom(7))).toEqual(casts);
  expect(castAudience(1_000, createRandom(8))).not.toEqual(casts);
});

test("[CR4] some decline, some never pay, and notices come in every way", () => {
  const random = createRandom(3);
  const styles = Array.from({ length: 2_000 }, () => payStyle(random));
  const share = (action: string) => styles.filter((style) => style.action === action).length / 2_000;
  expect(share("decline")).toBeGreaterThan(0.07);
  expect(share("leave")).toBeGreaterThan(0.07);
  expect(share("pay")).toBeGreaterThan(0.75);
  expect(new Set(styles.map(({ delivery }) => delivery)).size).toBe(5);
});
