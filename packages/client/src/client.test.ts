import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { CtlMessage, RoundView, ShowView } from "@wanhui/protocol";
import fc from "fast-check";
import { rolldown } from "rolldown";
import { afterEach, describe, expect, it, vi } from "vitest";
import { keepHeard } from "./heard.ts";
import { storageOf } from "./memory.ts";
import {
  backoffMs,
  foldCounts,
  foldShow,
  heardNdjson,
  newNonce,
  type RefusedTaps,
  RoundTracker,
  ServerClock,
  type TrackedWindow,
  userKeyOf,
} from "./mod.ts";
import { TapLane } from "./tap-lane.ts";
import { openWindow, TapBatcher } from "./taps.ts";

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

const drawn = (window: number, winners = 1): CtlMessage => ({
  t: "drawn",
  draw: "run/r1",
  window,
  entries: 9,
  units: 2,
  winners,
  round: 7,
  resultAtMs: 0,
});

describe("size", () => {
  it("is at most 8 KB gzip, with everything it needs", async () => {
    const build = await rolldown({
      input: new URL("./mod.ts", import.meta.url).pathname,
      resolve: { conditionNames: ["wanhui-source", "import"] },
      platform: "browser",
      external: [/^node:/],
    });
    const { output } = await build.generate({ format: "esm", minify: true });
    await build.close();
    expect(output).toHaveLength(1);
    expect(output[0].imports).toEqual([]);
    const bytes = gzipSync(output[0].code, { level: 9 }).length;
    expect(bytes).toBeLessThanOrEqual(8_192);
    expect(output[0].code).not.toContain("zod");
  });
});

describe("the server's clock", () => {
  it("[WR9] is the median of the quickest round trips, however slow and lopsided the others were", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e9, max: 1e9 }),
        fc.array(fc.record({ there: fc.nat(3_000), back: fc.nat(3_000) }), { maxLength: 11 }),
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        (offset, slow, quick) => {
          let local = 5e9;
          const clock = new ServerClock(() => local);
          const trip = (there: number, back: number) => {
            const sent = local;
            const server = sent + there + offset;
            local += there + back;
            clock.add(sent, server, local);
          };
          for (const { there, back } of slow) trip(there + 50, back + 50);
          for (const each of quick) trip(10 + each, 10 + each);
          expect(Math.abs(clock.nowMs() - (local + offset))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it("[WR9] begins with the server's own word, and forgets it after the first measure", () => {
    const clock = new ServerClock(() => 1_000);
    clock.guess(5_000);
    expect(clock.nowMs()).toBe(5_000);
    clock.add(900, 3_000, 1_000);
    clock.guess(99_000);
    expect(clock.nowMs()).toBe(1_000 + 3_000 - 950);
  });
});

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
    time.ms = 15_200;
    batcher.tap(round(), 1);
    time.ms = 18_200;
    batcher.resume(round());
    expect(sent.slice(2)).toEqual([{ window: 1, taps: 1 }]);
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
      send: (_round, window, taps) => sent.push({ window, taps, atMs: Date.now() }) > 0,
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

describe("own windows", () => {
  const tracked = () => {
    const changes: TrackedWindow[] = [];
    const tracker = new RoundTracker((window) => changes.push(window));
    const fates = () => tracker.of("run/r1").map(({ window, fate }) => `${window}:${fate}`);
    return { tracker, changes, fates };
  };
  const won = (window: number) =>
    ({ t: "won", n: 1, award: { draw: "run/r1", window, awardId: "aa" } }) as Parameters<
      RoundTracker["me"]
    >[0];
  const seal = (window: number): CtlMessage => ({
    t: "seal",
    draw: "run/r1",
    window,
    header: {},
    hash: "h",
    signature: "s",
    entries: 1,
    resultAtMs: 77,
  });

  it("[WR3] received, sealed, then not won unless a win came first", () => {
    const { tracker, changes, fates } = tracked();
    tracker.sent("run/r1", 0);
    tracker.acked("run/r1", 0);
    tracker.ctl(seal(0));
    tracker.ctl(drawn(0));
    expect(changes.map(({ fate }) => fate)).toEqual(["sent", "received", "sealed", "not_won"]);
    tracker.acked("run/r1", 1);
    tracker.me(won(1));
    tracker.ctl(drawn(1));
    expect(fates()).toEqual(["0:not_won", "1:won"]);
    expect(changes.at(-1)?.awardId).toBe("aa");
  });

  it("[WR6] an entry that was never acknowledged is never called lost; an ack of a later window moves it", () => {
    const { tracker, fates } = tracked();
    tracker.sent("run/r1", 0);
    tracker.ctl(drawn(0));
    expect(fates()).toEqual(["0:sent"]);
    tracker.acked("run/r1", 1);
    expect(fates()).toEqual(["1:received"]);
  });

  it("[DR12] a gap carries the entry to the next window; other windows and strangers' draws stay", () => {
    const { tracker, fates } = tracked();
    tracker.acked("run/r1", 1);
    tracker.acked("run/r1", 2);
    const record = { version: "wanhui/gap/1", fromWindow: 2, toWindow: 3 };
    tracker.ctl({ t: "chain", draw: "run/r1", record, hash: "", signature: "" });
    expect(fates()).toEqual(["1:received", "4:received"]);
    tracker.ctl(drawn(9));
    tracker.ctl({ ...drawn(4), draw: "run/other" } as CtlMessage);
    expect(fates()).toEqual(["1:received", "4:received"]);
  });

  it("fates only go forward, whatever comes twice or late", () => {
    const step = fc.constantFrom("sent", "acked", "seal", "drawn", "won");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const order = ["sent", "received", "sealed", "not_won", "won"];
        const { tracker, changes } = tracked();
        for (const each of steps) {
          if (each === "sent") tracker.sent("run/r1", 0);
          else if (each === "acked") tracker.acked("run/r1", 0);
          else if (each === "seal") tracker.ctl(seal(0));
          else if (each === "drawn") tracker.ctl(drawn(0));
          else tracker.me(won(0));
        }
        const seen = changes.map(({ fate }) => order.indexOf(fate));
        expect(seen.filter((place, at) => at > 0 && place < (seen[at - 1] ?? 0) && place !== 1)).toEqual([]);
        if (steps.includes("won")) expect(tracker.of("run/r1")[0]?.fate).toBe("won");
      }),
    );
  });
});

