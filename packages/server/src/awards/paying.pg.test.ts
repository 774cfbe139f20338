import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AwardId, UserId } from "@wanhui/core";
import type { AwardView, OrderView } from "@wanhui/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, createApp } from "../http/mod.ts";
import {
  createSandbox,
  createSandboxProvider,
  noticePath,
  type PaymentOutcome,
  paymentRoutes,
  signedHeaders,
} from "../payments/mod.ts";
import { silentLog } from "../platform/mod.ts";
import { createTestFolder, removeTestFolder } from "../platform/testing.ts";
import { bodies, type Life, Night } from "./night.fixture.ts";

let night: Night;
let life: Life;
let app: App;

beforeAll(async () => {
  night = await Night.begin();
  life = night.life();
  app = await createApp({ log: silentLog(), version: "test" });
  const { pool, provider, nowMs } = night;
  paymentRoutes(app, { pool, provider, nowMs, learn: (outcome, who) => life.orders.learn(outcome, who) });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const bound = app.server.address();
  const port = typeof bound === "object" ? bound?.port : 0;
  night.notifyUrl = `http://127.0.0.1:${port}${noticePath("sandbox")}`;
});
afterAll(async () => {
  await app.close();
  await night.end();
});

type Placed = { userId: UserId; awardId: AwardId; orderId: string; page: string; paymentId: string };

async function placed(): Promise<Placed> {
  const won = await night.win("run/goods");
  const answer = await life.awards.claim({ ...won, key: randomUUID(), body: bodies.goods });
  const view = JSON.parse(answer.ok ? answer.body : "null") as AwardView;
  const orderId = view.claim?.type === "order" ? view.claim.order.orderId : "";
  const page = (await life.orders.payPage(orderId)) ?? "";
  return { ...won, orderId, page, paymentId: page.split("/").at(-1) ?? "" };
}

async function post(notice: object, change: { headers?: Record<string, string>; body?: Buffer } = {}) {
  const body = change.body ?? Buffer.from(JSON.stringify(notice));
  const headers = signedHeaders({ secret: night.sandboxSecret, id: "n", nowMs: night.nowMs(), body });
  return app.inject({
    method: "POST",
    url: noticePath("sandbox"),
    headers: { "content-type": "application/json", ...headers, ...change.headers },
    payload: body,
  });
}

const noticeOf = (order: Placed, more: Partial<PaymentOutcome & { noticeId: string }> = {}) => ({
  noticeId: randomUUID(),
  paymentId: order.paymentId,
  orderId: order.orderId,
  state: "paid",
  amount: { amountMinor: 1, currency: "CNY" },
  atMs: night.nowMs(),
  ...more,
});

const stateOf = async (order: Placed): Promise<OrderView["state"] | undefined> =>
  (await life.orders.get(order.userId, order.orderId))?.state;

async function events(order: Placed): Promise<string[]> {
  const { rows } = await night.pool.query(
    "select event, who from order_events where order_id = $1 order by n",
    [order.orderId],
  );
  return rows.map(({ event, who }) => `${event} by ${who}`);
}

for (const delivery of ["at once", "twice", "reordered"]) {
  test(`[PY3] paid on the page, notice ${delivery}: the order is paid once and the award posted`, async () => {
    const order = await placed();
    expect(await night.press(order.page, "pay", delivery)).toBe(303);
    await expect.poll(() => stateOf(order), { timeout: 10_000 }).toBe("paid");
    await night.outbox.drained();
    await night.materialiser.caughtUp();
    expect((await night.standing(order.awardId)).award).toEqual({ state: "posted", order_id: order.orderId });
    expect(await events(order)).toEqual([
      "placed by buyer",
      "payment.captured by notice:sandbox",
      "paid by notice:sandbox",
    ]);
  });
}

