// The whole story in a real browser against the real server: countdown, tap, win and loss at the stated second, claim,
// one cent, order; a coupon rain; the network lost and back; keys only; a stop from the studio; the proof checked.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ShowView } from "@wanhui/protocol";
import { freePort, loadConfig, type Night, startNight } from "@wanhui/server";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, DESKTOP, PHONE, picture, startBrowser, visitor } from "./fake/browser.ts";

let browser: Browser;
let night: Night;
let running: Promise<void>;
let folder: string;
const ended = new AbortController();
/** Two people: one on a phone in Chinese, one at a desk in English with no mouse and calm motion. */
let people: { readonly name: string; readonly context: BrowserContext; readonly page: Page }[] = [];
const faults: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-web-night-"));
  const flags = {
    data: folder,
    host: "127.0.0.1",
    port: String(await freePort()),
    "sandbox-port": "0",
    beacon: "dev",
    show: join(import.meta.dirname, "night/show.yaml"),
    "log-level": "warn",
    "log-file": join(folder, "server.log"),
  };
  night = await startNight({
    config: loadConfig({ env: {}, flags }),
    fresh: true,
    rehearsal: false,
    version: "0.0.0-test",
  });
  running = night.runUntil(ended.signal);
  browser = await startBrowser();
  const phone = await visitor(browser, { size: PHONE, language: "zh-CN" });
  const desk = await visitor(browser, { size: DESKTOP, language: "en", calm: true });
  for (const [name, context] of [
    ["phone", phone],
    ["desk", desk],
  ] as const) {
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
    page.on("console", (line) => {
      if (line.text().includes("Content Security Policy")) faults.push(`${name}: ${line.text()}`);
    });
    await page.goto(night.url);
    people.push({ name, context, page });
  }
});

afterAll(async () => {
  for (const { context } of people) await context.close();
  people = [];
  await browser?.close();
  ended.abort();
  await running;
  await rm(folder, { recursive: true, force: true });
});

async function show(): Promise<ShowView> {
  return (await (await fetch(`${night.url}/api/show`)).json()) as ShowView;
}

function person(name: string): { context: BrowserContext; page: Page } {
  const found = people.find((each) => each.name === name);
  if (found === undefined) throw new Error(`nobody is called ${name}`);
  return found;
}

test("before the first round: a countdown that runs, the presenter, an honest word about the seeds", async () => {
  for (const { page, name } of people) {
    const digits = page.locator(".digits");
    await digits.waitFor();
    const before = await digits.textContent();
    await page.waitForFunction((then) => document.querySelector(".digits")?.textContent !== then, before);
    await page.locator(".presenter-words").waitFor();
    await page
      .locator(".explained")
      .getByText(name === "phone" ? "本地随机数" : "Local randomness")
      .waitFor();
    await picture(page, `night-countdown-${name}`);
  }
});

test("taps of finger and space bar are received, and nobody learns the result before its second", async () => {
  const [phone, desk] = [person("phone").page, person("desk").page];
  await phone.locator(".shake").waitFor({ timeout: 60_000 });
  await phone.locator(".shake").click();
  await desk.keyboard.press("Space");
  await phone.locator(".own-word.received").getByText("已收到").waitFor();
  await desk.locator(".own-word.received").getByText("Received, result at").waitFor();
  // Further taps change nothing (M19).
  for (let n = 0; n < 3; n += 1) await phone.locator(".shake").click();
  await picture(phone, "night-open-phone");
  for (const { page } of people) await page.locator(".hero.drawing").waitFor({ timeout: 30_000 });
  await picture(desk, "night-drawing-desk");
  const round = (await show()).rounds[0];
  const stated = (round?.closesAtMs ?? 0) + 4_000;
  const seen = await Promise.all(
    people.map(async ({ page }) => {
      await page.locator("dialog.moment, .hero.result").first().waitFor({ timeout: 30_000 });
      return Date.now();
    }),
  );
  // The page's clock is the server's within its measured error; it is never early by more than a frame or two.
  for (const atMs of seen) expect(atMs).toBeGreaterThanOrEqual(stated - 300);
});

test("one has won and says so in full, the other is told honestly what is next", async () => {
  const results = await Promise.all(
    people.map(async ({ name, page }) => ({
      name,
      won: (await page.locator("dialog.moment").count()) === 1,
    })),
  );
  expect(results.filter(({ won }) => won)).toHaveLength(1);
  const winner = person(results.find(({ won }) => won)?.name ?? "").page;
  const loser = person(results.find(({ won }) => !won)?.name ?? "").page;
  await loser.getByRole("heading", { name: /没有摇中|Not this time/ }).waitFor();
  await picture(winner, "night-won");
  await picture(loser, "night-lost");
  expect(await axeFaults(winner)).toEqual([]);
  expect(await axeFaults(loser)).toEqual([]);
  people.sort((left) => (results.find(({ name }) => name === left.name)?.won === true ? -1 : 1));
});

