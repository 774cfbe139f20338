import type { AwardView, OrderView, PrizeView } from "@wanhui/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { transaction } from "../orders/mod.ts";
import { creditCash } from "./effects.ts";
import { bodies, type Life, Night, prizeOf, userOf } from "./night.fixture.ts";

let night: Night;
let life: Life;

beforeAll(async () => {
  night = await Night.begin();
  life = night.life();
});
afterAll(async () => {
  await night.end();
});

let keys = 0;
const newKey = () => `key-${++keys}`;

async function claimed(
  won: Awaited<ReturnType<Night["win"]>>,
  kind: keyof typeof bodies,
  key = newKey(),
): Promise<AwardView> {
  const answer = await life.awards.claim({ ...won, key, body: bodies[kind] });
  if (!answer.ok) throw new Error(answer.code);
  return JSON.parse(answer.body) as AwardView;
}

function orderOf(view: AwardView): OrderView {
  if (view.claim?.type !== "order") throw new Error("No order");
  return view.claim.order;
}

test("[CL4] goods: claim, pay on the sandbox's page, posted; the buyer is told of each step", async () => {
  const won = await night.win("run/goods");
  const view = await claimed(won, "goods");
  expect(view.state).toBe("committing");
  const order = orderOf(view);
  expect(order).toMatchObject({
    state: "placed",
    amount: { amountMinor: 1, currency: "CNY" },
    refundDue: false,
  });
  expect(order.payUrl).toMatch(new RegExp(`^/api/orders/${order.orderId}/pay\\?k=`));
  const page = await life.orders.payPage(order.orderId);
  expect(await night.press(page ?? "", "pay")).toBe(303);
  await night.quiet(life);
  const standing = await night.standing(won.awardId);
  expect(standing.award).toEqual({ state: "posted", order_id: order.orderId });
  expect(standing.orders).toEqual([{ order_id: order.orderId, state: "paid", refund_due: false }]);
  await life.awards.settler.runOnce();
  const own = life.me.filter(({ userId }) => userId === won.userId).map(({ message }) => message);
  expect(own[0]?.t).toBe("won");
  expect(own.flatMap((message) => (message.t === "order" ? [message.order.state] : []))).toEqual([
    "placed",
    "paid",
  ]);
  const last = own.flatMap((message) => (message.t === "award" ? [message.award] : [])).at(-1);
  expect(last).toMatchObject({
    state: "posted",
    claim: { type: "order", order: { state: "paid", payUrl: null } },
  });
});

test("[CL7] coupon: a code that stays the same, valid from the win", async () => {
  const won = await night.win("run/coupon");
  const view = await claimed(won, "coupon");
  expect(view.state).toBe("posted");
  expect(view.claim).toMatchObject({ type: "coupon", validUntilMs: view.wonAtMs + 30 * 86_400_000 });
  const again = await claimed(won, "coupon");
  expect(again.claim).toEqual(view.claim);
  const rows = await night.pool.query("select count(*)::int as n from coupons where award_id = $1", [
    won.awardId,
  ]);
  expect(rows.rows).toEqual([{ n: 1 }]);
});

test("[CL8] cash: credited once, the balance is the sum of its credits", async () => {
  const won = await night.win("run/cash");
  const views = await Promise.all(Array.from({ length: 10 }, () => claimed(won, "cash")));
  expect(views[0]?.claim).toMatchObject({ type: "credit", amount: { amountMinor: 500, currency: "CNY" } });
  const { rows } = await night.pool.query(
    "select b.amount_minor, (select sum(amount_minor) from credits c where c.user_id = b.user_id)::bigint as credits from balances b where user_id = $1",
    [won.userId],
  );
  expect(rows).toEqual([{ amount_minor: 500n, credits: 500n }]);
  await expect(
    night.pool.query("update balances set amount_minor = -1 where user_id = $1", [won.userId]),
  ).rejects.toThrow(/balances_amount_minor_check/);
});

test("[CL8] made twice is made once, whoever makes it", async () => {
  const won = await night.win("run/cash");
  const record = { ...won, pool: "run/cash", draw: null, window: null, state: "posted" as const };
  const posted = {
    record: { ...record, claimByMs: null, reason: null, wonAtMs: 1 },
    prize: prizeOf("run/cash") as PrizeView,
  };
  for (let turn = 0; turn < 2; turn += 1) await transaction(night.pool, (tx) => creditCash(tx, [posted], 5));
  const { rows } = await night.pool.query("select amount_minor from balances where user_id = $1", [
    won.userId,
  ]);
  expect(rows).toEqual([{ amount_minor: 500n }]);
});