test("[PY3] [PY4] a notice that never comes: the provider is asked", async () => {
  const order = await placed();
  await night.press(order.page, "pay", "never");
  night.offsetMs += 11_000;
  await life.checker.runOnce();
  expect(await stateOf(order)).toBe("paid");
  expect((await events(order)).at(-1)).toBe("paid by query:sandbox");
  const again = await night.provider.create({
    orderId: order.orderId,
    amount: { amountMinor: 1, currency: "CNY" },
    title: "x",
    returnUrl: "http://shop.test/",
    notifyUrl: night.notifyUrl,
  });
  expect(again.paymentId).toBe(order.paymentId);
});

test("[OR4] declined: the order expires, the award is held for longer, a new order can be placed and paid", async () => {
  const order = await placed();
  await night.press(order.page, "decline", "at once");
  await expect.poll(() => stateOf(order), { timeout: 10_000 }).toBe("expired");
  await night.materialiser.caughtUp();
  expect((await night.standing(order.awardId)).award.state).toBe("held");
  const answer = await life.awards.claim({ ...order, key: randomUUID(), body: bodies.goods });
  const view = JSON.parse(answer.ok ? answer.body : "null") as AwardView;
  const next = view.claim?.type === "order" ? view.claim.order.orderId : "";
  expect(next).not.toBe(order.orderId);
  await night.press((await life.orders.payPage(next)) ?? "", "pay", "at once");
  await expect
    .poll(async () => (await life.orders.get(order.userId, next))?.state, { timeout: 10_000 })
    .toBe("paid");
});

test("[PY1] forged, old, altered, unsigned, malformed: refused, nothing changed", async () => {
  const order = await placed();
  const notice = noticeOf(order);
  const body = Buffer.from(JSON.stringify(notice));
  const stamped = (nowMs: number, secret: Buffer) => signedHeaders({ secret, id: "n", nowMs, body });
  const bad = [
    await post(notice, { headers: stamped(night.nowMs(), Buffer.alloc(32)) }),
    await post(notice, { headers: stamped(night.nowMs() - 600_000, night.sandboxSecret) }),
    await post(notice, {
      headers: stamped(night.nowMs(), night.sandboxSecret),
      body: Buffer.from(`${body} `),
    }),
    await app.inject({ method: "POST", url: noticePath("sandbox"), payload: body }),
    await post({}),
    await post({ ...notice, state: "refunded" }),
    await post({ ...notice, amount: { amountMinor: 1.5, currency: "CNY" } }),
    await post({}, { body: Buffer.from("not json") }),
    await post({}, { body: Buffer.alloc(0) }),
  ];
  for (const answer of bad) {
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toMatchObject({ code: "payment.bad_signature" });
  }
  expect(await stateOf(order)).toBe("placed");
  expect(await events(order)).toEqual(["placed by buyer"]);
});

test("[PY2] another amount, currency, payment or order: refused by name, kept, nothing paid", async () => {
  const order = await placed();
  const other = await placed();
  const cheap = await post(noticeOf(order, { amount: { amountMinor: 2, currency: "CNY" } }));
  expect([cheap.statusCode, cheap.json().code]).toEqual([422, "payment.bad_amount"]);
  const foreign = await post(noticeOf(order, { amount: { amountMinor: 1, currency: "JPY" } }));
  expect(foreign.json().code).toBe("payment.bad_amount");
  const swapped = await post(noticeOf(order, { paymentId: other.paymentId }));
  expect([swapped.statusCode, swapped.json().code]).toEqual([404, "order.unknown"]);
  expect((await post(noticeOf(order, { orderId: "ab".repeat(16) }))).json().code).toBe("order.unknown");
  expect([await stateOf(order), await stateOf(other)]).toEqual(["placed", "placed"]);
  expect(await events(order)).toEqual([
    "placed by buyer",
    "payment.bad_amount by notice:sandbox",
    "payment.bad_amount by notice:sandbox",
  ]);
});

