// Which keys win: the smallest tickets (DR14). A function of the file alone, so that anybody can do it again.

import { awardIdOfDraw, compareBytes, createTickets, toHex } from "../bytes/mod.ts";
import type { Winner } from "../events.ts";
import type { Hash, Sha256, UserId, UserKey } from "../ids.ts";
import { assert, at } from "../invariant.ts";

export type Ranked = { readonly userKey: UserKey; readonly ticket: Hash };

const TICKET_BYTES = 32;
const PREFIX_BYTES = 6;

/** A candidate's place in the list it came in, and its ticket. */
type Placed = { readonly index: number; readonly ticket: Uint8Array };

/**
 * The `min(units, candidates)` keys with the smallest tickets, in ticket order (BY4, DR14); equal tickets order by
 * key. Takes 40 bytes of memory per candidate and one hash each; a million candidates are fine.
 */
export function pickWinners(
  input: {
    readonly sealHash: Hash;
    readonly randomness: Hash;
    readonly units: number;
    readonly candidates: readonly UserKey[];
  },
  sha256: Sha256,
): Ranked[] {
  const { candidates } = input;
  const keyAt = (index: number): UserKey => at(candidates, index);
  const best = smallestTickets({ ...input, count: candidates.length, keyAt }, sha256);
  return best.map(({ index, ticket }) => ({ userKey: keyAt(index), ticket: toHex(ticket) as Hash }));
}

/** The winners of one window, in ticket order, with their award ids (BY6). */
export function winnersOf(
  input: {
    readonly sealHash: Hash;
    readonly randomness: Hash;
    readonly units: number;
    readonly candidates: readonly { readonly key: UserKey; readonly user: UserId }[];
  },
  sha256: Sha256,
): Winner[] {
  const { sealHash, candidates } = input;
  const keyAt = (index: number): UserKey => at(candidates, index).key;
  const best = smallestTickets({ ...input, count: candidates.length, keyAt }, sha256);
  return best.map(({ index, ticket }) => {
    const { key: userKey, user } = at(candidates, index);
    const awardId = awardIdOfDraw({ sealHash, userKey }, sha256);
    return { userKey, user, ticket: toHex(ticket) as Hash, awardId };
  });
}

function smallestTickets(
  input: {
    readonly sealHash: Hash;
    readonly randomness: Hash;
    readonly units: number;
    readonly count: number;
    readonly keyAt: (index: number) => UserKey;
  },
  sha256: Sha256,
): Placed[] {
  const { count, units, keyAt } = input;
  assert(Number.isSafeInteger(units) && units >= 0, "DR14: units", units);
  const wanted = Math.min(units, count);
  if (wanted === 0) return [];
  const tickets = new Uint8Array(count * TICKET_BYTES);
  // The first 48 bits as a number sort fast and settle nearly every comparison.
  const prefixes = new Float64Array(count);
  const ticketOf = createTickets(input, sha256);
  for (let index = 0; index < count; index++) {
    const ticket = ticketOf(keyAt(index));
    tickets.set(ticket, index * TICKET_BYTES);
    let prefix = 0;
    for (let i = 0; i < PREFIX_BYTES; i++) prefix = prefix * 256 + at(ticket, i);
    prefixes[index] = prefix;
  }
  const threshold = at(prefixes.slice().sort(), wanted - 1);
  const best: Placed[] = [];
  for (let index = 0; index < count; index++) {
    if (at(prefixes, index) > threshold) continue;
    best.push({ index, ticket: tickets.subarray(index * TICKET_BYTES, (index + 1) * TICKET_BYTES) });
  }
  best.sort((left, right) => {
    const byTicket = compareBytes(left.ticket, right.ticket);
    return byTicket !== 0 ? byTicket : keyAt(left.index) < keyAt(right.index) ? -1 : 1;
  });
  return best.slice(0, wanted);
}
