// The studio's red bar, against a double whose health changes.

import { join } from "node:path";
import type { HealthView, StudioView } from "@wanhui/protocol";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, DESKTOP, startBrowser, visitor } from "./fake/browser.ts";
import { makeShow } from "./fake/scenes.ts";
import { startFake } from "./fake/server.ts";

const dist = join(import.meta.dirname, "../dist");

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const well: HealthView = { ok: true, parts: [{ name: "engine", ok: true, reason: null }] };
const ill: HealthView = {
  ok: false,
  parts: [
    { name: "engine", ok: false, reason: "shard 3 broken: a unit was counted twice" },
    { name: "database", ok: true, reason: null },
  ],
};

function studio(health: HealthView): StudioView {
  const show = makeShow(Date.now());
  const numbers = {
    ...show.counts,
    tapsPerSecond: 0,
    entriesPerSecond: 0,
    orders: 0,
    paid: 0,
    journalAppendMs: 3,
    materialiserLagBatches: 0,
  };
  return { show, cues: [], currentCue: null, nextCue: null, numbers, pools: [], acts: [], health };
}

for (const { language, says } of [
  { language: "zh-CN", says: "有分片停止工作" },
  { language: "en", says: "A shard has stopped" },
] as const) {
  test(`[JR13] what is not well stands above the studio as an alert while it is so, in ${language}`, async () => {
    let health = well;
    const fake = await startFake({
      dist,
      show: () => makeShow(Date.now()),
      routes: {
        "GET /api/session": () => [
          200,
          { user: "0a".repeat(16), level: "guest", roles: ["viewer", "operator"], synthetic: false },
        ],
        "GET /api/studio": () => [200, studio(health)],
      },
    });
    const context = await visitor(browser, { size: DESKTOP, language, calm: true });
    const page = await context.newPage();
    await page.goto(`${fake.url}/studio`);
    await page.locator(".rundown").waitFor();
    const bar = page.locator(".health-bar[role=alert]");
    expect(await bar.count()).toBe(0);
    health = ill;
    await bar.waitFor();
    expect(await bar.innerText()).toContain(says);
    expect(await bar.innerText()).toContain("shard 3 broken: a unit was counted twice");
    expect(await bar.locator("li").count()).toBe(1);
    expect(await axeFaults(page)).toEqual([]);
    health = well;
    await bar.waitFor({ state: "detached" });
    await context.close();
    await fake.stop();
  });
}
