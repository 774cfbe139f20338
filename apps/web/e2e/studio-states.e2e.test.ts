// The studio's states, keys and the undo of a stop, against a double that keeps what it was sent.

import { join } from "node:path";
import type { StudioCueView, StudioView } from "@wanhui/protocol";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, DESKTOP, picture, startBrowser, visitor } from "./fake/browser.ts";
import { cue, makeShow, round } from "./fake/scenes.ts";
import { type Fake, startFake } from "./fake/server.ts";

const dist = join(import.meta.dirname, "../dist");
const TABLET = { width: 820, height: 1_180 };

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

function studio(nowMs: number): StudioView {
  const rounds = [
    round(0, nowMs - 5_000, "open", { firstWindowMs: 600_000 }),
    round(1, nowMs + 300_000, "planned"),
    round(2, nowMs + 600_000, "missed"),
  ];
  const show = makeShow(nowMs, { rounds, rehearsal: true, beacon: { level: "dev", name: "local" } });
  const of = (view: ReturnType<typeof cue>, part: Partial<StudioCueView>): StudioCueView => ({
    ...view,
    actions: [],
    reason: null,
    lateMaxMs: 0,
    ...part,
  });
  const cues = [
    of(
      cue("opening", "segment", nowMs - 300_000, "done", {
        zh: "开场歌舞《春潮》",
        en: "Opening dance: Spring Tide",
      }),
      {},
    ),
    of(
      cue(
        "round-1",
        "round",
        nowMs - 5_000,
        "live",
        { zh: "第一轮 · 开门红", en: "Round one: a red start" },
        "round-1",
      ),
      {},
    ),
    of(
      cue("crosstalk", "segment", nowMs + 120_000, "pending", {
        zh: "相声《抢票记》",
        en: "Crosstalk: The Ticket Rush",
      }),
      {
        actions: ["hold", "skip"],
      },
    ),
    of(
      cue(
        "round-2",
        "round",
        nowMs + 300_000,
        "pending",
        { zh: "第二轮 · 团圆饺子", en: "Round two: dumplings" },
        "round-2",
      ),
      {
        actions: ["arm", "hold", "skip"],
      },
    ),
    of(
      cue(
        "round-3",
        "round",
        nowMs - 20_000,
        "missed",
        { zh: "第三轮 · 开新车过新年", en: "Round three: drive" },
        "round-3",
      ),
      {
        actions: ["rearm", "skip"],
        reason: "too late to arm",
      },
    ),
    of(cue("finale", "segment", nowMs + 1_200_000, "held", { zh: "零点钟声", en: "Midnight bell" }), {
      actions: ["release", "skip"],
    }),
  ];
  const wave = Math.sin(nowMs / 3_000);
  return {
    show,
    cues,
    currentCue: "round-1",
    nextCue: "crosstalk",
    numbers: {
      ...show.counts,
      tapsPerSecond: 8_420 + Math.round(2_000 * wave),
      entriesPerSecond: 1_204 + Math.round(300 * wave),
      orders: 8,
      paid: 7,
      journalAppendMs: 3,
      materialiserLagBatches: 42,
    },
    acts: [
      {
        act: 2,
        atMs: nowMs - 26_000,
        who: "7c01aa20",
        role: "operator",
        action: "arm",
        target: "round-1",
        reason: null,
      },
      {
        act: 1,
        atMs: nowMs - 90_000,
        who: "7c01aa20",
        role: "operator",
        action: "hold",
        target: "finale",
        reason: "等零点",
      },
    ],
  };
}

const staff = () =>
  [200, { user: "0a".repeat(16), level: "guest", roles: ["viewer", "operator"], synthetic: false }] as const;

