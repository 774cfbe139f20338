import { connect as connectTcp } from "node:net";
import { type DrawId, entriesOfOpenWindow } from "@wanhui/core";
import { CLIENT_FRAME_BYTES_MAX, CLOSE_CODES, encodeTaps, TAP_FRAME_BYTES } from "@wanhui/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pseudonymOf, userKeyOf } from "../people/mod.ts";
import {
  ask,
  DRAW,
  join,
  newGuest,
  PRIZE_POOL,
  RAIN_POOL,
  socketUrl,
  startVenue,
  TestSocket,
  ticketOf,
  type Venue,
} from "./testing.ts";

const nonce = Buffer.alloc(16, 7);
const tapFrame = (frameNumber: number, more: { drawIndex?: number; taps?: number; nonce?: Buffer } = {}) =>
  encodeTaps({ drawIndex: 0, frameNumber, taps: 1, nonce, ...more });

function entries(venue: Venue, draw: DrawId = DRAW): number {
  const shard = venue.engine.shardOf({ draw }) ?? 0;
  return entriesOfOpenWindow(venue.engine.state(shard), draw);
}

let venue: Venue;
beforeAll(async () => {
  venue = await startVenue({ units: 2 });
});
afterAll(() => venue.stop());

describe("a tap's way", () => {
  it("[WR5] [WR6] the packed frame becomes one durable entry, then an ack", async () => {
    const guest = await newGuest(venue);
    const before = entries(venue);
    const socket = await join(venue, guest.token);
    socket.say(tapFrame(1, { taps: 3 }));
    const ack = await socket.first("ack");
    expect(ack).toMatchObject({ t: "ack", d: 0, w: 0 });
    expect(ack.fixedKey).toBeUndefined();
    expect(entries(venue)).toBe(before + 1);
    socket.socket.close();
  });

  it("[M19] [WR6] the same user on 20 sockets makes one entry, and every socket hears the same", async () => {
    const guest = await newGuest(venue);
    const before = entries(venue);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => join(venue, guest.token)));
    for (const socket of sockets) socket.say(tapFrame(1));
    const acks = await Promise.all(sockets.map((socket) => socket.first("ack")));
    expect(entries(venue)).toBe(before + 1);
    expect(new Set(acks.map(({ d, w }) => `${d}/${w}`))).toEqual(new Set(["0/0"]));
    const viewers = venue.room.viewers;
    for (const socket of sockets) socket.socket.close();
    expect(viewers).toBeGreaterThanOrEqual(1);
    expect(viewers).toBeLessThan(20);
  });

  it("[WR5] a frame number that does not rise is dropped and counted, not answered", async () => {
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    const { replays: replaysBefore, accepted: acceptedBefore } = venue.gateway.stats();
    socket.say(tapFrame(5));
    await socket.first("ack");
    socket.say(tapFrame(5));
    socket.say(tapFrame(4));
    socket.say(tapFrame(6));
    await expect.poll(() => venue.gateway.stats().accepted).toBe(acceptedBefore + 2);
    expect(venue.gateway.stats().replays).toBe(replaysBefore + 2);
    socket.socket.close();
  });

  it("[WR6] a socket is told of an entry once, its further taps are counted without a word", async () => {
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    const other = await join(venue, guest.token);
    const { accepted } = venue.gateway.stats();
    for (let n = 1; n <= 5; n += 1) socket.say(tapFrame(n));
    await expect.poll(() => venue.gateway.stats().accepted).toBe(accepted + 5);
    other.say(tapFrame(1));
    await other.first("ack");
    socket.say({ t: "ping", c: 7 });
    await socket.first("pong");
    expect(socket.heard.filter(({ t }) => t === "ack")).toHaveLength(1);
    for (const each of [socket, other]) each.socket.close();
  });

  it("[DR7] a second key of the same user answers with the first; another user's pseudonym never gives it", async () => {
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    socket.say(tapFrame(1));
    await socket.first("ack");
    socket.say(tapFrame(2, { nonce: Buffer.alloc(16, 9) }));
    await socket.until(() => socket.heard.some((each) => each.fixedKey !== undefined), "a fixed key");
    const pseudonym = Buffer.from(pseudonymOf(venue.secret, DRAW, guest.user), "hex");
    expect(socket.heard.find((each) => each.fixedKey)?.fixedKey).toBe(userKeyOf(pseudonym, nonce));
    socket.socket.close();
  });

  it("[WR11] too many gestures are refused with a waiting time; the entry stays", async () => {
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    for (let n = 1; n <= 8; n += 1) socket.say(tapFrame(n, { taps: 50 }));
    const no = await socket.first("no");
    expect(no).toMatchObject({ code: "rate.limited", d: 0 });
    expect(no.retryMs).toBeGreaterThan(0);
    expect(socket.heard.some(({ t }) => t === "ack")).toBe(true);
    socket.socket.close();
  });

  it("[WR10] a take is one grant however often and wherever it is asked", async () => {
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    const r = "ab".repeat(16);
    socket.say({ t: "take", pool: RAIN_POOL, r });
    socket.say({ t: "take", pool: RAIN_POOL, r });
    await socket.until(() => socket.heard.filter(({ t }) => t === "got").length === 2, "two answers");
    const again = await join(venue, guest.token);
    again.say({ t: "take", pool: RAIN_POOL, r });
    const answers = [...socket.heard.filter(({ t }) => t === "got"), await again.first("got")];
    const path = `/api/pools/${encodeURIComponent(RAIN_POOL)}/take`;
    const http = await ask(venue, path, { token: guest.token, body: { requestId: r } });
    expect(new Set([...answers.map(({ awardId }) => awardId), http.body.awardId]).size).toBe(1);
    again.say({ t: "take", pool: PRIZE_POOL, r });
    expect(await again.first("no")).toMatchObject({ code: "pool.unknown", r });
    for (const each of [socket, again]) each.socket.close();
  });

  it("[WR8] the same over plain HTTP: an entry, refusals with their codes", async () => {
    const guest = await newGuest(venue);
    const before = entries(venue);
    const tap = (draw: string, body: unknown) =>
      ask(venue, `/api/draws/${encodeURIComponent(draw)}/tap`, { token: guest.token, body });
    const first = await tap(DRAW, { nonce: "07".repeat(16), taps: 1 });
    expect(first).toMatchObject({ status: 200, body: { window: 0 } });
    expect((await tap(DRAW, { nonce: "07".repeat(16), taps: 1 })).body).toEqual({ window: 0 });
    expect((await tap(DRAW, { nonce: "08".repeat(16), taps: 1 })).body.fixedKey).toMatch(/^[0-9a-f]{64}$/);
    expect(entries(venue)).toBe(before + 1);
    expect((await tap("no/such", { nonce: "07".repeat(16), taps: 1 })).body.code).toBe("draw.unknown");
    expect((await tap(DRAW, { nonce: "07", taps: 1 })).body).toMatchObject({
      code: "body.invalid",
      field: "nonce",
    });
    const nobody = await ask(venue, `/api/draws/${encodeURIComponent(DRAW)}/tap`, {
      body: { nonce: "07".repeat(16), taps: 1 },
    });
    expect(nobody.body.code).toBe("auth.missing");
  });
});

