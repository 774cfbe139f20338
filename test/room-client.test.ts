// The client against the real gateway, engine and application, on loopback.

import { type ClientStatus, connect, type RoomClient, type SocketConstructor } from "@wanhui/client";
import type { CtlMessage } from "@wanhui/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { DRAW, RAIN_POOL, startVenue, type Venue } from "../packages/server/src/rooms/testing.ts";

/** Sockets made by a client, so that a test can cut them or lead them elsewhere. */
function sockets(lead: (url: string) => string = (url) => url) {
  const made: WebSocket[] = [];
  let blocked = false;
  class Socket extends WebSocket {
    constructor(url: string, protocol: string) {
      // A proxy that lets no socket through: the handshake ends on a path that is not there.
      super(blocked ? url.replace("/ws?", "/nowhere?") : lead(url), protocol);
      made.push(this);
    }
  }
  return {
    Socket: Socket as unknown as SocketConstructor,
    made,
    cut: () => made.at(-1)?.terminate(),
    block(value: boolean) {
      blocked = value;
    },
  };
}

let venue: Venue;
const clients: RoomClient[] = [];
beforeAll(async () => {
  venue = await startVenue({ units: 5 });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.stop();
});
afterAll(() => venue.stop());

const say = (n: number): CtlMessage => ({
  t: "chain",
  draw: DRAW,
  record: { n },
  hash: `h${n}`,
  signature: "",
});

function newClient(more: { random?: () => number } = {}) {
  const wire = sockets();
  const client = connect({
    baseUrl: venue.url,
    bearer: true,
    storage: null,
    WebSocket: wire.Socket,
    random: () => 0,
    ...more,
  });
  clients.push(client);
  const ctl: CtlMessage[] = [];
  const statuses: ClientStatus["state"][] = [];
  client.on("ctl", (message) => ctl.push(message));
  client.on("status", ({ state }) => statuses.push(state));
  return { client, wire, ctl, statuses };
}

async function until(client: RoomClient, condition: () => boolean, what: string): Promise<void> {
  if (condition()) return;
  await new Promise<void>((resolve, reject) => {
    const ends: (() => void)[] = [];
    const timer = setTimeout(
      () => reject(new Error(`never: ${what}, ${JSON.stringify(client.status)}`)),
      15_000,
    );
    const check = () => {
      if (!condition()) return;
      clearTimeout(timer);
      for (const end of ends) end();
      resolve();
    };
    for (const name of ["status", "show", "ctl", "me", "window", "refused", "stale"] as const) {
      ends.push(client.on(name, () => queueMicrotask(check)));
    }
  });
}
const online = (client: RoomClient) => until(client, () => client.status.state === "online", "online");

describe("a client in a room", () => {
  it("signs in, sees the show, and stands in the server's time", async () => {
    const { client, statuses } = newClient();
    await online(client);
    expect(client.session?.user).toMatch(/^01/);
    expect(client.show?.rounds[0]?.draw).toBe(DRAW);
    await until(client, () => Math.abs(client.serverNowMs() - venue.nowMs()) < 1_000, "the clock");
    expect(statuses).toEqual(["online"]);
    expect(client.identityOf(DRAW)).toEqual({
      pseudonym: expect.stringMatching(/^[0-9a-f]{32}$/),
      nonce: client.identityOf(DRAW).nonce,
    });
  });

  it("[WR5] [WR6] [M19] taps: one entry, received", async () => {
    const { client } = newClient();
    await online(client);
    client.tap(DRAW);
    client.tap(DRAW);
    await until(client, () => client.windows(DRAW)[0]?.fate === "received", "received");
    expect(client.windows(DRAW)).toHaveLength(1);
  });

  it("[WR5] a reconnect taps for nobody: what was acknowledged is not sent again", async () => {
    const { client, wire } = newClient();
    await online(client);
    client.tap(DRAW);
    await until(client, () => client.windows(DRAW)[0]?.fate === "received", "received");
    const before = venue.gateway.stats().taps;
    wire.cut();
    await until(client, () => client.status.state !== "online", "the cut");
    await online(client);
    expect(wire.made).toHaveLength(2);
    // Frames come in order: one of the greeting would have been counted before this one.
    client.tap(DRAW);
    await vi.waitFor(() => expect(venue.gateway.stats().taps).toBeGreaterThan(before), 5_000);
    expect(venue.gateway.stats().taps).toBe(before + 1);
  });

  it("[WR4] [WR14] [R3] cut again and again, it hears every message once, in order, and keeps what it heard", async () => {
    const { client, wire, ctl } = newClient();
    await online(client);
    for (let n = 0; n < 30; n += 1) {
      venue.room.publish([say(n)]);
      if (n % 7 === 3) wire.cut();
    }
    await until(client, () => ctl.length >= 30, "all messages");
    wire.cut();
    for (let n = 30; n < 35; n += 1) venue.room.publish([say(n)]);
    await until(client, () => ctl.length >= 35, "those of the last cut");
    expect(ctl.map((message) => (message.t === "chain" ? message.record : null))).toEqual(
      Array.from({ length: 35 }, (_, n) => ({ n })),
    );
    expect(wire.made.length).toBeGreaterThan(1);
    expect(client.heard().trimEnd().split("\n")).toHaveLength(35);
  });

  it("[WR3] a win that came while the socket was gone comes before its drawn", async () => {
    const { client, wire } = newClient();
    await online(client);
    client.tap(DRAW);
    await until(client, () => client.windows(DRAW)[0]?.fate === "received", "received");
    wire.cut();
    const award = { awardId: "aa".repeat(16), draw: DRAW, window: 0 };
    venue.room.sendMe(client.session?.user as never, { t: "won", award: award as never });
    const drawn = {
      t: "drawn",
      draw: DRAW,
      window: 0,
      entries: 1,
      units: 1,
      winners: 1,
      round: 1,
      resultAtMs: 0,
    } as const;
    venue.room.publish([drawn]);
    const fates: string[] = [];
    client.on("window", ({ fate }) => fates.push(fate));
    await until(client, () => fates.length > 0, "the fate");
    expect(fates).toEqual(["won"]);
  });

  it("[WR10] a take is asked until it has an answer, over as many sockets as it needs", async () => {
    const { client, wire } = newClient();
    await online(client);
    const requestId = "cd".repeat(16);
    const taken = client.take(RAIN_POOL, requestId);
    wire.cut();
    const outcome = await taken;
    expect(outcome).toMatchObject({ ok: true });
    expect(await client.take(RAIN_POOL, requestId)).toEqual(outcome);
    expect(await client.take("no-such-pool")).toMatchObject({ ok: false, code: "pool.unknown" });
  });

  it("[WR13] where no socket gets through it polls, taps by request, and takes a socket again when it can", async () => {
    const { client, wire, ctl, statuses } = newClient();
    wire.block(true);
    await until(client, () => client.status.state === "polling", "polling");
    client.tap(DRAW);
    await until(client, () => client.windows(DRAW)[0]?.fate === "received", "received by request");
    expect(await client.take(RAIN_POOL)).toMatchObject({ ok: true });
    const before = ctl.length;
    venue.room.publish([say(100)]);
    await until(client, () => ctl.length > before, "a polled message");
    wire.block(false);
    await online(client);
    venue.room.publish([say(101)]);
    await until(client, () => ctl.length > before + 1, "a message of the socket");
    expect(ctl.slice(before)).toEqual([say(100), say(101)]);
    expect(statuses).toContain("offline");
  });

  it("[WR3] a drawn that was polled says nothing of one's own entry; own awards are asked for after it", async () => {
    const { client, wire } = newClient();
    wire.block(true);
    await until(client, () => client.status.state === "polling", "polling");
    client.tap(DRAW);
    await until(client, () => client.windows(DRAW)[0]?.fate === "received", "received by request");
    const heard: string[] = [];
    client.on("ctl", ({ t }) => heard.push(`${t} ${client.winsToldFirst}`));
    client.on("stale", () => heard.push("stale"));
    const window = client.windows(DRAW)[0]?.window ?? 0;
    const drawn = { t: "drawn", draw: DRAW, window, entries: 1, units: 1, winners: 1, round: 1 } as const;
    venue.room.publish([{ ...drawn, resultAtMs: 0 }]);
    await until(client, () => heard.length > 1, "the polled result");
    expect(heard).toEqual(["drawn false", "stale"]);
    expect(client.windows(DRAW)[0]?.fate).toBe("received");
  });
});

