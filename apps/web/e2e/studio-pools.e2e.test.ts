// Restock and withdraw: faults named, double clicks, lost answers, refusals.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PHONE, startBrowser } from "./fake/browser.ts";
import type { Fake } from "./fake/server.ts";
import { check, openStudio, refusal, viewOf } from "./fake/studio.ts";
import { pool } from "./fake/studio-scene.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const CHANGE = `POST /api/studio/pools/${encodeURIComponent("spring-gala-1/tea-set")}/change`;
type Change = { readonly delta: number; readonly reason: string; readonly commandId: string };
const changes = (fake: Fake) =>
  fake.bodies.filter((body): body is Change => body !== null && typeof body === "object" && "delta" in body);

test("[PL3] a restock names its faults, is sent once for a double click, and is seen at once", async () => {
  const { page, fake, night, close } = await openStudio(browser, { hash: "#tab=pools" });
  let answer: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  night.acts[CHANGE] = () => {
    night.pools = [pool("tea-set", 131, { openAwards: 25, heldByDraw: 60, promised: 10, posted: 11 })];
    return [200, viewOf(night)];
  };
  await page.route("**/change", async (route) => {
    await held;
    await route.continue();
  });
  const dialog = page.getByRole("dialog");
  try {
    await page.getByRole("button", { name: "Restock: Porcelain tea set" }).click();
    await dialog.getByRole("button", { name: "Restock" }).click();
    await dialog.getByText("Units: a whole number from 1 to 1,000,000,000 (PL3)").waitFor();
    await dialog.getByText("Reason: needed, at most 500 characters (CU6)").waitFor();
    expect(await dialog.getByLabel("Units").evaluate((input) => input === document.activeElement)).toBe(true);
    await check(page, "studio-restock-faults");
    for (const wrong of ["0", "-3", "1.5", "1000000001"]) {
      await dialog.getByLabel("Units").fill(wrong);
      await dialog.getByText("(PL3)").waitFor();
    }
    await dialog.getByLabel("Units").fill("5");
    await dialog.getByText("(PL3)").waitFor({ state: "detached" });
    await dialog.getByText("Done now, 19 will be free.").waitFor();
    await dialog.getByLabel("Reason").fill("  five more from the kiln ");
    await dialog.getByRole("button", { name: "Restock" }).dblclick();
    await dialog.getByText("Sending").waitFor();
    answer();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("status").getByText("Restocked 5: Porcelain tea set").waitFor();
    await page.locator(".pool-numbers").getByText("131").waitFor();
    expect(changes(fake)).toEqual([
      { delta: 5, reason: "five more from the kiln", commandId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);
    await check(page, "studio-restocked");
  } finally {
    await close();
  }
});

test("[PL3] a change without an answer is locked, survives a reload, and is sent again with its own id", async () => {
  const { page, fake, night, close } = await openStudio(browser, { hash: "#tab=pools", size: PHONE });
  night.acts[CHANGE] = () => null;
  const dialog = page.getByRole("dialog");
  const open = () => page.getByRole("button", { name: "Withdraw: Porcelain tea set" }).click();
  try {
    await open();
    await dialog.getByLabel("Units").fill("15");
    await dialog.getByLabel("Reason").fill("broken");
    await dialog.getByRole("button", { name: "Withdraw" }).click();
    await dialog.getByText("Units: a whole number from 1 to 14 (PL3)").waitFor();
    expect(changes(fake)).toEqual([]);
    await dialog.getByLabel("Units").fill("6");
    await dialog.getByRole("button", { name: "Withdraw" }).click();
    await dialog.getByRole("alert").getByText("This change got no answer").waitFor();
    await dialog.getByRole("button", { name: "Send again" }).waitFor();
    expect(await dialog.getByLabel("Units").getAttribute("readonly")).not.toBeNull();
    await check(page, "studio-unanswered");
    await page.reload();
    await page.getByText("A change got no answer").waitFor();
    expect(await page.getByRole("button", { name: "Restock: Porcelain tea set" }).isDisabled()).toBe(true);
    await open();
    expect(await dialog.getByLabel("Units").inputValue()).toBe("6");
    expect(await dialog.getByLabel("Reason").inputValue()).toBe("broken");
    night.acts[CHANGE] = () => [200, viewOf(night)];
    await dialog.getByRole("button", { name: "Send again" }).click();
    await page.getByRole("status").getByText("Withdrew 6: Porcelain tea set").waitFor();
    const sent = changes(fake);
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(new Set(sent.map(({ commandId }) => commandId)).size).toBe(1);
    await page.getByText("A change got no answer").waitFor({ state: "detached" });
    // The next one is another change.
    await open();
    await dialog.getByLabel("Units").fill("1");
    await dialog.getByLabel("Reason").fill("broken too");
    await dialog.getByRole("button", { name: "Withdraw" }).click();
    await page.getByRole("status").getByText("Withdrew 1: Porcelain tea set").waitFor();
    expect(new Set(changes(fake).map(({ commandId }) => commandId)).size).toBe(2);
  } finally {
    await close();
  }
});

test("a refused change says why, with field and rule, and can be mended", async () => {
  const { page, fake, night, close } = await openStudio(browser, { hash: "#tab=pools" });
  night.acts[CHANGE] = () => refusal(409, "pool.insufficient", { field: "delta", rule: "PL3" });
  const dialog = page.getByRole("dialog");
  try {
    await page.getByRole("button", { name: "Withdraw: Porcelain tea set" }).click();
    await dialog.getByLabel("Units").fill("14");
    await dialog.getByLabel("Reason").fill("broken");
    await page.keyboard.press("Enter");
    await dialog.getByRole("alert").getByText("Fewer are free than that").waitFor();
    expect(await dialog.getByRole("alert").innerText()).toMatch(/delta\s+PL3/);
    await check(page, "studio-withdraw-refused");
    night.acts[CHANGE] = () => [200, viewOf(night)];
    await dialog.getByLabel("Units").fill("2");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    const [first, second] = changes(fake);
    expect(second).toMatchObject({ delta: -2, reason: "broken" });
    expect(second?.commandId).not.toBe(first?.commandId);
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    expect(await focused()).toBe("Withdraw: Porcelain tea set");
    // Nothing free, nothing to withdraw.
    expect(await page.getByRole("button", { name: "Withdraw: Lucky money" }).isDisabled()).toBe(true);
  } finally {
    await close();
  }
});