describe("the fold", () => {
  const view = {
    rounds: [round(), round({ draw: "run/r2", index: 1 })],
    cues: [],
    rains: [],
    prizes: [
      { pool: "p", left: 5 },
      { pool: "q", left: 2 },
    ],
    counts: {},
  } as unknown as ShowView;

  it("[WR14] replaces what it names, keeps the rest, and never changes its input", () => {
    const before = JSON.stringify(view);
    const phase = { ...round(), phase: "closed" } as RoundView;
    const after = foldShow(view, { t: "round", round: phase });
    expect(after.rounds).toEqual([phase, view.rounds[1]]);
    expect(after.rounds[1]).toBe(view.rounds[1]);
    expect(foldShow(view, { t: "round", round: round({ draw: "run/r3" }) }).rounds).toHaveLength(3);
    const twice = foldShow(foldShow(view, drawn(0, 2)), drawn(0, 2));
    expect(twice.rounds[0]).toMatchObject({ drawnThrough: 1, winners: 2 });
    const counts = { viewers: 1, taps: 0, entries: 0, awards: 0, claims: 0, left: { p: 4 } };
    expect(foldCounts(view, counts).prizes.map(({ left }) => left)).toEqual([4, 2]);
    expect(JSON.stringify(view)).toBe(before);
    expect(foldShow(view, { t: "from-the-future" } as unknown as CtlMessage)).toBe(view);
  });
});

describe("what is kept", () => {
  const seal = (n: number, draw = "run/r1") => ({
    t: "seal" as const,
    draw,
    window: n,
    header: { n },
    hash: `hash-${n}`,
    signature: "",
    entries: 0,
    resultAtMs: 0,
  });

  it("[WR14] [VF2] headers heard are lines for the verifier; the first time they were heard counts", () => {
    const storage = storageOf(null);
    keepHeard(storage, seal(0), 111);
    keepHeard(storage, seal(1), 222);
    keepHeard(storage, seal(0), 999);
    keepHeard(storage, seal(5, "run/r2"), 333);
    const stop = {
      t: "chain" as const,
      draw: "run/r1",
      record: { reason: "rain" },
      hash: "stop",
      signature: "s",
    };
    keepHeard(storage, stop, 444);
    const lines = heardNdjson(storage)
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { record: { n: 0 }, hash: "hash-0", signature: "", heardAtMs: 111 },
      { record: { n: 1 }, hash: "hash-1", signature: "", heardAtMs: 222 },
      { record: { reason: "rain" }, hash: "stop", signature: "s", heardAtMs: 444 },
      { record: { n: 5 }, hash: "hash-5", signature: "", heardAtMs: 333 },
    ]);
  });

  it("a storage that is full or refused loses the newest, never the page", () => {
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new Error("QuotaExceededError");
      },
    };
    keepHeard(full, seal(0), 1);
    expect(heardNdjson(full)).toBe("");
  });

  it("[BY2] the user key is the one the server makes", async () => {
    const pseudonym = "0a".repeat(16);
    const nonce = newNonce();
    const bytes = Buffer.concat([Buffer.from("wanhui/user-key/1"), Buffer.from(pseudonym + nonce, "hex")]);
    expect(await userKeyOf(pseudonym, nonce)).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(newNonce()).not.toBe(nonce);
  });

  it("[WR12] waits are random below a bound that doubles and ends", () => {
    for (let tries = 1; tries < 40; tries += 1) {
      expect(backoffMs(tries, () => 0)).toBe(50);
      expect(backoffMs(tries, () => 0.999)).toBeLessThanOrEqual(
        Math.min(30_050, 1_000 * 2 ** (tries - 1) + 50),
      );
    }
  });
});
