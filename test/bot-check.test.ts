// The bot check from end to end: the client against the real application, gateway and engine, on loopback.

import {
  type CheckState,
  type ClientOptions,
  type ClientStorage,
  connect,
  type RoomClient,
} from "@wanhui/client";
import { solveCheck } from "@wanhui/client/solve";
import { encodeTaps } from "@wanhui/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import {
  ask,
  DRAW,
  join,
  newGuest,
  newSynthetic,
  RAIN_POOL,
  startVenue,
  type TestSocket,
  type Venue,
} from "../packages/server/src/rooms/testing.ts";

let venue: Venue;
const clients: RoomClient[] = [];
beforeAll(async () => {
  venue = await startVenue({ units: 40, botCheck: true, rehearsal: true });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.stop();
});
afterAll(() => venue.stop());

function newClient(more: Partial<ClientOptions> = {}) {
  const solved: string[] = [];
  const client = connect({
    baseUrl: venue.url,
    bearer: true,
    storage: null,
    WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]>,
    random: () => 0,
    solve: (challenge, onProgress) => {
      solved.push(String(challenge.parameters.data.for));
      return solveCheck(challenge, onProgress);
    },
    ...more,
  });
  clients.push(client);
  const states: CheckState[] = [];
  const refused: string[] = [];
  client.on("check", (state) => states.push(state));
  client.on("refused", ({ code }) => refused.push(code));
  return { client, solved, states, refused };
}
const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 20 });
const received = (client: RoomClient) => until(() => client.windows(DRAW)[0]?.fate === "received");
const passed = (states: CheckState[], what: string) =>
  until(() => states.some((state) => state.for === what && state.phase === "passed"));

const frame = (frameNumber: number) =>
  encodeTaps({ drawIndex: 0, frameNumber, taps: 1, nonce: new Uint8Array(16).fill(7) });

/** The pass of somebody who does the work by himself. */
async function passOf(token: string, what: string): Promise<string> {
  const challenge = await ask(venue, "/api/bot-check", { token, body: { for: what } });
  const solution = await solveCheck(challenge.body as never);
  const answer = await ask(venue, "/api/bot-check/pass", {
    token,
    body: { challenge: challenge.body, solution },
  });
  expect(answer.status).toBe(200);
  return String(answer.body.pass);
}
const no = async (socket: TestSocket, code: string) => {
  await socket.until(() => socket.heard.some((each) => each.t === "no" && each.code === code), code);
};

describe("the client", () => {
  it("[AB7] does the check by itself; a gesture before the pass is held back and is an entry with it", async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { client, states, refused } = newClient({
      solve: async (challenge, onProgress) => {
        await gate;
        return solveCheck(challenge, onProgress);
      },
    });
    await until(() => states.some(({ for: what, phase }) => what === DRAW && phase === "working"));
    expect(client.tap(DRAW)).toBe(true);
    const rain = client.take(RAIN_POOL);
    expect(venue.gateway.stats().taps).toBe(0);
    go();
    await received(client);
    expect(await rain).toMatchObject({ ok: true });
    expect(refused).toEqual([]);
    expect(states.at(-1)).toMatchObject({ phase: "passed", progress: 1 });
  });

  it("[AB4] [AB7] shows its pass on each new socket and after a reload, and does no work again", async () => {
    const items = new Map<string, string>();
    const storage: ClientStorage = {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
    };
    const made: WebSocket[] = [];
    class Socket extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        made.push(this);
      }
    }
    const { token, user } = await newGuest(venue);
    const options = { token, storage, WebSocket: Socket as never };
    const first = newClient(options);
    await passed(first.states, DRAW);
    await passed(first.states, RAIN_POOL);
    made.at(-1)?.terminate();
    await until(() => first.client.status.state === "offline");
    await until(() => first.client.status.state === "online");
    first.client.tap(DRAW);
    await received(first.client);
    expect(first.solved.sort()).toEqual([DRAW, RAIN_POOL].sort());
    first.client.stop();
    const second = newClient(options);
    await until(() => second.client.status.state === "online");
    second.client.tap(DRAW);
    await received(second.client);
    expect(second.solved).toEqual([]);
    expect(second.refused).toEqual([]);
    expect(user).toHaveLength(32);
  });

  it("[AB4] [AB5] passes the server does not take are made anew, and what was held back counts", async () => {
    const { token } = await newGuest(venue);
    const stale = ["", "nobody"].map((user) => ({
      user,
      for: DRAW,
      pass: "e1.forged.forged",
      expiresAtMs: venue.nowMs() + 3_600_000,
    }));
    const storage: ClientStorage = {
      getItem: (key) => (key === "wanhui.passes" ? JSON.stringify(stale) : null),
      setItem: () => undefined,
    };
    const { client, states, solved } = newClient({ token, storage });
    await until(() => client.status.state === "online");
    client.tap(DRAW);
    await passed(states, DRAW);
    await received(client);
    expect(solved).toContain(DRAW);
  });

  it("[AB7] polling it does the check, too, and sends the pass with each tap and take", async () => {
    class Blocked extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url.replace("/ws?", "/nowhere?"), protocol);
      }
    }
    const { client, states, refused } = newClient({ WebSocket: Blocked as never });
    await until(() => client.status.state === "polling");
    await passed(states, DRAW);
    client.tap(DRAW);
    await received(client);
    expect(await client.take(RAIN_POOL)).toMatchObject({ ok: true });
    expect(refused).toEqual([]);
  });

  it("[AB7] what fails is tried again", async () => {
    let times = 0;
    const { states, client } = newClient({
      solve: async (challenge) => {
        times += 1;
        if (times <= 2) throw new Error("no worker");
        return solveCheck(challenge);
      },
    });
    await passed(states, DRAW);
    expect(states.some(({ phase }) => phase === "failed")).toBe(true);
    client.tap(DRAW);
    await received(client);
  });

  it("[AB9] a person of a rehearsal has little to do, and must do it", async () => {
    const { token } = await newSynthetic(venue, { person: "p1", device: "d1", address: "a1" });
    const socket = await join(venue, token);
    socket.say(frame(1));
    await no(socket, "draw.check_required");
    const challenge = await ask(venue, "/api/bot-check", { token, body: { for: DRAW } });
    expect((await solveCheck(challenge.body as never)).counter).toBeLessThan(8);
    socket.say({ t: "pass", pass: await passOf(token, DRAW) });
    socket.say(frame(2));
    expect(await socket.first("ack")).toMatchObject({ d: 0 });
  });
});

