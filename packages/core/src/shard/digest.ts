import { canonicalText, toHex, utf8 } from "../bytes/mod.ts";
import type { Hash, Sha256 } from "../ids.ts";
import { eachAward } from "../pools/awards.ts";
import { lineLength, waitingAt } from "../state/line.ts";
import type { AwardState, DrawState, PoolState, ShardState } from "../state/shard-state.ts";

// Hashed in pieces of about this many characters, so that a big shard needs no big buffer.
const PIECE_CHARACTERS = 65_536;

/**
 * One hash over everything that matters in a shard's state, in an order of its own: two states with the same
 * digest answer every command alike. Replay of the journal must give the live state's digest (JR9).
 */
export function stateDigest(state: ShardState, sha256: Sha256): Hash {
  let hash: Uint8Array = new Uint8Array(32);
  let piece = "";
  const flush = (): void => {
    const text = utf8(piece);
    const input = new Uint8Array(hash.length + text.length);
    input.set(hash);
    input.set(text, hash.length);
    hash = sha256(input).slice();
    piece = "";
  };
  const put = (value: unknown): void => {
    piece += `${canonicalText(value)}\n`;
    if (piece.length >= PIECE_CHARACTERS) flush();
  };
  put({ version: "wanhui/state/1", shard: state.shard, lastAtMs: state.lastAtMs });
  for (const pool of inOrder(state.pools)) putPool(pool, put);
  for (const draw of inOrder(state.draws)) putDraw(draw, put);
  const awards = [...eachAward(state)].sort((left, right) => (left.id < right.id ? -1 : 1));
  for (const award of awards) put(awardFields(award));
  flush();
  return toHex(hash) as Hash;
}

type Put = (value: unknown) => void;

function pairs<Key extends string, Value>(map: ReadonlyMap<Key, Value>): (readonly [Key, Value])[] {
  return [...map.keys()].sort().map((key) => [key, map.get(key) as Value]);
}

function inOrder<Key extends string, Value>(map: ReadonlyMap<Key, Value>): Value[] {
  return pairs(map).map(([, value]) => value);
}

function putPool(pool: PoolState, put: Put): void {
  const { units, free, held, posted, withdrawn, openAwards, heldByDraw, grab, parameters } = pool;
  put({ ...parameters, now: { units, free, held, posted, withdrawn, openAwards, heldByDraw }, grab });
  put({
    promised: pairs(pool.promised),
    changes: pairs(pool.changes),
    live: pool.liveDraw?.rules.draw ?? null,
  });
  put({ grants: pool.grants.count });
  for (const pair of pairs(pool.won)) put(pair);
  for (let i = 0; i < lineLength(pool.line); i++) put(waitingAt(pool.line, i));
}

function putDraw(draw: DrawState, put: Put): void {
  const { rules, rulesHash, plannedAtMs, arm, stop, chainHead, nextWindow, carriedUnits, releasedUnits } =
    draw;
  put({
    rules,
    rulesHash,
    plannedAtMs,
    armHash: arm?.armHash ?? null,
    cancelled: draw.cancelled,
    stopHash: stop?.hash ?? null,
    chainHead,
  });
  put({ nextWindow, carriedUnits, releasedUnits, winners: draw.winners, closed: draw.closed });
  for (const { user, key, window, undrawn, wins } of inOrder(draw.entrants))
    put([user, key, window, undrawn, wins]);
  for (const bucket of draw.buckets) {
    put(bucket.window);
    put(bucket.entrants.map((entrant) => entrant.key).sort());
  }
  for (const sealed of draw.sealed) {
    put({ sealHash: sealed.sealHash, taps: sealed.taps });
    put(sealed.entrants.map((entrant) => entrant.key));
  }
  for (const drawn of draw.drawn) put(drawn);
}

function awardFields(award: Readonly<AwardState>) {
  const { id, pool, draw, window, userKey, user, requestId, atMs } = award;
  const { standing, claimByMs, orderId, extended, reason } = award;
  return [
    id,
    pool,
    draw,
    window,
    userKey,
    user,
    requestId,
    atMs,
    standing,
    claimByMs,
    orderId,
    extended,
    reason,
  ];
}
