import { openWindow, type RoundView } from "@wanhui/protocol";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RefusedTaps } from "./mod.ts";
import { TapLane } from "./tap-lane.ts";
import { TapBatcher } from "./taps.ts";

const round = (more: Partial<RoundView> = {}): RoundView =>
  ({
    draw: "run/r1",
    index: 0,
    opensAtMs: 10_000,
    firstWindowMs: 5_000,
    windowMs: 3_000,
    closesAtMs: 21_000,
    drawnThrough: 0,
    winners: 0,
    phase: "open",
    ...more,
  }) as RoundView;

describe("taps", () => {
  type Sent = { window: number; taps: number };
  const batcherAt = (sent: Sent[]) => {
    const time = { ms: 10_000, open: true };
    const batcher = new TapBatcher(
      () => time.ms,
      ({ window, taps }) => {
        if (time.open) sent.push({ window, taps });
        return time.open;
      },
    );
    return { time, batcher };
  };

  it("[WR5] the first of a window leaves at once, the rest once a second, at most 50", () => {
    const sent: Sent[] = [];
    const { time, batcher } = batcherAt(sent);
    batcher.tap(round(), 1);
    expect(sent).toEqual([{ window: 0, taps: 1 }]);
    for (let n = 0; n < 80; n += 1) {
      time.ms += 10;
      batcher.tap(round(), 1);
    }
    expect(sent).toHaveLength(1);
    time.ms = 11_000;
    batcher.flush(round());
    expect(sent).toEqual([
      { window: 0, taps: 1 },
      { window: 0, taps: 50 },
    ]);
    time.ms = 15_000;
    batcher.tap(round(), 1);
    expect(sent.slice(2)).toEqual([{ window: 1, taps: 1 }]);
  });

  it("[WR5] two shakes of one window are no entry of the next", () => {
    const sent: Sent[] = [];
    const { time, batcher } = batcherAt(sent);
    time.ms = 14_600;
    batcher.tap(round(), 1);
    batcher.tap(round(), 1);
    for (; time.ms < 18_500; time.ms += 50) batcher.flush(round());
    expect(sent).toEqual([{ window: 0, taps: 1 }]);
    expect(batcher.waits()).toBe(false);
  });

  it("[WR5] a gesture before the opening or after the close counts for nothing; what finds no way out waits", () => {
    const sent: Sent[] = [];
    const { time, batcher } = batcherAt(sent);
    time.ms = 9_999;
    expect(batcher.tap(round(), 1)).toBe(false);
    time.ms = 10_000;
    batcher.flush(round());
    expect(sent).toEqual([]);
    time.open = false;
    expect(batcher.tap(round(), 1)).toBe(true);
    expect(batcher.waits()).toBe(true);
    time.open = true;
    batcher.flush(round());
    expect(sent).toEqual([{ window: 0, taps: 1 }]);
    time.ms = 21_000;
    expect(batcher.tap(round(), 1)).toBe(false);
    expect(sent).toHaveLength(1);
    expect(
      [9_999, 10_000, 14_999, 15_000, 17_999, 18_000, 20_999, 21_000].map((ms) => openWindow(round(), ms)),
    ).toEqual([null, 0, 0, 1, 1, 2, 2, null]);
  });

  it("[WR5] whatever happens, a frame carries gestures of its own window only, each at most once unless it was refused or lost", () => {
    const act = fc.constantFrom("tap", "flush", "cut", "back", "ack", "no");
    const step = fc.record({ act, afterMs: fc.nat(900) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const sent: Sent[] = [];
        const { time, batcher } = batcherAt(sent);
        time.ms = 8_000;
        const made = new Map<number, number>();
        const again = new Map<number, number>();
        for (const { act, afterMs } of steps) {
          time.ms += afterMs;
          const window = openWindow(round(), time.ms);
          const before = sent.length;
          if (act === "tap") {
            expect(batcher.tap(round(), 1)).toBe(window !== null);
            if (window !== null) made.set(window, (made.get(window) ?? 0) + 1);
          } else if (act === "flush") batcher.flush(round());
          else if (act === "cut") time.open = false;
          else if (act === "ack" && window !== null) batcher.acked(round().draw, window);
          else if (act === "no") {
            const refused = batcher.refused(round());
            if (refused.window !== null) again.set(refused.window, (again.get(refused.window) ?? 0) + 50);
            batcher.again(round(), refused);
          } else if (act === "back") {
            time.open = true;
            // Of what was sent in this window: nobody knows whether it came through.
            if (window !== null) again.set(window, (again.get(window) ?? 0) + 50);
            batcher.resume(round());
          }
          for (const frame of sent.slice(before)) expect(frame.window).toBe(window);
        }
        for (const window of new Set(sent.map((frame) => frame.window))) {
          const all = sent
            .filter((frame) => frame.window === window)
            .reduce((sum, { taps }) => sum + taps, 0);
          expect(made.get(window) ?? 0).toBeGreaterThan(0);
          expect(all).toBeLessThanOrEqual((made.get(window) ?? 0) + (again.get(window) ?? 0));
        }
      }),
    );
  });

  it("[WR5] nothing but a first gesture leaves so late that it would arrive behind the close", () => {
    const sent: Sent[] = [];
    const { time, batcher } = batcherAt(sent);
    time.ms = 13_800;
    batcher.tap(round(), 1);
    batcher.tap(round(), 1);
    time.ms = 14_800;
    batcher.flush(round());
    expect(sent).toHaveLength(1);
    const late: Sent[] = [];
    const other = batcherAt(late);
    other.time.ms = 14_990;
    other.batcher.tap(round(), 1);
    expect(late).toEqual([{ window: 0, taps: 1 }]);
  });

  it("[WR6] a new way out: an entry nobody acknowledged is sent again in its window, an acknowledged one is not", () => {
    const sent: Sent[] = [];
    const { time, batcher } = batcherAt(sent);
    batcher.tap(round(), 1);
    time.ms = 10_400;
    batcher.resume(round());
    expect(sent).toEqual([
      { window: 0, taps: 1 },
      { window: 0, taps: 1 },
    ]);
    batcher.acked(round().draw, 0);
    time.ms = 12_000;
    batcher.resume(round());
    expect(sent).toHaveLength(2);
    // What was lost beside an entry that is in is lost.
    batcher.tap(round(), 1);
    time.ms = 13_500;
    batcher.resume(round());
    expect(sent).toHaveLength(3);
    time.ms = 15_200;
    batcher.tap(round(), 1);
    time.ms = 18_200;
    batcher.resume(round());
    expect(sent.slice(3)).toEqual([{ window: 1, taps: 1 }]);
  });
});

