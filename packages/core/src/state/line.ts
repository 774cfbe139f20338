// The waiting line of a pool: first in, first out, one place per user (GR5).

import type { RequestId, UserId } from "../ids.ts";
import { assert, at } from "../invariant.ts";

/** Longest line; the next one is told `grab.line_full`. At 32 bytes a grant, serving a full line is one batch of 3 MB. */
export const LINE_LENGTH_MAX = 100_000;
// Served places are dropped from the arrays once this many lie in front, so that dropping stays cheap per place.
const COMPACT_AFTER = 4096;

export type Line = {
  users: UserId[];
  requestIds: RequestId[];
  /** Places served and still in the arrays. */
  head: number;
  /** Places served and already dropped from the arrays. */
  dropped: number;
  /** User to his absolute place since the line began. */
  readonly places: Map<UserId, number>;
};

export function createLine(): Line {
  return { users: [], requestIds: [], head: 0, dropped: 0, places: new Map() };
}

export function lineLength(line: Line): number {
  return line.users.length - line.head;
}

/** The user's place, 1 for the next to be served; 0 when he does not wait. */
export function placeInLine(line: Line, user: UserId): number {
  const place = line.places.get(user);
  return place === undefined ? 0 : place - line.dropped - line.head + 1;
}

/** Who stands `offset` places behind the head. */
export function waitingAt(
  line: Line,
  offset: number,
): { readonly user: UserId; readonly requestId: RequestId } {
  return { user: at(line.users, line.head + offset), requestId: at(line.requestIds, line.head + offset) };
}

/** The request a waiting user keeps his place with; null when he does not wait. */
export function waitingRequest(line: Line, user: UserId): RequestId | null {
  const place = line.places.get(user);
  return place === undefined ? null : at(line.requestIds, place - line.dropped);
}

export function joinLine(line: Line, user: UserId, requestId: RequestId): void {
  assert(!line.places.has(user), "GR5: one place per user", user);
  assert(lineLength(line) < LINE_LENGTH_MAX, "GR5: the line is too long", user);
  line.places.set(user, line.dropped + line.users.length);
  line.users.push(user);
  line.requestIds.push(requestId);
}

/** Takes the head, who must be this user with this request: nobody else is served first. */
export function leaveLine(line: Line, user: UserId, requestId: RequestId): void {
  const head = waitingAt(line, 0);
  assert(head.user === user && head.requestId === requestId, "GR5: not the head of the line", user);
  line.places.delete(user);
  line.head += 1;
  if (line.head < COMPACT_AFTER && line.head < line.users.length) return;
  line.users = line.users.slice(line.head);
  line.requestIds = line.requestIds.slice(line.head);
  line.dropped += line.head;
  line.head = 0;
}
