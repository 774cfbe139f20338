import { type ByteReader, takeBytes, takeU } from "../bytes/buffer.ts";
import { canonicalText, createGrantIds, fromUtf8, GRANT_TAG_DIGITS, toHex } from "../bytes/mod.ts";
import type { Event } from "../events.ts";
import type { DrawId, PoolId, RequestId, UserId, UserKey } from "../ids.ts";
import { assert, InvariantError } from "../invariant.ts";
import { isId } from "./checks.ts";
import { GROUP } from "./encode.ts";
import { eventShapes } from "./shapes.ts";

/**
 * The events of a payload (BY7). Every payload it accepts is exactly what encodeEvents makes of the result;
 * anything else (cut off, unknown group, JSON that is not canonical or has another shape, a run split in two)
 * throws InvariantError.
 */
export function decodeEvents(bytes: Uint8Array): Event[] {
  const reader: ByteReader = { bytes, offset: 0 };
  const events: Event[] = [];
  while (reader.offset < bytes.length) {
    const group = takeU(reader, 1);
    if (group === GROUP.json) events.push(takeJson(reader));
    else if (group === GROUP.entries) takeEntries(reader, events);
    else if (group === GROUP.grants) takeGrants(reader, events);
    else throw new InvariantError(`BY7: unknown group ${group} at byte ${reader.offset - 1}`);
  }
  return events;
}

function takeJson(reader: ByteReader): Event {
  const start = reader.offset;
  const text = fromUtf8(takeBytes(reader, takeU(reader, 4)));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvariantError(`BY7: not JSON at byte ${start}`);
  }
  const type: unknown = (value as { type?: unknown } | null)?.type;
  assert(typeof type === "string" && Object.hasOwn(eventShapes, type), "BY7: unknown event at byte", start);
  const wrong = eventShapes[type as keyof typeof eventShapes](value);
  if (wrong !== null) throw new InvariantError(`BY7: ${type} at byte ${start}: bad field ${wrong}`);
  assert(canonicalText(value) === text, "CJ1: not canonical at byte", start);
  return value as Event;
}

function takeEntries(reader: ByteReader, events: Event[]): void {
  const start = reader.offset;
  const draw = takeId(reader) as DrawId;
  const window = takeU(reader, 4);
  const atMs = takeU(reader, 6);
  const count = takeU(reader, 4);
  const last = events[events.length - 1];
  const splits =
    last?.type === "entered" && last.draw === draw && last.window === window && last.atMs === atMs;
  assert(count > 0 && !splits, "BY7: an empty or split run at byte", start);
  for (let i = 0; i < count; i++) {
    const userKey = toHex(takeBytes(reader, 32)) as UserKey;
    const user = toHex(takeBytes(reader, 16)) as UserId;
    events.push({ type: "entered", atMs, draw, window, userKey, user });
  }
}

function takeGrants(reader: ByteReader, events: Event[]): void {
  const start = reader.offset;
  const pool = takeId(reader) as PoolId;
  const tag = toHex(takeBytes(reader, GRANT_TAG_DIGITS / 2));
  const atMs = takeU(reader, 6);
  const first = takeU(reader, 6);
  const count = takeU(reader, 4);
  const last = events[events.length - 1];
  const splits =
    last?.type === "granted" && last.pool === pool && last.atMs === atMs && last.number + 1 === first;
  assert(count > 0 && !splits, "BY7: an empty or split run at byte", start);
  const idOf = createGrantIds(tag);
  for (let i = 0; i < count; i++) {
    const user = toHex(takeBytes(reader, 16)) as UserId;
    const requestId = toHex(takeBytes(reader, 16)) as RequestId;
    const number = first + i;
    events.push({ type: "granted", atMs, pool, number, awardId: idOf(number), user, requestId });
  }
}

function takeId(reader: ByteReader): string {
  const start = reader.offset;
  const id = fromUtf8(takeBytes(reader, takeU(reader, 2)));
  assert(isId(id) === null, "BY7: bad id at byte", start);
  return id;
}
