import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { CLOSE_CODES } from "@wanhui/protocol";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  ask,
  join,
  newGuest,
  newSynthetic,
  RUN,
  startVenue,
  type Venue,
  type VenueOptions,
} from "../rooms/testing.ts";
import { createPlatformTokens, makeOperatorLink, makeRehearsalGrant } from "./mod.ts";

const open: Venue[] = [];
afterEach(async () => {
  for (const venue of open.splice(0)) await venue.stop();
});
async function newVenue(options: VenueOptions = {}): Promise<Venue> {
  const venue = await startVenue({ armed: false, ...options });
  open.push(venue);
  return venue;
}

/** A jar of one browser: what `set-cookie` said, sent back. */
class Jar {
  readonly cookies = new Map<string, string>();
  readonly lines: string[] = [];
  keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      this.lines.push(line);
      const [pair = ""] = line.split(";");
      const [name = "", value = ""] = pair.split("=");
      if (value === "") this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
  get header(): Record<string, string> {
    return { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
  }
}
async function browse(venue: Venue, jar: Jar, path: string, options: Parameters<typeof ask>[2] = {}) {
  const answer = await ask(venue, path, { ...options, headers: { ...jar.header, ...options.headers } });
  jar.keep(answer.headers);
  return answer;
}

describe("guests", () => {
  it("[PE3] a browser's guest is a cookie no script can read; asking again is the same person", async () => {
    const venue = await newVenue();
    const jar = new Jar();
    expect((await browse(venue, jar, "/api/session")).body.code).toBe("auth.missing");
    const first = await browse(venue, jar, "/api/session", { method: "POST", body: {} });
    expect(first.body).toMatchObject({ level: "guest", roles: ["viewer"], synthetic: false });
    expect(first.body.user).toMatch(/^01[0-9a-f]{30}$/);
    expect(first.body.token).toBeUndefined();
    for (const line of jar.lines) expect(line).toMatch(/HttpOnly.*SameSite=Lax/);
    const again = await browse(venue, jar, "/api/session", { method: "POST", body: {} });
    expect(again.body.user).toBe(first.body.user);
    const device = jar.cookies.get("wanhui_device");
    await browse(venue, jar, "/api/session", { method: "DELETE" });
    expect((await browse(venue, jar, "/api/session")).body.code).toBe("auth.missing");
    expect(jar.cookies.get("wanhui_device")).toBe(device);
    const other = await browse(venue, jar, "/api/session", { method: "POST", body: {} });
    expect(other.body.user).not.toBe(first.body.user);
  });

  it("[PE1] a forged or expired token is nobody, and says which", async () => {
    const venue = await newVenue();
    const { token } = await newGuest(venue);
    expect((await ask(venue, "/api/session", { token })).status).toBe(200);
    expect((await ask(venue, "/api/session", { token: `${token}x` })).body.code).toBe("auth.invalid");
    expect((await ask(venue, "/api/session", { token: "s1.e30.x" })).body.code).toBe("auth.missing");
    venue.advance(181 * 24 * 3_600_000);
    expect((await ask(venue, "/api/session", { token })).body.code).toBe("auth.expired");
    expect((await ask(venue, "/api/socket-ticket", { token, body: {} })).body.code).toBe("auth.missing");
  });

  it("[PE8] the ticket brings one's own pseudonyms", async () => {
    const venue = await newVenue();
    const one = await newGuest(venue);
    const two = await newGuest(venue);
    const names = async (token: string) =>
      (await ask(venue, "/api/socket-ticket", { token, body: {} })).body.pseudonyms as Record<string, string>;
    expect(Object.values(await names(one.token))[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(await names(one.token)).toEqual(await names(one.token));
    expect(await names(one.token)).not.toEqual(await names(two.token));
  });

  it("[LM4] [PE10] changing requests are limited per person and kept to listed origins", async () => {
    const venue = await newVenue();
    const { token } = await newGuest(venue);
    const codes: unknown[] = [];
    for (let n = 0; n < 60; n += 1) {
      const { status, body, headers } = await ask(venue, "/api/socket-ticket", { token, body: {} });
      codes.push(status === 200 ? 200 : body.code);
      if (status === 429) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(codes.slice(0, 40)).toEqual(Array.from({ length: 40 }, () => 200));
    expect(codes).toContain("rate.limited");
    expect((await ask(venue, "/api/session", { token })).status).toBe(200);
    const evil = await ask(venue, "/api/session", { body: {}, headers: { origin: "https://evil.example" } });
    expect(evil.body.code).toBe("origin.refused");
  });
});

describe("staff", () => {
  it("[PE5] [PE6] a one-time link signs in once; roles open what they open; an end ends them", async () => {
    const venue = await newVenue();
    const { path } = await makeOperatorLink(venue.people);
    const preview = await ask(venue, path, { headers: { accept: "*/*" } });
    expect(preview.status).toBe(200);
    expect(preview.body.text).toContain('<form method="post">');
    const jar = new Jar();
    const entered = await browse(venue, jar, path, { headers: { "sec-fetch-dest": "document" } });
    expect(entered.status).toBe(303);
    expect(entered.headers.get("location")).toBe("/studio");
    expect(jar.cookies.has("wanhui_staff")).toBe(true);
    const used = await browse(venue, new Jar(), path, { method: "POST" });
    expect(used.body.code).toBe("auth.link_used");
    expect((await ask(venue, "/operator/nonsense", { method: "POST" })).body.code).toBe("auth.link_used");
    expect((await browse(venue, jar, "/api/session")).body.roles).toEqual(["viewer", "operator"]);

    const invited = await browse(venue, jar, "/api/studio/invites", { body: { role: "host" } });
    expect(invited.body.url).toMatch(/^https:\/\/gala\.example\/operator\//);
    const host = new Jar();
    const hostPath = new URL(String(invited.body.url)).pathname;
    expect((await browse(venue, host, hostPath, { method: "POST" })).status).toBe(303);
    const refused = await browse(venue, host, "/api/studio/invites", { body: { role: "operator" } });
    expect(refused.body.code).toBe("auth.forbidden");
    const guest = await newGuest(venue);
    const nobody = await ask(venue, "/api/studio/invites", { token: guest.token, body: { role: "host" } });
    expect(nobody.body.code).toBe("auth.missing");
    const bad = await browse(venue, jar, "/api/studio/invites", { body: { role: "viewer" } });
    expect(bad.body).toMatchObject({ code: "body.invalid", field: "role" });

    const { body } = await browse(venue, jar, "/api/studio/staff");
    const rows = body.staff as { staff: string; role: string; revokedAtMs: number | null }[];
    const row = rows.find(({ role }) => role === "host");
    expect((await browse(venue, jar, `/api/studio/staff/${row?.staff}`, { method: "DELETE" })).status).toBe(
      204,
    );
    expect((await browse(venue, host, "/api/session")).body.roles).toEqual(["viewer"]);
  });

  it("[PE12] staff are listed for operators and auditors; invites and ends are acts, refused ones too", async () => {
    const venue = await newVenue();
    const comeIn = async (path: string) => {
      const jar = new Jar();
      await browse(venue, jar, path, { method: "POST" });
      return jar;
    };
    const olga = await comeIn((await makeOperatorLink(venue.people)).path);
    const ada = await comeIn((await makeOperatorLink(venue.people, "auditor")).path);
    const hugo = await comeIn((await makeOperatorLink(venue.people, "host")).path);
    const list = await browse(venue, ada, "/api/studio/staff");
    expect(list.body).toMatchObject({
      staff: [
        { staff: "operator-1", role: "operator", invitedBy: null, revokedAtMs: null },
        { staff: "auditor-2", role: "auditor" },
        { staff: "host-3", role: "host" },
      ],
      you: "auditor-2",
    });
    const [row] = list.body.staff as { createdAtMs: number; endsAtMs: number }[];
    expect(row?.endsAtMs).toBe((row?.createdAtMs ?? 0) + 3 * 24 * 3_600_000);
    expect((await browse(venue, hugo, "/api/studio/staff")).body.code).toBe("auth.forbidden");
    const end = async (jar: Jar, staff: string) =>
      (await browse(venue, jar, `/api/studio/staff/${staff}`, { method: "DELETE" })).body;
    expect((await end(ada, "host-3")).code).toBe("auth.forbidden");
    expect(venue.staffActs).toEqual([]);
    expect(await end(olga, "operator-1")).toMatchObject({
      status: 409,
      code: "staff.last_operator",
      field: "staff",
      rule: "PE12",
    });
    expect(await end(olga, "operator-9")).toMatchObject({ status: 404, code: "staff.unknown" });
    await end(olga, "host-3");
    await browse(venue, olga, "/api/studio/invites", { body: { role: "host" } });
    const by = { who: "operator-1", role: "operator" };
    expect(venue.staffActs).toEqual([
      { action: "end role", target: "operator-1", by, reason: null },
      { action: "end role refused", target: "operator-1", by, reason: "staff.last_operator" },
      { action: "end role", target: "operator-9", by, reason: null },
      { action: "end role refused", target: "operator-9", by, reason: "staff.unknown" },
      { action: "end role", target: "host-3", by, reason: null },
      { action: "invite", target: "host", by, reason: null },
    ]);
  });

  it("[PE5] a page fetched or rendered ahead uses nothing up, whatever kind of page it says it is", async () => {
    const venue = await newVenue();
    const { path } = await makeOperatorLink(venue.people);
    for (const ahead of [
      { "sec-purpose": "prefetch" },
      { "sec-purpose": "prefetch;prerender" },
      { "sec-purpose": "prefetch;anonymous-client-ip" },
      { purpose: "prefetch" },
      { "x-purpose": "preview" },
      { "x-moz": "prefetch" },
    ]) {
      const shown = await ask(venue, path, { headers: { "sec-fetch-dest": "document", ...ahead } });
      expect(shown, JSON.stringify(ahead)).toMatchObject({ status: 200 });
      expect(shown.headers.getSetCookie()).toEqual([]);
      expect(String(shown.body.text)).toContain('<form method="post">');
    }
    const opened = await ask(venue, path, { headers: { "sec-fetch-dest": "document" } });
    expect(opened.status).toBe(303);
    expect(opened.headers.getSetCookie().join()).toContain("wanhui_staff=");
  });

  it("[PE5] a link ends after a day", async () => {
    const venue = await newVenue();
    const { path } = await makeOperatorLink(venue.people);
    venue.advance(24 * 3_600_000);
    expect((await ask(venue, path, { method: "POST" })).body.code).toBe("auth.link_used");
  });
});

describe("rehearsals", () => {
  it("[PE9] synthetic people need a grant of the run that rehearses now", async () => {
    const venue = await newVenue({ rehearsal: true });
    const person = { person: "p1", device: "d1", address: "a1" };
    const one = await newSynthetic(venue, person);
    expect(one.user).toMatch(/^0f/);
    expect((await newSynthetic(venue, person)).user).toBe(one.user);
    expect((await ask(venue, "/api/session", { token: one.token })).body.synthetic).toBe(true);
    const claim = (grant: string | null) =>
      ask(venue, "/api/session", {
        body: { synthetic: person },
        headers: grant === null ? {} : { "x-wanhui-rehearsal": grant },
      });
    expect((await claim(null)).body.code).toBe("auth.missing");
    expect((await claim("r1.e30.x")).body.code).toBe("auth.invalid");
    const ofOther = makeRehearsalGrant(venue.secret, {
      run: "other-run",
      expiresAtMs: venue.nowMs() + 1_000,
    });
    expect((await claim(ofOther)).body.code).toBe("auth.invalid");
    const ended = makeRehearsalGrant(venue.secret, { run: RUN, expiresAtMs: venue.nowMs() - 1 });
    expect((await claim(ended)).body.code).toBe("auth.expired");
  });

  it("[PE9] a real show takes no grant", async () => {
    const venue = await newVenue({ rehearsal: false });
    const grant = makeRehearsalGrant(venue.secret, { run: RUN, expiresAtMs: venue.nowMs() + 60_000 });
    const body = { synthetic: { person: "p", device: "d", address: "a" } };
    const answer = await ask(venue, "/api/session", { body, headers: { "x-wanhui-rehearsal": grant } });
    expect(answer.body.code).toBe("auth.invalid");
  });

  it("[PE9] [LM1] stated devices fill their own bucket: many people on one device are refused together", async () => {
    const venue = await newVenue({ rehearsal: true });
    const people = await Promise.all(
      [1, 2, 3, 4].map((n) => newSynthetic(venue, { person: `p${n}`, device: "one-phone", address: "a" })),
    );
    let refused = 0;
    for (const { token } of people) {
      for (let n = 0; n < 30; n += 1) {
        if ((await ask(venue, "/api/socket-ticket", { token, body: {} })).status === 429) refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    socket.socket.close();
  });
});

describe("the host platform's token", () => {
  const issuer = "https://platform.example";
  const audience = "wanhui";
  let keys: Server;
  let jwksUrl = "";
  let sign: (claims: Record<string, unknown>, change?: (jwt: SignJWT) => SignJWT) => Promise<string>;
  let forge: () => Promise<string>;
  let served = 0;
  beforeAll(async () => {
    const ours = await generateKeyPair("ES256", { extractable: true });
    const stranger = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(ours.publicKey)), kid: "k1", alg: "ES256", use: "sig" };
    keys = createServer((_request, response) => {
      served += 1;
      response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => keys.listen(0, "127.0.0.1", resolve));
    jwksUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
    const base = (claims: Record<string, unknown>) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", kid: "k1" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject("person-7")
        .setExpirationTime("1h");
    sign = (claims, change = (jwt) => jwt) => change(base(claims)).sign(ours.privateKey);
    forge = () => base({}).sign(stranger.privateKey);
  });
  afterAll(() => new Promise((resolve) => keys.close(resolve)));

  const platformVenue = (url = jwksUrl) =>
    newVenue({ platform: (nowMs) => createPlatformTokens({ issuer, audience, jwksUrl: url }, nowMs) });
  const signIn = async (venue: Venue, platformToken: string) =>
    (await ask(venue, "/api/session", { body: { platformToken, bearer: true } })).body;

  it("[PE4] is exchanged for a session; its claims give the level; keys are fetched once", async () => {
    const venue = await platformVenue();
    const before = served;
    const guest = await signIn(venue, await sign({}));
    expect(guest).toMatchObject({ level: "guest" });
    expect(guest.user).toMatch(/^02/);
    expect(await signIn(venue, await sign({ email_verified: true }))).toMatchObject({
      level: "contact",
      user: guest.user,
    });
    expect((await signIn(venue, await sign({ identity_verified: true }))).level).toBe("identity");
    expect((await signIn(venue, await sign({ identity_verified: "true" }))).level).toBe("guest");
    expect(served).toBe(before + 1);
    // Asking again as that person makes no longer-lived token of him.
    const again = await ask(venue, "/api/session", { token: String(guest.token), body: { bearer: true } });
    expect(again.body).toMatchObject({ user: guest.user });
    expect(again.body.token).toBeUndefined();
    venue.advance(3_600_000 + 1_000);
    expect((await ask(venue, "/api/session", { token: String(guest.token) })).body.code).toBe("auth.expired");
  });

  it("[PE4] the sign-in says when it ends, and its open sockets end with it", async () => {
    const venue = await platformVenue();
    const { token, expiresAtMs } = await signIn(venue, await sign({ identity_verified: true }));
    expect(Number(expiresAtMs) - venue.nowMs()).toBeGreaterThan(3_500_000);
    const who = await ask(venue, "/api/session", { token: String(token) });
    expect(who.body).toMatchObject({ level: "identity", expiresAtMs });
    const socket = await join(venue, String(token));
    const guest = await join(venue, (await newGuest(venue)).token);
    venue.advance(3_600_000);
    for (const each of [socket, guest]) each.say({ t: "ping", c: 1 });
    expect(await socket.closed()).toBe(CLOSE_CODES.ticket);
    expect(guest.closeCode).toBeNull();
    guest.socket.close();
  });

  it("[PE4] forged, foreign, expired, unsigned and symmetric ones are refused with the claim at fault", async () => {
    const venue = await platformVenue();
    const code = async (token: string) => (await signIn(venue, token)).code;
    expect(await code(await forge())).toBe("auth.invalid");
    expect(await code(await sign({}, (jwt) => jwt.setExpirationTime("-2m")))).toBe("auth.expired");
    expect(await signIn(venue, await sign({}, (jwt) => jwt.setIssuer("https://evil.example")))).toMatchObject(
      {
        code: "auth.invalid",
        field: "platformToken",
        rule: expect.stringContaining("iss"),
      },
    );
    expect(await code(await sign({}, (jwt) => jwt.setAudience("another")))).toBe("auth.invalid");
    expect(await code(await sign({}, (jwt) => jwt.setSubject("")))).toBe("auth.invalid");
    const unsigned = new UnsecuredJWT({})
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject("x")
      .setExpirationTime("1h");
    expect(await code(unsigned.encode())).toBe("auth.invalid");
    const symmetric = await new SignJWT({})
      .setProtectedHeader({ alg: "HS256", kid: "k1" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject("x")
      .setExpirationTime("1h")
      .sign(Buffer.alloc(32, 1));
    expect(await code(symmetric)).toBe("auth.invalid");
    expect(await code("nonsense")).toBe("auth.invalid");
    expect((await signIn(await newVenue(), await sign({}))).code).toBe("auth.invalid");
  });

  it("[PE4] keys that cannot be fetched are a fault of the world, not the person's", async () => {
    const venue = await platformVenue("http://127.0.0.1:9/keys");
    expect(await signIn(venue, await sign({}))).toMatchObject({ code: "auth.unavailable", status: 503 });
    expect(() =>
      createPlatformTokens({ issuer, audience, jwksUrl: "http://keys.example" }, Date.now),
    ).toThrow(/https/);
  });
});