async function openStudio(
  size: { width: number; height: number },
  language: "zh-CN" | "en",
): Promise<{
  fake: Fake;
  paths: string[];
  page: Awaited<ReturnType<Awaited<ReturnType<typeof visitor>>["newPage"]>>;
  close: () => Promise<void>;
}> {
  const paths: string[] = [];
  const acted = (path: string) => () => {
    paths.push(path);
    return [200, studio(Date.now())] as const;
  };
  const fake = await startFake({
    dist,
    show: () => makeShow(Date.now()),
    routes: {
      "GET /api/session": staff,
      "GET /api/studio": () => [200, studio(Date.now())],
      "POST /api/studio/cues/round-2/arm": acted("arm"),
      "POST /api/studio/cues/crosstalk/hold": () => [
        409,
        { type: "", title: "", status: 409, code: "cue.wrong_state" },
      ],
      "POST /api/studio/draws/spring-gala-1%2Fround-1/stop": acted("stop"),
      "POST /api/studio/invites": () => [
        200,
        { url: "http://127.0.0.1/operator/abc", expiresAtMs: Date.now() + 600_000 },
      ],
    },
  });
  const context = await visitor(browser, { size, language, calm: true });
  const page = await context.newPage();
  await page.goto(`${fake.url}/studio`);
  await page.locator(".rundown").waitFor();
  return {
    fake,
    paths,
    page,
    close: async () => {
      await context.close();
      await fake.stop();
    },
  };
}

test.each([
  { size: DESKTOP, language: "zh-CN", tag: "desktop-zh" },
  { size: TABLET, language: "en", tag: "tablet-en" },
] as const)("the desk shows everything a director decides on ($tag)", async ({ size, language, tag }) => {
  const { page, close } = await openStudio(size, language);
  try {
    await page.locator(".cue-acts").first().waitFor();
    await page.locator(".spark polyline[points*=' ']").first().waitFor({ state: "attached" });
    await picture(page, `studio-${tag}`);
    expect(await axeFaults(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
  } finally {
    await close();
  }
});

test("keys choose and act, a refusal is said in words, and a stop can be taken back until it is sent", async () => {
  const { page, paths, fake, close } = await openStudio(DESKTOP, "en");
  try {
    await page.locator(".cue-acts").first().waitFor();
    await page.keyboard.press("h");
    await page.getByRole("dialog").getByRole("button", { name: "Hold" }).click();
    await page.getByRole("alert").getByText("just changed").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("a");
    await page.getByRole("dialog").getByLabel("Reason").fill("on the beat");
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(paths).toEqual(["arm"]);
    expect(fake.bodies).toContainEqual({ reason: "on the beat" });

    await page.keyboard.press("x");
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await page.getByText("Please give a reason").waitFor();
    await page.getByRole("button", { name: "Technical failure" }).click();
    await picture(page, "studio-stop");
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await page.getByRole("alertdialog").waitFor();
    await picture(page, "studio-undo");
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("alertdialog").waitFor({ state: "detached" });

    await page.keyboard.press("x");
    await page.getByRole("dialog").getByLabel("Reason").fill("Fire alarm");
    await page.keyboard.press("Enter");
    await page.getByText("Stopped from the next window on").waitFor();
    expect(paths).toEqual(["arm", "stop"]);
    expect(fake.bodies).toContainEqual({ reason: "Fire alarm" });
    expect(fake.bodies).not.toContainEqual({ reason: "Technical failure" });
  } finally {
    await close();
  }
});

test("without the staff's cookie the page says how to come in", async () => {
  const fake = await startFake({
    dist,
    show: () => makeShow(Date.now()),
    routes: { "GET /api/studio": () => [401, { type: "", title: "", status: 401, code: "auth.missing" }] },
  });
  const context = await visitor(browser, { language: "en" });
  try {
    const page = await context.newPage();
    await page.goto(`${fake.url}/studio`);
    await page.getByRole("heading", { name: "Come in by a one-time link" }).waitFor();
    await picture(page, "studio-door");
    expect(await axeFaults(page)).toEqual([]);
  } finally {
    await context.close();
    await fake.stop();
  }
});
