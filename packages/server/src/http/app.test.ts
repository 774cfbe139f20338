import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BODY_BYTES_MAX, CODES } from "@wanhui/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Fault, silentLog } from "../platform/mod.ts";
import { type App, createApp, problem } from "./mod.ts";

const opened: App[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

async function newApp(options: Partial<Parameters<typeof createApp>[0]> = {}): Promise<App> {
  const app = await createApp({ log: silentLog(), version: "0.0.0", ...options });
  opened.push(app);
  app.post(
    "/api/echo/:draw",
    {
      schema: {
        params: z.object({ draw: z.string().max(10) }),
        querystring: z.object({ times: z.coerce.number().int().max(3).default(1) }),
        body: z.strictObject({ name: z.string().min(2), address: z.object({ city: z.string() }).optional() }),
        response: { 200: z.object({ name: z.string() }) },
      },
    },
    async (request) => ({ name: request.body.name, secret: "never told" }),
  );
  app.get("/api/refused", async () => {
    throw problem("draw.not_open", { detail: "soon", retryMs: 1_500 });
  });
  app.get("/api/fault", async () => {
    throw new Fault("payment.unavailable", "the provider at 10.0.0.7 is down", { retryable: true });
  });
  app.get("/api/bug", async () => {
    throw new Error("password=hunter2");
  });
  return app;
}

const json = (payload: unknown) => ({
  method: "POST" as const,
  url: "/api/echo/a",
  headers: { "content-type": "application/json" },
  payload: JSON.stringify(payload),
});

describe("problems", () => {
  it("[WR8] names field and rule of a body that breaks its schema, and runs nothing", async () => {
    const app = await newApp();
    const short = await app.inject(json({ name: "x" }));
    expect(short.statusCode).toBe(422);
    expect(short.headers["content-type"]).toContain("application/problem+json");
    expect(short.json()).toMatchObject({ code: "body.invalid", field: "name", status: 422 });
    expect(short.json().rule).toMatch(/2/);
    const nested = await app.inject(json({ name: "xy", address: { city: 7 } }));
    expect(nested.json()).toMatchObject({ code: "body.invalid", field: "address.city" });
    const more = await app.inject(json({ name: "xy", roles: ["operator"] }));
    expect(more.json()).toMatchObject({ code: "body.invalid", field: "body" });
  });

  it("[WR8] names query and path parameters too", async () => {
    const app = await newApp();
    const times = await app.inject({ ...json({ name: "xy" }), url: "/api/echo/a?times=9" });
    expect(times.json()).toMatchObject({ code: "body.invalid", field: "querystring.times" });
    const draw = await app.inject({ ...json({ name: "xy" }), url: "/api/echo/0123456789a" });
    expect(draw.json()).toMatchObject({ code: "body.invalid", field: "params.draw" });
    const slash = await app.inject({ ...json({ name: "xy" }), url: "/api/echo/run%2Fround" });
    expect(slash.statusCode).toBe(200);
  });

  it("[WR8] answers what is no JSON, too large, of another type or unknown with a code", async () => {
    const app = await newApp();
    const torn = await app.inject({ ...json(""), payload: '{"name":' });
    expect(torn.json()).toMatchObject({ code: "body.invalid", status: 422 });
    const poisoned = await app.inject({ ...json(""), payload: '{"name":"xy","__proto__":{"a":1}}' });
    expect(poisoned.json()).toMatchObject({ code: "body.invalid" });
    const large = await app.inject(json({ name: "x".repeat(BODY_BYTES_MAX) }));
    expect(large.json()).toMatchObject({ code: "body.too_large", status: 413 });
    const text = await app.inject({ ...json(""), headers: { "content-type": "text/plain" }, payload: "hi" });
    expect(text.json()).toMatchObject({ code: "body.invalid", field: "content-type" });
    const nowhere = await app.inject("/api/nowhere");
    expect(nowhere.json()).toMatchObject({ code: "route.unknown", status: 404 });
    const badUrl = await app.inject("/api/echo/%zz");
    expect(badUrl.json()).toMatchObject({ code: "route.unknown" });
  });

  it("answers refusals and faults with their own code and never with the inside", async () => {
    const app = await newApp();
    const refused = await app.inject("/api/refused");
    expect(refused.statusCode).toBe(CODES["draw.not_open"].status);
    expect(refused.headers["retry-after"]).toBe("2");
    expect(refused.json()).toEqual({
      type: "/docs/codes#draw.not_open",
      title: CODES["draw.not_open"].means,
      status: 409,
      code: "draw.not_open",
      retryAfterMs: 1_500,
      detail: "soon",
    });
    const fault = await app.inject("/api/fault");
    expect(fault.json()).toMatchObject({ code: "payment.unavailable", status: 503 });
    expect(fault.body).not.toContain("10.0.0.7");
    const bug = await app.inject("/api/bug");
    expect(bug.json()).toMatchObject({ code: "server.fault", status: 500 });
    expect(bug.body).not.toContain("hunter2");
  });

  it("sends only what the response schema names", async () => {
    const app = await newApp();
    expect((await app.inject(json({ name: "xy" }))).json()).toEqual({ name: "xy" });
  });

  it("[WR8] answers bytes that are not HTTP, and stays up", async () => {
    const app = await newApp();
    const port = Number(new URL(await app.listen({ port: 0, host: "127.0.0.1" })).port);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => socket.write("\u0000\u0001 nonsense\r\n\r\n"));
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes.toString();
      });
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 400/);
    expect(answer).toContain("frame.malformed");
    expect((await app.inject("/health")).json()).toEqual({ ok: true, version: "0.0.0", parts: {} });
  });
});