describe("the door", () => {
  it("[WR1] only listed origins, our subprotocol and a valid ticket get in", async () => {
    const guest = await newGuest(venue);
    const ticket = await ticketOf(venue, guest.token);
    const url = socketUrl(venue, ticket);
    await expect(new TestSocket(url, { origin: "https://evil.example" }).opened()).rejects.toThrow("403");
    await expect(new TestSocket(url, { origin: "null" }).opened()).rejects.toThrow("403");
    await expect(new TestSocket(url, { protocols: ["other.1"] }).opened()).rejects.toThrow("400");
    await expect(new TestSocket(url.replace("/ws", "/wss")).opened()).rejects.toThrow("404");
    for (const origin of [venue.url, "https://gala.example"]) {
      const socket = await new TestSocket(url, { origin }).opened();
      socket.socket.close();
    }
    const flipped = `${ticket.slice(0, -1)}${ticket.endsWith("A") ? "B" : "A"}`;
    for (const bad of ["", "t1.e30.x", flipped, guest.token]) {
      expect(await new TestSocket(socketUrl(venue, bad)).closed()).toBe(CLOSE_CODES.ticket);
    }
  });

  it("[WR1] a request target that is no address is refused, and the server lives", async () => {
    const { host, hostname, port } = new URL(venue.url);
    const statusOf = (target: string, upgrade: boolean) =>
      new Promise<string>((resolve, reject) => {
        const raw = connectTcp(Number(port), hostname);
        let answer = "";
        raw.on("data", (bytes) => {
          answer += bytes.toString("latin1");
        });
        raw.on("close", () => resolve(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "cut"));
        raw.on("error", reject);
        const wish = upgrade ? "connection: upgrade\r\nupgrade: websocket" : "connection: close";
        raw.write(Buffer.from(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\n${wish}\r\n\r\n`, "latin1"));
      });
    // Not to be parsed even with a base: these went past the HTTP parser and ended the process.
    for (const target of [
      "//",
      "/\\",
      "\\\\",
      "//[",
      "http://",
      "http://[",
      "http://a:99999/ws",
      "//%00/ws",
    ]) {
      expect(await statusOf(target, true), target).toBe("400");
      expect(["400", "404", "422"], target).toContain(await statusOf(target, false));
    }
    const odd = [
      `/${"a".repeat(15_000)}`,
      `//${"a".repeat(15_000)}`,
      `/${"a".repeat(200_000)}`,
      ...Array.from({ length: 33 }, (_, n) => `/${String.fromCharCode(n === 32 ? 127 : n)}ws`),
      "/\xff\xfe",
      "/ws/../..//",
      "///ws",
      "*",
      "/%",
    ];
    for (const target of odd) expect(["400", "404", "414", "431"]).toContain(await statusOf(target, true));
    const alive = await join(venue, (await newGuest(venue)).token);
    alive.socket.close();
  });

  it("[PE7] a ticket is good for a minute", async () => {
    const own = await startVenue({ armed: false });
    const guest = await newGuest(own);
    const ticket = await ticketOf(own, guest.token);
    own.advance(59_000);
    const socket = await new TestSocket(socketUrl(own, ticket)).opened();
    socket.say({ t: "hello", v: 1 });
    expect((await socket.first("hello")).user).toBe(guest.user);
    own.advance(1_000);
    expect(await new TestSocket(socketUrl(own, ticket)).closed()).toBe(CLOSE_CODES.ticket);
    await own.stop();
  });

  it("[WR1] anything before hello closes with 4002", async () => {
    const guest = await newGuest(venue);
    for (const early of [{ t: "ping", c: 1 }, tapFrame(1), "nonsense", { t: "hello", v: 99 }]) {
      const socket = await new TestSocket(socketUrl(venue, await ticketOf(venue, guest.token))).opened();
      socket.say(early);
      expect(await socket.closed()).toBe(CLOSE_CODES.abuse);
      expect(socket.heard).toEqual([{ t: "error", code: "frame.out_of_order" }]);
    }
  });

  it("[WR8] malformed frames get a code, then a close; oversized ones a close; nothing changes", async () => {
    const guest = await newGuest(venue);
    const before = entries(venue);
    const socket = await join(venue, guest.token);
    socket.say("{");
    socket.say({ t: "take", pool: "UPPER", r: "00" });
    socket.say(Buffer.alloc(TAP_FRAME_BYTES));
    socket.say({ t: "hello", v: 1 });
    socket.say([]);
    expect(await socket.closed()).toBe(CLOSE_CODES.abuse);
    const errors = socket.heard.filter(({ t }) => t === "error");
    expect(errors.map(({ code }) => code)).toEqual([
      "frame.malformed",
      "frame.malformed",
      "frame.malformed",
      "frame.out_of_order",
      "frame.malformed",
    ]);
    expect(errors[1]?.field).toBe("pool");
    const large = await join(venue, guest.token);
    large.say("x".repeat(CLIENT_FRAME_BYTES_MAX + 1));
    expect(await large.closed()).toBe(1009);
    expect(entries(venue)).toBe(before);
  });

  it("[WR8] [LM6] a flood above the socket's rate is refused, then cut", async () => {
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    for (let n = 0; n < 400; n += 1) socket.say({ t: "ping", c: n });
    expect(await socket.closed()).toBe(CLOSE_CODES.abuse);
    const limited = socket.heard.filter(({ code }) => code === "rate.limited");
    expect(limited[0]?.retryMs).toBeGreaterThan(0);
    expect(socket.heard.filter(({ t }) => t === "pong").length).toBeLessThan(60);
  });

  it("[WR9] a ping is answered with the server's time", async () => {
    const guest = await newGuest(venue);
    const socket = await join(venue, guest.token);
    socket.say({ t: "ping", c: 123 });
    const pong = await socket.first("pong");
    expect(pong.c).toBe(123);
    expect(Math.abs(pong.at - venue.nowMs())).toBeLessThan(5_000);
    socket.socket.close();
  });
});

describe("the room over sockets", () => {
  it("[WR2] [WR3] [WR4] lanes arrive in order, and a cut in the middle misses nothing", async () => {
    const winner = await newGuest(venue);
    const socket = await join(venue, winner.token);
    const drawn = {
      t: "drawn",
      draw: DRAW,
      window: 0,
      entries: 9,
      units: 1,
      winners: 1,
      round: 1,
      resultAtMs: 5,
    } as const;
    const chain = (n: number) =>
      ({ t: "chain", draw: DRAW, record: { n }, hash: "", signature: "" }) as const;
    const start = (await socket.first("hello")).offset as number;
    venue.room.publish([chain(1)]);
    await socket.until(() => socket.ctl.length === 1, "the first message");
    socket.socket.terminate();
    venue.room.publish([chain(2)]);
    venue.room.sendMe(winner.user, { t: "won", award: { awardId: "aa" } as never });
    venue.room.publish([drawn]);
    const { room } = venue;
    const back = await join(venue, winner.token, {
      resume: { stream: room.stream, offset: start + 1 },
      me: 0,
    });
    venue.room.publish([chain(3)]);
    await back.until(() => back.ctl.length === 3, "what was missed, and what is new");
    expect(back.ctl).toEqual([chain(2), drawn, chain(3)]);
    const kinds = back.heard.filter((each) => each.t === "me" || (each.t === "f" && each.ctl?.length > 0));
    expect(kinds[0]?.t).toBe("me");
    expect((await back.first("hello")).resumed).toBe(true);
    const lost = await join(venue, winner.token, { resume: { stream: "another", offset: 3 } });
    expect((await lost.first("hello")).resumed).toBe(false);
    const poll = await ask(venue, `/api/room/poll?stream=${room.stream}&offset=${start}`);
    expect(poll.body).toMatchObject({ resumed: true, offset: room.offset });
    expect(poll.body.ctl).toEqual([chain(1), chain(2), drawn, chain(3)]);
    for (const each of [back, lost]) each.socket.close();
  });

  it("[WR7] [R3] [R5] a reader that stops reading is closed to resume, in bounded memory, and misses nothing", async () => {
    const guest = await newGuest(venue);
    const fast = await join(venue, (await newGuest(venue)).token);
    const slow = await join(venue, guest.token);
    const offset = (await slow.first("hello")).offset as number;
    slow.socket.pause();
    const before = venue.room.stats().slowClosed;
    const text = "x".repeat(60_000);
    let sent = 0;
    while (venue.room.stats().slowClosed === before && sent < 400) {
      venue.room.publish([{ t: "chain", draw: DRAW, record: { n: sent, text }, hash: "", signature: "" }]);
      sent += 1;
      await fast.until(() => fast.ctl.length === sent, "the frame at the fast socket");
    }
    expect(venue.room.stats().slowClosed).toBe(before + 1);
    expect(sent).toBeLessThan(400);
    slow.socket.resume();
    expect([CLOSE_CODES.resume, 1006]).toContain(await slow.closed());
    const heard = slow.ctl.length;
    expect(slow.ctl).toEqual(fast.ctl.slice(0, heard));
    for (let n = 0; n < 3; n += 1) {
      venue.room.publish([{ t: "chain", draw: DRAW, record: { n: sent + n }, hash: "", signature: "" }]);
    }
    const back = await join(venue, guest.token, {
      resume: { stream: venue.room.stream, offset: offset + heard },
    });
    const hello = await back.first("hello");
    // Resumed with exactly the rest, or told that the rest is too long to resend; never a silent hole.
    if (hello.resumed === true) {
      await back.until(() => heard + back.ctl.length === sent + 3, "the rest");
      await fast.until(() => fast.ctl.length === sent + 3, "all");
      expect([...slow.ctl, ...back.ctl]).toEqual(fast.ctl);
    } else expect(hello.offset).toBe(venue.room.offset);
    for (const each of [fast, back]) each.socket.close();
  });

  it("a stop says goaway with a spread, lets answers leave, and closes with 4003", async () => {
    const own = await startVenue();
    const sockets = await Promise.all([1, 2, 3].map(async () => join(own, (await newGuest(own)).token)));
    for (const socket of sockets) socket.say(tapFrame(1));
    const [first] = sockets;
    await first?.first("ack");
    const stopped = own.stop();
    for (const socket of sockets) {
      expect((await socket.first("goaway")).afterMs).toBeGreaterThanOrEqual(1_000);
      expect(await socket.closed()).toBe(CLOSE_CODES.goaway);
      expect(socket.heard.some(({ t }) => t === "ack")).toBe(true);
    }
    await stopped;
  });

  it("[WR1] an upgrade that is cut in the middle leaves nothing behind", async () => {
    const port = Number(new URL(venue.url).port);
    const before = venue.gateway.stats().sockets;
    await new Promise<void>((resolve) => {
      const socket = connectTcp(port, "127.0.0.1", () => {
        socket.write(
          "GET /ws?ticket=x HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        );
        socket.resetAndDestroy();
      });
      socket.on("close", () => resolve());
      socket.on("error", () => {});
    });
    const socket = await join(venue, (await newGuest(venue)).token);
    expect(venue.gateway.stats().sockets).toBeLessThanOrEqual(before + 1);
    socket.socket.close();
  });
});
