import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, createApp } from "../http/mod.ts";
import { orderRoutes } from "../orders/mod.ts";
import { noticePath, paymentRoutes } from "../payments/mod.ts";
import {
  createLimits,
  createPeople,
  createStaffStore,
  type People,
  peopleRoutes,
  type Secret,
} from "../people/mod.ts";
import { silentLog } from "../platform/mod.ts";
import { awardRoutes } from "./mod.ts";
import { address, type Life, Night } from "./night.fixture.ts";

let night: Night;
let life: Life;
let app: App;
let people: People;

const returnUrl = (orderId: string) => `http://localhost:8080/?order=${orderId}`;

beforeAll(async () => {
  night = await Night.begin();
  life = night.life();
  const { nowMs, pool, provider } = night;
  people = createPeople({
    secret: Buffer.alloc(32, 9) as unknown as Secret,
    nowMs,
    staff: createStaffStore({ pool, nowMs }),
    limits: createLimits({ nowMs }),
    platform: null,
    rehearsalRun: () => null,
    drawIds: () => [],
  });
  app = await createApp({ log: silentLog(), version: "test" });
  peopleRoutes(app, { people, secure: false });
  awardRoutes(app, { awards: life.awards });
  orderRoutes(app, { orders: life.orders, returnUrl });
  paymentRoutes(app, { pool, provider, nowMs, learn: life.orders.learn });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await night.end();
});

/** The token of the person with this id, as a client without cookies carries it. */
function bearer(userId: string): string {
  const token = people.guest("ab".repeat(16), userId as Parameters<People["guest"]>[1]);
  return `Bearer ${people.signUser(token)}`;
}

type Asked = { userId?: string; key?: string | null; body?: unknown; raw?: string };

async function claim(awardId: string, { userId, key, body, raw }: Asked) {
  // Honest people claim a few prizes a night; this test claims many and waits its turn.
  night.offsetMs += 2_000;
  const answer = await app.inject({
    method: "POST",
    url: `/api/awards/${awardId}/claim`,
    headers: {
      "content-type": "application/json",
      ...(userId === undefined ? {} : { authorization: bearer(userId) }),
      ...(key === null ? {} : { "idempotency-key": key ?? randomUUID() }),
    },
    payload: raw ?? JSON.stringify(body),
  });
  return answer;
}

const get = (url: string, userId?: string, headers: Record<string, string> = {}) =>
  app.inject({
    url,
    headers: { ...headers, ...(userId === undefined ? {} : { authorization: bearer(userId) }) },
  });

const goods = { kind: "goods", address };

test("[LM7] one's own awards and orders are read at a pace; after the waiting time they are read again", async () => {
  night.offsetMs += 60_000;
  night.stand(true);
  const reader = "01".repeat(16);
  for (const url of ["/api/me/awards", "/api/me/orders"]) {
    const answers = [];
    for (let n = 0; n < 21; n += 1) answers.push(await get(url, reader));
    expect(answers.slice(0, 20).map(({ statusCode }) => statusCode)).toEqual(Array(20).fill(200));
    expect(answers[20]?.json()).toMatchObject({ code: "rate.limited" });
    expect(Number(answers[20]?.headers["retry-after"])).toBe(1);
    night.offsetMs += 10_000;
    expect((await get(url, reader)).statusCode).toBe(200);
    night.offsetMs += 10_000;
  }
  night.stand(false);
});

test("[CL2] over HTTP: claimed, the same bytes again, the pay link leads to the sandbox as this phone reaches it", async () => {
  const won = await night.win("run/goods");
  const key = randomUUID();
  const first = await claim(won.awardId, { userId: won.userId, key, body: goods });
  expect(first.statusCode).toBe(200);
  expect(first.headers["content-type"]).toBe("application/json; charset=utf-8");
  const { claim: made } = first.json();
  expect(made.order).toMatchObject({ state: "placed", shipTo: "王***, 建国路8***, 北京市" });
  const again = await claim(won.awardId, { userId: won.userId, key, body: goods });
  expect(again.rawPayload.equals(first.rawPayload)).toBe(true);
  const conflict = await claim(won.awardId, { userId: won.userId, key, body: { kind: "coupon" } });
  expect(conflict.json().code).toBe("claim.wrong_kind");
  const elsewhere = { kind: "goods", address: { ...address, line1: "别的街 2 号" } };
  const other = await claim(won.awardId, { userId: won.userId, key, body: elsewhere });
  expect([other.statusCode, other.json().code]).toEqual([422, "idempotency.conflict"]);

  const lead = await get(made.order.payUrl, undefined, { host: "192.168.7.7:8080" });
  expect(lead.statusCode).toBe(303);
  expect(lead.headers.location).toMatch(/^http:\/\/192\.168\.7\.7:\d+\/pay\/[0-9a-f]{32}$/);
  const page = await fetch((lead.headers.location ?? "").replace("192.168.7.7", "127.0.0.1"));
  // The way back is the one this phone came by, too.
  expect(await page.text()).toContain(`href="http://192.168.7.7:8080/?order=${made.order.orderId}"`);
  const wrong = await get(`/api/orders/${made.order.orderId}/pay?k=AAAA`);
  expect([wrong.statusCode, wrong.json().code]).toEqual([404, "order.unknown"]);
  night.offsetMs += 16 * 60_000;
  expect((await get(made.order.payUrl, undefined, { host: "localhost:8080" })).headers.location).toBe(
    returnUrl(made.order.orderId),
  );
});

