// The stage under a finger and a space bar: it keeps its place from the countdown to the result, it takes the space bar
// only while something can be entered, and what it says of a rain and of the night's randomness is true.

import { join } from "node:path";
import type { ServerMessage } from "@wanhui/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DESKTOP, PHONE, picture, startBrowser, visitor } from "./fake/browser.ts";
import { award, cue, makeShow, rain, round } from "./fake/scenes.ts";
import { type Fake, type FakeOptions, startFake } from "./fake/server.ts";

const dist = join(import.meta.dirname, "../dist");
const MINUTE = 60_000;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

type Look = { readonly size: typeof PHONE; readonly language: "zh-CN" | "en"; readonly touch?: boolean };
const PHONE_EN: Look = { size: PHONE, language: "en" };

async function withPage(
  options: Omit<FakeOptions, "dist"> & Look,
  look: (page: Page, fake: Fake) => Promise<void>,
): Promise<void> {
  const fake = await startFake({ dist, ...options });
  const context = await visitor(browser, { ...options, calm: true });
  try {
    const page = await context.newPage();
    await page.goto(fake.url);
    await page.locator(".hero").waitFor();
    await page.locator(".notice.link").waitFor({ state: "detached" });
    await look(page, fake);
  } finally {
    await context.close();
    await fake.stop();
  }
}

/** Where the gate stands, where the stage ends and where the prizes begin, in whole pixels. */
function places(page: Page) {
  return page.evaluate(() => {
    const of = (selector: string) => document.querySelector(selector)?.getBoundingClientRect();
    const [gate, hero, prizes] = [of(".gate"), of(".hero"), of("#prizes")];
    return [gate?.top, gate?.bottom, hero?.bottom, prizes?.top].map((at) => Math.round(at ?? -1));
  });
}

const say = (nowMs: number, state: "live" | "done") =>
  cue("say-1", "say", nowMs, state, {
    zh: "拿起手机，准备摇出青花瓷茶具",
    en: "Phones in hand: a porcelain tea set is next",
  });

test.each([
  { size: PHONE, language: "zh-CN", touch: true, tag: "phone-zh" },
  { size: PHONE, language: "en", touch: true, tag: "phone-en" },
  { size: DESKTOP, language: "zh-CN", touch: false, tag: "desktop-zh" },
  { size: DESKTOP, language: "en", touch: false, tag: "desktop-en" },
] as const)("nothing jumps from the countdown to the result, presenter or not ($tag)", (look) => {
  const now = Date.now();
  const next = round(1, now + 30 * MINUTE, "planned");
  const shake = (opensAtMs: number, phase: Parameters<typeof round>[2], part = {}) =>
    ({ t: "round", round: round(0, opensAtMs, phase, part) }) as const;
  return withPage(
    {
      ...look,
      show: () =>
        makeShow(now, { rounds: [round(0, now + 40_000, "armed"), next], cues: [say(now, "live")] }),
      onTap: (fake, d) => fake.send({ t: "ack", at: Date.now(), d, w: 0 }),
    },
    async (page, fake) => {
      const seen: Record<string, readonly number[]> = {};
      const note = async (name: string) => {
        seen[name] = await places(page);
        await picture(page, `stage-${name}-${look.tag}`);
      };
      const presenter = page.locator(".presenter");
      await presenter.waitFor();
      await note("soon-presenter");
      fake.ctl({ t: "cue", cue: say(now, "done") });
      await presenter.waitFor({ state: "detached" });
      await note("soon");
      fake.ctl(shake(Date.now() - 500, "open", { firstWindowMs: MINUTE }));
      await page.locator(".hero.open").waitFor();
      await note("open");
      await page.locator(".shake").click();
      await page.locator(".own-word.received").waitFor();
      await note("received");
      fake.ctl({ t: "cue", cue: say(now, "live") });
      await presenter.waitFor();
      await note("received-presenter");
      fake.ctl({ t: "cue", cue: say(now, "done") });
      // Everything has closed a second ago; the result is stated for three seconds on.
      fake.ctl(shake(Date.now() - 19_000, "drawing"));
      await page.locator(".hero.drawing").waitFor();
      await note("drawing");
      const counts = { drawnThrough: 6, entries: 61_204, winners: 120 };
      const drawn = { draw: round(0, 0, "closed").draw, entries: 10, units: 20, winners: 20, round: 1 };
      fake.ctl(
        ...[0, 1, 2, 3, 4, 5].map(
          (window) => ({ t: "drawn", ...drawn, window, resultAtMs: Date.now() }) as const,
        ),
        shake(Date.now() - 24_000, "closed", counts),
      );
      await page.locator(".hero.result").waitFor();
      await note("result");
      const [first] = Object.values(seen);
      expect(seen).toEqual(Object.fromEntries(Object.keys(seen).map((name) => [name, first])));
    },
  );
});

test("while the presenter speaks a phone still shows what can be won, in one line", () => {
  const now = Date.now();
  return withPage(
    {
      ...PHONE_EN,
      show: () => makeShow(now, { rounds: [round(0, now + 40_000, "armed")], cues: [say(now, "live")] }),
    },
    async (page) => {
      const coming = page.locator(".coming");
      await coming.getByText("Porcelain tea set").waitFor();
      expect((await coming.boundingBox())?.height).toBeLessThanOrEqual(44);
    },
  );
});

