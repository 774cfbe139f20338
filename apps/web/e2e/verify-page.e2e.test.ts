// The checker's page in a real browser: a file, a link, a broken file, evidence of one's own. [VF1] [VF3]

import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomPlan, receiptOf, tell, testBeacon } from "../../../packages/verify/src/testing.ts";
import { axeFaults, DESKTOP, PHONE, picture, startBrowser, visitor } from "./fake/browser.ts";
import { makeShow } from "./fake/scenes.ts";
import { type Fake, startFake } from "./fake/server.ts";

const dist = join(import.meta.dirname, "../dist");
const plan = { ...randomPlan(11), stopDuring: null, undrawnFrom: null, gaps: [], witnesses: [] };
const { file, seals } = tell(plan, testBeacon());

let browser: Browser;
let fake: Fake;
beforeAll(async () => {
  browser = await startBrowser();
  fake = await startFake({ dist, show: () => makeShow(Date.now()) });
});
afterAll(async () => {
  await browser.close();
  await fake.stop();
});

async function withPage(
  options: { size: { width: number; height: number }; language: "zh-CN" | "en"; path?: string },
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await visitor(browser, { ...options, calm: true });
  try {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.route("**/proof", (route) =>
      route.request().url().includes("unknown")
        ? route.fulfill({ status: 404, json: { code: "draw.unknown" } })
        : route.fulfill({ body: file, contentType: "application/x-ndjson" }),
    );
    await page.goto(`${fake.url}/verify${options.path ?? ""}`);
    await look(page);
    expect(errors).toEqual([]);
    expect(await axeFaults(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
  } finally {
    await context.close();
  }
}

const give = (page: Page, input: string, name: string, buffer: Buffer) =>
  page.locator(input).setInputFiles({ name, mimeType: "application/octet-stream", buffer });

test("an honest file: two verdicts, the level, a table", () =>
  withPage({ size: PHONE, language: "zh-CN" }, async (page) => {
    await picture(page, "verify-empty-phone-zh");
    await give(page, ".drop input", "proof.ndjson", file);
    await page.locator(".verdict").waitFor();
    expect(await page.locator(".answer").count()).toBe(3);
    expect(await page.locator("tbody tr").count()).toBe(seals.length);
    await picture(page, "verify-dev-phone-zh", true);
  }));

test.each([
  ["zh-CN", "前后一致，但不能证明公正", "随机数由本机产生", "见证人的签名，"],
  [
    "en",
    "Consistent, but no proof of fairness",
    "whoever runs it knew them beforehand",
    "Signatures of witnesses",
  ],
] as const)(
  "[FA4] [VF5] a local beacon's file is amber, says why and promises nothing of witnesses (%s)",
  (language, head, why, advice) =>
    withPage({ size: DESKTOP, language }, async (page) => {
      await give(page, ".drop input", "proof.ndjson", file);
      await page.locator(".verdict.open").waitFor();
      expect(await page.locator(".verdict.good").count()).toBe(0);
      expect(await page.locator(".verdict").textContent()).toContain(head);
      const answers = (await page.locator(".answers").textContent()) ?? "";
      expect(answers).toContain(why);
      const whole = (await page.locator("main").textContent()) ?? "";
      expect(whole).not.toContain(advice);
      if (language === "zh-CN") expect(answers).not.toMatch(/[a-z]{4,}/);
      // Side by side: the word of each card begins where the others do.
      const tops = await page
        .locator(".answer-word")
        .evaluateAll((words) => words.map((word) => word.getBoundingClientRect().top));
      expect(new Set(tops).size).toBe(1);
      await picture(page, `verify-dev-desktop-${language}`);
    }),
);

test("[PF1] a flipped byte: rejected, with line, field and rule", () =>
  withPage({ size: DESKTOP, language: "en" }, async (page) => {
    const broken = Buffer.from(file);
    const at = broken.indexOf('"sealedAtMs":') + 14;
    broken[at] = (broken[at] ?? 0) === 0x31 ? 0x32 : 0x31;
    await give(page, ".drop input", "proof.ndjson", broken);
    await page.locator(".verdict.bad").waitFor();
    await page.getByText(/^Line \d+$/).waitFor();
    await picture(page, "verify-bad-desktop-en", true);
  }));

test("[VF2] by link, with a receipt and heard seals of one's own", () =>
  withPage(
    { size: DESKTOP, language: "en", path: `?draw=${encodeURIComponent(plan.draw)}` },
    async (page) => {
      await page.locator(".verdict.open").waitFor();
      const heard = seals.map(({ header, hash, signature }) => ({
        record: header,
        hash,
        signature,
        heardAtMs: header.sealedAtMs,
      }));
      await give(
        page,
        ".evidence input",
        "heard.ndjson",
        Buffer.from(heard.map((line) => JSON.stringify(line)).join("\n")),
      );
      await page.getByText("agrees with the file").first().waitFor();
      const window = plan.entrants.findIndex((keys) => keys.length > 0);
      const userKey = plan.entrants[window]?.[0] ?? "";
      const receipt = receiptOf(plan.draw, [{ window, userKey }], 0);
      await give(page, ".evidence input", "receipt.json", Buffer.from(JSON.stringify(receipt)));
      await page.getByText(`Receipt of draw ${window + 1}`).waitFor();
      await picture(page, "verify-evidence-desktop-en", true);
    },
  ));

test("a draw without a proof yet is said plainly", () =>
  withPage({ size: PHONE, language: "en", path: "?draw=unknown" }, async (page) => {
    await page.getByRole("alert").getByText("no proof of this round yet").waitFor();
  }));
