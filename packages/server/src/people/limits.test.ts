import type { UserId } from "@wanhui/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressBucketOf, createLimits } from "./mod.ts";

const person = (user: string, device = user) => ({ userId: user as UserId, device });

/** A clock that is set, and delays that run when it passes them. */
function hand() {
  let now = 1_000_000;
  const timers: { atMs: number; run: () => void }[] = [];
  return {
    nowMs: () => now,
    after: (delayMs: number, run: () => void) => void timers.push({ atMs: now + delayMs, run }),
    delays: () => timers.map(({ atMs }) => atMs - now),
    pass(ms: number) {
      now += ms;
      for (const timer of timers.splice(0)) timer.atMs <= now ? timer.run() : timers.push(timer);
    },
  };
}

describe("users and devices", () => {
  it("[LM1] [LM2] a burst passes, then refusals say when the next one does", () => {
    const time = hand();
    const limits = createLimits(time);
    for (let n = 0; n < 80; n += 1) expect(limits.take("tap", person("a"), 1)).toBe(0);
    const waitMs = limits.take("tap", person("a"), 1);
    expect(waitMs).toBeGreaterThan(0);
    time.pass(waitMs);
    expect(limits.take("tap", person("a"), 1)).toBe(0);
    expect(limits.take("tap", person("a"), 1)).toBeGreaterThan(0);
    expect(limits.take("tap", person("b"), 1)).toBe(0);
    expect(limits.take("take", person("a"), 1)).toBe(0);
  });

  it("[LM1] gestures count beside frames", () => {
    const limits = createLimits(hand());
    for (let n = 0; n < 5; n += 1) expect(limits.take("tap", person("a"), 50)).toBe(0);
    expect(limits.take("tap", person("a"), 50)).toBeGreaterThan(0);
  });

  it("[LM1] many users on one device are refused by the device, and only there", () => {
    const limits = createLimits(hand());
    let passed = 0;
    for (let n = 0; n < 300; n += 1)
      if (limits.take("take", person(`user-${n}`, "phone"), 1) === 0) passed += 1;
    expect(passed).toBe(40);
    expect(limits.take("take", person("user-1", "another"), 1)).toBe(0);
    expect(limits.stats().refused).toBe(260);
  });

  it("[LM1] a refused frame takes nothing from either bucket", () => {
    const limits = createLimits(hand());
    for (let n = 0; n < 40; n += 1) limits.take("take", person(`${n}`, "phone"), 1);
    for (let n = 0; n < 100; n += 1)
      expect(limits.take("take", person("late", "phone"), 1)).toBeGreaterThan(0);
    for (let n = 0; n < 20; n += 1) expect(limits.take("take", person("late", "own"), 1)).toBe(0);
  });

  it("[LM2] whatever was asked before, after the waiting time the same passes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ ms: fc.nat(300), taps: fc.integer({ min: 1, max: 50 }) })),
        (steps) => {
          const time = hand();
          const limits = createLimits(time);
          for (const { ms, taps } of steps) {
            time.pass(ms);
            const waitMs = limits.take("tap", person("a"), taps);
            if (waitMs === 0) continue;
            time.pass(waitMs);
            expect(limits.take("tap", person("a"), taps)).toBe(0);
          }
        },
      ),
    );
  });

  it("[LM5] memory is bounded; the one untouched for longest is forgotten", () => {
    const limits = createLimits({ ...hand(), bucketsMax: 100 });
    for (let n = 0; n < 20; n += 1) limits.take("take", person("a"), 1);
    expect(limits.take("take", person("a"), 1)).toBeGreaterThan(0);
    for (let n = 0; n < 1_000; n += 1) limits.take("take", person(`${n}`), 1);
    expect(limits.stats().buckets).toBe(100);
    expect(limits.take("take", person("a"), 1)).toBe(0);
  });
});

describe("addresses", () => {
  it("[LM3] [WR11] slow down and never refuse: everybody gets in, the last one within two seconds of the crowd", () => {
    const time = hand();
    const limits = createLimits(time);
    let in_ = 0;
    for (let n = 0; n < 5_000; n += 1)
      limits.slow("connect", "1.2.3.4", () => {
        in_ += 1;
      });
    expect(in_).toBe(2_000);
    expect(Math.max(...time.delays())).toBeLessThanOrEqual(2_000);
    let another = 0;
    limits.slow("connect", "1.2.3.5", () => {
      another += 1;
    });
    expect(another).toBe(1);
    time.pass(2_001);
    expect(in_).toBe(5_000);
  });

  it("[LM3] [WR11] honest people behind a busy address are not refused anything", () => {
    const time = hand();
    const limits = createLimits(time);
    for (let n = 0; n < 50_000; n += 1) limits.slow("frame", "1.2.3.4", () => {});
    let passed = false;
    limits.slow("frame", "1.2.3.4", () => {
      passed = limits.take("tap", person("honest"), 1) === 0;
    });
    time.pass(300);
    expect(passed).toBe(true);
  });

  it("[LM8] [WR11] who makes people by the thousand waits, and a crowd of real ones behind one address still gets in", () => {
    const time = hand();
    const limits = createLimits(time);
    let madeAtMs = 0;
    // One program that makes the next as soon as it has one: no faster than the pace, once the burst is gone.
    const next = (left: number) => {
      madeAtMs = time.nowMs();
      if (left > 0) limits.slow("session", "6.6.6.6", () => next(left - 1));
    };
    const startMs = time.nowMs();
    for (let n = 0; n < 2_000; n += 1) limits.slow("session", "6.6.6.6", () => {});
    next(500);
    for (let n = 0; n < 1_000; n += 1) time.pass(10);
    expect(madeAtMs - startMs).toBeGreaterThanOrEqual(4_500);
    let in_ = 0;
    for (let n = 0; n < 5_000; n += 1)
      limits.slow("session", "7.7.7.7", () => {
        in_ += 1;
      });
    time.pass(3_001);
    expect(in_).toBe(5_000);
  });

  it("[LM3] as many wait as there is room for; the others are let through, not dropped", () => {
    const limits = createLimits({ ...hand(), delayedMax: 10 });
    let through = 0;
    for (let n = 0; n < 3_000; n += 1)
      limits.slow("request", "1.2.3.4", () => {
        through += 1;
      });
    expect(limits.stats()).toMatchObject({ delayed: 10, slowed: 10 });
    expect(through).toBe(2_990);
  });

  it("[LM3] an address is an IPv4 address or an IPv6 /64", () => {
    expect(addressBucketOf("203.0.113.7")).toBe("203.0.113.7");
    expect(addressBucketOf("::ffff:203.0.113.7")).toBe("203.0.113.7");
    expect(addressBucketOf("2001:db8:1:2:3:4:5:6")).toBe(addressBucketOf("2001:0db8:0001:0002::9"));
    expect(addressBucketOf("2001:db8:1:2::1")).not.toBe(addressBucketOf("2001:db8:1:3::1"));
    expect(addressBucketOf("::1")).toBe("0:0:0:0::/64");
    expect(addressBucketOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
    expect(addressBucketOf(undefined)).toBe("unknown");
  });
});
