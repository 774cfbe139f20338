import {
  type ByteWriter,
  createWriter,
  finishWriter,
  putBytes,
  putHex,
  putU,
  writeU,
} from "../bytes/buffer.ts";
import { canonicalJson, GRANT_TAG_DIGITS, grantOfAwardId, utf8 } from "../bytes/mod.ts";
import type { Entered, Event, Granted } from "../events.ts";
import { at } from "../invariant.ts";

/** First byte of each group in a payload (BY7). */
export const GROUP = { json: 0, entries: 1, grants: 2 } as const;

/**
 * Bytes of a batch's events, in order (BY7): runs of entries of one draw, window and time are packed at 48 bytes
 * each, runs of consecutive grants of one pool and time at 32; all others are canonical JSON.
 */
export function encodeEvents(events: readonly Event[]): Uint8Array {
  const writer = createWriter();
  let index = 0;
  while (index < events.length) {
    const event = at(events, index);
    if (event.type === "entered") index = putEntries(writer, events, index, event);
    else if (event.type === "granted") index = putGrants(writer, events, index, event);
    else {
      const json = canonicalJson(event);
      putU(writer, 1, GROUP.json);
      putU(writer, 4, json.length);
      putBytes(writer, json);
      index += 1;
    }
  }
  return finishWriter(writer);
}

function putEntries(writer: ByteWriter, events: readonly Event[], from: number, first: Entered): number {
  putU(writer, 1, GROUP.entries);
  putId(writer, first.draw);
  putU(writer, 4, first.window);
  putU(writer, 6, first.atMs);
  const countOffset = writer.length;
  putU(writer, 4, 0);
  let to = from;
  for (; to < events.length; to++) {
    const event = at(events, to);
    if (event.type !== "entered" || event.draw !== first.draw) break;
    if (event.window !== first.window || event.atMs !== first.atMs) break;
    putHex(writer, event.userKey, 32);
    putHex(writer, event.user, 16);
  }
  writeU(writer.bytes, countOffset, 4, to - from);
  return to;
}

function putGrants(writer: ByteWriter, events: readonly Event[], from: number, first: Granted): number {
  putU(writer, 1, GROUP.grants);
  putId(writer, first.pool);
  putHex(writer, grantOfAwardId(first.awardId).tag, GRANT_TAG_DIGITS / 2);
  putU(writer, 6, first.atMs);
  putU(writer, 6, first.number);
  const countOffset = writer.length;
  putU(writer, 4, 0);
  let to = from;
  for (; to < events.length; to++) {
    const event = at(events, to);
    if (event.type !== "granted" || event.pool !== first.pool || event.atMs !== first.atMs) break;
    if (event.number !== first.number + (to - from)) break;
    putHex(writer, event.user, 16);
    putHex(writer, event.requestId, 16);
  }
  writeU(writer.bytes, countOffset, 4, to - from);
  return to;
}

function putId(writer: ByteWriter, id: string): void {
  const bytes = utf8(id);
  putU(writer, 2, bytes.length);
  putBytes(writer, bytes);
}
