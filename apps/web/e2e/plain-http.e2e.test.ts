// Over plain http from another machine, as phones open the address that `npm start` prints: a name that is not
// localhost, so the page has none of what browsers keep for secure ones.

import { join } from "node:path";
import type { AwardView } from "@wanhui/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser, visitor } from "./fake/browser.ts";
import { award, makeShow, round } from "./fake/scenes.ts";
import { type Fake, startFake } from "./fake/server.ts";

const dist = join(import.meta.dirname, "../dist");
const HOST = "gala.test";
const MINUTE = 60_000;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
});
afterAll(() => browser.close());

/** Three prizes to claim, one of each form; the fake answers as the server does. */
function claimable(nowMs: number) {
  const awards = new Map<string, AwardView>(
    ["tea-set", "lucky-cash", "car-year"].map((slug) => [slug, award(slug, nowMs)] as const),
  );
  const settle = (slug: string, claim: AwardView["claim"], state: AwardView["state"]) => {
    const settled = { ...award(slug, nowMs), claim, state };
    awards.set(slug, settled);
    return [200, settled] as const;
  };
  const path = (slug: string) => `POST /api/awards/${award(slug, nowMs).awardId}/claim`;
  const coupon = award("gala-coupon", nowMs, {
    state: "posted",
    claim: { type: "coupon", code: "NY26-7K4M-2QXP", validUntilMs: nowMs + MINUTE },
  });
  return {
    awards: () => [...awards.values(), coupon],
    routes: {
      [path("tea-set")]: () =>
        settle(
          "tea-set",
          {
            type: "order",
            order: {
              orderId: "0123456789abcdef0123456789abcdef",
              awardId: award("tea-set", nowMs).awardId,
              title: award("tea-set", nowMs).prize.title,
              amount: { amountMinor: 1, currency: "CNY" },
              placedAtMs: nowMs,
              payByMs: nowMs + 15 * MINUTE,
              refundDue: false,
              shipTo: "1 Main St",
              state: "placed",
              paidAtMs: null,
              payUrl: "/sandbox/pay/1",
            },
          },
          "committing",
        ),
      [path("lucky-cash")]: () =>
        settle(
          "lucky-cash",
          { type: "credit", amount: { amountMinor: 888, currency: "CNY" }, creditedAtMs: nowMs },
          "posted",
        ),
      [path("car-year")]: () =>
        settle(
          "car-year",
          { type: "right", reference: "R-20481", contact: "138****2201", registeredAtMs: nowMs },
          "posted",
        ),
    },
  };
}

async function onPlainHttp(look: (page: Page, fake: Fake) => Promise<void>): Promise<void> {
  const now = Date.now();
  const show = makeShow(now, { rounds: [round(1, now + 10 * MINUTE, "planned")] });
  const fake = await startFake({ dist, show: () => show, ...claimable(now) });
  const context = await visitor(browser, { language: "en" });
  try {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(fake.url.replace("127.0.0.1", HOST));
    expect(await page.evaluate(() => isSecureContext)).toBe(false);
    await page.locator(".hero").waitFor();
    await page.locator(".notice.link").waitFor({ state: "detached" });
    await look(page, fake);
    expect(errors).toEqual([]);
  } finally {
    await context.close();
    await fake.stop();
  }
}

test("goods are claimed up to the payment page", () =>
  onPlainHttp(async (page, fake) => {
    await page.getByRole("button", { name: "Claim Porcelain tea set" }).click();
    const filled = {
      name: "陈望舒",
      phone: "13800002201",
      region: "江西",
      city: "景德镇",
      line1: "珠山大道 1 号",
    };
    for (const [field, value] of Object.entries(filled)) await page.locator(`#field-${field}`).fill(value);
    const sent = page.waitForRequest((request) => request.url().endsWith("/claim"));
    await page.locator("dialog button[type=submit]").click();
    expect((await sent).headers()["idempotency-key"]).toMatch(/^[0-9a-f]{32}$/);
    await page.waitForURL("**/sandbox/pay/1");
    expect(fake.bodies.at(-1)).toMatchObject({ kind: "goods", address: { name: "陈望舒", city: "景德镇" } });
  }));

test("cash is credited and a right is registered", () =>
  onPlainHttp(async (page) => {
    await page.getByRole("button", { name: "Claim Lucky money" }).click();
    await page.getByRole("button", { name: "Credit it" }).click();
    await page.getByText("credited").first().waitFor();
    await page.getByRole("button", { name: "Claim An electric car for a year" }).click();
    await page.locator("#field-name").fill("陈望舒");
    await page.locator("#field-contact").fill("13800002201");
    await page.getByRole("button", { name: "Register" }).click();
    await page.getByText("R-20481").waitFor();
  }));

test("a coupon's code is copied, and no notification is offered that could not come", () =>
  onPlainHttp(async (page) => {
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    await page.getByRole("button", { name: "Claim Porcelain tea set" }).click();
    await page.locator("#field-line2").focus();
    await page.keyboard.press("Control+V");
    // The browser pastes in its own time.
    await expect.poll(() => page.locator("#field-line2").inputValue()).toBe("NY26-7K4M-2QXP");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Put Round two/ }).waitFor();
    expect(await page.getByRole("button", { name: /^Remind me/ }).count()).toBe(0);
  }));