describe("origins and headers", () => {
  it("[WR1] lets only listed origins change anything; what is no browser needs none", async () => {
    const app = await newApp({ publicUrl: "https://gala.example", allowedOrigins: ["https://shop.example"] });
    const port = Number(new URL(await app.listen({ port: 0, host: "127.0.0.1" })).port);
    const post = (headers: Record<string, string>) =>
      app.inject({ ...json({ name: "xy" }), headers: { "content-type": "application/json", ...headers } });
    for (const origin of [
      `http://127.0.0.1:${port}`,
      `http://localhost:${port}`,
      "https://gala.example",
      "https://shop.example",
    ]) {
      expect((await post({ origin })).statusCode, origin).toBe(200);
    }
    for (const origin of [
      "null",
      "https://evil.example",
      "https://gala.example.evil.example",
      "http://gala.example",
      `https://localhost:${port}`,
      `http://localhost:${port + 1}`,
      "",
    ]) {
      const answer = await post({ origin });
      expect(answer.statusCode, origin).toBe(403);
      expect(answer.json().code).toBe("origin.refused");
    }
    expect((await post({})).statusCode).toBe(200);
    expect((await post({ "sec-fetch-site": "cross-site" })).statusCode).toBe(403);
    // Rebinding: a name of the attacker's that points here is no address of ours, whatever Host says.
    const rebound = { host: `evil.example:${port}`, origin: `http://evil.example:${port}` };
    expect((await post(rebound)).statusCode).toBe(403);
  });

  it("[PE13] a page of the list may read the API and send tokens; any other page is told nothing at all", async () => {
    const shop = "https://shop.example";
    const app = await newApp({ publicUrl: "https://gala.example", allowedOrigins: [shop] });
    const told = (answer: { headers: Record<string, unknown> }) =>
      Object.fromEntries(
        Object.entries(answer.headers).filter(([name]) => name.startsWith("access-control")),
      );
    const preflight = (url: string, origin: string) =>
      app.inject({ method: "OPTIONS", url, headers: { origin, "access-control-request-method": "POST" } });
    const asked = await preflight("/api/echo/a", shop);
    expect(asked.statusCode).toBe(204);
    expect(told(asked)).toEqual({
      "access-control-allow-origin": shop,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": "authorization, content-type, idempotency-key",
      "access-control-max-age": "600",
    });
    const request = json({ name: "xy" });
    const answer = await app.inject({ ...request, headers: { ...request.headers, origin: shop } });
    expect(answer.json()).toEqual({ name: "xy" });
    // Refusals are read, too: their code says what to do.
    const refused = await app.inject({ url: "/api/refused", headers: { origin: shop } });
    const read = { "access-control-allow-origin": shop, "access-control-allow-credentials": "true" };
    for (const each of [answer, refused]) expect(told(each)).toEqual(read);
    for (const each of [asked, answer, refused, await app.inject("/api/refused")]) {
      expect(each.headers.vary).toBe("Origin");
    }
    for (const origin of [
      `${shop}.evil.example`,
      "http://shop.example",
      "https://evil.example",
      "null",
      "*",
    ]) {
      expect(told(await preflight("/api/echo/a", origin)), origin).toEqual({});
      expect(told(await app.inject({ url: "/api/refused", headers: { origin } })), origin).toEqual({});
    }
    // Staff sign in on our own pages alone, however the address is spelled.
    for (const url of [
      "/api/studio/invites",
      "/api/studio",
      "/api/%73tudio/invites",
      "/studio",
      "/operator/x",
      "/",
    ]) {
      expect(told(await preflight(url, shop)), url).toEqual({});
    }
    const alone = await newApp();
    const none = await alone.inject({ url: "/api/refused", headers: { origin: shop } });
    expect(told(none)).toEqual({});
    expect(none.headers.vary).toBeUndefined();
  });

  it("refuses an allowed origin that is not exactly one", async () => {
    for (const wrong of ["*", "shop.example", "https://shop.example/path", "null"]) {
      await expect(newApp({ allowedOrigins: [wrong] }), wrong).rejects.toThrow(/ALLOWED_ORIGINS/);
    }
  });

  it("gives every answer a policy that lets a page run its own scripts only", async () => {
    const app = await newApp();
    for (const url of ["/health", "/api/nowhere", "/api/bug"]) {
      const { headers } = await app.inject(url);
      expect(headers["content-security-policy"]).toContain("script-src 'self';");
      expect(headers["content-security-policy"]).not.toContain("unsafe");
      expect(headers["x-content-type-options"]).toBe("nosniff");
    }
    expect((await app.inject("/api/refused")).headers["cache-control"]).toBe("no-store");
    expect((await app.inject("/health")).headers["strict-transport-security"]).toBeUndefined();
    const secure = await newApp({ publicUrl: "https://gala.example" });
    expect((await secure.inject("/health")).headers["strict-transport-security"]).toMatch(/max-age/);
  });

  it("describes itself: OpenAPI from the schemas, and every code with its next step", async () => {
    const app = await newApp();
    await app.ready();
    const described = (await app.inject("/docs/json")).json();
    expect(Object.keys(described.paths)).toContain("/api/echo/{draw}");
    expect((await app.inject("/docs/")).statusCode).toBe(200);
    const codes = await app.inject("/docs/codes");
    for (const code of Object.keys(CODES)) expect(codes.body).toContain(`id="${code}"`);
  });
});

