import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { roundsOf, type ShowDefinition, scheduledUnits } from "./definition.ts";
import { parseShow } from "./parse-show.ts";
import { formatDuration } from "./show-values.ts";

const words = fc.string({ minLength: 1, maxLength: 30, unit: "grapheme" }).map((text) => `x${text}x`);
const text = fc.record({ zh: words, en: words });

/** A pool and the rounds over it, one after the other with enough rest between them. */
const poolPlan = fc.record({
  title: text,
  detail: text,
  worthMinor: fc.integer({ min: 2, max: 1_000_000 }),
  rounds: fc.array(
    fc.record({
      title: text,
      schedule: fc
        .array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 12 })
        .filter((units) => units.some((count) => count > 0)),
      firstWindowMs: fc.integer({ min: 1, max: 20_000 }),
      restMs: fc.integer({ min: 30_000, max: 100_000 }),
      leftovers: fc.boolean(),
      enter: fc.constantFrom("guest", "contact", "identity"),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

/** Writes a plan as somebody would write a show file, and says what it should mean. */
function fileOf(plans: readonly (typeof poolPlan extends fc.Arbitrary<infer Plan> ? Plan : never)[]) {
  const rundown: Record<string, unknown>[] = [];
  const pools = plans.map(({ rounds, title, detail, worthMinor }, index) => {
    const pool = `pool-${index}`;
    let atMs = 30_000;
    for (const [number, round] of rounds.entries()) {
      const last = number === rounds.length - 1;
      rundown.push({
        at: `+${formatDuration(atMs)}`,
        round: `round-${index}-${number}`,
        title: round.title,
        pool,
        schedule: round.schedule,
        firstWindow: formatDuration(round.firstWindowMs),
        enter: round.enter,
        ...(round.leftovers && !last ? { leftovers: `round-${index}-${number + 1}` } : {}),
      });
      atMs += round.firstWindowMs + (round.schedule.length - 1) * 3_000 + round.restMs;
    }
    const units = rounds.reduce((sum, { schedule }) => sum + schedule.reduce((a, b) => a + b, 0), 0);
    return { pool, kind: "goods", title, detail, units, worthMinor, priceMinor: 1 };
  });
  const titles = { title: { zh: "甲", en: "A" }, subtitle: { zh: "乙", en: "B" } };
  const venues = [{ venue: "main", title: { zh: "主", en: "M" }, main: true }];
  const head = {
    version: "wanhui/show/1",
    show: "any",
    ...titles,
    zone: "UTC",
    currency: "EUR",
    ends: "+1d",
  };
  return { ...head, venues, pools, rundown };
}

test("[SH12] [SH13] [SH14] a valid show is read as it was meant, in block and flow style, and sums up", () => {
  fc.assert(
    fc.property(fc.array(poolPlan, { minLength: 1, maxLength: 4 }), fc.boolean(), (plans, flow) => {
      const file = fileOf(plans);
      const written = flow ? JSON.stringify(file) : stringify(file, { lineWidth: 0 });
      const parsed = parseShow(written);
      expect(parsed.ok ? parsed.notes : parsed.problems).toEqual([]);
      if (!parsed.ok) return;
      const show: ShowDefinition = parsed.show;
      expect(show.pools.map(({ title, units }) => ({ title, units }))).toEqual(
        file.pools.map(({ title, units }) => ({ title: trimmed(title), units })),
      );
      for (const round of roundsOf(show)) {
        const [, pool, number] = round.cue.split("-").map(Number);
        const meant = plans[pool ?? -1]?.rounds[number ?? -1];
        expect(round.schedule).toEqual(meant?.schedule);
        expect(round.firstWindowMs).toBe(meant?.firstWindowMs);
        expect(round.enter).toBe(meant?.enter);
      }
      for (const { pool, units } of show.pools) {
        const rounds = roundsOf(show).filter((round) => round.pool === pool);
        expect(rounds.reduce((sum, round) => sum + scheduledUnits(round), 0)).toBe(units);
      }
      // Read, written from its meaning and read again, nothing moves.
      const order = show.cues.map(({ offsetMs }) => offsetMs);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }),
    { numRuns: 60 },
  );
});

const trimmed = ({ zh, en }: { zh: string; en: string }) => ({ zh: zh.trim(), en: en.trim() });

test("[SH1] whatever the text is, there is an answer with places, never an exception", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (noise) => {
      const parsed = parseShow(`version: wanhui/show/1\n${noise}`);
      if (parsed.ok) return;
      for (const { line, column, rule } of parsed.problems) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(rule).toMatch(/^SH\d+$/);
      }
    }),
    { numRuns: 300 },
  );
});
