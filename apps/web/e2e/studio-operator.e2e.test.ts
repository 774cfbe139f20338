// An operator, an auditor and a host at work in real browsers on the real server: what they press happens, once, and
// stands in the log; what they may not press is not there, and is refused when asked for all the same.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StaffListView, StudioAwardsView, StudioView } from "@wanhui/protocol";
import { freePort, loadConfig, type Night, startNight } from "@wanhui/server";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, DESKTOP, PHONE, picture, startBrowser, visitor } from "./fake/browser.ts";

let browser: Browser;
let night: Night;
let running: Promise<void>;
let folder: string;
let desk: { readonly context: BrowserContext; readonly page: Page };
const faults: string[] = [];
const ended = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-web-operator-"));
  const flags = {
    data: folder,
    host: "127.0.0.1",
    port: String(await freePort()),
    "sandbox-port": "0",
    beacon: "dev",
    show: join(import.meta.dirname, "night/rain.yaml"),
    "log-level": "warn",
    "log-file": join(folder, "server.log"),
  };
  const config = loadConfig({ env: {}, flags });
  night = await startNight({ config, fresh: true, rehearsal: false, version: "0.0.0-test" });
  running = night.runUntil(ended.signal);
  browser = await startBrowser();
  desk = await comeIn(night.operatorUrl);
});

afterAll(async () => {
  await browser?.close();
  ended.abort();
  await running;
  await rm(folder, { recursive: true, force: true });
});

/** Opens a one-time link and waits for the studio. */
async function comeIn(url: string, size = DESKTOP): Promise<{ context: BrowserContext; page: Page }> {
  const context = await visitor(browser, { size, language: "en", calm: true });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (line) => {
    if (line.text().includes("Content Security Policy")) faults.push(line.text());
  });
  await page.goto(url);
  await page.locator(".rundown").waitFor();
  return { context, page };
}

async function ask<T>(context: BrowserContext, path: string): Promise<T> {
  return (await (await context.request.get(night.url + path)).json()) as T;
}
const studio = () => ask<StudioView>(desk.context, "/api/studio");
const kettles = async () => (await studio()).pools[0];