test("[CL9] right: registered with a reference, the contact shortened", async () => {
  const won = await night.win("run/right");
  const view = await claimed(won, "right");
  expect(view.claim).toMatchObject({ type: "right", contact: "138****8000" });
});

test("[CL1] another's award looks like one that does not exist", async () => {
  const won = await night.win("run/goods");
  const stranger = { userId: userOf(999_999), key: newKey(), body: bodies.goods };
  const theirs = await life.awards.claim({ ...stranger, awardId: won.awardId });
  const none = await life.awards.claim({
    ...stranger,
    key: newKey(),
    awardId: "00".repeat(16) as typeof won.awardId,
  });
  expect(theirs).toEqual({ ok: false, code: "claim.not_yours" });
  expect(none).toEqual(theirs);
  const order = orderOf(await claimed(won, "goods"));
  expect(await life.orders.get(stranger.userId, order.orderId)).toBeNull();
  expect(await life.orders.listOf(stranger.userId)).toEqual([]);
  expect(await life.awards.listOf(stranger.userId)).toEqual([]);
});

test("[OR7] buyers list their own orders; a pay link's key opens that order alone", async () => {
  const [one, two] = [await night.win("run/goods"), await night.win("run/goods")];
  const [mine, theirs] = [orderOf(await claimed(one, "goods")), orderOf(await claimed(two, "goods"))];
  expect((await life.orders.listOf(one.userId)).map(({ orderId }) => orderId)).toEqual([mine.orderId]);
  const key = new URL(mine.payUrl ?? "", "http://x").searchParams.get("k") ?? "";
  expect(life.orders.isPayKey(mine.orderId, key)).toBe(true);
  expect(life.orders.isPayKey(theirs.orderId, key)).toBe(false);
  expect(life.orders.isPayKey(mine.orderId, "")).toBe(false);
});

test("[CL3] a claim of another kind is refused and changes nothing", async () => {
  const won = await night.win("run/coupon");
  const answer = await life.awards.claim({ ...won, key: newKey(), body: bodies.goods });
  expect(answer).toMatchObject({ ok: false, code: "claim.wrong_kind" });
  expect((await night.standing(won.awardId)).claims).toEqual([]);
});

test("[CL3] after the deadline it is too late, and stays so under the same key", async () => {
  const won = await night.win("run/goods-brief");
  // Expiry is the engine's own event, written when it is due.
  await expect
    .poll(async () => {
      await night.materialiser.caughtUp();
      return (await night.standing(won.awardId)).award.state;
    })
    .toBe("expired");
  const request = { ...won, key: newKey(), body: bodies.goods };
  const answer = await life.awards.claim(request);
  expect(answer).toEqual({ ok: false, code: "claim.expired" });
  expect(await life.awards.claim(request)).toEqual(answer);
  expect((await night.standing(won.awardId)).orders).toEqual([]);
});

test("[CL4] what the engine refuses comes to nothing: no order, no coupon, and the claim says why", async () => {
  const won = await night.win("run/goods");
  await night.engine.submit({ type: "award.commit", awardId: won.awardId, orderId: "another" });
  const request = { ...won, key: newKey(), body: bodies.goods };
  const refused = { ok: false, code: "award.committed_elsewhere" };
  expect(await life.awards.claim(request)).toEqual(refused);
  expect(await night.standing(won.awardId)).toMatchObject({ orders: [], claims: ["refused"] });
  const coupon = await night.win("run/coupon");
  await night.engine.submit({ type: "award.commit", awardId: coupon.awardId, orderId: "another" });
  expect((await life.awards.claim({ ...coupon, key: newKey(), body: bodies.coupon })).ok).toBe(false);
  const { rows } = await night.pool.query("select 1 from coupons where award_id = $1", [coupon.awardId]);
  expect(rows).toEqual([]);
  // The other order ends: the same key may ask again, for the refusal was not final.
  await night.engine.submit({ type: "award.release", awardId: won.awardId, orderId: "another" });
  expect((await life.awards.claim(request)).ok).toBe(true);
});

