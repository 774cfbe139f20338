// The client's sign-in with a host platform's tokens: real keys over HTTP, the real application, gateway and engine.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type ClientOptions, connect, type RefusedTaps, type RoomClient } from "@wanhui/client";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { createPlatformTokens } from "../packages/server/src/people/mod.ts";
import { DRAW, startVenue, type Venue } from "../packages/server/src/rooms/testing.ts";

const issuer = "https://platform.example";
const audience = "wanhui";
let venue: Venue;
let keys: Server;
let sign: (sub: string, lasts?: string) => Promise<string>;
const clients: RoomClient[] = [];

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" };
  keys = createServer((_request, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => keys.listen(0, "127.0.0.1", resolve));
  const jwksUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
  venue = await startVenue({
    platform: (nowMs) => createPlatformTokens({ issuer, audience, jwksUrl }, nowMs),
  });
  const seconds = { "1h": 3_600, "4s": 4, "-1h": -3_600 };
  sign = (sub, lasts = "1h") =>
    new SignJWT({ identity_verified: true })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(sub)
      // In the venue's clock, which runs ahead of ours.
      .setExpirationTime(Math.floor(venue.nowMs() / 1_000) + seconds[lasts as keyof typeof seconds])
      .sign(privateKey);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.stop();
});
afterAll(async () => {
  await venue.stop();
  keys.close();
});

function newClient(more: Partial<ClientOptions>) {
  const client = connect({
    baseUrl: venue.url,
    bearer: true,
    storage: null,
    WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]>,
    random: () => 0,
    ...more,
  });
  clients.push(client);
  const refused: RefusedTaps[] = [];
  const levels: string[] = [];
  client.on("refused", (each) => refused.push(each));
  client.on("session", ({ level }) => levels.push(level));
  return { client, refused, levels };
}
const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 20 });
const online = (client: RoomClient) => until(() => client.status.state === "online");
const received = (client: RoomClient) => until(() => client.windows(DRAW)[0]?.fate === "received");

it("[PE14] a token of the platform signs in, and the same person is known by the next one", async () => {
  const one = newClient({ platformToken: await sign("ann") });
  await online(one.client);
  expect(one.client.session).toMatchObject({ level: "identity", user: expect.stringMatching(/^02/) });
  const two = newClient({ platformToken: async () => sign("ann") });
  await online(two.client);
  expect(two.client.session?.user).toBe(one.client.session?.user);
  one.client.tap(DRAW);
  await received(one.client);
});

it("[PE14] the platform is asked again when the sign-in ends, and the level goes on", async () => {
  let asked = 0;
  const { client, levels } = newClient({
    platformToken: () => {
      asked += 1;
      return sign("ben", asked === 1 ? "4s" : "1h");
    },
  });
  await online(client);
  const statuses: string[] = [];
  client.on("status", ({ state }) => statuses.push(state));
  const user = client.session?.user;
  expect(asked).toBe(1);
  client.tap(DRAW);
  await received(client);
  await until(() => asked === 2 && client.status.state === "online");
  expect(levels).toEqual(["identity", "identity"]);
  // At the moment of the end, not when the server has to close the socket.
  expect(statuses).toEqual(["connecting", "online"]);
  expect(client.session?.user).toBe(user);
  // The same person: what he entered is his still.
  expect(client.windows(DRAW)).toHaveLength(1);
});

it("[PE14] a refused token is told, and one is a guest; nobody known is a guest without a word", async () => {
  const { client, refused } = newClient({ platformToken: await sign("cat", "-1h") });
  await online(client);
  expect(client.session).toMatchObject({ level: "guest" });
  expect(refused).toEqual([{ draw: null, code: "auth.expired", retryMs: null, taps: 0 }]);
  const nobody = newClient({ platformToken: () => null });
  await online(nobody.client);
  expect(nobody.client.session?.level).toBe("guest");
  expect(nobody.refused).toEqual([]);
});

it("[PE14] a platform that cannot be asked now is asked again; nobody becomes a guest by that", async () => {
  let asked = 0;
  const { client, levels } = newClient({
    platformToken: async () => {
      asked += 1;
      if (asked < 3) throw new Error("the platform is away");
      return sign("dan");
    },
  });
  await online(client);
  expect(asked).toBe(3);
  expect(levels).toEqual(["identity"]);
});

it("[PE14] who signs in during the visit comes back as that person, with entries of his own", async () => {
  const { client, levels } = newClient({});
  await online(client);
  client.tap(DRAW);
  await received(client);
  const guest = client.session?.user;
  let stale = 0;
  client.on("stale", () => {
    stale += 1;
  });
  client.signIn(await sign("eve"));
  await until(() => client.session?.level === "identity" && client.status.state === "online");
  expect(client.session?.user).not.toBe(guest);
  expect(levels).toEqual(["guest", "identity"]);
  expect(client.windows(DRAW)).toEqual([]);
  await until(() => stale === 1);
  const before = venue.gateway.stats().accepted;
  client.tap(DRAW);
  await received(client);
  expect(venue.gateway.stats().accepted).toBe(before + 1);
});
