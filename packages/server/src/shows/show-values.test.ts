import fc from "fast-check";
import { expect, test } from "vitest";
import { firstDifference } from "./first-difference.ts";
import { isZone, momentsOf, zoneOffsetMs } from "./local-time.ts";
import { formatDuration, isPicturePath, parseDuration, parseTime } from "./show-values.ts";
import { nearest } from "./yaml-fields.ts";

test("[SH6] durations are read and written, and mean the same", () => {
  expect(parseDuration("1m30s")).toBe(90_000);
  expect(parseDuration("1h05m")).toBe(3_900_000);
  expect(parseDuration("7d")).toBe(604_800_000);
  expect(parseDuration("250ms")).toBe(250);
  for (const wrong of ["", "90", "s", "1s1m", "-5s", "1.5s", " 5s", "5s "])
    expect(parseDuration(wrong)).toBeNull();
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});

test("[SH5] a local time is a moment of its zone", () => {
  const at = (text: string, zone: string) => {
    const time = parseTime(text, zone);
    return typeof time === "object" && time.kind === "absolute" ? new Date(time.atMs).toISOString() : time;
  };
  expect(at("2027-02-05T20:01:30", "Asia/Shanghai")).toBe("2027-02-05T12:01:30.000Z");
  expect(at("2027-02-05 20:01", "Europe/Berlin")).toBe("2027-02-05T19:01:00.000Z");
  expect(at("2027-07-05T20:01", "America/New_York")).toBe("2027-07-06T00:01:00.000Z");
  expect(at("2027-02-05T20:01Z", "Asia/Shanghai")).toBe("2027-02-05T20:01:00.000Z");
  expect(at("2027-02-05T20:01-03:30", "Asia/Shanghai")).toBe("2027-02-05T23:31:00.000Z");
});

test("[SH5] daylight saving: a time that is skipped or comes twice is refused, with its offset it is not", () => {
  expect(parseTime("2027-03-28T02:30", "Europe/Berlin")).toMatch(/skips/);
  expect(parseTime("2027-10-31T02:30", "Europe/Berlin")).toMatch(/twice/);
  expect(parseTime("2027-10-31T02:30+01:00", "Europe/Berlin")).toMatchObject({ kind: "absolute" });
  expect(parseTime("2027-02-30T10:00", "Europe/Berlin")).toMatch(/not a date/);
  expect(parseTime("2027-02-05T24:00", "Europe/Berlin")).toMatch(/not a date/);
});

test("[SH5] whatever moment of a zone's clock is asked for, it is shown then", () => {
  const zones = fc.constantFrom(
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "UTC",
  );
  fc.assert(
    fc.property(zones, fc.integer({ min: 0, max: 4_000_000_000 }), (zone, seconds) => {
      const atMs = seconds * 1_000;
      expect(momentsOf(zone, atMs + zoneOffsetMs(zone, atMs))).toContain(atMs);
    }),
    { numRuns: 300 },
  );
  expect(isZone("Asia/Shanghai")).toBe(true);
  for (const wrong of ["+08:00", "Asia/Nowhere", "", "8"]) expect(isZone(wrong)).toBe(false);
});

test("[SH10] pictures stay in their folder", () => {
  for (const good of ["pictures/a.svg", "pictures/tea-set.2.webp"]) expect(isPicturePath(good)).toBe(true);
  const bad = [
    "a.svg",
    "pictures/../a.svg",
    "/pictures/a.svg",
    "pictures/.a.svg",
    "pictures/a/b.svg",
    "pictures/a.html",
  ];
  for (const path of bad) expect(isPicturePath(path)).toBe(false);
});

test("[SH2] a near miss is asked back, a far one is not", () => {
  const known = ["schedule", "pool", "at", "leftovers"];
  expect(nearest("shedule", known)).toBe("schedule");
  expect(nearest("pol", known)).toBe("pool");
  expect(nearest("banana", known)).toBeNull();
});

test("[SH21] the first difference is named with its place", () => {
  expect(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toBe("a[1].b is 3, was 2");
  expect(firstDifference({ a: 1 }, {})).toBe("a is missing, was 1");
  expect(firstDifference({ a: 1 }, { a: [] })).toBe("a is [], was 1");
  expect(firstDifference({ a: [] }, { a: [] })).toBe("nothing");
});
