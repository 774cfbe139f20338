import type { Answer, DrawId } from "@wanhui/core";
import { expect, test } from "vitest";
import type { Session } from "../people/mod.ts";
import { createIntake, type Done, type TapOutcome } from "./mod.ts";

// What of a tap's way asks the shard, and what does not.

const DRAW = "run/round" as DrawId;
const nonce = (byte: number) => new Uint8Array(16).fill(byte);

function newIntake() {
  const world = {
    window: 0 as number | null,
    admits: true,
    asked: 0,
    taps: 0,
    fixedKey: null as string | null,
  };
  const waiting: Done[] = [];
  const intake = createIntake({
    engine: {
      enter(_draw, _user, _key, done) {
        world.asked += 1;
        waiting.push(done);
      },
      take: () => undefined,
      addTaps: (_draw, count) => {
        world.taps += count;
      },
    },
    show: {
      admit: () =>
        world.admits ? { ok: true, draw: DRAW, botCheck: false } : { ok: false, code: "draw.not_eligible" },
      openWindow: () => world.window,
      admitTake: () => ({ ok: false, code: "pool.unknown" }),
      drawIndexOf: () => 0,
    },
    limits: {
      take: () => 0,
      takeNewcomer: () => 0,
      slow: (_kind, _address, next) => next(),
      stats: () => ({ buckets: 0, refused: 0, slowed: 0, delayed: 0, undelayed: 0 }),
    },
    pseudonyms: { of: () => Buffer.alloc(32, 1) } as never,
    botCheck: { accept: () => true, holds: () => true },
    entrants: { mayEnter: () => true },
  });
  const session = { userId: "u", device: "d" } as unknown as Session;
  const tap = (byte: number, taps = 5) => {
    const outcomes: TapOutcome[] = [];
    intake.tap(session, { drawIndex: 0, taps, nonce: nonce(byte) }, (outcome) => outcomes.push(outcome));
    return outcomes;
  };
  const land = (window: number) => {
    const answer = { ok: true, type: "entered", window, fresh: true, fixedKey: world.fixedKey } as Answer;
    for (const done of waiting.splice(0)) done(answer, { shard: 0, seq: 1 });
  };
  return { world, tap, land };
}

test("[DR19] [WR6] further taps of a durable entry are counted without asking the shard, in its window alone", () => {
  const { world, tap, land } = newIntake();
  tap(1);
  // Not durable yet: nothing is known.
  tap(1);
  expect(world).toMatchObject({ asked: 2, taps: 0 });
  land(0);
  expect(world.taps).toBe(10);
  expect(tap(1)).toEqual([{ ok: true, window: 0, fixedKey: null, where: null }]);
  expect(world).toMatchObject({ asked: 2, taps: 15 });
  world.window = 1;
  expect(tap(1)).toEqual([]);
  expect(world).toMatchObject({ asked: 3, taps: 15 });
  land(1);
  world.window = null;
  tap(1);
  expect(world).toMatchObject({ asked: 4, taps: 20 });
});

test("[DR7] another nonce, and an entry under another key, always ask the shard", () => {
  const { world, tap, land } = newIntake();
  tap(1);
  land(0);
  tap(2);
  expect(world.asked).toBe(2);
  world.fixedKey = "ab";
  land(0);
  tap(2);
  expect(world.asked).toBe(3);
});

test("[CU10] [DR8] who may not enter any more is refused, whatever he entered before", () => {
  const { world, tap, land } = newIntake();
  tap(1);
  land(0);
  world.admits = false;
  expect(tap(1)).toEqual([{ ok: false, code: "draw.not_eligible" }]);
  expect(world).toMatchObject({ asked: 1, taps: 5 });
});