describe("a refused tap", () => {
  const laneAt = (startMs: number) => {
    vi.useFakeTimers({ now: startMs });
    const sent: { window: number; taps: number; atMs: number }[] = [];
    const refused: RefusedTaps[] = [];
    const lane = new TapLane({
      nowMs: () => Date.now(),
      rounds: () => [round()],
      send: (_round, { window, taps }) => sent.push({ window, taps, atMs: Date.now() }) > 0,
      refused: (each) => refused.push(each),
    });
    return { lane, sent, refused };
  };
  afterEach(() => vi.useRealTimers());
  const draw = "run/r1";

  it("[JR7] [WR5] is sent again after the time the answer names, until it is in or its window is over", () => {
    const { lane, sent, refused } = laneAt(10_000);
    lane.tap(draw, 3);
    lane.refused(draw, "engine.busy", 250);
    vi.advanceTimersByTime(249);
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sent[1]).toEqual({ window: 0, taps: 3, atMs: 10_250 });
    lane.refused(draw, "engine.unknown", 500);
    vi.advanceTimersByTime(500);
    expect(sent[2]).toEqual({ window: 0, taps: 3, atMs: 10_750 });
    lane.acked(draw, 0);
    lane.tap(draw, 1);
    vi.advanceTimersByTime(1_000);
    // What is refused beside an entry that is in is told, not sent again: it is nobody's entry.
    expect(sent).toHaveLength(4);
    lane.refused(draw, "rate.limited", 100);
    expect(refused).toEqual([{ draw, code: "rate.limited", retryMs: 100, taps: 1 }]);
    vi.advanceTimersByTime(10_000);
    expect(sent).toHaveLength(4);
  });

  it("[JR7] [WR5] is never sent again in another window; then it is told", () => {
    const { lane, sent, refused } = laneAt(14_500);
    lane.tap(draw, 2);
    lane.refused(draw, "engine.fenced", 1_000);
    expect(refused).toEqual([]);
    vi.advanceTimersByTime(5_000);
    expect(sent).toHaveLength(1);
    expect(refused).toEqual([{ draw, code: "engine.fenced", retryMs: 1_000, taps: 2 }]);
  });

  it("[JR7] a refusal without a time to wait is final, no answer at all is not", () => {
    const { lane, sent, refused } = laneAt(10_000);
    lane.tap(draw, 1);
    lane.refused(draw, "auth.level", null);
    expect(refused).toEqual([{ draw, code: "auth.level", retryMs: null, taps: 1 }]);
    vi.advanceTimersByTime(4_000);
    expect(sent).toHaveLength(1);
    lane.tap(draw, 1);
    lane.refused(draw, "offline", null);
    vi.advanceTimersByTime(900);
    lane.stop();
    vi.advanceTimersByTime(5_000);
    expect(sent).toHaveLength(2);
    expect(refused).toHaveLength(1);
  });
});
