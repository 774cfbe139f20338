// The bot check in a real browser against the real server: done by itself during the countdown, told in one line, and
// never in the way of the button.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig, type Night, startNight } from "@wanhui/server";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, DESKTOP, PHONE, picture, startBrowser, visitor } from "./fake/browser.ts";

let browser: Browser;
let night: Night;
let running: Promise<void>;
let folder: string;
const ended = new AbortController();
const faults: string[] = [];
const workers: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-web-check-"));
  const flags = {
    data: folder,
    host: "127.0.0.1",
    port: "0",
    "sandbox-port": "0",
    beacon: "dev",
    show: join(import.meta.dirname, "night/bot-check.yaml"),
    "log-level": "warn",
    "log-file": join(folder, "server.log"),
  };
  const config = loadConfig({ env: {}, flags });
  night = await startNight({ config, fresh: true, rehearsal: false, version: "0.0.0-test" });
  running = night.runUntil(ended.signal);
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  ended.abort();
  await running;
  await rm(folder, { recursive: true, force: true });
});

async function open(size: typeof PHONE, language: "en" | "zh-CN"): Promise<Page> {
  const context = await visitor(browser, { size, language });
  const page = await context.newPage();
  // Heard from the first moment: on a busy machine the worker may start before a test asks for it.
  page.on("worker", (worker) => workers.push(worker.url()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (line) => {
    if (line.text().includes("Content Security Policy")) faults.push(line.text());
  });
  await page.goto(night.url);
  return page;
}

/** Counts the heights the line ever had: it says other words, and moves nothing. */
async function watchLine(page: Page): Promise<() => Promise<number>> {
  await page.locator(".check-line").waitFor();
  await page.evaluate(() => {
    const heights = new Set<number>();
    Object.assign(globalThis, { heights });
    const look = () => {
      const line = document.querySelector(".check-line");
      if (line !== null) heights.add(Math.round(line.getBoundingClientRect().height));
      requestAnimationFrame(look);
    };
    look();
  });
  return () => page.evaluate(() => (globalThis as unknown as { heights: Set<number> }).heights.size);
}

test("[AB7] [AB8] the check is done during the countdown, in a worker, and said in one line that moves nothing", async () => {
  const phone = await open(PHONE, "zh-CN");
  const heights = await watchLine(phone);
  await phone.locator(".check-line").getByText("正在自动做防机器人检查").waitFor({ timeout: 30_000 });
  await picture(phone, "check-working-phone");
  await phone.locator(".check-line").getByText("防机器人检查已完成").waitFor({ timeout: 30_000 });
  expect(workers.map((url) => url.includes("check-worker"))).toEqual([true]);
  await picture(phone, "check-passed-phone");
  expect(await axeFaults(phone)).toEqual([]);
  expect(await heights()).toBe(1);
  await phone.locator(".shake").waitFor({ timeout: 60_000 });
  await phone.locator(".shake").click();
  await phone.locator(".own-word.received").getByText("已收到").waitFor({ timeout: 10_000 });
}, 120_000);

test("[AB5] [AB8] a page opened late lets the button be pressed: the gesture leaves by itself once the check is done", async () => {
  const desk = await open(DESKTOP, "en");
  await desk.locator(".shake").waitFor({ timeout: 30_000 });
  await desk.locator(".notice.link").waitFor({ state: "detached" });
  await desk.locator(".shake").click();
  await picture(desk, "check-held-desk");
  await desk.locator(".check-line").getByText("Checked: no machine is playing").waitFor({ timeout: 30_000 });
  // Nobody pressed again.
  await desk.locator(".own-word.received").getByText("Received").waitFor({ timeout: 10_000 });
  expect(faults).toEqual([]);
}, 120_000);