test("[CL1] [OR7] without a session 401; another's award and order are as unknown as ones that do not exist", async () => {
  const won = await night.win("run/goods");
  const stranger = "01".repeat(16);
  expect((await claim(won.awardId, { body: goods })).json().code).toBe("auth.missing");
  const theirs = await claim(won.awardId, { userId: stranger, body: goods });
  const none = await claim("00".repeat(16), { userId: stranger, body: goods });
  expect(theirs.statusCode).toBe(404);
  expect(theirs.body).toBe(none.body);
  const made = (await claim(won.awardId, { userId: won.userId, body: goods })).json();
  const orderId = made.claim.order.orderId;
  const order = await get(`/api/orders/${orderId}`, stranger);
  expect(order.statusCode).toBe(404);
  expect(order.body).toBe((await get(`/api/orders/${"00".repeat(16)}`, stranger)).body);
  expect((await get(`/api/orders/${orderId}`)).statusCode).toBe(401);
  expect((await get(`/api/orders/${orderId}`, won.userId)).json()).toEqual(made.claim.order);
  expect((await get("/api/me/orders", won.userId)).json()).toEqual({ orders: [made.claim.order] });
  expect((await get("/api/me/awards", won.userId)).json().awards).toEqual([made]);
  expect((await get("/api/me/awards", stranger)).json()).toEqual({ awards: [] });
});

test("[CL3] [CL5] a bad body names field and rule and changes nothing", async () => {
  const won = await night.win("run/goods");
  const { userId } = won;
  const at = (change: object) => ({ kind: "goods", address: { ...address, ...change } });
  const cases: [unknown, string][] = [
    [at({ phone: "110" }), "address.phone"],
    [at({ country: "US", region: "NY", postcode: "" }), "address.postcode"],
    [at({ name: { $ne: "" } }), "address.name"],
    [at({ line1: "x".repeat(500) }), "address.line1"],
    [{ kind: "goods" }, "address"],
    [{ kind: "car" }, "kind"],
    [null, "body"],
    [[], "body"],
  ];
  for (const [body, field] of cases) {
    const answer = await claim(won.awardId, { userId, body });
    const { code, field: named, rule } = answer.json();
    expect([answer.statusCode, code, named]).toEqual([422, "body.invalid", field]);
    expect(rule.length).toBeGreaterThan(3);
  }
  expect((await claim(won.awardId, { userId, raw: "{" })).json().code).toBe("body.invalid");
  expect((await claim("nonsense", { userId, body: goods })).json()).toMatchObject({ field: "params.award" });
  expect((await claim(won.awardId, { userId, key: null, body: goods })).json().code).toBe(
    "idempotency.missing",
  );
  expect((await claim(won.awardId, { userId, key: "k".repeat(256), body: goods })).json().code).toBe(
    "idempotency.missing",
  );
  const standing = await night.standing(won.awardId);
  expect([standing.claims, standing.orders]).toEqual([[], []]);
  const { rows } = await night.pool.query("select 1 from idempotency_keys where user_id = $1", [userId]);
  expect(rows).toEqual([]);
});

test("[OR8] the price is the prize's, whatever else the buyer sends", async () => {
  const won = await night.win("run/goods");
  const body = { ...goods, amount: { amountMinor: 0, currency: "JPY" }, price: 0, attempt: 7 };
  const { claim: made } = (await claim(won.awardId, { userId: won.userId, body })).json();
  expect(made.order.amount).toEqual({ amountMinor: 1, currency: "CNY" });
  const { rows } = await night.pool.query("select amount_minor, attempt from orders where award_id = $1", [
    won.awardId,
  ]);
  expect(rows).toEqual([{ amount_minor: 1n, attempt: 1 }]);
});

test("[PY1] the notice route takes any body and answers with a coded problem", async () => {
  const notice = await app.inject({
    method: "POST",
    url: noticePath("sandbox"),
    headers: { "content-type": "application/json" },
    payload: "\u0000\u0001{{{{",
  });
  expect([notice.statusCode, notice.json().code]).toEqual([401, "payment.bad_signature"]);
});

test("[CL2] all routes stand in the API's description with their schemas", async () => {
  const { paths } = (await get("/docs/json")).json();
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      "/api/me/awards",
      "/api/awards/{award}/claim",
      "/api/orders/{order}",
      "/api/me/orders",
      "/api/orders/{order}/pay",
      "/api/payments/sandbox/notices",
    ]),
  );
  const described = paths["/api/awards/{award}/claim"].post;
  expect(described.requestBody).toBeDefined();
  expect(Object.keys(described.responses)).toEqual(expect.arrayContaining(["200", "404", "410", "422"]));
});