test("[CL2] a retry gets the same bytes for a day; other parameters are refused; another person's key is his own", async () => {
  const won = await night.win("run/goods");
  const key = newKey();
  const first = await life.awards.claim({ ...won, key, body: bodies.goods });
  const order = orderOf(JSON.parse(first.ok ? first.body : "") as AwardView);
  await night.press((await life.orders.payPage(order.orderId)) ?? "", "pay");
  await night.quiet(life);
  // The order is paid by now; the answer is what it was.
  expect(await life.awards.claim({ ...won, key, body: bodies.goods })).toEqual(first);
  const other = {
    ...bodies.goods,
    address: { ...(bodies.goods as { address: object }).address, name: "李" },
  };
  expect(await life.awards.claim({ ...won, key, body: other as typeof bodies.goods })).toEqual({
    ok: false,
    code: "idempotency.conflict",
  });
  const next = await night.win("run/goods");
  expect((await life.awards.claim({ ...next, key, body: bodies.goods })).ok).toBe(true);
  night.offsetMs += 24 * 3_600_000 + 1;
  const later = await life.awards.claim({ ...won, key, body: bodies.goods });
  expect(later.ok && orderOf(JSON.parse(later.body) as AwardView).state).toBe("paid");
});

test("[CL12] [OR9] [M5] twenty claims of one award at once: one order, one outcome, no success without it", async () => {
  const won = await night.win("run/goods");
  const goods = bodies.goods;
  if (goods.kind !== "goods") throw new Error("the body of goods claims goods");
  const elsewhere = { ...goods, address: { ...goods.address, line1: "另一条街 1 号" } };
  const bodyOf = (n: number) => (n % 2 === 0 ? goods : elsewhere);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => life.awards.claim({ ...won, key: newKey(), body: bodyOf(n) })),
  );
  const orders = new Set(
    answers.flatMap((answer) => (answer.ok ? [orderOf(JSON.parse(answer.body)).orderId] : [])),
  );
  expect(orders.size).toBe(1);
  const refused = answers.filter((answer) => !answer.ok);
  expect(refused).toHaveLength(10);
  for (const answer of refused) expect(answer).toMatchObject({ code: "award.committed_elsewhere" });
  const standing = await night.standing(won.awardId);
  expect(standing.orders).toHaveLength(1);
  await night.materialiser.caughtUp();
  expect((await night.standing(won.awardId)).award).toEqual({
    state: "committing",
    order_id: [...orders][0],
  });
});

test("[CL10] a coupon posted as it was won shows its code at once; rows follow, money once", async () => {
  const coupon = await night.win("run/coupon-rain");
  const won = life.me.find(({ userId }) => userId === coupon.userId)?.message;
  const shown = won?.t === "won" ? won.award.claim : null;
  expect(shown?.type).toBe("coupon");
  const cash = await night.win("run/cash-rain");
  await life.awards.settler.runOnce();
  await life.awards.settler.runOnce();
  const [own] = await life.awards.listOf(coupon.userId);
  expect(own?.claim).toEqual(shown);
  const row = await night.pool.query("select code from coupons where award_id = $1", [coupon.awardId]);
  expect(row.rows).toEqual([{ code: shown?.type === "coupon" ? shown.code : "" }]);
  const [money] = await life.awards.listOf(cash.userId);
  expect(money?.claim).toMatchObject({ type: "credit", amount: { amountMinor: 500 } });
  // A process that was killed before the rows: the next one's search finds them.
  const missed = await night.win("run/cash-rain");
  const next = night.life();
  await next.awards.settler.runOnce();
  await next.awards.settler.runOnce();
  const balance = await night.pool.query("select amount_minor from balances where user_id = $1", [
    missed.userId,
  ]);
  expect(balance.rows).toEqual([{ amount_minor: 500n }]);
});

test("[CL6] nothing personal stands in a table in the clear", async () => {
  const won = await night.win("run/goods");
  await claimed(won, "goods");
  const right = await night.win("run/right");
  await claimed(right, "right");
  const tables = ["claims", "orders", "rights", "idempotency_keys", "order_events", "outbox"];
  for (const table of tables) {
    const { rows } = await night.pool.query(`select t::text as row from ${table} t`);
    const text = rows.map(({ row }) => row as string).join("\n");
    expect(text, table).not.toMatch(/王小明|88号院|13800138000/);
    expect(text, table).not.toContain(Buffer.from("王小明").toString("hex"));
  }
});
