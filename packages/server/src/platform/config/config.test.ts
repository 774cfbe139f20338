import { createServer } from "node:net";
import { expect, test } from "vitest";
import { configFlags, describeSettings, findListenPort, loadConfig } from "./mod.ts";

function problemsOf(env: Record<string, string>, flags = {}): string {
  try {
    loadConfig({ env, flags });
    return "";
  } catch (error) {
    expect(error).toMatchObject({ code: "config.invalid", retryable: false });
    return String(error);
  }
}

test("an empty environment is a whole configuration", () => {
  expect(loadConfig({ env: {} })).toMatchObject({
    dataFolder: ".wanhui",
    databaseUrl: undefined,
    port: 8080,
    tls: false,
    beacon: "auto",
    allowedOrigins: [],
  });
});

test("every value is read, and a flag wins over its variable", () => {
  const env = {
    PORT: "1234",
    ALLOWED_ORIGINS: "https://a.example, https://b.example:8443/",
    TLS: "on",
    TRUST_PROXY: "loopback,10.0.0.0/8",
    BEACON: "dev",
    NATS_URL: "tls://u:p@h:1",
  };
  expect(loadConfig({ env, flags: { port: "4321", tls: true } })).toMatchObject({
    nats: { servers: ["h:1"], login: { user: "u", pass: "p" }, tls: true },
    port: 4321,
    allowedOrigins: ["https://a.example", "https://b.example:8443"],
    tls: true,
    trustProxy: ["loopback", "10.0.0.0/8"],
    beacon: "dev",
  });
});

test.each([
  ["PORT", "70000", "whole number from 0 to 65535"],
  ["PORT", "80a", "whole number"],
  ["DATABASE_URL", "mysql://secret@x/y", "postgres://user:password@host:port/database"],
  ["NATS_URL", "nats://secret@h:1,nats://other@h:2", "have one login"],
  ["NATS_URL", "nats://secret#1@h:1", "nats:// or tls://"],
  ["PUBLIC_URL", "https://x.example/path", "without a path"],
  ["ALLOWED_ORIGINS", "*", "scheme://host"],
  ["BEACON", "dice", "one of auto, drand, dev"],
  ["TLS", "perhaps", "on or off"],
  ["TLS_CERT", "cert.pem", "TLS_KEY: needed together with TLS_CERT"],
  ["JWT_ISSUER", "https://id.example", "JWT_JWKS_URL: needed together with JWT_ISSUER"],
  ["TRUST_PROXY", "everybody!", "loopback"],
  ["DRAND_URLS", ",", "at least one"],
])("%s=%s is refused by name and rule, without repeating the value", (name, value, rule) => {
  const said = problemsOf({ [name]: value });
  expect(said).toContain(name);
  expect(said).toContain(rule);
  if (value.includes("secret")) expect(said).not.toContain("secret");
});

test("all wrong settings are named at once, flags by the name of the flag", () => {
  const said = problemsOf({ BEACON: "dice", LOG_LEVEL: "loud" }, { port: "x" });
  expect(said).toContain("BEACON:");
  expect(said).toContain("LOG_LEVEL:");
  expect(said).toContain("--port:");
});

test("keys of a platform over plain http are refused, except from this machine", () => {
  const at = (url: string) => ({ JWT_ISSUER: "i", JWT_AUDIENCE: "a", JWT_JWKS_URL: url });
  expect(problemsOf(at("http://id.example/jwks"))).toContain("JWT_JWKS_URL: must be https");
  expect(problemsOf(at("http://127.0.0.1:9/jwks"))).toBe("");
});

test("the manual has every setting with a meaning, and never shows a secret", () => {
  const NATS_URL = "nats://hunter2@a:1,nats://hunter2@b:2";
  const rows = describeSettings({ DATABASE_URL: "postgres://u:hunter2@h/d", NATS_URL, PORT: "1" });
  expect(rows).toHaveLength(Object.keys(configFlags()).length);
  for (const row of rows) expect(row.meaning.length).toBeGreaterThan(5);
  expect(JSON.stringify(rows)).not.toContain("hunter2");
  const shown = (setting: string) => rows.find(({ name }) => name === setting)?.current;
  expect(shown("PORT")).toBe("1");
  expect(shown("NATS_URL")).toBe("nats://***@a:1,nats://***@b:2");
});

test("a busy port gives way to the next free one", async () => {
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  const address = busy.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const found = await findListenPort("127.0.0.1", port);
  expect(found).toBeGreaterThan(port);
  await new Promise((resolve) => busy.close(resolve));
  expect(await findListenPort("127.0.0.1", port)).toBe(port);
});

test("an address that is not this machine's is a fault that says so", async () => {
  await expect(findListenPort("192.0.2.1", 8080)).rejects.toMatchObject({
    code: "config.cannot_listen",
    message: expect.stringContaining("HOST"),
  });
});