test("space enters while a round is open, also behind the language button and on a link, and scrolls otherwise", () => {
  const now = Date.now();
  let taps = 0;
  return withPage(
    {
      ...PHONE_EN,
      show: () => makeShow(now, { rounds: [round(0, now + 10 * MINUTE, "planned")] }),
      onTap: (fake, d) => {
        taps += 1;
        fake.send({ t: "ack", at: Date.now(), d, w: 0 });
      },
    },
    async (page, fake) => {
      // Nothing is open: space is the browser's.
      await page.keyboard.press("Space");
      await page.waitForFunction(() => scrollY > 0);
      await page.keyboard.press("Home");
      await page.waitForFunction(() => scrollY === 0);
      const open = () =>
        fake.ctl({ t: "round", round: round(0, Date.now() - 500, "open", { firstWindowMs: MINUTE }) });
      open();
      await page.locator(".hero.open").waitFor();
      await page.getByRole("button", { name: "中文" }).click();
      await page.keyboard.press("Space");
      await page.locator(".own-word.received").waitFor();
      expect(await page.evaluate(() => document.documentElement.lang)).toBe("zh-CN");
      expect(await page.evaluate(() => scrollY)).toBe(0);
      expect(taps).toBe(1);
      await page.getByText("本轮已摇 1 次").waitFor();
      await page.locator(".bottom a").first().focus();
      await page.keyboard.press("Space");
      await page.getByText("本轮已摇 2 次").waitFor();
      // By keys alone the button keeps the focus, and space is its own again.
      const language = page.getByRole("button", { name: "English" });
      await language.focus();
      await page.keyboard.press("Space");
      await page.getByRole("button", { name: "中文" }).waitFor();
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("中文");
      await page.getByText("2 shakes this round").waitFor();
    },
  );
});

test("in line for a rain: the place as a calm sign, nothing to press, space scrolls; got when one comes back", () => {
  const now = Date.now();
  const takes: string[] = [];
  const { pool } = rain(now, "open");
  const units = { left: { [pool]: 0 }, open: { [pool]: 3 } };
  const counts = { viewers: 1, taps: 0, entries: 0, awards: 0, claims: 0, ...units };
  return withPage(
    {
      ...PHONE_EN,
      show: () => makeShow(now, { rains: [rain(now - 4_000, "open")], counts }),
      take: (r): ServerMessage => {
        takes.push(r);
        return { t: "no", at: Date.now(), code: "grab.wait", r, place: 17, retryMs: 2_000 };
      },
    },
    async (page, fake) => {
      await page.locator("body").press("Space");
      await page.locator(".gate.calm .digits").getByText("17").waitFor();
      await page.getByText("you are number 17 in line").first().waitFor();
      expect(await page.locator(".shake").count()).toBe(0);
      expect(await page.locator(".hero").textContent()).not.toContain("0 left");
      await page.keyboard.press("Space");
      await page.waitForFunction(() => scrollY > 0);
      expect(takes).toHaveLength(1);
      const won = award("gala-coupon", now, { draw: null, window: null, wonAtMs: now });
      fake.send({ t: "me", at: Date.now(), m: [{ n: 1, t: "won", award: won }] });
      await page.locator(".gate.won").waitFor();
    },
  );
});

test.each([
  ["dev", "zh-CN", "今晚的随机数由本机产生", "公共随机数"],
  ["dev", "en", "tonight's random values are made on this machine", "public random value"],
  ["beacon", "zh-CN", "公共随机数", "本机产生"],
  ["beacon", "en", "public random value", "this machine"],
] as const)("the proofs' words fit a %s night (%s)", (level, language, said, unsaid) => {
  const now = Date.now();
  return withPage(
    { size: PHONE, language, show: () => makeShow(now, { beacon: { level, name: "b" } }) },
    async (page) => {
      const lead = (await page.locator("#proofs .lead").textContent()) ?? "";
      expect(lead).toContain(said);
      expect(lead).not.toContain(unsaid);
    },
  );
});

test("a form that is not complete: its label and the summary are in sight", () => {
  const now = Date.now();
  return withPage(
    { ...PHONE_EN, show: () => makeShow(now), awards: () => [award("tea-set", now)] },
    async (page) => {
      await page.getByRole("button", { name: "Claim Porcelain tea set" }).click();
      const submit = page.locator("dialog button[type=submit]");
      const inSight = async () => {
        const [sheet, summary, label] = await Promise.all(
          ["dialog", "dialog .trouble", ".field.wrong label"].map((each) =>
            page.locator(each).first().boundingBox(),
          ),
        );
        if (!sheet || !summary || !label) throw new Error("not drawn");
        expect(summary.y).toBeGreaterThanOrEqual(sheet.y);
        expect(label.y).toBeGreaterThanOrEqual(summary.y + summary.height);
      };
      await submit.click();
      await page.locator("#field-name:focus").waitFor();
      await inSight();
      for (const field of ["name", "phone", "region", "city"])
        await page.locator(`#field-${field}`).fill("13800002201");
      await submit.click();
      await page.locator("#field-line1:focus").waitFor();
      await inSight();
      await picture(page, "claim-fault-phone-en");
    },
  );
});
