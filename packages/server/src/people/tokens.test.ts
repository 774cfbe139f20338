import { createHash } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DrawId, UserId } from "@wanhui/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSecrets, makeRehearsalGrant, pseudonymOf, secretFromHex, userKeyOf } from "./mod.ts";
import { createPseudonyms } from "./pseudonyms.ts";
import { createTokens, platformUserId, syntheticUserId, type UserToken } from "./tokens.ts";

const secret = secretFromHex("11".repeat(32), "test");
const other = secretFromHex("12".repeat(32), "test");
const payload: UserToken = {
  user: "01".repeat(16) as UserId,
  level: "guest",
  device: "aa",
  synthetic: false,
  run: null,
  address: null,
  issuedAtMs: 1,
  expiresAtMs: 1_000,
};

describe("tokens", () => {
  const tokens = createTokens(secret, () => 500);

  it("[PE1] ours is read back, until it ends", () => {
    const token = tokens.sign("u1", payload);
    expect(tokens.check("u1", token)).toEqual(payload);
    expect(createTokens(secret, () => 999).check("u1", token)).toEqual(payload);
    expect(createTokens(secret, () => 1_000).check("u1", token)).toBe("expired");
  });

  it("[PE1] another server's, another kind's and another spelling's is nobody", () => {
    const token = tokens.sign("u1", payload);
    expect(createTokens(other, () => 500).check("u1", token)).toBe("invalid");
    for (const kind of ["s1", "d1", "t1", "r1"] as const) {
      expect(tokens.check(kind, token)).toBe("invalid");
      expect(tokens.check(kind, token.replace("u1", kind))).toBe("invalid");
    }
    const [, body = "", mac = ""] = token.split(".");
    const changed = Buffer.from(JSON.stringify({ ...payload, level: "identity" })).toString("base64url");
    expect(tokens.check("u1", `u1.${changed}.${mac}`)).toBe("invalid");
    // 43 base64url characters hold 258 bits: two of them say nothing, and four spellings have the same bytes.
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const twin = letters[letters.indexOf(mac.at(-1) ?? "A") ^ 1];
    expect(Buffer.from(`${mac.slice(0, -1)}${twin}`, "base64url")).toEqual(Buffer.from(mac, "base64url"));
    for (const spelling of [`${mac.slice(0, -1)}${twin}`, `${mac}=`, mac.replaceAll("-", "+").concat(" ")]) {
      expect(tokens.check("u1", `u1.${body}.${spelling}`), spelling).toBe("invalid");
    }
  });

  it("[PE1] any changed byte and any nonsense is refused, without a throw", () => {
    const token = tokens.sign("u1", payload);
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        fc.pre(token[at] !== character);
        expect(tokens.check("u1", token.slice(0, at) + character + token.slice(at + 1))).toBe("invalid");
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000, unit: "binary" }), (text) => {
        expect(tokens.check("u1", text)).toBe("invalid");
        expect(tokens.check("u1", `u1.${text}`)).toBe("invalid");
        expect(tokens.check("u1", `u1.${text}.${text}`)).toBe("invalid");
      }),
    );
  });

  it("[PE3] ids say their class, and the same subject is the same user", () => {
    expect(platformUserId("https://a.example", "7")).toMatch(/^02[0-9a-f]{30}$/);
    expect(platformUserId("https://a.example", "7")).toBe(platformUserId("https://a.example", "7"));
    expect(platformUserId("https://a.example", "7")).not.toBe(platformUserId("https://b.example", "7"));
    expect(syntheticUserId("run-1", "p1")).toMatch(/^0f[0-9a-f]{30}$/);
    expect(syntheticUserId("run-1", "p1")).not.toBe(syntheticUserId("run-2", "p1"));
  });

  it("[PE9] a grant is one run's", () => {
    const grant = makeRehearsalGrant(secret, { run: "run-1", expiresAtMs: 1_000 });
    expect(tokens.check("r1", grant)).toEqual({ run: "run-1", expiresAtMs: 1_000 });
    expect(tokens.check("u1", grant)).toBe("invalid");
  });
});

describe("pseudonyms", () => {
  const draw = "run-1/round-1" as DrawId;
  const user = "01".repeat(16) as UserId;

  it("[PE8] [BY3] are the first 16 bytes of the HMAC by the round's own key", async () => {
    const { createHmac } = await import("node:crypto");
    const roundSecret = createHmac("sha256", secret).update("wanhui/round/1").update(draw).digest();
    const expected = createHmac("sha256", roundSecret)
      .update("wanhui/pseudonym/1")
      .update(Buffer.from(user, "hex"))
      .digest("hex")
      .slice(0, 32);
    expect(pseudonymOf(secret, draw, user)).toBe(expected);
    expect(createPseudonyms(secret).of(draw, user).toString("hex")).toBe(expected);
    expect(pseudonymOf(secret, "run-1/round-2" as DrawId, user)).not.toBe(expected);
    expect(pseudonymOf(other, draw, user)).not.toBe(expected);
  });

  it("[PE8] [BY2] the user key covers tag, pseudonym and nonce", () => {
    const pseudonym = Buffer.from(pseudonymOf(secret, draw, user), "hex");
    const nonce = Buffer.alloc(16, 5);
    const bytes = Buffer.concat([Buffer.from("wanhui/user-key/1"), pseudonym, nonce]);
    expect(userKeyOf(pseudonym, nonce)).toBe(createHash("sha256").update(bytes).digest("hex"));
  });
});

describe("the server secret", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wanhui-secret-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("[PE2] is made once, readable by us alone, the same for all who start at once", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => loadSecrets(folder)));
    expect(new Set(made.map((each) => Buffer.from(each).toString("hex"))).size).toBe(1);
    expect(made[0]).toHaveLength(32);
    expect((await stat(join(folder, "secret"))).mode & 0o777).toBe(0o600);
    expect(await loadSecrets(folder)).toEqual(made[0]);
    expect((await readFile(join(folder, "secret"), "utf8")).trim()).toHaveLength(64);
  });

  it("[PE2] is refused by name when the file holds something else", async () => {
    const broken = join(folder, "broken");
    await loadSecrets(broken);
    await chmod(join(broken, "secret"), 0o600);
    await writeFile(join(broken, "secret"), "short\n");
    await expect(loadSecrets(broken)).rejects.toMatchObject({ code: "secret.unreadable" });
  });
});