describe("an engine in trouble", () => {
  it("[JR7] [WR5] a tap refused as busy, unknown and fenced is asked again until its entry is in", async () => {
    const troubles = ["engine.busy", "engine.unknown", "engine.fenced"];
    const asked: string[] = [];
    const troubled = await startVenue({
      engine: (engine) => ({
        take: engine.take.bind(engine),
        addTaps: engine.addTaps.bind(engine),
        enter(draw, user, userKey, done) {
          asked.push(userKey);
          const code = troubles.shift();
          if (code === undefined) engine.enter(draw, user, userKey, done);
          else done({ code, retryable: true }, null);
        },
      }),
    });
    const wire = sockets();
    const client = connect({
      baseUrl: troubled.url,
      bearer: true,
      storage: null,
      WebSocket: wire.Socket,
      random: () => 0,
    });
    clients.push(client);
    const refused: string[] = [];
    client.on("refused", ({ code }) => refused.push(code));
    await online(client);
    client.tap(DRAW, 2);
    await until(client, () => client.windows(DRAW)[0]?.fate === "received", "received");
    expect(asked).toHaveLength(4);
    // The same key each time: the same entry.
    expect(new Set(asked).size).toBe(1);
    expect(refused).toEqual([]);
    client.stop();
    await troubled.stop();
  });
});

describe("a server that starts again", () => {
  it("[WR4] [WR12] another stream: the show is read anew, own awards are asked for, nothing is guessed", async () => {
    const first = await startVenue({ armed: false });
    let url = first.url;
    const wire = sockets((address) =>
      address.replace(first.url.slice("http".length), url.slice("http".length)),
    );
    const ask: typeof fetch = (input, init) => fetch(String(input).replace(first.url, url), init);
    const client = connect({
      baseUrl: first.url,
      bearer: true,
      storage: null,
      WebSocket: wire.Socket,
      fetch: ask,
      random: () => 0,
    });
    clients.push(client);
    await online(client);
    const user = client.session?.user;
    let stale = 0;
    client.on("stale", () => {
      stale += 1;
    });
    const second = await startVenue({ armed: false });
    url = second.url;
    const stopped = first.stop();
    await until(client, () => client.show?.stream === second.room.stream, "the new stream");
    // Its view may count windows as drawn whose winners were told while we were away.
    expect(client.winsToldFirst).toBe(false);
    await until(client, () => stale > 0, "stale");
    expect(client.winsToldFirst).toBe(true);
    await online(client);
    expect(client.session?.user).toBe(user);
    second.room.publish([say(1)]);
    await until(
      client,
      () => client.show?.offset !== undefined && client.heard().includes('"n":1'),
      "a new message",
    );
    await stopped;
    client.stop();
    await second.stop();
  });
});
