import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Latencies } from "./latency.ts";
import { Ledger, type Told } from "./ledger.ts";
import type { CrowdReport } from "./mod.ts";
import { progressLine, reportText } from "./report.ts";

const ack: Told = { k: "ack", atMs: 1, user: "u", draw: "r/d", window: 3, userKey: "aa" };

test("[CR6] what was told is a line each, once, in the order it was told", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wanhui-ledger-"));
  const file = join(folder, "log.ndjson");
  const ledger = new Ledger(file);
  const paid: Told = { k: "paid", atMs: 3, user: "u", awardId: "a", orderId: "o" };
  for (const told of [ack, { ...ack, atMs: 2 }, paid]) ledger.add(told);
  await ledger.close();
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([ack, paid]);
  expect(ledger.contradictions).toEqual([]);
  await rm(folder, { recursive: true });
});

test("[CR6] a log that cannot be written is said, not lost", async () => {
  const ledger = new Ledger("/nonexistent/folder/log.ndjson");
  ledger.add(ack);
  await expect
    .poll(() =>
      ledger.close().then(
        () => "closed",
        () => "failed",
      ),
    )
    .toBe("failed");
});

test("[CR8] the same question answered in two ways is kept as such", () => {
  const ledger = new Ledger(null);
  ledger.add(ack);
  ledger.add({ ...ack, userKey: "bb" });
  expect(ledger.contradictions).toHaveLength(1);
  ledger.heard({ draw: "d", window: 1, heardAtMs: 5, resultAtMs: 9 });
  ledger.heard({ draw: "d", window: 1, heardAtMs: 50, resultAtMs: 9 });
  expect([...ledger.results.values()]).toEqual([{ draw: "d", window: 1, heardAtMs: 5, resultAtMs: 9 }]);
});

test("[CR7] percentiles are right within the width of a bucket", () => {
  const times = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(times, fc.constantFrom(0.5, 0.9, 0.99), (list, share) => {
      const latencies = new Latencies();
      for (const ms of list) latencies.add(ms);
      const sorted = [...list].sort((a, b) => a - b);
      const exact = sorted[Math.ceil(share * list.length) - 1] ?? 0;
      expect(latencies.percentile(share)).toBeGreaterThanOrEqual(exact * 0.999);
      expect(latencies.percentile(share)).toBeLessThanOrEqual(exact * 1.06);
      expect(latencies.percentiles().maxMs).toBe(sorted.at(-1));
    }),
  );
});

const none = { count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 };
const report: CrowdReport = {
  version: "wanhui/crowd/1",
  run: "gala-1",
  viewers: 10,
  seed: 1,
  startedAtMs: 0,
  seconds: 60,
  curve: [{ atMs: 0, online: 4, wanted: 5, acks: 0, latency: none }],
  latency: none,
  ownDelayP99Ms: 3,
  totals: { acks: 7 },
  refusals: { "pool.sold_out": 2 },
  cheats: { tried: 5, worked: [], refusals: {} },
  closes: {},
  kinds: { casual: 10 },
  findings: [{ name: "all is well", rule: "DR9", ok: true, detail: "7 entries" }],
  ok: true,
};

test("[CR7] [CR9] the report says what was seen, and in its last line whether all held", () => {
  expect(reportText(report)).toMatch(/ok {4} all is well \[DR9\]: 7 entries[\s\S]*OK everything/);
  const broken = { ...report, ok: false, findings: [{ name: "x", rule: "DR9", ok: false, detail: "gone" }] };
  expect(reportText(broken)).toMatch(/BROKEN x \[DR9\]: gone[\s\S]*BROKEN: see above/);
  expect(reportText({ ...report, ok: false })).toMatch(/NOT COMPARED/);
  const progress = {
    phase: "playing",
    sinceMs: 500,
    totalMs: 1_000,
    online: 1,
    wanted: 2,
    acks: 3,
    wins: 4,
    paid: 5,
    recent: none,
  } as const;
  expect(progressLine(progress)).toContain("██████████░░░░░░░░░░");
});