describe("pages and pictures", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wanhui-pages-"));
    await mkdir(join(folder, "web/assets"), { recursive: true });
    await mkdir(join(folder, "web/verify"), { recursive: true });
    await mkdir(join(folder, "show/inside"), { recursive: true });
    await writeFile(join(folder, "web/index.html"), "<title>venue</title>");
    await writeFile(join(folder, "web/studio.html"), "<title>studio</title>");
    await writeFile(join(folder, "web/verify/index.html"), "<title>verify</title>");
    await writeFile(join(folder, "web/assets/app-B3xk29Qz.js"), "console.log(1)");
    await writeFile(join(folder, "web/assets/app-B3xk29Qz.js.gz"), gzipSync("console.log(1)"));
    await writeFile(join(folder, "secret.txt"), "secret");
    await writeFile(join(folder, "show/lamp.svg"), "<svg/>");
    await writeFile(join(folder, "show/show.yaml"), "secret: true");
    await writeFile(join(folder, "show/inside/deep.svg"), "<svg/>");
    await writeFile(join(folder, "show/.hidden.svg"), "<svg/>");
    await symlink(join(folder, "secret.txt"), join(folder, "show/link.txt"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("serves venue, studio and verify, hashed files for ever and precompressed", async () => {
    const app = await newApp({ webFolder: join(folder, "web") });
    for (const [url, title] of [
      ["/", "venue"],
      ["/?lang=en", "venue"],
      ["/studio", "studio"],
      ["/studio/", "studio"],
      ["/verify", "verify"],
    ] as const) {
      const page = await app.inject(url);
      expect(page.statusCode, url).toBe(200);
      expect(page.body).toContain(title);
      expect(page.headers["cache-control"]).toBe("no-cache");
    }
    const plain = await app.inject("/assets/app-B3xk29Qz.js");
    expect(plain.headers["cache-control"]).toContain("immutable");
    expect(plain.headers["content-type"]).toContain("javascript");
    const packed = await app.inject({
      url: "/assets/app-B3xk29Qz.js",
      headers: { "accept-encoding": "gzip, br" },
    });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(packed.headers["cache-control"]).toContain("immutable");
    expect(packed.headers["content-type"]).toContain("javascript");
    expect((await app.inject("/assets/none.js")).json().code).toBe("route.unknown");
  });

  it("[PE13] the venue page, and no other, stands in a frame of a page of the list", async () => {
    const webFolder = join(folder, "web");
    const open = await newApp({ webFolder, allowedOrigins: ["https://shop.example", "https://tv.example"] });
    const framed = (await open.inject("/")).headers;
    expect(framed["content-security-policy"]).toContain(
      "; frame-ancestors https://shop.example https://tv.example",
    );
    expect(framed["x-frame-options"]).toBeUndefined();
    expect((await open.inject("/api/origins")).json()).toEqual({
      origins: ["https://shop.example", "https://tv.example"],
    });
    const alone = await newApp({ webFolder });
    const closed = ["/studio", "/verify", "/index.html", "/api/origins"].map((url) => open.inject(url));
    for (const { headers } of await Promise.all([...closed, alone.inject("/")])) {
      expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
      expect(headers["x-frame-options"]).toBe("DENY");
    }
  });

  it("shows pictures of the show's folder and nothing beside, above or below them", async () => {
    const app = await newApp({ picturesFolder: join(folder, "show") });
    const picture = await app.inject("/pictures/lamp.svg");
    expect(picture.statusCode).toBe(200);
    expect(picture.headers["content-security-policy"]).toContain("sandbox");
    for (const path of [
      "show.yaml",
      ".hidden.svg",
      "link.txt",
      "inside/deep.svg",
      "..%2fsecret.txt",
      "%2e%2e/secret.txt",
      "../secret.txt",
      "..%5csecret.txt",
      "lamp.svg%00.txt",
      "",
    ]) {
      const answer = await app.inject(`/pictures/${path}`);
      expect(answer.statusCode, path).toBeGreaterThanOrEqual(400);
      expect(answer.statusCode, path).toBeLessThan(500);
      expect(answer.json().code, path).toBeDefined();
    }
  });
});

it("an address with a NUL in it is refused before any route sees it", async () => {
  const app = await createApp({ log: silentLog(), version: "test" });
  app.get("/api/things/:thing", async () => ({ seen: true }));
  for (const url of ["/api/things/a%00b", "/api/things/a?q=%00", "/nowhere/%00"]) {
    const answer = await app.inject({ url });
    expect([answer.statusCode, answer.json()]).toMatchObject([422, { code: "body.invalid", field: "url" }]);
  }
  expect((await app.inject({ url: "/api/things/a%20b" })).json()).toEqual({ seen: true });
  await app.close();
});