describe("the gateway", () => {
  it("[AB5] a tap and a take without a pass are refused before the shard, over both ways in", async () => {
    const { token } = await newGuest(venue);
    const before = venue.engine.status().shards.map(({ seq }) => seq);
    const socket = await join(venue, token);
    socket.say(frame(1));
    await no(socket, "draw.check_required");
    socket.say({ t: "take", pool: RAIN_POOL, r: "ab".repeat(16) });
    await socket.until(() => socket.heard.filter(({ t }) => t === "no").length === 2, "both refusals");
    const nonce = "07".repeat(16);
    const tap = await ask(venue, `/api/draws/${encodeURIComponent(DRAW)}/tap`, {
      token,
      body: { nonce, taps: 1 },
    });
    expect(tap).toMatchObject({ status: 403, body: { code: "draw.check_required" } });
    const path = `/api/pools/${encodeURIComponent(RAIN_POOL)}/take`;
    const take = await ask(venue, path, { token, body: { requestId: "cd".repeat(16) } });
    expect(take).toMatchObject({ status: 403, body: { code: "draw.check_required" } });
    expect(venue.engine.status().shards.map(({ seq }) => seq)).toEqual(before);
    expect(socket.heard.some(({ t }) => t === "ack")).toBe(false);
  });

  it("[AB4] another person's pass, a forged one and one for another draw let nobody in", async () => {
    const [ada, eve] = [await newGuest(venue), await newGuest(venue)];
    const pass = await passOf(ada.token, DRAW);
    const socket = await join(venue, eve.token);
    socket.say({ t: "pass", pass });
    socket.say({ t: "pass", pass: `${pass.slice(0, -4)}AAAA` });
    socket.say({ t: "pass", pass: await passOf(eve.token, RAIN_POOL) });
    socket.say(frame(1));
    await no(socket, "draw.check_required");
    expect(socket.heard.filter(({ code }) => code === "pass.invalid")).toHaveLength(2);
    const body = { nonce: "07".repeat(16), taps: 1, pass };
    const stolen = await ask(venue, `/api/draws/${encodeURIComponent(DRAW)}/tap`, { token: eve.token, body });
    expect(stolen).toMatchObject({ status: 403, body: { code: "pass.invalid" } });
    const own = await ask(venue, `/api/draws/${encodeURIComponent(DRAW)}/tap`, { token: ada.token, body });
    expect(own.status).toBe(200);
  });

  it("[AB3] [AB4] a challenge is exchanged once over HTTP, a wrong answer never; a pass shown twice is one entry", async () => {
    const { token } = await newGuest(venue);
    const { body: challenge } = await ask(venue, "/api/bot-check", { token, body: { for: DRAW } });
    const solution = await solveCheck(challenge as never);
    const path = "/api/bot-check/pass";
    const wrong = { ...solution, derivedKey: "00".repeat(32) };
    expect((await ask(venue, path, { token, body: { challenge, solution: wrong } })).body.code).toBe(
      "check.invalid",
    );
    const right = await ask(venue, path, { token, body: { challenge, solution } });
    expect((await ask(venue, path, { token, body: { challenge, solution } })).body.code).toBe("check.used");
    const [one, two] = [await join(venue, token), await join(venue, token)];
    const acks = await Promise.all(
      [one, two].map((socket) => {
        socket.say({ t: "pass", pass: right.body.pass });
        socket.say(frame(1));
        return socket.first("ack");
      }),
    );
    expect(acks.map(({ w }) => w)).toEqual([0, 0]);
  });
});