test("claim in three taps: address, pay one cent, and the order is there, without a reload of one's own", async () => {
  const page = people[0]?.page as Page;
  await page.locator("dialog.moment .button.gold").click();
  await page.locator("dialog.sheet form").waitFor();
  // Faults stand at their fields first.
  await page.locator("dialog button[type=submit]").click();
  await page.locator(".field.wrong").first().waitFor();
  const filled = {
    name: "王小明",
    phone: "13800138000",
    region: "江西省",
    city: "景德镇市珠山区",
    line1: "珠山大道 1 号",
  };
  for (const [field, value] of Object.entries(filled)) await page.locator(`#field-${field}`).fill(value);
  await picture(page, "night-claim");
  await page.locator("dialog button[type=submit]").click();
  await page.waitForURL((url) => url.origin !== new URL(night.url).origin);
  await picture(page, "night-sandbox");
  await page.locator("button.first").click();
  await page.locator(".award .paid").waitFor();
  expect(new URL(page.url()).search).toBe("");
  await picture(page, "night-paid");
  expect(await axeFaults(page)).toEqual([]);
});

test("the rain: one press, one coupon, its code to copy", async () => {
  const page = people[1]?.page as Page;
  await page.locator(".hero.rain .shake, .rain-strip .button").first().waitFor({ timeout: 60_000 });
  await page.locator(".hero.rain .shake, .rain-strip .button").first().click();
  await page.locator(".coupon code, .award .button.red").first().waitFor();
  // Where the code is not there by itself, one press fetches it.
  const claim = page.locator(".award .button.red");
  if ((await claim.count()) > 0) {
    await claim.first().click();
    await page.locator("dialog.sheet .button.red").click();
  }
  await page.locator(".coupon code").waitFor();
  expect(await page.locator(".coupon code").textContent()).toMatch(/\S{6,}/);
  await picture(page, "night-coupon");
});

test("the network is lost and comes back: taps in between do not count, later ones do, no reload", async () => {
  const { page, context } = people[1] as (typeof people)[number];
  await page.locator(".hero.open").waitFor({ timeout: 60_000 });
  await page.evaluate(() => {
    document.title = "not reloaded";
  });
  await context.setOffline(true);
  await page.locator(".notice.link").waitFor({ timeout: 15_000 });
  await page.keyboard.press("Space");
  await page.locator(".notice.link p").nth(1).waitFor();
  await picture(page, "night-offline");
  await context.setOffline(false);
  await page
    .locator(".notice.link")
    .getByText(/已重新连上|Connected again/)
    .waitFor({ timeout: 40_000 });
  await page.locator("body").click({ position: { x: 5, y: 300 } });
  await page.keyboard.press("Space");
  await page.locator(".strip-item.received, .own-word.received").first().waitFor();
  expect(await page.title()).toBe("not reloaded");
});

test("[DR13] [CU6] the studio stops the round with a reason; everybody reads it, and the act is on record", async () => {
  const context = await visitor(browser, { size: DESKTOP, language: "en" });
  const studio = await context.newPage();
  await studio.goto(night.operatorUrl);
  await studio.locator(".rundown").waitFor();
  await studio.locator(".stop-button:enabled").waitFor();
  await picture(studio, "night-studio");
  await studio.keyboard.press("x");
  await studio.getByRole("dialog").getByLabel("Reason").fill("The drum has a hole");
  await studio.keyboard.press("Enter");
  await studio.getByText("Stopped from the next window on").waitFor({ timeout: 20_000 });
  await people[1]?.page.getByText("The drum has a hole").first().waitFor({ timeout: 20_000 });
  await picture(people[1]?.page as Page, "night-stopped");
  await studio.locator(".acts li").getByText("The drum has a hole").waitFor();
  expect(await axeFaults(studio)).toEqual([]);
  await context.close();
});

test("a stranger checks the proof in his own browser, with the entrant's receipt and heard seals", async () => {
  const page = people[0]?.page as Page;
  await page.locator(".receipts summary").click();
  const [receipt] = await Promise.all([
    page.waitForEvent("download"),
    page.locator(".receipt-links .button").first().click(),
  ]);
  const heard = page.locator(".receipts > .button");
  const [seals] = await Promise.all([page.waitForEvent("download"), heard.click()]);
  const draw = (await show()).rounds[0]?.draw ?? "";
  const context = await visitor(browser, { size: PHONE, language: "en" });
  const checker = await context.newPage();
  await checker.goto(`${night.url}/verify?draw=${encodeURIComponent(draw)}`);
  await checker.locator(".verdict.open").waitFor({ timeout: 60_000 });
  await checker.locator(".evidence input").setInputFiles([await receipt.path(), await seals.path()]);
  await checker.getByText("stands among the sealed entries").waitFor({ timeout: 30_000 });
  await checker.getByText("agrees with the file").first().waitFor();
  await picture(checker, "night-verified", true);
  expect(await axeFaults(checker)).toEqual([]);
  await context.close();
  expect(faults).toEqual([]);
});
