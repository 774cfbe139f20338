// The host platform's people in our rounds: real tokens and keys, the real server, and real pages of three origins (ours,
// one of the list, one that is not), told apart by name and all on loopback.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RoundView, ShowView } from "@wanhui/protocol";
import { loadConfig, type Night, startNight } from "@wanhui/server";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Browser, BrowserContext, Frame, Page } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { picture, startBrowser, visitor } from "./fake/browser.ts";

const PORT = 23_490;
const GALA = `http://gala.example:${PORT}`;
const ISSUER = "https://shop.example";

let browser: Browser;
let night: Night;
let running: Promise<void>;
let folder: string;
/** The platform: its keys, its pages, and what its pages ask it for. */
let platform: Server;
let shop: string;
let evil: string;
let sdk = "";
let tokensAsked = 0;
let sign: (sub: string, claims?: Record<string, unknown>, lasts?: string) => Promise<string>;
const given: string[] = [];
const ended = new AbortController();
const opened: BrowserContext[] = [];

const KNOWN = { identity_verified: true };

function html(script: string, body = ""): string {
  return `<!doctype html><meta charset="utf-8"><title>host</title>${body}<script type="module">${script}</script>`;
}

const pages: Readonly<Record<string, () => string>> = {
  // A page of the platform's own with our SDK in it.
  "/own": () =>
    html(`import { connect } from "/sdk.js";
      const seen = (globalThis.seen = { session: null, windows: [], statuses: [] });
      const platformToken = async () => (await fetch("/token?sub=own")).text();
      const client = (globalThis.client = connect({ baseUrl: "${GALA}", platformToken }));
      client.on("session", (session) => (seen.session = session));
      client.on("status", ({ state }) => seen.statuses.push(state));
      client.on("window", ({ fate }) => seen.windows.push(fate));`),
  // One that holds the venue page, beside a frame of a stranger and another one of its own.
  "/holder": () =>
    html(
      `addEventListener("message", async ({ source, data }) => {
        if (source !== frames.venue || data?.type !== "wanhui.token?") return;
        const token = await (await fetch("/token?sub=held")).text();
        source.postMessage({ type: "wanhui.token", token }, "${GALA}");
      });
      const frame = document.createElement("iframe");
      frame.name = "venue";
      frame.width = 400;
      frame.height = 800;
      frame.src = "${GALA}/";
      document.body.append(frame);`,
      `<iframe src="${evil}/stranger"></iframe><iframe src="${shop}/stranger"></iframe>`,
    ),
  "/stranger": () =>
    html(`const token = await (await fetch("/token?sub=stranger")).text();
      globalThis.told = 0;
      setInterval(() => {
        parent.frames.venue?.postMessage({ type: "wanhui.token", token }, "*");
        globalThis.told += 1;
      }, 50);`),
};

async function startPlatform(): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" };
  sign = async (sub, claims = {}, lasts = "1h") => {
    const jwt = new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "k1" }).setIssuer(ISSUER);
    const token = await jwt.setAudience("wanhui").setSubject(sub).setExpirationTime(lasts).sign(privateKey);
    given.push(token);
    return token;
  };
  platform = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://platform");
    const say = (type: string, text: string) => response.setHeader("content-type", type).end(text);
    if (url.pathname === "/keys") return say("application/json", JSON.stringify({ keys: [jwk] }));
    if (url.pathname === "/sdk.js") return say("text/javascript", sdk);
    if (url.pathname === "/token") {
      tokensAsked += 1;
      return say("text/plain", await sign(url.searchParams.get("sub") ?? "", KNOWN));
    }
    return say("text/html", pages[url.pathname]?.() ?? html(""));
  });
  await new Promise<void>((resolve) => platform.listen(0, "127.0.0.1", resolve));
  const { port } = platform.address() as AddressInfo;
  shop = `http://shop.example:${port}`;
  evil = `http://evil.example:${port}`;
  return `http://127.0.0.1:${port}/keys`;
}

