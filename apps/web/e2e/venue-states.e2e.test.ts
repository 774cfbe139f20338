// Every state of the venue page has a face of its own, in both languages and sizes, and axe finds nothing wrong.
// The states come from a double that speaks the wire; what a real night does is in the other files.

import { join } from "node:path";
import type { ShowView } from "@wanhui/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeFaults, DESKTOP, PHONE, picture, startBrowser, visitor } from "./fake/browser.ts";
import { allAwards, award, cue, makeShow, rain, round } from "./fake/scenes.ts";
import { type Fake, type FakeOptions, startFake } from "./fake/server.ts";

const dist = join(import.meta.dirname, "../dist");
const MINUTE = 60_000;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

type Scene = {
  readonly name: string;
  readonly fake: (nowMs: number) => Omit<FakeOptions, "dist">;
  /** Brings the page into the state after it was loaded, and waits for it. */
  readonly reach: (page: Page, fake: Fake) => Promise<void>;
  readonly whole?: boolean;
};

const shows = (make: (nowMs: number) => ShowView) => (nowMs: number) => ({ show: () => make(nowMs) });
const stage = (kind: string) => async (page: Page) => {
  await page.locator(`.hero.${kind}`).waitFor();
};

/** Waits until the page is in the room: before, a tap would rightly not count. */
async function inRoom(page: Page): Promise<void> {
  await page.locator(".hero").waitFor();
  await page.locator(".notice.link").waitFor({ state: "detached" });
}

