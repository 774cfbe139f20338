import { randomUUID } from "node:crypto";
import type { AwardView } from "@wanhui/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EngineFault } from "../engine/mod.ts";
import { askingUnderLockMax, createGate, createOrders, OrderChecker } from "../orders/mod.ts";
import { createPool, loadConfig, silentLog } from "../platform/mod.ts";
import { bodies, type Life, Night, vault } from "./night.fixture.ts";

// Many at once, and many that fail: nobody waits for a connection or a turn that never comes.

let night: Night;

beforeAll(async () => {
  night = await Night.begin();
});
afterAll(async () => {
  await night.end();
});

type Won = Awaited<ReturnType<Night["win"]>>;

async function winners(count: number): Promise<Won[]> {
  const won: Won[] = [];
  for (let n = 0; n < count; n += 1) won.push(await night.win("run/goods"));
  return won;
}

async function claim(life: Life, won: Won): Promise<string> {
  const answer = await life.awards.claim({ ...won, key: randomUUID(), body: bodies.goods });
  const view = JSON.parse(answer.ok ? answer.body : "null") as AwardView | null;
  if (view?.claim?.type !== "order") throw new Error(answer.ok ? "No order" : answer.code);
  return view.claim.order.orderId;
}

// Four is the least the settings allow; with one alone whoever waits for a second one waits for ever.
test.each([4, 1])(
  "[OR11] with %i connections, many who claim and many who paid at once are all answered",
  async (connectionsMax) => {
    expect(() => loadConfig({ env: { DATABASE_CONNECTIONS: "3" } })).toThrow(/from 4 to/);
    const few = createPool({ url: night.url, connectionsMax, applicationName: "few" });
    try {
      const paying = await winners(12);
      const claiming = await winners(24);
      // Begins now and has seen no event: every award has to be read from the table.
      const life = night.life(undefined, 0, few);
      const orderIds = await Promise.all(paying.map((won) => claim(life, won)));
      const pages = await Promise.all(orderIds.map((orderId) => life.orders.payPage(orderId)));
      for (const page of pages) await night.press(page ?? "", "pay");
      const learned = async (orderId: string, page: string | null) => {
        const outcome = await night.provider.query(page?.split("/").at(-1) ?? "");
        const answer = await life.orders.learn(outcome, "notice:sandbox");
        return answer.ok ? answer.outcome : `${orderId} ${answer.code}`;
      };
      const [claimed, paid] = await Promise.all([
        Promise.allSettled(claiming.map((won) => claim(life, won))),
        Promise.allSettled(orderIds.map((orderId, n) => learned(orderId, pages[n] ?? null))),
      ]);
      expect(claimed.filter(({ status }) => status === "rejected")).toEqual([]);
      expect(paid).toEqual(orderIds.map(() => ({ status: "fulfilled", value: "paid" })));
      // What the setting's text promises of the others: the journal's and the materialiser's.
      const { rows } = await night.pool.query(
        `select count(*) filter (where application_name = 'few')::int as few,
         count(*) filter (where application_name not in ('few', 'wanhui-test'))::int as journal
       from pg_stat_activity where datname = current_database()`,
      );
      expect(rows[0]?.few).toBe(connectionsMax);
      expect(rows[0]?.journal).toBeGreaterThan(1);
      expect(rows[0]?.journal).toBeLessThanOrEqual(6);
    } finally {
      await few.end();
    }
  },
);

/** An orders' service whose engine refuses to answer for some awards, and remembers for which it was asked. */
function strickenOrders(isStricken: (awardId: string) => boolean) {
  const asked: string[] = [];
  const { pool, provider, nowMs, notifyUrl, outbox } = night;
  const orders = createOrders({
    pool,
    gate: createGate(askingUnderLockMax(pool.options.max)),
    provider,
    vault,
    nowMs,
    submit: (command) => {
      asked.push(command.awardId);
      if (isStricken(command.awardId)) throw new EngineFault("engine.busy", "The shard is down");
      return night.engine.submit(command);
    },
    outbox: { enqueue: outbox.enqueue.bind(outbox), wake: () => outbox.wake(), onAnswered: () => undefined },
    returnUrl: () => "http://shop.test/",
    notifyUrl: () => notifyUrl,
    changed: () => undefined,
    log: silentLog(),
  });
  return { asked, checker: new OrderChecker({ pool, orders, nowMs, log: silentLog() }) };
}

/** Orders whose money is noted and who wait for the engine. */
async function noted(count: number): Promise<{ won: Won; orderId: string }[]> {
  const life = night.life();
  const orders = await Promise.all(
    (await winners(count)).map(async (won) => ({ won, orderId: await claim(life, won) })),
  );
  for (const [n, { orderId }] of orders.entries()) {
    await night.pool.query(
      `insert into payments (order_id, provider, payment_id, state, amount_minor, currency, created_at_ms, captured_at_ms)
       values ($1, 'sandbox', $1, 'paid', 1, 'CNY', $2, $3)`,
      [orderId, night.nowMs(), night.nowMs() + n],
    );
  }
  return orders;
}

const unsettled = async () =>
  (
    await night.pool.query(
      "select count(*)::int as n from payments where captured_at_ms is not null and not settled",
    )
  ).rows[0]?.n as number;

test("[OR5] more payments than a look takes, all but the newest failing: each is tried once, then later and later", async () => {
  const orders = await noted(61);
  const stricken = new Set(orders.slice(0, 60).map(({ won }) => won.awardId as string));
  const { asked, checker } = strickenOrders((awardId) => stricken.has(awardId));
  expect(await checker.runOnce()).toBe(0);
  expect(await checker.runOnce()).toBe(1);
  expect(new Set(asked).size).toBe(61);
  expect(asked).toHaveLength(61);
  const newest = await night.pool.query("select state from orders where order_id = $1", [
    orders.at(-1)?.orderId,
  ]);
  expect(newest.rows).toEqual([{ state: "paid" }]);
  // Nobody's time has come, however often one looks.
  for (let look = 0; look < 3; look += 1) expect(await checker.runOnce()).toBe(0);
  expect(asked).toHaveLength(61);
  night.offsetMs += 5_001;
  for (let look = 0; look < 3; look += 1) await checker.runOnce();
  expect(asked).toHaveLength(121);
  night.offsetMs += 5_001;
  for (let look = 0; look < 3; look += 1) await checker.runOnce();
  expect(asked).toHaveLength(121);
  // The trouble is over: what waited is settled when its time comes.
  stricken.clear();
  night.offsetMs += 5_001;
  for (let look = 0; look < 2; look += 1) await checker.runOnce();
  expect(await unsettled()).toBe(0);
});

test("[OR5] the service rests after a look at which everything failed", async () => {
  await noted(51);
  const { asked, checker } = strickenOrders(() => true);
  const ended = new AbortController();
  const begun = performance.now();
  const running = checker.run(ended.signal);
  await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(51);
  // Fifty in the first look; the last one only after the rest of a second.
  expect(performance.now() - begun).toBeGreaterThan(900);
  ended.abort();
  await running;
  expect(asked).toHaveLength(51);
});