async function bundledSdk(): Promise<string> {
  const input = join(import.meta.dirname, "../../../packages/client/src/mod.ts");
  const build = await rolldown({
    input,
    resolve: { conditionNames: ["wanhui-source", "import"] },
    platform: "browser",
  });
  const { output } = await build.generate({ format: "esm", codeSplitting: false });
  await build.close();
  return output[0].code;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-web-sign-in-"));
  const jwks = await startPlatform();
  sdk = await bundledSdk();
  const flags = {
    data: folder,
    host: "127.0.0.1",
    port: String(PORT),
    "public-url": GALA,
    "allowed-origins": shop,
    "jwt-issuer": ISSUER,
    "jwt-audience": "wanhui",
    "jwt-jwks-url": jwks,
    "sandbox-port": "0",
    beacon: "dev",
    show: join(import.meta.dirname, "night/levels.yaml"),
    "log-level": "debug",
    "log-file": join(folder, "server.log"),
  };
  const config = loadConfig({ env: {}, flags });
  night = await startNight({ config, fresh: true, rehearsal: false, version: "0.0.0-test" });
  running = night.runUntil(ended.signal);
  browser = await startBrowser(["--host-resolver-rules=MAP *.example 127.0.0.1"]);
});

afterEach(async () => {
  for (const context of opened.splice(0)) await context.close();
});

afterAll(async () => {
  await browser?.close();
  ended.abort();
  await running;
  platform?.close();
  await rm(folder, { recursive: true, force: true });
});

async function newPage(): Promise<Page> {
  const context = await visitor(browser, { language: "en" });
  opened.push(context);
  return context.newPage();
}

async function round(): Promise<RoundView> {
  const show = (await (await fetch(`http://127.0.0.1:${PORT}/api/show`)).json()) as ShowView;
  return show.rounds[0] as RoundView;
}

const whoIs = (page: Page | Frame) =>
  page.evaluate(async () => (await fetch("/api/session")).json()) as Promise<{ user: string; level: string }>;

test("[PE14] before the opening the page says whom the round is for, and where to sign in", async () => {
  const page = await newPage();
  await page.goto(GALA);
  const line = page.locator(".entry-level");
  await line.getByText("For people with a verified identity. Sign in on the host's own site").waitFor();
  await picture(page, "sign-in-before");
  const known = await newPage();
  await known.goto(`${GALA}/#token=${await sign("early", KNOWN)}`);
  await known.locator(".entry-level").getByText("For people with a verified identity.").waitFor();
  await known.waitForFunction(
    () => !document.querySelector(".entry-level")?.textContent?.includes("Sign in"),
  );
});

test("[PE14] a token in the address signs in, and is gone from address, history and log", async () => {
  const page = await newPage();
  const token = await sign("fragment", KNOWN);
  const addresses: string[] = [];
  page.on("request", (request) => addresses.push(request.url()));
  await page.goto(`${GALA}/?lang=en#token=${token}`);
  await page.locator(".entry-level").waitFor();
  expect(page.url()).toBe(`${GALA}/?lang=en`);
  expect(addresses.filter((url) => url.includes(token.slice(-20)) && !url.includes("#"))).toEqual([]);
  const kept = await page.evaluate(() => JSON.stringify([history.state, localStorage, sessionStorage]));
  expect(kept).not.toContain(token.slice(-20));
  const first = await whoIs(page);
  expect(first).toMatchObject({ level: "identity", user: expect.stringMatching(/^02/) });
  await page.reload();
  await page.locator(".entry-level").waitFor();
  expect(await whoIs(page)).toMatchObject({ user: first.user, level: "identity" });
  // Another person's token in the same tab: the platform has signed somebody else in.
  const other = await sign("another", KNOWN);
  const session = page.waitForResponse((answer) => answer.url().endsWith("/api/session"));
  await page.evaluate((next) => {
    location.hash = `token=${next}`;
  }, other);
  await (await session).finished();
  expect(page.url()).not.toContain("token");
  expect((await whoIs(page)).user).not.toBe(first.user);
  // Anything but a token that is good here leaves one a guest, not outside.
  const stranger = await newPage();
  await stranger.goto(`${GALA}/#token=nonsense`);
  await stranger.locator(".entry-level").getByText("Sign in on the host's own site").waitFor();
  expect(await whoIs(stranger)).toMatchObject({ level: "guest" });
  const log = await readFile(join(folder, "server.log"), "utf8");
  expect(log).toContain("\n");
  for (const each of given) expect(log).not.toContain(each.slice(-20));
});