const SCENES: readonly Scene[] = [
  {
    name: "before",
    fake: shows((now) =>
      makeShow(now, {
        startsAtMs: now + 9 * MINUTE,
        rounds: [
          round(0, now + 10 * MINUTE, "planned"),
          round(1, now + 15 * MINUTE, "planned"),
          round(2, now + 20 * MINUTE, "planned"),
        ],
      }),
    ),
    reach: stage("waiting"),
    whole: true,
  },
  {
    name: "soon",
    fake: shows((now) =>
      makeShow(now, {
        beacon: { level: "dev", name: "local" },
        rounds: [round(0, now + 42_000, "armed"), round(1, now + 5 * MINUTE, "planned")],
        cues: [
          cue("say-1", "say", now - 5_000, "live", {
            zh: "拿起手机，准备摇出青花瓷茶具",
            en: "Phones in hand: a porcelain tea set is next",
          }),
          cue(
            "round-1",
            "round",
            now + 42_000,
            "armed",
            { zh: "第一轮 · 开门红", en: "Round one: a red start" },
            "round-1",
          ),
        ],
      }),
    ),
    reach: stage("waiting"),
  },
  {
    name: "open",
    fake: (now) => ({
      show: () =>
        makeShow(now, {
          rounds: [
            round(0, now - 1_000, "open", { firstWindowMs: 60_000 }),
            round(1, now + 5 * MINUTE, "planned"),
          ],
        }),
      onTap: (fake, d) => fake.send({ t: "ack", at: Date.now(), d, w: 0 }),
    }),
    reach: async (page) => {
      await inRoom(page);
      await page.keyboard.press("Space");
      await page.locator(".own-word.received").waitFor();
    },
  },
  {
    name: "open-offline",
    fake: (now) => ({
      show: () => makeShow(now, { rounds: [round(0, now - 1_000, "open", { firstWindowMs: 60_000 })] }),
    }),
    reach: async (page, fake) => {
      await inRoom(page);
      fake.down();
      await page.locator(".notice.link").waitFor();
      await page.keyboard.press("Space");
      await page.locator(".notice.link p").nth(1).waitFor();
    },
  },
  {
    name: "drawing",
    fake: (now) => ({
      show: () =>
        makeShow(now, { rounds: [round(0, now - 2_000, "open", { schedule: [30], firstWindowMs: 8_000 })] }),
      onTap: (fake, d) => fake.send({ t: "ack", at: Date.now(), d, w: 0 }),
    }),
    reach: async (page) => {
      await inRoom(page);
      await page.keyboard.press("Space");
      await page.locator(".own-word.received").waitFor();
      await page.locator(".hero.drawing").waitFor();
    },
  },
  {
    name: "drawing-late",
    fake: (now) => ({
      show: () =>
        makeShow(now, {
          rounds: [round(0, now - 9_000, "drawing", { schedule: [30], firstWindowMs: 5_000 })],
        }),
      awards: () => [],
    }),
    reach: async (page) => {
      await page.evaluate(() =>
        sessionStorage.setItem("wanhui.entered.spring-gala-1", '["spring-gala-1/round-1#0"]'),
      );
      await page.reload();
      await page.locator(".hero.drawing").waitFor();
      await page.waitForFunction(() => document.querySelectorAll(".stage-fact").length >= 3);
    },
  },
  {
    name: "lost",
    fake: (now) => ({
      show: () =>
        makeShow(now, {
          rounds: [
            round(0, now - 12_000, "closed", {
              schedule: [30],
              firstWindowMs: 5_000,
              drawnThrough: 1,
              entries: 3_204,
              winners: 30,
            }),
            round(1, now + 5 * MINUTE, "planned"),
          ],
        }),
    }),
    reach: async (page) => {
      await page.evaluate(() =>
        sessionStorage.setItem("wanhui.entered.spring-gala-1", '["spring-gala-1/round-1#0"]'),
      );
      await page.reload();
      await page.locator(".hero.result").waitFor();
    },
  },
  {
    name: "won",
    fake: (now) => ({
      show: () =>
        makeShow(now, {
          rounds: [
            round(0, now - 8_500, "open", { schedule: [30], firstWindowMs: 5_000 }),
            round(1, now + 5 * MINUTE, "planned"),
          ],
        }),
    }),
    reach: async (page, fake) => {
      await inRoom(page);
      const won = award("tea-set", Date.now(), { wonAtMs: Date.now() });
      fake.send({ t: "me", at: Date.now(), m: [{ n: 1, t: "won", award: won }] });
      await page.locator("dialog.moment").waitFor();
    },
  },
  {
    name: "mine",
    fake: (now) => ({
      show: () =>
        makeShow(now, {
          rehearsal: true,
          rounds: [
            round(0, now - 4 * MINUTE, "closed", { drawnThrough: 6, entries: 3_204, winners: 120 }),
            round(1, now + 5 * MINUTE, "planned"),
          ],
        }),
      awards: () => allAwards(now),
    }),
    reach: async (page) => {
      await page.locator("#mine .award").first().waitFor();
    },
    whole: true,
  },
  {
    name: "claim",
    fake: (now) => ({ show: () => makeShow(now), awards: () => [award("tea-set", now)] }),
    reach: async (page) => {
      await page.locator(".award .button.red").click();
      await page.locator("dialog.sheet form").waitFor();
      await page.locator("dialog button[type=submit]").click();
      await page.locator(".field.wrong").first().waitFor();
    },
  },
  {
    name: "claim-right",
    fake: (now) => ({ show: () => makeShow(now), awards: () => [award("car-year", now)] }),
    reach: async (page) => {
      await page.locator(".award .button.red").click();
      await page.locator("dialog.sheet form").waitFor();
    },
  },
  {
    name: "settings",
    fake: shows((now) => makeShow(now)),
    reach: async (page) => {
      await page.locator(".top-button").nth(1).click();
      await page.locator("dialog.sheet").waitFor();
    },
  },
  {
    name: "rain",
    fake: shows((now) =>
      makeShow(now, {
        rains: [rain(now - 4_000, "open")],
        counts: {
          viewers: 12_840,
          taps: 0,
          entries: 0,
          awards: 0,
          claims: 0,
          left: { "spring-gala-1/gala-coupon": 1_204 },
          open: { "spring-gala-1/gala-coupon": 3 },
        },
      }),
    ),
    reach: stage("rain"),
  },
  {
    name: "rain-wait",
    fake: (now) => ({
      show: () => makeShow(now, { rains: [rain(now - 4_000, "open")] }),
      take: (r) => ({ t: "no", at: Date.now(), code: "grab.wait", r, place: 17, retryMs: 2_000 }),
    }),
    reach: async (page) => {
      await inRoom(page);
      await page.locator(".shake").click();
      await page.locator(".own-word").waitFor();
      await page.getByText("17").first().waitFor();
    },
  },
  {
    name: "rain-gone",
    fake: (now) => ({
      show: () => makeShow(now, { rains: [rain(now - 4_000, "open")] }),
      take: (r) => ({ t: "no", at: Date.now(), code: "pool.sold_out", r }),
    }),
    reach: async (page) => {
      await inRoom(page);
      await page.locator(".shake").click();
      await page.locator(".gate-sign").waitFor();
    },
  },
  {
    name: "held",
    fake: shows((now) => makeShow(now, { rounds: [round(0, now + 30_000, "held")] })),
    reach: stage("held"),
  },
  {
    name: "stopped",
    fake: shows((now) =>
      makeShow(now, {
        rounds: [
          round(0, now - 9_000, "stopped", {
            closesAtMs: now - 6_000,
            drawnThrough: 1,
            entries: 900,
            winners: 30,
            reason: "舞台事故",
          }),
        ],
      }),
    ),
    reach: stage("result"),
  },
  { name: "between", fake: shows((now) => makeShow(now)), reach: stage("between") },
  {
    name: "ended",
    fake: shows((now) =>
      makeShow(now, {
        startsAtMs: now - 40 * MINUTE,
        endsAtMs: now - MINUTE,
        rounds: [0, 1, 2].map((index) =>
          round(index, now - (30 - index) * MINUTE, "closed", {
            drawnThrough: 6,
            entries: 3_204,
            winners: 120,
            level: index === 1 ? "beacon" : "dev",
          }),
        ),
      }),
    ),
    reach: stage("ended"),
    whole: true,
  },
  {
    name: "unknown",
    fake: () => ({ show: () => null }),
    reach: async (page) => void (await page.locator("#face-title").waitFor()),
  },
  {
    name: "unreachable",
    fake: shows((now) => makeShow(now)),
    reach: async (page, fake) => {
      fake.down();
      await page.reload();
      await page.locator("#face-title").waitFor();
    },
  },
];

