// The parts of the studio: every screen and language, staff, acts in words, who sees and may press what, keys.

import type { StudioAwardView } from "@wanhui/protocol";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DESKTOP, PHONE, startBrowser } from "./fake/browser.ts";
import { check, openStudio, refusal } from "./fake/studio.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const sizes = [
  { size: DESKTOP, language: "zh-CN", tag: "desktop-zh" },
  { size: DESKTOP, language: "en", tag: "desktop-en" },
  { size: PHONE, language: "zh-CN", tag: "phone-zh" },
  { size: PHONE, language: "en", tag: "phone-en" },
] as const;

test.each(sizes)("pools, awards and staff fit the screen, in words and pictures ($tag)", async (screen) => {
  const { page, close } = await openStudio(browser, screen);
  const zh = screen.language === "zh-CN";
  const tab = (name: string) => page.getByRole("tab", { name });
  try {
    await page.locator(".rundown").waitFor();
    await check(page, `studio-rundown-${screen.tag}`);
    await tab(zh ? "奖池" : "Pools").click();
    await page.locator(".pool-bar").first().waitFor();
    await page.locator(".pool-acts").first().waitFor();
    await check(page, `studio-pools-${screen.tag}`);
    await tab(zh ? "中奖" : "Awards").click();
    await page.locator(".award").first().waitFor();
    await check(page, `studio-awards-${screen.tag}`);
    await tab(zh ? "同事" : "Staff").click();
    await page.locator(".member").first().waitFor();
    await page.locator(".past summary").click();
    await check(page, `studio-staff-${screen.tag}`);
    // No word of the other language, no key of a missing one.
    const text = (await page.locator("main").innerText()).replaceAll(/重复参与|等零点|《.*?》/g, "");
    if (!zh) expect(text).not.toMatch(/[\u4e00-\u9fff]/);
    expect(text).not.toMatch(/undefined|\bnull\b|NaN/);
  } finally {
    await close();
  }
});

test("[PE12] a role is ended after a word of warning; the last operator's is refused in words", async () => {
  const { page, night, close } = await openStudio(browser, { hash: "#tab=staff" });
  const dialog = page.getByRole("dialog");
  night.acts["DELETE /api/studio/staff/operator-7c01aa20"] = () =>
    refusal(409, "staff.last_operator", { field: "staff", rule: "PE12" });
  night.acts["DELETE /api/studio/staff/host-11223344"] = () => {
    night.staff = night.staff.map((member) =>
      member.role === "host" ? { ...member, revokedAtMs: Date.now() } : member,
    );
    return [204, null];
  };
  try {
    await page.getByRole("button", { name: "End role: Operator operator-7c01aa20" }).click();
    await dialog.getByText("This is you").waitFor();
    await dialog.getByRole("button", { name: "End role" }).click();
    await dialog.getByRole("alert").getByText("This is the last operator").waitFor();
    expect(await dialog.getByRole("alert").innerText()).toContain("PE12");
    await check(page, "studio-last-operator");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "End role: Host host-11223344" }).click();
    expect(await dialog.getByText("This is you").count()).toBe(0);
    await dialog.getByRole("button", { name: "End role" }).click();
    await page.getByRole("status").getByText("Role ended: host-11223344").waitFor();
    await page.getByRole("button", { name: "End role: Host" }).waitFor({ state: "detached" });
    // Who has gone, or whose sign-in ran out, has no role to end.
    await page.locator(".past summary").click();
    await expect.poll(() => page.locator(".past .member").count()).toBe(3);
    expect(await page.locator(".past button").count()).toBe(0);
    night.staff = night.staff.filter(({ staff }) => staff === "operator-7c01aa20");
    await page.getByText("You are alone here").waitFor({ timeout: 10_000 });
    await check(page, "studio-staff-alone");
    await page.locator(".staff").getByRole("button", { name: "Invite" }).click();
    await dialog.getByText("Invite a colleague").waitFor();
  } finally {
    await close();
  }
});

test("[CU6] every act is told in words, with its award one press away; refusals say why", async () => {
  const { page, night, close } = await openStudio(browser, {});
  night.awards = [{ ...(night.awards[0] as StudioAwardView), awardId: "3f".repeat(16) }];
  try {
    const lines = await page.locator(".acts li").allInnerTexts();
    const text = lines.join("\n");
    for (const words of [
      "refused: end role of operator-7c01aa20 · operator 7c01aa20 · This is the last operator",
      "end role of host-11223344",
      "invite Auditor",
      "refused: withdraw Porcelain tea set",
      "Fewer are free than that",
      "withdraw Porcelain tea set · operator 7c01aa20 · 6 units: broken in the kiln",
      "1 unit: one more found",
      "extend award 3f3f3f3f",
      "forfeit award 3f3f3f3f",
    ]) {
      expect(text).toContain(words);
    }
    expect(text).not.toMatch(/units:.*units:|T\d\d:\d\d/);
    await page.locator(".acts a").first().click();
    await page.locator(".found .award").waitFor();
  } finally {
    await close();
  }
});

test("[CU6] auditors see everything and can press nothing; hosts act on cues alone and see no staff", async () => {
  const auditor = await openStudio(browser, { hash: "#tab=pools", night: { roles: ["viewer", "auditor"] } });
  try {
    const { page } = auditor;
    const buttons = page.getByRole("tabpanel").getByRole("button");
    await page.getByText("Only operators restock and withdraw").waitFor();
    await page.getByRole("tab", { name: "Staff" }).waitFor();
    expect(await buttons.count()).toBe(0);
    await check(page, "studio-auditor-pools");
    await page.keyboard.press("3");
    await page.locator(".award").first().waitFor();
    expect(await page.locator(".award button").count()).toBe(0);
    await page.keyboard.press("4");
    await page.locator(".member").first().waitFor();
    expect(await page.locator(".member button").count()).toBe(0);
    expect(await page.locator(".staff > .button").count()).toBe(0);
    await check(page, "studio-auditor-staff");
  } finally {
    await auditor.close();
  }
  const host = await openStudio(browser, { hash: "#tab=staff", night: { roles: ["viewer", "host"] } });
  try {
    const { page } = host;
    await page.locator(".cue-acts").first().waitFor();
    expect(await page.getByRole("tab").allTextContents()).toEqual(["Rundown", "Pools", "Awards"]);
    await page.keyboard.press("2");
    await page.locator(".pool").first().waitFor();
    expect(await page.locator(".pool button").count()).toBe(0);
  } finally {
    await host.close();
  }
});

test("tabs move by keys, and keys of cues rest while the rundown is out of sight", async () => {
  const { page, night, close } = await openStudio(browser, {});
  try {
    await page.locator(".cue-acts").first().waitFor();
    await page.getByRole("tab", { name: "Rundown" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".pools").waitFor();
    const selected = () => page.getByRole("tab", { selected: true }).textContent();
    await expect.poll(selected).toBe("Pools");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Pools");
    await page.keyboard.press("h");
    await page.keyboard.press("End");
    await expect.poll(selected).toBe("Staff");
    expect(await page.getByRole("dialog").count()).toBe(0);
    await page.keyboard.press("x");
    await page.getByRole("dialog").getByText("Stops at the next window").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("1");
    await page.locator(".rundown").waitFor();
    await page.keyboard.press("h");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    night.pools = [];
    await page.keyboard.press("2");
    await page.getByText("This show has no pools").waitFor();
    await check(page, "studio-pools-empty");
  } finally {
    await close();
  }
});
