import { describe, expect, it } from "vitest";
import { Handshakes } from "./handshakes.ts";

/** A door on a clock that is moved by hand. */
function door(options: { perSecond?: number; burst?: number; waitingMax?: number } = {}) {
  let nowMs = 0;
  let planned: { atMs: number; run: () => void }[] = [];
  const clock = {
    nowMs: () => nowMs,
    after(delayMs: number, run: () => void) {
      const plan = { atMs: nowMs + delayMs, run };
      planned.push(plan);
      return () => {
        planned = planned.filter((each) => each !== plan);
      };
    },
    soon: (run: () => void) => run(),
  };
  const handshakes = new Handshakes({ clock, perSecond: 100, burst: 10, waitingMax: 50, ...options });
  const taken: string[] = [];
  const refused: string[] = [];
  const gone = new Set<string>();
  return {
    handshakes,
    taken,
    refused,
    gone,
    come(address: string, name: string) {
      handshakes.admit(address, {
        take: () => void taken.push(name),
        refuse: () => void refused.push(name),
        isGone: () => gone.has(name),
      });
    },
    pass(ms: number) {
      for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 5) {
        const due = planned.filter(({ atMs }) => atMs <= nowMs);
        planned = planned.filter(({ atMs }) => atMs > nowMs);
        for (const { run } of due) run();
      }
    },
    get timers() {
      return planned.length;
    },
  };
}

describe("handshakes", () => {
  it("[AB15] a burst is taken up at once, the rest at the rate, all in the end, and then nothing runs any more", () => {
    const one = door();
    for (let n = 0; n < 40; n += 1) one.come("a", `a${n}`);
    expect(one.taken).toHaveLength(10);
    one.pass(100);
    expect(one.taken.length).toBeGreaterThanOrEqual(17);
    expect(one.taken.length).toBeLessThanOrEqual(20);
    one.pass(300);
    expect(one.taken).toEqual(Array.from({ length: 40 }, (_, n) => `a${n}`));
    expect(one.handshakes.waiting).toBe(0);
    expect(one.refused).toEqual([]);
    one.pass(50);
    expect(one.timers).toBe(0);
  });

  it("[AB15] [WR11] addresses take turns: a crowd behind one does not make another wait for all of it", () => {
    const one = door();
    for (let n = 0; n < 40; n += 1) one.come("crowd", `c${n}`);
    one.come("home", "h");
    one.pass(60);
    expect(one.taken).toContain("h");
    expect(one.taken.length).toBeLessThan(20);
  });

  it("[AB15] over the edge the longest line loses its newest, never whoever comes alone", () => {
    const one = door();
    for (let n = 0; n < 80; n += 1) one.come("farm", `f${n}`);
    // Ten were taken, fifty wait.
    expect(one.refused).toHaveLength(20);
    one.come("home", "h");
    expect(one.refused).toHaveLength(21);
    expect(one.refused.at(-1)).toBe("f59");
    expect(one.handshakes.waiting).toBe(50);
    one.pass(1_000);
    expect(one.taken).toContain("h");
    expect(one.taken).toHaveLength(60);
  });

  it("[AB15] whoever left takes nobody's turn; a stop refuses all who wait", () => {
    const one = door({ burst: 1 });
    for (const name of ["a", "b", "c", "d"]) one.come(name, name);
    one.gone.add("b");
    one.pass(40);
    expect(one.taken).toContain("c");
    expect(one.taken).not.toContain("b");
    for (let n = 0; n < 5; n += 1) one.come("e", `e${n}`);
    one.handshakes.stop();
    expect(one.handshakes.waiting).toBe(0);
    expect(one.timers).toBe(0);
    expect(one.taken.length + one.refused.length + 1).toBe(9);
  });
});
