// One Chromium for a test file; pages of phone and desktop size.

import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const PHONE = { width: 360, height: 780 };
export const DESKTOP = { width: 1_280, height: 800 };

/** Starts the browser the tests look with; `more` are further flags. */
export function startBrowser(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.WANHUI_CHROMIUM ?? "/usr/bin/chromium",
    args: [...FLAGS, ...more],
  });
}

/** A fresh visitor. */
export function visitor(
  browser: Browser,
  options: {
    readonly size?: { width: number; height: number };
    readonly language?: "zh-CN" | "en";
    readonly calm?: boolean;
    readonly touch?: boolean;
  } = {},
): Promise<BrowserContext> {
  return browser.newContext({
    viewport: options.size ?? PHONE,
    locale: options.language ?? "zh-CN",
    timezoneId: "Asia/Shanghai",
    reducedMotion: options.calm === true ? "reduce" : "no-preference",
    hasTouch: options.touch ?? false,
  });
}

/**
 * What axe finds wrong with a page, one line each; empty when clean. Asked for violations alone, and in the page itself
 * (there are no frames of other origins): a quarter of its time went into what it would say of the rest.
 */
export async function axeFaults(page: Page): Promise<readonly string[]> {
  const builder = new (AxeBuilder as unknown as new (options: { page: Page }) => AxeTool)({ page });
  const result = await builder
    .setLegacyMode()
    .options({
      runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
      resultTypes: ["violations"],
      preload: false,
    })
    .analyze();
  return result.violations.map(
    (fault) =>
      `${fault.id}: ${fault.nodes.map((node) => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`).join(" | ")}`,
  );
}

type AxeTool = {
  setLegacyMode(): AxeTool;
  options(options: { runOnly: string[]; resultTypes: string[]; preload: boolean }): AxeTool;
  analyze(): Promise<AxeResult>;
};

type AxeResult = {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly {
      readonly html: string;
      readonly any: readonly { readonly message: string }[];
    }[];
  }[];
};

/** Keeps a picture of a page when `WANHUI_SCREENSHOTS` names a folder: to be looked at by people. */
export async function picture(page: Page, name: string, whole = false): Promise<void> {
  const folder = process.env.WANHUI_SCREENSHOTS;
  if (folder === undefined) return;
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: whole });
}
