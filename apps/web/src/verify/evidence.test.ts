import { expect, test } from "vitest";
import { readEvidence } from "./evidence.ts";
import { WindowReader } from "./windows.ts";

test("receipts and heard seals are told apart, alone, in lists and by line", () => {
  const receipt = { version: "wanhui/receipt/1" };
  const seal = { record: { version: "wanhui/seal/1" }, hash: "h" };
  expect(readEvidence(JSON.stringify(receipt))).toEqual({ heard: [], receipts: [receipt] });
  expect(readEvidence(JSON.stringify([receipt, seal]))).toEqual({ heard: [seal], receipts: [receipt] });
  expect(readEvidence(`${JSON.stringify(seal)}\nnot json\n${JSON.stringify(seal)}\n`).heard).toHaveLength(2);
  expect(readEvidence("7")).toEqual({ heard: [], receipts: [] });
});

test("the table reads windows from chunks cut anywhere", () => {
  const header = { window: 0, round: 9, parts: [{ count: 3 }], units: 2, sealedAtMs: 5 };
  const lines = [
    { body: { header }, kind: "seal", n: 3, previous: "00" },
    { body: { window: 0, units: 2, winners: 2 }, kind: "draw", n: 4, previous: "00" },
  ];
  const bytes = new TextEncoder().encode(`${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
  for (const size of [1, 7, 1_000]) {
    const reader = new WindowReader();
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect(reader.rows).toEqual([{ window: 0, round: 9, entries: 3, units: 2, sealedAtMs: 5, winners: 2 }]);
  }
});
