import { request as httpRequest } from "node:http";
import { CLOSE_CODES, type CtlMessage, POLL_MESSAGES_MAX } from "@wanhui/protocol";
import { pollAnswerSchema } from "@wanhui/protocol/schemas";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRoom, type Room, type RoomClock, socketsMaxOf } from "./mod.ts";
import {
  ask,
  join,
  newGuest,
  showView,
  socketUrl,
  startVenue,
  TestSocket,
  ticketOf,
  type Venue,
} from "./testing.ts";

/** Time that stands until it is moved; the room's tick is not started. */
function standingRoom(): { room: Room; pass(ms: number): void } {
  let nowMs = 1_000_000;
  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const after: RoomClock["after"] = (delayMs, run) => {
    const timer = { atMs: nowMs + delayMs, run };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  const clock: RoomClock = { nowMs: () => nowMs, after, soon: (run) => run() };
  const room = createRoom({ clock, frame: (json) => Buffer.from(json), stream: "stream" });
  return {
    room,
    pass(ms) {
      nowMs += ms;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of due) run();
    },
  };
}

const say = (n: number): CtlMessage => ({
  t: "chain",
  draw: "run/round",
  record: { n },
  hash: "00",
  signature: "11",
});
/** The body, which must be word for word what the schema names: nothing missing, nothing beside it. */
function read(body: Buffer) {
  const plain: unknown = JSON.parse(body.toString());
  const parsed = pollAnswerSchema.parse(plain);
  expect(parsed).toEqual(plain);
  return parsed;
}

describe("a crowd that polls", () => {
  it("[WR16] a body is made once for all who ask from one place in a tick, and anew in the next", () => {
    const { room, pass } = standingRoom();
    room.publish([say(1), say(2)]);
    pass(100);
    const bodies = Array.from({ length: 1_000 }, () => room.poll("stream", 0));
    expect(new Set(bodies).size).toBe(1);
    expect(room.stats().pollBodiesBuilt).toBe(1);
    expect(read(room.poll("stream", 0))).toMatchObject({ resumed: true, offset: 2, ctl: [say(1), say(2)] });
    expect(read(room.poll("stream", 1))).toMatchObject({ resumed: true, offset: 2, ctl: [say(2)] });
    expect(room.stats().pollBodiesBuilt).toBe(2);
    pass(room.tickMs);
    expect(read(room.poll("stream", 0)).at).toBe(1_000_200);
    expect(room.stats().pollBodiesBuilt).toBe(3);
  });

  it("[WR16] whoever is too far behind, ahead or of another stream begins anew, all with the same bytes", () => {
    const { room, pass } = standingRoom();
    const sent = POLL_MESSAGES_MAX + 50;
    for (let n = 0; n < sent; n += 1) {
      room.publish([say(n)]);
      pass(100);
    }
    expect(read(room.poll("stream", 50)).ctl).toHaveLength(POLL_MESSAGES_MAX);
    const before = room.stats().pollBodiesBuilt;
    const strangers = [
      room.poll(null, null),
      room.poll("stream", null),
      room.poll(null, 140),
      room.poll("other", 140),
      ...Array.from({ length: 50 }, (_, n) => room.poll("stream", n)),
      ...Array.from({ length: 500 }, (_, n) => room.poll("stream", sent + 1 + n)),
    ];
    expect(new Set(strangers).size).toBe(1);
    expect(room.stats().pollBodiesBuilt).toBe(before + 1);
    expect(read(room.poll("other", 1))).toMatchObject({ resumed: false, offset: sent, ctl: [] });
  });

  it("[WR16] [WR4] nothing is lost by kept bodies: whoever goes on from each answer hears everything once", () => {
    const { room, pass } = standingRoom();
    const heard: unknown[] = [];
    let offset = 0;
    for (let n = 0; n < 60; n += 1) {
      room.publish([say(2 * n), say(2 * n + 1)]);
      // A place that was not sent yet is one all the same: the view of a show stands there.
      if (n === 30) expect(read(room.poll("stream", room.offset))).toMatchObject({ resumed: true, ctl: [] });
      const answer = read(room.poll("stream", offset));
      expect(answer.offset).toBe(offset + answer.ctl.length);
      heard.push(...answer.ctl);
      offset = answer.offset;
      pass(37);
    }
    pass(250);
    heard.push(...read(room.poll("stream", offset)).ctl);
    expect(heard).toEqual(Array.from({ length: 120 }, (_, n) => say(n)));
  });
});

