import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { CtlMessage, RoundView, ShowView } from "@wanhui/protocol";
import fc from "fast-check";
import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";
import {
  backoffMs,
  foldCounts,
  foldShow,
  newNonce,
  RoundTracker,
  ServerClock,
  type TrackedWindow,
  userKeyOf,
} from "./mod.ts";

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
    const parts = output.flatMap((part) => ("code" in part ? [part] : []));
    const late = parts.filter(({ fileName }) => parts.some((part) => part.dynamicImports.includes(fileName)));
    const bytes = (some: typeof parts) =>
      some.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
    expect(bytes(parts.filter((part) => !late.includes(part)))).toBeLessThanOrEqual(8_192);
    // What does a bot check comes by itself, when a show asks for one.
    expect(late.map(({ name }) => name).sort()).toEqual(["checks", "solve"]);
    expect(bytes(late)).toBeLessThanOrEqual(4_096);
    expect(parts.map(({ code }) => code).join()).not.toContain("zod");
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
    const counts = { viewers: 1, taps: 0, entries: 0, awards: 0, claims: 0, left: { p: 4 }, open: {} };
    expect(foldCounts(view, counts).prizes.map(({ left }) => left)).toEqual([4, 2]);
    expect(JSON.stringify(view)).toBe(before);
    expect(foldShow(view, { t: "from-the-future" } as unknown as CtlMessage)).toBe(view);
  });
});

describe("what is random", () => {
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
