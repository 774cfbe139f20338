import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, DESKTOP, PHONE, picture, startBrowser, visitor } from "../apps/web/e2e/fake/browser.ts";
import {
  createSandbox,
  createSandboxProvider,
  type PaymentProvider,
  type Sandbox,
} from "../packages/server/src/payments/mod.ts";
import { silentLog } from "../packages/server/src/platform/mod.ts";
import { createTestFolder, removeTestFolder } from "../packages/server/src/platform/testing.ts";

// The sandbox's payment page as a buyer meets it: another origin, a phone, a button, and the way back.

let browser: Browser;
let folder: string;
let sandbox: Sandbox;
let provider: PaymentProvider;
let shop: Server;
let shopUrl: string;
let orders = 0;

beforeAll(async () => {
  browser = await startBrowser();
  folder = await createTestFolder();
  shop = createServer((_request, response) =>
    response.setHeader("content-type", "text/html").end("<title>shop</title><h1>Back</h1>"),
  );
  await new Promise<void>((resolve) => shop.listen(0, "127.0.0.1", resolve));
  const bound = shop.address();
  shopUrl = `http://127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`;
  const secret = randomBytes(32);
  sandbox = createSandbox({
    file: join(folder, "payments.ndjson"),
    secret,
    host: "127.0.0.1",
    port: 0,
    log: silentLog(),
  });
  await sandbox.start();
  provider = createSandboxProvider({ baseUrl: sandbox.url, secret });
});
afterAll(async () => {
  await browser.close();
  await sandbox.stop();
  shop.close();
  await removeTestFolder(folder);
});

async function withPayment(
  options: { size: typeof PHONE; language: "zh-CN" | "en" },
  look: (page: Page, paymentId: string) => Promise<void>,
): Promise<void> {
  orders += 1;
  const made = await provider.create({
    orderId: orders.toString(16).padStart(32, "0"),
    amount: { amountMinor: 1, currency: "CNY" },
    title: "青花瓷茶具 · Porcelain tea set",
    returnUrl: `${shopUrl}/?order=${orders}`,
    notifyUrl: `${shopUrl}/notices`,
  });
  const context = await visitor(browser, { ...options, calm: true });
  try {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(made.payUrl);
    await look(page, made.paymentId);
    // The browser itself says so of a press that came too late; anything else would be a fault of the page.
    expect(errors.filter((text) => !text.includes("409 (Conflict)"))).toEqual([]);
  } finally {
    await context.close();
  }
}

const fits = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

test("[PY6] [PY8] a phone pays the cent: it says what this is, one button, and back to the shop", () =>
  withPayment({ size: PHONE, language: "zh-CN" }, async (page, paymentId) => {
    expect(await page.getByRole("note").innerText()).toContain("不会发生真实扣款");
    expect(await page.locator(".amount").innerText()).toBe("¥0.01");
    expect(await axeFaults(page)).toEqual([]);
    expect(await fits(page)).toBe(true);
    await picture(page, "sandbox-phone-zh");
    const button = page.getByRole("button", { name: /^付款/ });
    expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    await button.click();
    await page.waitForURL(`${shopUrl}/?order=${orders}`);
    expect((await provider.query(paymentId)).state).toBe("paid");
    await page.goBack();
    await page.reload();
    expect(await page.getByRole("status").innerText()).toBe("已付款，谢谢。");
    expect(await page.locator("button").count()).toBe(0);
    expect(await axeFaults(page)).toEqual([]);
  }));

test("[PY3] [PY5] a tester chooses how the shop hears of it, with the keyboard; a cancelled payment says so", () =>
  withPayment({ size: DESKTOP, language: "en" }, async (page, paymentId) => {
    expect(await page.getByRole("note").innerText()).toContain("No money moves");
    await page.getByText("For testers").focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Never: the shop has to ask").check();
    expect(await axeFaults(page)).toEqual([]);
    await picture(page, "sandbox-desktop-en");
    await provider.cancel(paymentId);
    await page.getByRole("button", { name: /^Pay/ }).click();
    await expect.poll(() => page.getByRole("status").innerText()).toContain("Cancelled");
    expect((await provider.query(paymentId)).state).toBe("closed");
    await page.getByRole("link", { name: "Back to the show" }).click();
    await page.waitForURL(`${shopUrl}/?order=${orders}`);
  }));