const LOOKS = [
  { size: PHONE, language: "zh-CN", tag: "phone-zh" },
  { size: DESKTOP, language: "en", tag: "desktop-en" },
  { size: PHONE, language: "en", tag: "phone-en" },
  { size: DESKTOP, language: "zh-CN", tag: "desktop-zh" },
] as const;
/** With a folder for pictures every look is taken; the tests themselves need one of each language and size. */
const looks = process.env.WANHUI_SCREENSHOTS === undefined ? LOOKS.slice(0, 2) : LOOKS;

describe.each(SCENES)("venue: $name", (scene) => {
  test.each(looks)("has its face and is accessible ($tag)", async (look) => {
    const fake = await startFake({ dist, ...scene.fake(Date.now()) });
    const context = await visitor(browser, { size: look.size, language: look.language, calm: true });
    try {
      const page = await context.newPage();
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (line) => {
        if (line.text().includes("Content Security Policy")) errors.push(line.text());
      });
      await page.goto(fake.url);
      await scene.reach(page, fake);
      await picture(page, `${scene.name}-${look.tag}`, scene.whole);
      expect(await axeFaults(page)).toEqual([]);
      expect(errors).toEqual([]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, "nothing is wider than the screen").toBeLessThanOrEqual(0);
    } finally {
      await context.close();
      await fake.stop();
    }
  });
});
