import { randomUUID } from "node:crypto";
import type { AwardView, OrderView } from "@wanhui/protocol";
import { type PayStyle, payStyle } from "./audience.ts";
import { ask, pause } from "./http.ts";
import { between, oneOf } from "./random.ts";
import { bearer, type SignedIn } from "./sign-in.ts";
import { count, type Stage } from "./stage.ts";

/** Filling in the form. */
const FORM_MS = [300, 3_000] as const;
/** Looking at the payment page. */
const PAGE_MS = [200, 2_000] as const;
/** A late notice is 20 s late, and a lost one is asked about after 10 s and again: by then the order knows. */
const PAID_WITHIN_MS = 45_000;
const LOOK_EVERY_MS = 700;
/** Asked again with the same key after a lost answer, as the page does. */
const TRIES_MAX = 12;

const ADDRESSES = [
  {
    name: "王小明",
    phone: "13800138000",
    country: "CN",
    region: "北京市",
    city: "北京市",
    line1: "建国路88号",
    line2: "",
    postcode: "100022",
  },
  {
    name: "Ada Lovelace",
    phone: "+1 212 555 0123",
    country: "US",
    region: "NY",
    city: "New York",
    line1: "1 Main Street",
    line2: "",
    postcode: "10001",
  },
  {
    name: "Grace Hopper",
    phone: "+44 20 7946 0000",
    country: "GB",
    region: "",
    city: "London",
    line1: "1 High Street",
    line2: "",
    postcode: "SW1A 1AA",
  },
  {
    name: "Emmy Noether",
    phone: "+49 9131 850",
    country: "DE",
    region: "",
    city: "Erlangen",
    line1: "Schlossplatz 4",
    line2: "",
    postcode: "91054",
  },
] as const;

/** What the claim form of a prize sends. */
export function claimBody(award: AwardView, address: (typeof ADDRESSES)[number] = ADDRESSES[0]): unknown {
  const { kind } = award.prize;
  if (kind === "goods") return { kind, address };
  return kind === "right" ? { kind, name: address.name, contact: address.phone } : { kind };
}

/** Claims a prize and, where it is to be paid, pays it on the provider's page: the way a winner goes. */
export async function claimAndPay(stage: Stage, who: SignedIn, award: AwardView): Promise<void> {
  await pause(between(stage.random, ...FORM_MS), stage.goingHome);
  const style = payStyle(stage.random);
  const order = await claim(stage, who, award);
  if (order === null) return;
  await pay(stage, { who, award, order, style });
  if (style.action !== "decline") return;
  // Declined: the order is over, the prize is still there; order it again and pay.
  const ended = await orderEnds(stage, who, order);
  const again = ended === "expired" ? await claim(stage, who, award) : null;
  if (again !== null)
    await pay(stage, { who, award, order: again, style: { action: "pay", delivery: "at once" } });
}

/** @returns the order to pay, or null when there is nothing to pay */
async function claim(stage: Stage, who: SignedIn, award: AwardView): Promise<OrderView | null> {
  const { tallies, ledger, baseUrl } = stage;
  const { awardId } = award;
  const body = claimBody(award, oneOf(stage.random, ADDRESSES));
  const headers = { ...bearer(who), "idempotency-key": randomUUID() };
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const url = `${baseUrl}/api/awards/${awardId}/claim`;
    const answer = await ask<AwardView>({ url, method: "POST", body, headers });
    if (answer.ok) {
      const { claim: made } = answer.value;
      const order = made?.type === "order" ? made.order : null;
      tallies.claims += 1;
      const told = { k: "claimed", atMs: Date.now(), user: who.user, awardId } as const;
      ledger.add({ ...told, kind: award.prize.kind, orderId: order?.orderId ?? null });
      return order;
    }
    count(tallies.refusals, answer.code);
    if (answer.retryMs === null && answer.code !== "offline") return null;
    await pause(answer.retryMs ?? 1_000, stage.goingHome);
  }
  return null;
}

async function pay(
  stage: Stage,
  parts: { who: SignedIn; award: AwardView; order: OrderView; style: PayStyle },
): Promise<void> {
  const { who, award, order, style } = parts;
  if (order.payUrl === null || style.action === "leave") return;
  const page = await payPage(stage, new URL(order.payUrl, stage.baseUrl).href);
  if (page === null) return;
  await pause(between(stage.random, ...PAGE_MS), stage.goingHome);
  const body = new URLSearchParams({ action: style.action, delivery: style.delivery });
  const pressed = await fetch(page, { method: "POST", body, redirect: "manual" }).catch(() => null);
  await pressed?.body?.cancel();
  if (pressed?.status !== 303 || style.action !== "pay") return;
  const ended = await orderEnds(stage, who, order);
  if (ended !== "paid") {
    count(stage.tallies.refusals, `order ${ended} after payment`);
    return;
  }
  stage.tallies.paid += 1;
  const { awardId } = award;
  stage.ledger.add({ k: "paid", atMs: Date.now(), user: who.user, awardId, orderId: order.orderId });
}

/** Where the order's link leads: the provider's page, as a browser would open it. */
async function payPage(stage: Stage, url: string): Promise<string | null> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const lead = await fetch(url, { redirect: "manual" }).catch(() => null);
    await lead?.body?.cancel();
    const location = lead?.headers.get("location") ?? null;
    if (location?.includes("/pay/")) return location;
    if (lead !== null && location !== null && !location.includes("problem=")) return null;
    await pause(1_000, stage.goingHome);
  }
  return null;
}

/** Looks at the order until it is paid or expired, or until nobody would look any longer. */
async function orderEnds(stage: Stage, who: SignedIn, order: OrderView): Promise<string> {
  const untilMs = performance.now() + PAID_WITHIN_MS;
  let last = "unanswered";
  while (performance.now() < untilMs) {
    const url = `${stage.baseUrl}/api/orders/${order.orderId}`;
    const answer = await ask<OrderView>({ url, headers: bearer(who) });
    last = answer.ok ? answer.value.state : answer.code;
    if (last === "paid" || last === "expired") return last;
    // Going home does not end this wait: what was paid must be seen to arrive.
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return last;
}
