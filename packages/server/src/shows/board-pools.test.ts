import type { AwardId, Event, PoolId, RequestId, UserId } from "@wanhui/core";
import { afterEach, expect, test } from "vitest";
import type { Board } from "./board-port.ts";
import { goodShow } from "./testing.ts";
import { NIGHT_MS, Stage } from "./testing-stage.ts";

const stages: Stage[] = [];
afterEach(() => {
  for (const stage of stages.splice(0)) stage.kill();
});

const kettle = "small-1/kettle" as PoolId;
const voucher = "small-1/voucher" as PoolId;

/** The shard's own numbers, in the words of the view. */
function inShard(stage: Stage) {
  return stage
    .pools()
    .map(({ pool, units, free, held, openAwards, heldByDraw, promised, posted, withdrawn }) => {
      const sum = promised.reduce((total, { units: each }) => total + each, 0);
      return { pool, units, free, held, openAwards, heldByDraw, promised: sum, posted, withdrawn };
    });
}

test("[CU13] [PL1] through a whole night the board's pools are the shard's, at every step and made anew", async () => {
  const stage = new Stage(goodShow());
  stages.push(stage);
  await stage.boot();
  const seen = new Set<string>();
  const check = (board: Board = stage.board) => {
    const pools = board.pools();
    expect(pools).toEqual(inShard(stage));
    for (const { pool, units, free, held, posted, withdrawn } of pools) {
      expect(free + held + posted + withdrawn, pool).toBe(units);
    }
    for (const [name, value] of Object.entries(pools[0] ?? {})) if (value !== 0) seen.add(name);
  };
  const awardsOf = () => stage.events("window.drawn").flatMap(({ winners }) => winners);
  const act = async (command: Parameters<Stage["submit"]>[0]) => {
    expect(await stage.submit(command)).toMatchObject({ ok: true });
    check();
  };
  await stage.passTo(1_000);
  check();
  await act({ type: "pool.change", pool: kettle, delta: 7, commandId: "more" });
  await act({ type: "pool.change", pool: kettle, delta: -4, commandId: "fewer" });
  await stage.passTo(62_000);
  for (let person = 0; person < 30; person++) await stage.enter("round-1", person);
  // Every second: armed, open, sealed, drawn, closed, and what is left promised to round 2.
  for (let second = 63; second < 130; second++) {
    await stage.passTo(second * 1_000);
    check();
  }
  expect(stage.board.pools()[0]).toMatchObject({ units: 107, openAwards: 20, promised: 40, withdrawn: 4 });
  const [one, two, three] = awardsOf().map(({ awardId }) => awardId as AwardId);
  if (one === undefined || two === undefined || three === undefined) throw new Error("three winners");
  await act({ type: "award.commit", awardId: one, orderId: "order-1" });
  await act({ type: "award.post", awardId: one, orderId: "order-1" });
  await act({ type: "award.forfeit", awardId: two, reason: "entered twice" });
  await act({ type: "award.post", awardId: three, orderId: null });
  for (let second = 280; second < 340; second += 2) {
    await stage.passTo(second * 1_000);
    check();
  }
  await stage.passTo(601_000);
  for (let person = 0; person < 3; person++) {
    const user = `0${person + 1}`.repeat(16) as UserId;
    const requestId = `a${person}`.repeat(16) as RequestId;
    await act({ type: "grab.take", pool: voucher, user, requestId, quantity: 1 });
  }
  // The time to claim runs out two days later; nobody needs to live through them.
  stage.clock.ms = NIGHT_MS + 50 * 3_600_000 - 5_000;
  await stage.passTo(50 * 3_600_000);
  check();
  expect(stage.board.pools()[0]).toMatchObject({ openAwards: 0, posted: 2 });
  expect(seen).toEqual(
    new Set("pool units free held openAwards heldByDraw promised posted withdrawn".split(" ")),
  );
  const again = stage.newBoard();
  again.fold({ events: stage.journal as Event[], atMs: stage.clock.ms, replay: true });
  check(again);
});