describe("over HTTP", () => {
  let venue: Venue;
  beforeAll(async () => {
    venue = await startVenue();
  });
  afterAll(() => venue.stop());

  it("[WR16] the answer is as the schema has it, cacheable, and a round's whole view passes", async () => {
    const { room } = venue;
    const { rounds } = showView({ room, nowMs: venue.nowMs(), opensAtMs: venue.nowMs() });
    const start = room.offset;
    room.publish(rounds.map((round) => ({ t: "round", round }) as const));
    const path = () => `/api/room/poll?stream=${room.stream}&offset=${start}`;
    await expect.poll(async () => (await ask(venue, path())).body.offset).toBe(start + 1);
    const answer = await ask(venue, path());
    expect(answer.headers.get("cache-control")).toBe("public, max-age=1");
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(pollAnswerSchema.parse(answer.body)).toEqual(answer.body);
    expect(answer.body.ctl).toEqual([{ t: "round", round: rounds[0] }]);
  });

  it("[WR16] [LM1] [WR11] one device that polls in a loop is refused, with a time; others of its address are not", async () => {
    const { token } = await newGuest(venue);
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => ask(venue, "/api/room/poll", { token })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(20);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.body).toMatchObject({ code: "rate.limited", retryAfterMs: expect.any(Number) });
    expect((await ask(venue, "/api/room/poll")).status).toBe(200);
    expect((await ask(venue, "/api/room/poll", { token: (await newGuest(venue)).token })).status).toBe(200);
  });
});

it("[LM8] [WR11] a person nobody knew waits behind a busy address and gets in; one who is known does not wait", async () => {
  const venue = await startVenue();
  const { token, user } = await newGuest(venue);
  for (let n = 0; n < 2_030; n += 1) venue.limits.slow("session", "127.0.0.1", () => {});
  const before = venue.limits.stats().slowed;
  expect((await newGuest(venue)).token).not.toBe(token);
  expect(venue.limits.stats().slowed).toBe(before + 1);
  const again = await ask(venue, "/api/session", { token, body: { bearer: true } });
  expect(again.body.user).toBe(user);
  expect(venue.limits.stats().slowed).toBe(before + 1);
  await venue.stop();
});

describe("a full room", () => {
  it("[WR17] one more than there are places is told when to come back, and a place that is left is taken", async () => {
    const venue = await startVenue({ socketsMax: 2 });
    const tickets = await Promise.all(
      [1, 2, 3].map(async () => ticketOf(venue, (await newGuest(venue)).token)),
    );
    const [first, second] = await Promise.all(
      [1, 2].map(async () => join(venue, (await newGuest(venue)).token)),
    );
    const turned = await Promise.all(
      tickets.map((ticket) => new TestSocket(socketUrl(venue, ticket)).opened()),
    );
    for (const socket of turned) {
      const { afterMs } = await socket.first("goaway");
      expect(afterMs).toBeGreaterThanOrEqual(5_000);
      expect(afterMs).toBeLessThanOrEqual(20_000);
      expect(await socket.closed()).toBe(CLOSE_CODES.goaway);
    }
    expect(venue.gateway.stats()).toMatchObject({ sockets: 2, refusedFull: 3 });
    expect(second?.closeCode).toBeNull();
    first?.socket.close();
    await expect.poll(() => venue.gateway.stats().sockets).toBe(1);
    const third = await join(venue, (await newGuest(venue)).token);
    expect(venue.gateway.stats().sockets).toBe(2);
    for (const socket of [second, third]) socket?.socket.close();
    await venue.stop();
  });

  it("[WR17] beyond those that can be told, the handshake is refused with 503 and a time", async () => {
    const venue = await startVenue({ socketsMax: 0, turnedAwayAtOnceMax: 0 });
    const answer = await new Promise<{ status: number | undefined; retry: number }>((resolve, reject) => {
      const request = httpRequest(
        `${venue.url}/ws?ticket=x`,
        {
          headers: {
            connection: "upgrade",
            upgrade: "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "sec-websocket-protocol": "wanhui.1",
          },
        },
        (response) => {
          response.resume();
          resolve({ status: response.statusCode, retry: Number(response.headers["retry-after"]) });
        },
      );
      request.on("error", reject);
      request.end();
    });
    expect(answer.status).toBe(503);
    expect(answer.retry).toBeGreaterThanOrEqual(5);
    expect(answer.retry).toBeLessThanOrEqual(20);
    await venue.stop();
  });

  it("[WR17] without a number of its own the room is as large as a quarter of the memory", () => {
    expect(socketsMaxOf(8 * 1024 ** 3)).toBe(32_768);
    expect(socketsMaxOf(16 * 1024 ** 3)).toBe(65_536);
    expect(socketsMaxOf(1)).toBe(500);
  });
});