test("[OR3] [OR4] [PY5] time passes: cancelled at the provider, expired, and the page cannot be paid any more", async () => {
  const order = await placed();
  night.offsetMs += 15 * 60_000 + 1;
  expect(await life.orders.payPage(order.orderId)).toBeNull();
  await life.checker.runOnce();
  expect(await stateOf(order)).toBe("expired");
  expect(await night.press(order.page, "pay", "at once")).toBe(409);
  expect((await night.provider.query(order.paymentId)).state).toBe("closed");
  await night.materialiser.caughtUp();
  expect((await night.standing(order.awardId)).award.state).toBe("held");
});

test("[OR3] the show file says how long an order may wait", async () => {
  const won = await night.win("run/goods-hasty");
  const answer = await life.awards.claim({ ...won, key: randomUUID(), body: bodies.goods });
  const view = JSON.parse(answer.ok ? answer.body : "null") as AwardView;
  const order = view.claim?.type === "order" ? view.claim.order : null;
  expect((order?.payByMs ?? 0) - (order?.placedAtMs ?? 0)).toBe(60_000);
  night.offsetMs += 60_001;
  await life.checker.runOnce();
  expect((await life.orders.get(won.userId, order?.orderId ?? ""))?.state).toBe("expired");
});

test("[OR4] paid just before the time passed, nobody told us: paid, not expired", async () => {
  const order = await placed();
  await night.press(order.page, "pay", "never");
  night.offsetMs += 20 * 60_000;
  await life.checker.runOnce();
  expect(await stateOf(order)).toBe("paid");
});

test("[OR4] a provider that does not answer: the order waits, whatever the clock says", async () => {
  const order = await placed();
  const silent = night.life();
  const { query } = night.provider;
  try {
    (night.provider as { query: typeof query }).query = () => Promise.reject(new Error("no route"));
    night.offsetMs += 3_600_000;
    await silent.checker.runOnce();
    expect(await stateOf(order)).toBe("placed");
  } finally {
    (night.provider as { query: typeof query }).query = query;
  }
  await night.quiet(life);
  expect(await stateOf(order)).toBe("expired");
});

test("[OR10] a notice after the expiry: paid while the award can still be had, a refund where it cannot", async () => {
  const [one, two] = [await placed(), await placed()];
  night.offsetMs += 16 * 60_000;
  await life.checker.runOnce();
  expect([await stateOf(one), await stateOf(two)]).toEqual(["expired", "expired"]);
  expect((await post(noticeOf(one))).statusCode).toBe(204);
  expect(await stateOf(one)).toBe("paid");
  // The second award goes into a new order first.
  const again = await life.awards.claim({ ...two, key: randomUUID(), body: bodies.goods });
  expect(again.ok).toBe(true);
  expect((await post(noticeOf(two))).statusCode).toBe(204);
  const order = await life.orders.get(two.userId, two.orderId);
  expect(order).toMatchObject({ state: "expired", refundDue: true });
  expect((await events(two)).at(-1)).toBe("refund.due by notice:sandbox");
  expect((await post(noticeOf(two))).statusCode).toBe(204);
  await night.quiet(life);
  const standing = await night.standing(two.awardId);
  expect(standing.orders.map(({ state }) => state)).toEqual(["expired", "placed"]);
  expect((await night.standing(one.awardId)).award).toEqual({ state: "posted", order_id: one.orderId });
});

test("[OR4] [OR5] [M8] expiry and payment at the same moment: one of them, and the award goes with it", async () => {
  for (let turn = 0; turn < 12; turn += 1) {
    const order = await placed();
    night.offsetMs += 15 * 60_000 + 1;
    const presses = [night.press(order.page, "pay", "never"), life.orders.check(order.orderId)];
    await Promise.allSettled(turn % 2 === 0 ? presses : presses.reverse());
    const paid = (await night.provider.query(order.paymentId)).state === "paid";
    await Promise.all([life.orders.check(order.orderId), paid ? post(noticeOf(order)) : null]);
    await night.quiet(life);
    const { award, orders } = await night.standing(order.awardId);
    expect([award.state, orders[0]?.state]).toEqual(paid ? ["posted", "paid"] : ["held", "expired"]);
  }
});

