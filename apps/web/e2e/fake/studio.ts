// The studio in a real browser against a double whose answers a test changes as the night goes on.

import { join } from "node:path";
import type { StaffView, StudioAwardView, StudioPoolView, StudioView } from "@wanhui/protocol";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import { axeFaults, DESKTOP, picture, visitor } from "./browser.ts";
import { makeShow } from "./scenes.ts";
import { type Fake, type Route, startFake } from "./server.ts";
import { allActs, allStudioAwards, POOLS, staffScene, studioScene } from "./studio-scene.ts";

const dist = join(import.meta.dirname, "../../dist");

/** What the double answers with. */
export type StudioNight = {
  pools: readonly StudioPoolView[];
  awards: readonly StudioAwardView[];
  staff: readonly StaffView[];
  roles: readonly string[];
  /** Answers of acts, by `METHOD /path`; what is not named is refused. */
  readonly acts: Record<string, Route>;
};

export type OpenedStudio = {
  readonly page: Page;
  readonly fake: Fake;
  readonly night: StudioNight;
  close(): Promise<void>;
};

/** A problem as the server writes it. */
export const refusal = (status: number, code: string, more: object = {}) =>
  [status, { type: "", title: "", status, code, ...more }] as const;

function listOf(night: StudioNight): Route {
  return (_body, url) => {
    const state = url.searchParams.get("state");
    const before = url.searchParams.get("before");
    const all = night.awards.filter((award) => state === null || award.state === state);
    const from = before === null ? 0 : all.findIndex(({ awardId }) => before.endsWith(awardId)) + 1;
    const awards = all.slice(from, from + 50);
    const last = awards.at(-1);
    const next = from + 50 < all.length && last !== undefined ? `${last.wonAtMs}-${last.awardId}` : null;
    return [200, { awards, next }];
  };
}

/** The studio as it stands now. */
export const viewOf = (night: StudioNight): StudioView => ({
  ...studioScene(Date.now()),
  pools: night.pools,
  acts: allActs(Date.now()),
});

/** Opens the studio of a double whose answers a test changes as the night goes on. */
export async function openStudio(
  browser: Browser,
  options: {
    readonly size?: { width: number; height: number };
    readonly language?: "zh-CN" | "en";
    readonly hash?: string;
    readonly night?: Partial<StudioNight>;
  },
): Promise<OpenedStudio> {
  const nowMs = Date.now();
  const night: StudioNight = {
    pools: POOLS,
    awards: allStudioAwards(nowMs),
    staff: staffScene(nowMs),
    roles: ["viewer", "operator"],
    acts: {},
    ...options.night,
  };
  const routes: Record<string, Route> = {
    "GET /api/session": () => [
      200,
      { user: "0a".repeat(16), level: "guest", roles: night.roles, synthetic: false },
    ],
    "GET /api/studio": () => [200, viewOf(night)],
    "GET /api/studio/awards": listOf(night),
    "GET /api/studio/staff": () => [200, { staff: night.staff, you: "operator-7c01aa20" }],
  };
  const fake = await startFake({
    dist,
    show: () => makeShow(Date.now()),
    routes,
    find: (name) => {
      const id = /^GET \/api\/studio\/awards\/(\w+)$/.exec(name)?.[1];
      if (id === undefined) return night.acts[name];
      const award = night.awards.find(({ awardId }) => awardId === id);
      return () => (award === undefined ? refusal(404, "award.unknown") : [200, award]);
    },
  });
  const size = options.size ?? DESKTOP;
  const context = await visitor(browser, { size, language: options.language ?? "en", calm: true });
  const page = await context.newPage();
  await page.goto(`${fake.url}/studio${options.hash ?? ""}`);
  await page.getByRole("tablist").waitFor();
  return {
    page,
    fake,
    night,
    close: async () => {
      await context.close();
      await fake.stop();
    },
  };
}

/** A state is good when it can be looked at, read by a machine, and fits the screen. */
export async function check(page: Page, name: string): Promise<void> {
  // A dialog covers a screen, not a page.
  await picture(page, name, (await page.locator("dialog[open]").count()) === 0);
  expect(await axeFaults(page)).toEqual([]);
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(tooWide).toBeLessThanOrEqual(0);
}
