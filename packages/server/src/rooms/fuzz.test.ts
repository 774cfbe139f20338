import { createHash } from "node:crypto";
import { stateDigest } from "@wanhui/core";
import { CLOSE_CODES, CODES, encodeTaps, TAP_FRAME_BYTES } from "@wanhui/protocol";
import {
  clientMessageSchema,
  hex16Schema,
  idSchema,
  inviteBodySchema,
  problemSchema,
  sessionBodySchema,
  takeBodySchema,
  tapBodySchema,
} from "@wanhui/protocol/schemas";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { DRAW, join, newGuest, RAIN_POOL, startVenue, type TestSocket, type Venue } from "./testing.ts";

// 20,000 malformed, misplaced and replayed frames and bodies against the real gateway, application and engine [WR8].

const FRAMES = 14_000;
const BODIES = 6_000;
const FRAMES_PER_SOCKET = 40;

let venue: Venue;
beforeAll(async () => {
  // The clock is set forward by hours below; the round stays open.
  venue = await startVenue({ firstWindowMs: 24 * 3_600_000 });
});
afterAll(() => venue.stop());

function digest(): string[] {
  return [0, 1].map((shard) =>
    stateDigest(venue.engine.state(shard), (bytes) => createHash("sha256").update(bytes).digest()),
  );
}

/** Values near the shapes, and far from them. */
const scalar = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    DRAW,
    RAIN_POOL,
    "00".repeat(16),
    "__proto__",
    "constructor",
    "hello",
    "take",
    -1,
    2 ** 53,
    "\u0000",
  ),
);
const nearMessage = fc.dictionary(
  fc.constantFrom("t", "v", "c", "pool", "r", "resume", "me", "stream", "offset", "__proto__"),
  fc.oneof(
    scalar,
    fc.dictionary(fc.constantFrom("stream", "offset", "x"), scalar),
    fc.array(scalar, { maxLength: 3 }),
  ),
);
const typed = fc
  .tuple(fc.constantFrom("hello", "ping", "take", "tap", "x"), nearMessage)
  .map(([t, message]) => ({ ...message, t }));
const validTap = fc
  .record({
    drawIndex: fc.integer({ min: 1, max: 65_535 }),
    frameNumber: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    taps: fc.integer({ min: 1, max: 50 }),
  })
  .map((frame) => Buffer.from(encodeTaps({ ...frame, nonce: new Uint8Array(16) })));
/** Frames that are valid but for a flipped byte or a wrong length; the draw index stays one that does not exist. */
const brokenTap = fc
  .tuple(validTap, fc.nat(TAP_FRAME_BYTES - 1), fc.nat(255), fc.nat(4))
  .map(([frame, at, value, cut]) => {
    const bytes = Buffer.from(frame);
    if (at !== 2 && at !== 3) bytes[at] = value;
    return bytes.subarray(0, TAP_FRAME_BYTES - cut);
  });
const binary = fc
  .oneof(
    brokenTap,
    validTap,
    fc.uint8Array({ maxLength: 1_100 }).map((bytes) => Buffer.from(bytes)),
  )
  // Never a whole frame of the draw that exists: that one may change something.
  .filter((bytes) => !(bytes.length === TAP_FRAME_BYTES && bytes.readUInt16BE(2) === 0));
/** Pools that exist are left alone for the same reason. */
const harmless = (text: string) => !(text.includes(RAIN_POOL) && text.includes('"take"'));
const frame = fc.oneof(
  { weight: 4, arbitrary: typed.map((message) => JSON.stringify(message)).filter(harmless) },
  { weight: 3, arbitrary: binary },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 1_100 }).map((length) => "x".repeat(length)) },
);

const CLOSES = new Set<number>([...Object.values(CLOSE_CODES), 1000, 1002, 1003, 1005, 1006, 1007, 1009]);

