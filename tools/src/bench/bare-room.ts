import { createHash } from "node:crypto";
import type { Server } from "node:http";
import type { UserId } from "@wanhui/core";
import {
  createGateway,
  createLimits,
  createOrigins,
  createRoom,
  type Room,
  realClock,
  type Session,
  silentLog,
  textFrame,
} from "@wanhui/server";

/** More than any measurement opens. */
const SOCKETS_MAX = 100_000;

/**
 * The room and its gateway as the server has them, without a night behind: everybody with a ticket is let in, and nobody
 * has anything to tap.
 */
export function openBareRoom(server: Server): Room {
  const clock = realClock(() => Date.now());
  const room = createRoom({ clock, frame: textFrame });
  const gateway = createGateway({
    room,
    clock,
    people: { checkTicket: guestOf },
    limits: createLimits({ nowMs: clock.nowMs }),
    origins: createOrigins({ secure: false }),
    intake: {
      pass: () => null,
      tap: (_session, _tap, done) => done({ ok: false, code: "draw.unknown" }),
      take: (_session, _wish, done) => done({ ok: false, code: "pool.unknown" }),
    },
    log: silentLog(),
    random: Math.random,
    socketsMax: SOCKETS_MAX,
  });
  gateway.attach(server);
  room.start();
  return room;
}

function guestOf(ticket: string): Session {
  const userId = createHash("sha256").update(ticket).digest("hex").slice(0, 32) as UserId;
  return {
    userId,
    device: userId,
    level: "guest",
    roles: ["viewer"],
    synthetic: false,
    run: null,
    address: ticket,
    expiresAtMs: null,
    staff: null,
  };
}