test("[PE14] [CU10] in the round: a guest has no button to press and no shake is counted, a known person enters", async () => {
  const guest = await newPage();
  const known = await newPage();
  await guest.goto(GALA);
  await known.goto(`${GALA}/#token=${await sign("player", KNOWN)}`);
  await guest.locator(".shake").waitFor({ timeout: 90_000 });
  expect(await guest.locator(".shake").isDisabled()).toBe(true);
  await guest.keyboard.press("Space");
  await guest.locator(".own-word.refused").getByText("sign in with the host first").waitFor();
  expect(await guest.getByText("shake this round").count()).toBe(0);
  await picture(guest, "sign-in-guest");
  const { draw } = await round();
  const refused = await guest.evaluate(
    async (path) => {
      const body = JSON.stringify({ nonce: "ab".repeat(16), taps: 1 });
      const headers = { "content-type": "application/json" };
      return (await fetch(path, { method: "POST", headers, body })).json();
    },
    `/api/draws/${encodeURIComponent(draw)}/tap`,
  );
  expect(refused).toMatchObject({ code: "auth.level", status: 403 });
  await known.locator(".shake").click();
  await known.locator(".own-word.received").waitFor();
  await known.getByText("1 shake this round").waitFor();
});

test("[PE13] a page of the list enters with our SDK and its own people; a page that is not on it gets nothing", async () => {
  const page = await newPage();
  const before = tokensAsked;
  await page.goto(`${shop}/own`);
  type Seen = { session: { level: string } | null; windows: string[]; statuses: string[] };
  type Own = { seen: Seen; client: { tap(draw: string): boolean } };
  await page.waitForFunction(() => (globalThis as unknown as Own).seen?.statuses.includes("online"));
  const { draw } = await round();
  expect(await page.evaluate((name) => (globalThis as unknown as Own).client.tap(name), draw)).toBe(true);
  await page.waitForFunction(() => (globalThis as unknown as Own).seen.windows.includes("received"));
  expect(await page.evaluate(() => (globalThis as unknown as Own).seen.session?.level)).toBe("identity");
  expect(tokensAsked).toBe(before + 1);
  const stranger = await newPage();
  await stranger.goto(`${evil}/own`);
  await stranger.waitForFunction(() => (globalThis as unknown as Own).seen?.statuses.includes("offline"));
  const seen = await stranger.evaluate(() => (globalThis as unknown as Own).seen);
  expect(seen).toMatchObject({ session: null });
  expect(seen.statuses).not.toContain("online");
});

test("[PE14] a page of the list holds the venue page and signs its person in; nobody else can do either", async () => {
  const page = await newPage();
  await page.goto(`${shop}/holder`);
  const venue = page.frameLocator("iframe[name=venue]");
  await venue.locator(".shake").waitFor({ timeout: 60_000 });
  const strangers = page.frames().filter((frame) => frame.url().endsWith("/stranger"));
  expect(strangers).toHaveLength(2);
  type Told = { told: number };
  const toldMore = async (frame: Frame) => {
    const before = await frame.evaluate(() => (globalThis as unknown as Told).told);
    await frame.waitForFunction((then) => (globalThis as unknown as Told).told > then + 5, before);
  };
  await Promise.all(strangers.map(toldMore));
  await venue.locator(".entry-level").getByText("For people with a verified identity.").waitFor();
  expect(await venue.locator(".shake").isDisabled()).toBe(false);
  await venue.locator(".shake").click();
  await venue.locator(".own-word.received").waitFor();
  await picture(page, "sign-in-held");
  // As the platform's own person, and not as the one a stranger beside it names.
  const signIns: string[] = [];
  page.on("request", (request) => {
    if (request.url() === `${GALA}/api/session`) signIns.push(request.postData() ?? "");
  });
  await Promise.all(strangers.map(toldMore));
  expect(signIns).toEqual([]);
  const outside = await newPage();
  await outside.goto(`${evil}/holder`);
  await outside.waitForFunction(() => frames.length === 3);
  const held = outside.frames().find((frame) => frame.name() === "venue");
  await held?.waitForLoadState();
  expect(await held?.locator("#page").count()).toBe(0);
});