describe("fuzz", () => {
  it("[WR8] [WR5] frames: a coded answer, nothing, or a close; nothing changes; the server lives", {
    timeout: 120_000,
  }, async () => {
    const before = digest();
    const frames = fc.sample(frame, { numRuns: FRAMES, seed: 20_261_122 });
    const answers = new Map<string, number>();
    const guest = await newGuest(venue);
    let at = 0;
    let socket: TestSocket | null = null;
    while (at < frames.length) {
      venue.advance(60);
      socket ??= await join(venue, (await newGuest(venue)).token);
      let inThis = 0;
      while (inThis < FRAMES_PER_SOCKET && at < frames.length && socket.closeCode === null) {
        socket.say(frames[at] as string | Buffer);
        at += 1;
        inThis += 1;
        // The bucket of the socket refills by the venue's clock; most frames shall be read, not refused.
        venue.advance(150);
        if (inThis % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      if (socket.closeCode === null) {
        // A last ping comes back, or the strikes have closed it: either way it has read everything.
        socket.socket.ping();
        const pong = new Promise((resolve) => socket?.socket.once("pong", resolve));
        await Promise.race([pong, socket.closed()]);
        socket.socket.terminate();
      }
      for (const message of socket.heard) {
        if (message.code === undefined) continue;
        expect(Object.keys(CODES), JSON.stringify(message)).toContain(message.code);
        answers.set(message.code, (answers.get(message.code) ?? 0) + 1);
      }
      expect(CLOSES, `close ${socket.closeCode}`).toContain(socket.closeCode ?? 1000);
      socket = null;
    }
    expect(digest()).toEqual(before);
    expect(answers.get("frame.malformed")).toBeGreaterThan(1_000);
    expect(answers.get("draw.unknown")).toBeGreaterThan(100);
    const alive = await join(venue, guest.token);
    alive.say(encodeTaps({ drawIndex: 0, frameNumber: 1, taps: 1, nonce: new Uint8Array(16) }));
    await alive.first("ack");
    alive.socket.close();
  });

  it("[WR8] bodies: whatever breaks a schema is named, nothing changes; the server lives", {
    timeout: 120_000,
  }, async () => {
    const { token } = await newGuest(venue);
    const before = digest();
    const near = fc.dictionary(
      fc.constantFrom(
        "nonce",
        "taps",
        "requestId",
        "role",
        "synthetic",
        "platformToken",
        "bearer",
        "person",
        "x",
        "__proto__",
      ),
      fc.oneof(scalar, fc.dictionary(fc.string({ maxLength: 8 }), scalar, { maxKeys: 3 })),
    );
    const text = fc.oneof(
      { weight: 5, arbitrary: near.map((body) => JSON.stringify(body)) },
      { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 80 }) },
      {
        weight: 1,
        arbitrary: fc
          .integer({ min: 16_300, max: 17_000 })
          .map((length) => JSON.stringify("y".repeat(length))),
      },
    );
    const path = fc.constantFrom(
      [`/api/draws/${encodeURIComponent("no/such")}/tap`, tapBodySchema] as const,
      [`/api/pools/${encodeURIComponent("no/such")}/take`, takeBodySchema] as const,
      ["/api/session", sessionBodySchema] as const,
      ["/api/studio/invites", inviteBodySchema] as const,
      ["/api/draws/%00%ff/tap", tapBodySchema] as const,
      ["/api/socket-ticket/x", null] as const,
    );
    const requests = fc.sample(fc.tuple(path, text), { numRuns: BODIES, seed: 20_261_122 });
    let invalid = 0;
    for (const [[url, schema], payload] of requests) {
      venue.advance(300);
      const answer = await venue.app.inject({
        method: "POST",
        url,
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        payload,
      });
      expect(answer.statusCode, `${url} ${payload}`).not.toBe(500);
      if (answer.statusCode < 300) {
        expect(schema?.nullish().safeParse(parsed(payload)).success, `${url} ${payload}`).toBe(true);
        continue;
      }
      const body = problemSchema.parse(answer.json());
      expect(Object.keys(CODES)).toContain(body.code);
      if (body.code === "body.invalid") invalid += 1;
      if (body.code === "body.invalid" && parsed(payload) !== undefined) expect(body.rule).toBeTruthy();
    }
    expect(invalid).toBeGreaterThan(1_000);
    expect(digest()).toEqual(before);
    expect((await venue.app.inject("/health")).statusCode).toBe(200);
  });

  it("[WR8] what the schema takes, the reader of the hot path takes, and the other way round", async () => {
    const { readMessage } = await import("./messages.ts");
    const near = fc.oneof(
      typed,
      fc.record({
        t: fc.constantFrom("hello", "ping", "take"),
        v: fc.nat(3),
        c: fc.nat(),
        me: fc.nat(),
        pool: fc.oneof(fc.constant<string>(RAIN_POOL), fc.string({ maxLength: 5 })),
        r: fc.oneof(
          fc.constant("ab".repeat(16)),
          fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), maxLength: 33 }),
        ),
        resume: fc.record({ stream: fc.string({ maxLength: 5 }), offset: fc.integer({ min: -2 }) }),
      }),
    );
    fc.assert(
      fc.property(near, (message) => {
        const text = JSON.stringify(message);
        const bySchema = clientMessageSchema.safeParse(JSON.parse(text)).success;
        expect(readMessage(text).t !== "unreadable", text).toBe(bySchema);
      }),
      { numRuns: 5_000 },
    );
    expect([hex16Schema, idSchema].every((schema: z.ZodType) => !schema.safeParse("").success)).toBe(true);
  });
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
