// The studio's states, keys and the undo of a stop, against a double that keeps what it was sent.

import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, DESKTOP, picture, startBrowser, visitor } from "./fake/browser.ts";
import { makeShow } from "./fake/scenes.ts";
import { type Fake, startFake } from "./fake/server.ts";
import { studioScene } from "./fake/studio-scene.ts";

const dist = join(import.meta.dirname, "../dist");
const TABLET = { width: 820, height: 1_180 };

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

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
    return [200, studioScene(Date.now())] as const;
  };
  const fake = await startFake({
    dist,
    show: () => makeShow(Date.now()),
    routes: {
      "GET /api/session": staff,
      "GET /api/studio": () => [200, studioScene(Date.now())],
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