/** A guest takes a unit of the rain; the id of his award. */
async function takeKettle(wish: string): Promise<string> {
  const post = async (path: string, body: object, token?: string) => {
    const headers = {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const answer = await fetch(night.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return (await answer.json()) as { token: string; awardId?: string };
  };
  const { token } = await post("/api/session", { bearer: true });
  const pool = encodeURIComponent(`${night.run.run}/kettle`);
  for (let turn = 0; turn < 60; turn += 1) {
    const { awardId } = await post(`/api/pools/${pool}/take`, { requestId: wish.repeat(32) }, token);
    if (awardId !== undefined) return awardId;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("the rain never fell");
}

test("[PL3] [CU13] restock and withdraw happen once, and the numbers add up at once", async () => {
  const { page } = desk;
  const dialog = page.getByRole("dialog");
  await page.getByRole("tab", { name: "Pools" }).click();
  await page.getByRole("button", { name: "Restock: Kettle" }).click();
  await dialog.getByLabel("Units").fill("3");
  await dialog.getByLabel("Reason").fill("three more came");
  await dialog.getByRole("button", { name: "Restock" }).dblclick();
  await page.getByRole("status").getByText("Restocked 3: Kettle").waitFor();
  await page.getByRole("button", { name: "Withdraw: Kettle" }).click();
  await dialog.getByLabel("Units").fill("1");
  await dialog.getByLabel("Reason").fill("a dent");
  // The answer is lost on its way; the change was done.
  await page.route("**/change", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await dialog.getByRole("button", { name: "Withdraw" }).click();
  await dialog.getByText("This change got no answer").waitFor();
  expect(await kettles()).toMatchObject({ units: 7, withdrawn: 1 });
  await page.unroute("**/change");
  await page.reload();
  await page.getByRole("button", { name: "Withdraw: Kettle" }).click();
  await dialog.getByRole("button", { name: "Send again" }).click();
  await page.getByRole("status").getByText("Withdrew 1: Kettle").waitFor();
  expect(await kettles()).toMatchObject({ units: 7, free: 6, held: 0, posted: 0, withdrawn: 1 });
  await page.locator(".acts li").getByText("3 units: three more came").waitFor();
  await page.locator(".acts li").getByText("1 unit: a dent · sent again, counts once").waitFor();
});

test("[AW5] [AW4] [AW6] a winner's award is found, extended once, and another one forfeited", async () => {
  const { page, context } = desk;
  const dialog = page.getByRole("dialog");
  const [late, cheat] = [await takeKettle("a"), await takeKettle("b")];
  // A list opened between the two would show one and offer the other behind a button.
  const listed = async () => (await ask<StudioAwardsView>(context, "/api/studio/awards")).awards.length;
  await expect.poll(listed, { timeout: 20_000 }).toBe(2);
  await page.getByRole("tab", { name: "Awards" }).click();
  await page.locator(".award").nth(1).waitFor({ timeout: 20_000 });
  await page.getByLabel("Award id").fill(late);
  await page.keyboard.press("Enter");
  await page
    .locator(".found")
    .getByRole("button", { name: /^Extend: Kettle/ })
    .click();
  await dialog.getByRole("button", { name: "7 days" }).click();
  await dialog.getByLabel("Reason").fill("the parcel shop is closed");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("Extended until").waitFor();
  await page.locator(".found").getByText("extended before").waitFor();
  await page.getByRole("button", { name: "Back to the list" }).click();
  const row = page.locator(".award").filter({ hasText: cheat });
  await row.getByRole("button", { name: /^Forfeit/ }).click();
  await dialog.getByLabel("Reason").fill("entered twice");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("Forfeited: Kettle").waitFor();
  await row.getByText("Forfeited", { exact: true }).waitFor();
  expect(await kettles()).toMatchObject({ units: 7, free: 5, held: 1, withdrawn: 1 });
  await picture(page, "operator-awards", true);
  expect(await axeFaults(page)).toEqual([]);
  const { awards } = await ask<StudioAwardsView>(context, "/api/studio/awards");
  expect(awards).toMatchObject([
    { awardId: cheat, state: "forfeited", reason: "entered twice", actions: [] },
    { awardId: late, state: "held", actions: ["forfeit"] },
  ]);
  // Nothing that says who it is.
  expect(Object.keys(awards[0] ?? {})).not.toContain("userId");
  const said = async () => (await page.locator(".acts li").allInnerTexts()).join("\n");
  await expect.poll(said).toContain(`forfeit award ${cheat.slice(0, 8)}`);
  expect(await said()).toMatch(/extend award \w{8} · operator \w{8} · until .*: the parcel shop is closed/);
});

test("[PE12] [CU6] an auditor looks and cannot act; a role is ended; the last operator's is not", async () => {
  const { page, context } = desk;
  const dialog = page.getByRole("dialog");
  await page.getByRole("tab", { name: "Staff" }).click();
  await page.getByText("You are alone here").waitFor();
  await page.locator(".staff").getByRole("button", { name: "Invite" }).click();
  await dialog.getByLabel("Auditor").check();
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = (await dialog.locator(".link-code").textContent()) ?? "";
  await page.keyboard.press("Escape");
  const auditor = await comeIn(link, PHONE);
  await auditor.page.getByRole("tab", { name: "Awards" }).click();
  await auditor.page.locator(".award").first().waitFor();
  expect(await auditor.page.locator(".award button").count()).toBe(0);
  await auditor.page.getByRole("tab", { name: "Staff" }).click();
  await auditor.page.locator(".member").nth(1).waitFor();
  await picture(auditor.page, "operator-auditor-phone");
  expect(await axeFaults(auditor.page)).toEqual([]);
  const pool = encodeURIComponent(`${night.run.run}/kettle`);
  const refused = await auditor.context.request.post(`${night.url}/api/studio/pools/${pool}/change`, {
    data: { delta: 1, reason: "no", commandId: "ab".repeat(16) },
  });
  expect(refused.status()).toBe(403);

  await page.getByRole("button", { name: /^End role: Auditor/ }).click({ timeout: 20_000 });
  await dialog.getByRole("button", { name: "End role" }).click();
  await page.getByRole("status").getByText("Role ended: auditor-").waitFor();
  await auditor.page
    .getByRole("heading", { name: "Come in by a one-time link" })
    .waitFor({ timeout: 20_000 });
  await auditor.context.close();

  await page.getByRole("button", { name: /^End role: Operator/ }).click();
  await dialog.getByText("This is you").waitFor();
  await dialog.getByRole("button", { name: "End role" }).click();
  await dialog.getByRole("alert").getByText("This is the last operator").waitFor();
  await page.keyboard.press("Escape");
  const { staff } = await ask<StaffListView>(context, "/api/studio/staff");
  expect(staff.map(({ role, revokedAtMs }) => [role, revokedAtMs === null])).toEqual([
    ["operator", true],
    ["auditor", false],
  ]);
  const said = async () => (await page.locator(".acts li").allInnerTexts()).join("\n");
  await expect.poll(said).toContain("refused: end role of operator-");
  expect(await said()).toContain("invite Auditor");
  expect(await axeFaults(page)).toEqual([]);
  expect(faults).toEqual([]);
});
