import type { Answer, PoolId, RequestId, UserId } from "@wanhui/core";
import { expect, test } from "vitest";
import { EngineFault, type Scheduler, type TimerHandle } from "../engine/mod.ts";
import { Asks } from "./asks.ts";
import type { AskedAnswer, DirectMessage } from "./messages.ts";

type Timer = { readonly atMs: number; readonly run: () => void };

/** Asks of a process whose time, owners and mail are the test's. */
function world() {
  let nowMs = 0;
  let timers: Timer[] = [];
  const owners: (string | null)[] = ["b", "c"];
  const sent: { readonly to: string; readonly ids: number[] }[] = [];
  let looks = 0;
  const after = (delayMs: number, run: () => void): TimerHandle => {
    const timer = { atMs: nowMs + delayMs, run };
    timers.push(timer);
    return timer as unknown as TimerHandle;
  };
  const scheduler: Scheduler = {
    setTimer: after,
    soon: (run) => void after(0, run),
    clear: (handle) => {
      timers = timers.filter((timer) => timer !== (handle as unknown as Timer));
    },
  };
  const pass = (untilMs: number) => {
    for (;;) {
      timers.sort((a, b) => a.atMs - b.atMs);
      const next = timers[0];
      if (next === undefined || next.atMs > untilMs) break;
      timers.shift();
      nowMs = next.atMs;
      next.run();
    }
    nowMs = untilMs;
  };
  const asks = new Asks({
    self: "a",
    clock: { monotonicMs: () => nowMs },
    scheduler,
    ownerOf: (shard) => owners[shard] ?? null,
    send: (to, message: DirectMessage) => {
      if (message.t === "ask") sent.push({ to, ids: message.asks.map(([id]) => id) });
    },
    wrote: () => undefined,
    lookAgain: () => {
      looks += 1;
    },
  });
  const answers: string[] = [];
  const ask = (shard: number, mayHaveHappened?: boolean) => {
    const take = {
      type: "grab.take",
      pool: "run/a" as PoolId,
      user: "11".repeat(16) as UserId,
      requestId: "22".repeat(16) as RequestId,
      quantity: 1,
    } as const;
    const done = (answer: Answer | EngineFault) =>
      void answers.push(answer instanceof EngineFault ? answer.code : answer.ok ? answer.type : answer.code);
    asks.ask(shard, take, done, mayHaveHappened);
  };
  const answerAll = (answer: AskedAnswer[1]) =>
    asks.take([...new Set(sent.flatMap(({ ids }) => ids))].map((id) => [id, answer, null]));
  return { asks, ask, answers, answerAll, owners, sent, pass, now: () => nowMs, looks: () => looks };
}

test("[MP10] busy means that nothing was done: said of the first who was asked, and not when another was asked before", () => {
  const first = world();
  first.ask(0);
  first.pass(1);
  first.answerAll("engine.busy");
  expect(first.answers).toEqual(["engine.busy"]);
  const second = world();
  second.ask(0);
  second.pass(1);
  second.owners[0] = "c";
  second.asks.ownersChanged();
  second.pass(2);
  expect(second.sent.map(({ to }) => to)).toEqual(["b", "c"]);
  second.answerAll("engine.busy");
  expect(second.answers).toEqual(["engine.unknown"]);
});

test("[MP10] what was on its way to the journal when its shard was lost is unknown when it is given up, never busy", () => {
  const { ask, answers, owners, pass } = world();
  owners[0] = null;
  ask(0, true);
  ask(0);
  pass(11_000);
  expect(answers).toEqual(["engine.unknown", "engine.busy"]);
});

test("[MP10] a shard that is broken at its owner is said at once; nobody asks again", () => {
  const { ask, answers, answerAll, sent, pass, looks } = world();
  ask(0);
  pass(1);
  answerAll("engine.broken");
  expect(answers).toEqual(["engine.broken"]);
  pass(11_000);
  expect([sent.length, looks()]).toEqual([1, 0]);
});

test("[MP10] an owner who says that he is none is asked less and less often", () => {
  const { ask, answers, answerAll, sent, pass, now } = world();
  ask(0);
  for (let seen = 0; now() < 9_900; pass(now() + 20)) {
    if (sent.length > seen) answerAll("engine.fenced");
    seen = sent.length;
  }
  expect(answers).toEqual([]);
  expect(sent.length).toBeGreaterThan(4);
  expect(sent.length).toBeLessThan(12);
});

test("[MP10] [M12] the places of a shard that nobody answers for are its own", () => {
  const { ask, answers, pass, sent, asks } = world();
  for (let n = 0; n < 8_192; n += 1) ask(0);
  expect(answers).toEqual([]);
  ask(0);
  expect(answers).toEqual(["engine.busy"]);
  ask(1);
  pass(1);
  expect(sent.at(-1)).toMatchObject({ to: "c", ids: [8_193] });
  expect(asks.kept).toBe(8_193);
  pass(11_000);
  // Given up, they leave their places.
  ask(0);
  expect(answers).toHaveLength(8_194);
});

test("[MP10] whatever makes it look again, an owner is asked once; when the bus is back, once more", () => {
  const { ask, asks, sent, pass } = world();
  ask(0);
  asks.ownersChanged();
  asks.ownersChanged();
  pass(1);
  asks.ownersChanged();
  pass(2);
  expect(sent).toHaveLength(1);
  asks.askAgain();
  pass(3);
  expect(sent).toHaveLength(2);
});
