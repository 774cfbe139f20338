// Which keys win: the smallest tickets (DR14). A function of the file alone, so that anybody can do it again.

import { awardIdOfDraw, compareBytes, createTickets, toHex } from "../bytes/mod.ts";
import type { Hash, Sha256, UserKey } from "../ids.ts";
import { assert } from "../invariant.ts";

export type Ranked = { readonly userKey: UserKey; readonly ticket: Hash };

const TICKET_BYTES = 32;
const PREFIX_BYTES = 6;

/**
 * The `min(units, candidates)` keys with the smallest tickets, in ticket order (BY4, DR14); equal tickets order by
 * key. Takes 32 bytes of memory per candidate and one hash each; a million candidates are fine.
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
  const { candidates, units } = input;
  assert(Number.isSafeInteger(units) && units >= 0, "DR14: units", units);
  const count = candidates.length;
  const tickets = new Uint8Array(count * TICKET_BYTES);
  // The first 48 bits as a number sort fast and settle all but about one comparison in 2^48.
  const prefixes = new Float64Array(count);
  const ticketOf = createTickets(input, sha256);
  candidates.forEach((userKey, index) => {
    const ticket = ticketOf(userKey);
    tickets.set(ticket, index * TICKET_BYTES);
    let prefix = 0;
    for (let i = 0; i < PREFIX_BYTES; i++) prefix = prefix * 256 + (ticket[i] as number);
    prefixes[index] = prefix;
  });
  const wanted = Math.min(units, count);
  if (wanted === 0) return [];
  const threshold = prefixes.slice().sort()[wanted - 1] as number;
  const best: { readonly userKey: UserKey; readonly ticket: Uint8Array }[] = [];
  candidates.forEach((userKey, index) => {
    if ((prefixes[index] as number) > threshold) return;
    best.push({ userKey, ticket: tickets.subarray(index * TICKET_BYTES, (index + 1) * TICKET_BYTES) });
  });
  best.sort((left, right) => {
    const byTicket = compareBytes(left.ticket, right.ticket);
    return byTicket !== 0 ? byTicket : left.userKey < right.userKey ? -1 : 1;
  });
  return best.slice(0, wanted).map(({ userKey, ticket }) => ({ userKey, ticket: toHex(ticket) as Hash }));
}

/** The winners of one window with their award ids (BY6). */
export function winnersOf<User>(
  input: {
    readonly sealHash: Hash;
    readonly randomness: Hash;
    readonly units: number;
    readonly candidates: readonly { readonly key: UserKey; readonly user: User }[];
  },
  sha256: Sha256,
) {
  const { sealHash, randomness, units } = input;
  const users = new Map(input.candidates.map(({ key, user }) => [key, user]));
  const ranked = pickWinners({ sealHash, randomness, units, candidates: [...users.keys()] }, sha256);
  return ranked.map(({ userKey, ticket }) => ({
    userKey,
    user: users.get(userKey) as User,
    ticket,
    awardId: awardIdOfDraw({ sealHash, userKey }, sha256),
  }));
}
