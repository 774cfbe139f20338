import { expect, test } from "vitest";
import { calendarFile } from "./calendar.ts";

test("a calendar file keeps RFC 5545: CRLF, folded at 75 octets, escaped", () => {
  const file = calendarFile({
    id: "spring-gala-1-round-1",
    title: `第一轮, 开门红; ${"很长的题目".repeat(20)}`,
    startsAtMs: Date.UTC(2027, 1, 5, 12, 0, 0),
    endsAtMs: Date.UTC(2027, 1, 5, 12, 1, 0),
    url: "https://gala.example",
    madeAtMs: Date.UTC(2027, 1, 1),
  });
  const lines = file.split("\r\n");
  expect(lines.at(-1)).toBe("");
  expect(lines.every((line) => new TextEncoder().encode(line).length <= 75)).toBe(true);
  expect(file).toContain("DTSTART:20270205T120000Z");
  expect(file.replaceAll("\r\n ", "")).toContain("SUMMARY:第一轮\\, 开门红\\; 很长");
});
