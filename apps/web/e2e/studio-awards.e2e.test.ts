// Awards: found, paged, filtered, extended, forfeited.

import type { StudioAwardView } from "@wanhui/protocol";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PHONE, startBrowser } from "./fake/browser.ts";
import { check, openStudio, refusal } from "./fake/studio.ts";
import { studioAward } from "./fake/studio-scene.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

test("[AW5] an award is found and extended once; the deadline is the same however often it is sent", async () => {
  const { page, fake, night, close } = await openStudio(browser, { hash: "#tab=awards" });
  const award = night.awards[0] as StudioAwardView;
  const claimByMs = (award.claimByMs ?? 0) + 72 * 3_600_000;
  const path = `POST /api/studio/awards/${award.awardId}/extend`;
  night.acts[path] = () => null;
  const dialog = page.getByRole("dialog");
  const sent = () => fake.bodies.filter((body) => Object.hasOwn(body as object, "claimByMs"));
  try {
    await page.getByLabel("Award id").fill("nonsense");
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByText("Award id: 32 characters of 0-9 a-f (AW6)").waitFor();
    await page.getByLabel("Award id").fill("00".repeat(16));
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByRole("alert").getByText("There is no award with this id").waitFor();
    await check(page, "studio-award-unknown");
    await page.getByLabel("Award id").fill(award.awardId.toUpperCase());
    await page.keyboard.press("Enter");
    await page.locator(".found").getByText("Dumpling").or(page.locator(".found .award")).first().waitFor();
    expect(new URL(page.url()).hash).toBe(`#tab=awards&award=${award.awardId}`);
    await page
      .locator(".found")
      .getByRole("button", { name: /^Extend/ })
      .click();
    await dialog.getByRole("button", { name: "Extend" }).click();
    await dialog.getByText("Reason: needed").waitFor();
    await dialog.getByLabel("How many hours more").fill("0");
    await dialog.getByText("Hours: a whole number from 1 to 8,784 (AW5)").waitFor();
    await dialog.getByRole("button", { name: "3 days" }).click();
    await dialog.getByLabel("Reason").fill("the parcel shop is closed");
    await check(page, "studio-extend");
    await dialog.getByRole("button", { name: "Extend" }).click();
    await dialog.getByRole("alert").getByText("The server did not answer").waitFor();
    night.acts[path] = () => {
      const extended = { ...award, claimByMs, actions: ["forfeit"] as const };
      night.awards = night.awards.map((each) => (each.awardId === award.awardId ? extended : each));
      return [200, extended];
    };
    await dialog.getByRole("button", { name: "Extend" }).click();
    await page.getByRole("status").getByText("Extended until").waitFor();
    const bodies = sent();
    expect(bodies.length).toBeGreaterThanOrEqual(2);
    for (const body of bodies) expect(body).toEqual({ claimByMs, reason: "the parcel shop is closed" });
    await page.locator(".found").getByText("extended before").waitFor();
    expect(
      await page
        .locator(".found")
        .getByRole("button", { name: /^Extend/ })
        .count(),
    ).toBe(0);
    await check(page, "studio-extended");
    await page.goBack();
    await page.goBack();
    await page.locator(".award-list .award").first().waitFor();
  } finally {
    await close();
  }
});

test("[AW4] a forfeit needs a reason, a refused one shows what the award has become, a done one stays in sight", async () => {
  const { page, fake, night, close } = await openStudio(browser, {
    hash: "#tab=awards&state=held",
    size: PHONE,
  });
  const [one, two] = night.awards as [StudioAwardView, StudioAwardView];
  const pathOf = (award: StudioAwardView) => `POST /api/studio/awards/${award.awardId}/forfeit`;
  night.acts[pathOf(one)] = () => {
    night.awards = night.awards.map((each) =>
      each === one ? { ...one, state: "committing" as const, actions: [] } : each,
    );
    return refusal(409, "award.wrong_state");
  };
  night.acts[pathOf(two)] = () => [
    200,
    { ...two, state: "forfeited", claimByMs: null, reason: "Entered twice", actions: [] },
  ];
  const dialog = page.getByRole("dialog");
  const rows = page.locator(".award-list .award");
  try {
    await rows.first().waitFor();
    expect(await rows.count()).toBe(2);
    await rows
      .first()
      .getByRole("button", { name: /^Forfeit/ })
      .click();
    await dialog.getByRole("button", { name: "Forfeit" }).click();
    await dialog.getByText("Reason: needed, at most 500 characters (CU6)").waitFor();
    await check(page, "studio-forfeit");
    await dialog.getByRole("button", { name: "Broke the rules" }).click();
    await dialog.getByRole("button", { name: "Forfeit" }).click();
    await dialog.getByRole("alert").getByText("only held awards can be extended or forfeited").waitFor();
    await page.keyboard.press("Escape");
    await rows.first().getByText("Committing").waitFor();
    await rows
      .nth(1)
      .getByRole("button", { name: /^Forfeit/ })
      .click();
    await dialog.getByRole("button", { name: "Entered twice" }).click();
    await dialog.getByRole("button", { name: "Forfeit" }).click();
    await page.getByRole("status").getByText("Forfeited:").waitFor();
    await rows.nth(1).getByText("Entered twice").waitFor();
    expect(fake.bodies).toContainEqual({ reason: "Entered twice" });
    // Its button is gone; the keyboard is still in the panel.
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("tab-panel");
    await check(page, "studio-forfeited");
  } finally {
    await close();
  }
});

test("[AW6] awards come page by page, new ones wait to be shown, and each state can be linked to", async () => {
  const nowMs = Date.now();
  const many = Array.from({ length: 120 }, (_, n) => studioAward(500 - n, nowMs));
  const { page, night, close } = await openStudio(browser, { hash: "#tab=awards", night: { awards: many } });
  const rows = page.locator(".award-list .award");
  const ids = () => page.locator(".award-list .award-id code").allTextContents();
  try {
    await rows.nth(49).waitFor();
    await page.getByRole("button", { name: "Earlier awards" }).click();
    await rows.nth(99).waitFor();
    await page.getByRole("button", { name: "Earlier awards" }).click();
    await rows.nth(119).waitFor();
    expect(await page.getByRole("button", { name: "Earlier awards" }).count()).toBe(0);
    expect(await ids()).toEqual(many.map(({ awardId }) => awardId));
    // A new win does not move what is being read; a claim is seen where it stands.
    const [first, ...rest] = many as [StudioAwardView, ...StudioAwardView[]];
    night.awards = [studioAward(501, nowMs), { ...first, state: "posted", actions: [] }, ...rest];
    await page.getByRole("button", { name: "1 new award: show" }).waitFor();
    await rows.first().getByText("Posted").waitFor();
    expect((await ids()).length).toBe(120);
    await page.getByRole("button", { name: "1 new award: show" }).click();
    await page.getByRole("button", { name: "1 new award: show" }).waitFor({ state: "detached" });
    expect((await ids())[0]).toBe(night.awards[0]?.awardId);
    await page.getByRole("button", { name: "Forfeited" }).click();
    await page.getByText("No award is in this state").waitFor();
    expect(new URL(page.url()).hash).toBe("#tab=awards&state=forfeited");
    await check(page, "studio-awards-none-of-state");
    night.awards = [];
    await page.getByRole("button", { name: "All", exact: true }).click();
    await page.getByText("Nobody has won yet").waitFor();
    await check(page, "studio-awards-empty");
  } finally {
    await close();
  }
});
