// What to do next about an award, and until when. Never ahead of what the server has confirmed.

import type { AwardView, OrderView } from "@wanhui/protocol";

export type NextAct =
  | { readonly act: "claim"; readonly byMs: number | null }
  | { readonly act: "pay"; readonly order: OrderView }
  | { readonly act: "none"; readonly done: boolean };

/** The one thing to do next about an award. */
export function nextAct(award: AwardView, nowMs: number): NextAct {
  const { claim } = award;
  if (claim?.type === "order") {
    if (claim.order.state === "paid") return { act: "none", done: true };
    if (claim.order.state === "placed" && claim.order.payUrl !== null)
      return { act: "pay", order: claim.order };
    if (claim.order.state === "placed") return { act: "none", done: false };
  } else if (claim !== null) {
    return { act: "none", done: true };
  }
  if (award.state === "held" && (award.claimByMs === null || nowMs < award.claimByMs)) {
    return { act: "claim", byMs: award.claimByMs };
  }
  // A grab that needs no claim is posted at once: a coupon or cash without a code yet still has one to fetch.
  if (award.state === "posted" && claim === null) return { act: "claim", byMs: null };
  return { act: "none", done: award.state === "posted" };
}

/** In which group of "my prizes" an award stands: what is to be done comes first. */
export function awardGroup(award: AwardView, nowMs: number): "todo" | "pay" | "done" | "gone" {
  const next = nextAct(award, nowMs);
  if (next.act === "claim") return "todo";
  if (next.act === "pay") return "pay";
  return next.done || award.claim?.type === "order" ? (award.state === "expired" ? "gone" : "done") : "gone";
}

const ORDER = { todo: 0, pay: 1, done: 2, gone: 3 } as const;

/** Awards in the order people need them: to do first, newest first within a group. */
export function sortAwards(awards: readonly AwardView[], nowMs: number): readonly AwardView[] {
  return [...awards].sort(
    (left, right) =>
      ORDER[awardGroup(left, nowMs)] - ORDER[awardGroup(right, nowMs)] || right.wonAtMs - left.wonAtMs,
  );
}

/** Puts a newer order into the award it belongs to. */
export function withOrder(awards: readonly AwardView[], order: OrderView): readonly AwardView[] {
  return awards.map((award) =>
    award.awardId === order.awardId ? { ...award, claim: { type: "order", order } } : award,
  );
}

/** Puts a newer view of one award in its place, or adds it. */
export function withAward(awards: readonly AwardView[], award: AwardView): readonly AwardView[] {
  const known = awards.some((each) => each.awardId === award.awardId);
  return known ? awards.map((each) => (each.awardId === award.awardId ? award : each)) : [award, ...awards];
}
