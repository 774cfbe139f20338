import { expect, test } from "vitest";
import { allAwards } from "../../../e2e/fake/scenes.ts";
import { awardGroup, nextAct, sortAwards, withAward, withOrder } from "./awards.ts";

const now = 2_000_000_000_000;
const awards = allAwards(now);

test("every award says what to do next, the pressing ones first", () => {
  expect(sortAwards(awards, now).map((award) => awardGroup(award, now))).toEqual([
    "todo",
    "pay",
    "done",
    "done",
    "done",
    "gone",
  ]);
});

test("an award past its time to claim offers nothing, also before the server has said so", () => {
  const [first] = awards;
  if (first === undefined) throw new Error("no award");
  expect(nextAct(first, now).act).toBe("claim");
  expect(nextAct(first, (first.claimByMs ?? 0) + 1)).toEqual({ act: "none", done: false });
});

test("a newer order or award takes the place of the old one", () => {
  const placed = awards[1];
  if (placed?.claim?.type !== "order") throw new Error("no order");
  const paid = { ...placed.claim.order, awardId: placed.awardId, state: "paid" as const, paidAtMs: now };
  const after = withOrder(awards, paid);
  expect(after.find((award) => award.awardId === placed.awardId)?.claim).toEqual({
    type: "order",
    order: paid,
  });
  expect(withAward(after, placed)).toHaveLength(awards.length);
});
