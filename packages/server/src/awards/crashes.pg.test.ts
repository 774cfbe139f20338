import { randomUUID } from "node:crypto";
import type { AwardId, UserId } from "@wanhui/core";
import type { AwardKind, AwardView } from "@wanhui/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signedHeaders } from "../payments/mod.ts";
import { bodies, Killed, Killer, type Life, Night } from "./night.fixture.ts";

// docs/spec/orders.md, crash table: a process that dies before or after any step it takes outside itself (statement,
// commit, command to the engine, word to the provider), then another one that goes on.

let night: Night;

beforeAll(async () => {
  night = await Night.begin();
});
afterAll(async () => {
  await night.end();
});

type Won = { readonly userId: UserId; readonly awardId: AwardId };

async function claim(life: Life, won: Won, options: { key: string; kind: AwardKind }): Promise<AwardView> {
  const answer = await life.awards.claim({ ...won, key: options.key, body: bodies[options.kind] });
  if (!answer.ok) throw new Error(`Refused: ${answer.code}`);
  return JSON.parse(answer.body) as AwardView;
}

/** The provider's signed notice of a payment, as the sandbox sends it. */
async function notify(life: Life, orderId: string): Promise<void> {
  const { rows } = await night.pool.query("select payment_id from payments where order_id = $1", [orderId]);
  const paymentId = (rows[0] as { payment_id: string | null } | undefined)?.payment_id;
  if (!paymentId) return;
  const outcome = await night.provider.query(paymentId);
  const body = Buffer.from(JSON.stringify({ ...outcome, noticeId: `n-${paymentId}` }));
  const secret = night.sandboxSecret;
  const received = await life.notice(signedHeaders({ secret, id: "n", nowMs: night.nowMs(), body }), body);
  expect(received.ok).toBe(true);
}

/** One buyer's whole way, told to one life; every answer he gets is remembered. */
async function wholeWay(
  life: Life,
  won: Won,
  told: { key: string; order?: string; paid?: boolean },
): Promise<void> {
  const view = await claim(life, won, { key: told.key, kind: "goods" });
  if (view.claim?.type !== "order") throw new Error("No order");
  told.order = view.claim.order.orderId;
  const page = await life.orders.payPage(told.order);
  if (page !== null) {
    await night.press(page, "pay");
    told.paid = true;
  }
  await notify(life, told.order);
  await life.checker.runOnce();
}

async function killedAt(step: number, work: (life: Life) => Promise<void>): Promise<boolean> {
  const killer = new Killer(step);
  try {
    await work(night.life(killer));
  } catch (error) {
    if (!(error instanceof Killed) && !killer.dead) throw error;
  }
  return killer.dead;
}

describe("[CL4] [OR5] [M5] [M8] killed at every step of claim, payment and notice", () => {
  test("the buyer comes back: the award is posted with exactly one paid order, the one he was told of", async () => {
    let step = 1;
    for (; ; step += 1) {
      const won = await night.win("run/goods");
      const told: Parameters<typeof wholeWay>[2] = { key: randomUUID() };
      const dead = await killedAt(step, (life) => wholeWay(life, won, told));
      const before = told.order;
      const life = night.life();
      await wholeWay(life, won, told);
      await night.quiet(life);
      if (before !== undefined) expect(told.order, `step ${step}`).toBe(before);
      expect(await night.standing(won.awardId), `step ${step}`).toEqual({
        award: { state: "posted", order_id: told.order },
        orders: [{ order_id: told.order, state: "paid", refund_due: false }],
        claims: ["done"],
      });
      if (!dead) break;
    }
    // Fewer steps than these, and the scenario no longer goes the whole way.
    expect(step).toBeGreaterThan(60);
  });

  test("the buyer never comes back: paid and posted, or expired and held for a new order; never in between", async () => {
    const ends = new Set<string>();
    for (let step = 1; ; step += 1) {
      const won = await night.win("run/goods");
      const told: Parameters<typeof wholeWay>[2] = { key: randomUUID() };
      const dead = await killedAt(step, (life) => wholeWay(life, won, told));
      const life = night.life();
      await night.quiet(life);
      night.offsetMs += 16 * 60_000;
      await night.quiet(life);
      const { award, orders } = await night.standing(won.awardId);
      const end = `${award.state} ${orders.map(({ state }) => state).join(" ")}`.trim();
      // What he paid is never lost, what he was told of exists.
      const may = told.paid ? ["posted paid"] : told.order ? ["held expired"] : ["held", "held expired"];
      expect(may, `step ${step}`).toContain(end);
      ends.add(end);
      if (end === "held expired") {
        const again = await claim(life, won, { key: randomUUID(), kind: "goods" });
        expect(again.claim?.type === "order" && again.claim.order.state).toBe("placed");
      }
      if (!dead) break;
    }
    expect([...ends].sort()).toEqual(["held", "held expired", "posted paid"]);
  });

  test("[OR10] killed at every step of a payment that came after the expiry: paid all the same", async () => {
    for (let step = 1; ; step += 1) {
      const won = await night.win("run/goods");
      const first = night.life();
      const view = await claim(first, won, { key: randomUUID(), kind: "goods" });
      const orderId = view.claim?.type === "order" ? view.claim.order.orderId : "";
      await night.press((await first.orders.payPage(orderId)) ?? "", "pay");
      // The provider first says closed, and thinks better of it.
      const { rows } = await night.pool.query("select payment_id from payments where order_id = $1", [
        orderId,
      ]);
      const outcome = await night.provider.query((rows[0] as { payment_id: string }).payment_id);
      await first.orders.learn({ ...outcome, state: "closed" }, "test");
      const dead = await killedAt(step, async (life) => void (await life.orders.learn(outcome, "test")));
      const life = night.life();
      const noted = await night.pool.query(
        "select 1 from payments where order_id = $1 and captured_at_ms > 0",
        [orderId],
      );
      await night.quiet(life);
      const { award, orders } = await night.standing(won.awardId);
      const paid = noted.rowCount === 1;
      expect([award.state, orders[0]?.state], `step ${step}`).toEqual(
        paid ? ["posted", "paid"] : ["held", "expired"],
      );
      if (!dead) break;
    }
  });

  test("killed at every step of an expiry: held again, or paid if the money came first", async () => {
    for (let step = 1; ; step += 1) {
      const won = await night.win("run/goods");
      const first = night.life();
      const view = await claim(first, won, { key: randomUUID(), kind: "goods" });
      const orderId = view.claim?.type === "order" ? view.claim.order.orderId : "";
      await first.orders.payPage(orderId);
      night.offsetMs += 16 * 60_000;
      const dead = await killedAt(step, async (life) => void (await life.orders.check(orderId)));
      await night.quiet(night.life());
      const { award, orders } = await night.standing(won.awardId);
      expect({ award: award.state, orders }, `step ${step}`).toEqual({
        award: "held",
        orders: [{ order_id: orderId, state: "expired", refund_due: false }],
      });
      if (!dead) break;
    }
  });
});