test("[OR4] a page opened in the moment an unopened order would expire: the order waits for the provider", async () => {
  const won = await night.win("run/goods");
  const answer = await life.awards.claim({ ...won, key: randomUUID(), body: bodies.goods });
  const view = JSON.parse(answer.ok ? answer.body : "null") as AwardView;
  const orderId = view.claim?.type === "order" ? view.claim.order.orderId : "";
  const hasty = night.life(undefined, 16 * 60_000);
  const blocker = await night.pool.connect();
  const waiting = async (count: number) => {
    const text =
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    await expect.poll(async () => (await night.pool.query(text)).rows[0].n, { timeout: 10_000 }).toBe(count);
  };
  await blocker.query("begin");
  await blocker.query("select from orders where order_id = $1 for update", [orderId]);
  // Both have looked and wait for the row; the page comes first.
  const page = life.orders.payPage(orderId);
  await waiting(1);
  const expiry = hasty.orders.check(orderId);
  await waiting(2);
  await blocker.query("commit");
  blocker.release();
  expect(await page).toMatch(/\/pay\//);
  await expiry;
  expect((await life.orders.get(won.userId, orderId))?.state).toBe("placed");
});

test("[OR6] every move has its row, with who and when, and none is ever changed", async () => {
  const { rows } = await night.pool.query(
    `select o.order_id from orders o where o.state <> (select to_state from order_events e where e.order_id = o.order_id
       order by n desc limit 1)`,
  );
  expect(rows).toEqual([]);
  const gaps = await night.pool.query(
    "select order_id from order_events group by order_id having count(*) <> max(n) or min(at_ms) <= 0",
  );
  expect(gaps.rows).toEqual([]);
});

test("[PY7] [PY8] the sandbox survives a kill in the middle of a line, and sends what it had to send", async () => {
  const folder = await createTestFolder();
  const file = join(folder, "payments.ndjson");
  const options = { file, secret: night.sandboxSecret, host: "127.0.0.1", port: 0, log: silentLog() };
  const taken: string[] = [];
  const shop = await createApp({ log: silentLog(), version: "test" });
  shop.post("/n", async (request, reply) => {
    taken.push((request.body as { noticeId: string }).noticeId);
    return reply.code(taken.length < 2 ? 500 : 204).send();
  });
  await shop.listen({ host: "127.0.0.1", port: 0 });
  const bound = shop.server.address();
  const notifyUrl = `http://127.0.0.1:${typeof bound === "object" ? bound?.port : 0}/n`;
  const ask = {
    orderId: "o1",
    amount: { amountMinor: 1, currency: "CNY" },
    title: "t",
    returnUrl: "http://shop.test/",
  };
  const first = createSandbox(options);
  await first.start();
  const provider = createSandboxProvider({ baseUrl: first.url, secret: night.sandboxSecret });
  const made = await provider.create({ ...ask, notifyUrl });
  // Nobody runs its notices: this life ends before one is sent.
  expect(await night.press(made.payUrl, "pay", "at once")).toBe(303);
  await first.stop();
  await writeFile(file, `${await readFile(file, "utf8")}{"kind":"payment","paym`);
  const second = createSandbox(options);
  await second.start();
  const ended = new AbortController();
  const running = second.run(ended.signal);
  const heir = createSandboxProvider({ baseUrl: second.url, secret: night.sandboxSecret });
  expect(await heir.query(made.paymentId)).toMatchObject({ state: "paid", orderId: "o1" });
  await expect.poll(() => taken.length, { timeout: 10_000 }).toBe(2);
  expect(new Set(taken).size).toBe(1);
  const stranger = createSandboxProvider({ baseUrl: second.url, secret: Buffer.alloc(32) });
  await expect(stranger.query(made.paymentId)).rejects.toMatchObject({ code: "payment.unavailable" });
  ended.abort();
  await second.stop();
  await running;
  await expect(heir.query(made.paymentId)).rejects.toMatchObject({
    code: "payment.unavailable",
    retryable: true,
  });
  await shop.close();
  await removeTestFolder(folder);
});