describe("[CL4] killed at every step of a claim without an order", () => {
  for (const kind of ["coupon", "cash", "right"] as const) {
    test(`${kind}: once, whether the buyer comes back or not`, async () => {
      const table = { coupon: "coupons", cash: "credits", right: "rights" }[kind];
      for (let step = 1; ; step += 1) {
        const won = await night.win(`run/${kind}`);
        const key = randomUUID();
        const dead = await killedAt(step, async (life) => void (await claim(life, won, { key, kind })));
        const life = night.life();
        if (step % 2 === 0) await claim(life, won, { key, kind });
        await night.quiet(life);
        const { award, claims } = await night.standing(won.awardId);
        const { rows } = await night.pool.query(
          `select count(*)::int as n from ${table} where award_id = $1`,
          [won.awardId],
        );
        const made = (rows[0] as { n: number }).n;
        // Every posted award has what it is for, every held one has nothing.
        expect(made, `step ${step}`).toBe(award.state === "posted" ? 1 : 0);
        expect(claims, `step ${step}`).toEqual(award.state === "posted" ? ["done"] : []);
        if (step % 2 === 0) expect(award.state).toBe("posted");
        if (!dead) break;
      }
    });
  }

  test("claims that always fail keep no other from being finished, however many there are", async () => {
    // More than are looked at in one go, and older than the good one; their details cannot be opened.
    const bad: Won[] = [];
    for (let n = 0; n < 101; n += 1) bad.push(await night.win("run/right"));
    const ids = bad.map(({ awardId }) => awardId);
    await night.pool.query(
      `insert into claims (claim_id, award_id, attempt, user_id, pool, kind, state, params_hash, details, intended_at_ms)
       select 'bad/' || a, a, 1, 'somebody', 'run/right', 'right', 'intended', '', '\\x00', $2 from unnest($1::text[]) as a`,
      [ids, night.nowMs()],
    );
    night.offsetMs += 1_000;
    const good = await night.win("run/right");
    // The process dies between the intention and the engine.
    for (let step = 1; (await night.standing(good.awardId)).claims.length === 0; step += 1) {
      const key = randomUUID();
      await killedAt(step, async (life) => void (await claim(life, good, { key, kind: "right" })));
    }
    expect((await night.standing(good.awardId)).claims).toEqual(["intended"]);
    await night.quiet(night.life());
    const { award, claims } = await night.standing(good.awardId);
    expect([award.state, claims]).toEqual(["posted", ["done"]]);
    const { rows } = await night.pool.query(
      "select count(*)::int as n from claims where award_id = any($1) and state = 'intended'",
      [ids],
    );
    expect(rows).toEqual([{ n: 101 }]);
  });

  test("no money was credited twice on the way", async () => {
    const { rows } = await night.pool.query(
      `select count(*)::int as wrong from balances b where amount_minor <>
         (select sum(amount_minor) from credits c where c.user_id = b.user_id and c.currency = b.currency)`,
    );
    expect(rows).toEqual([{ wrong: 0 }]);
  });
});
