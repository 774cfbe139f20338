// What the tests of this folder share: one small draw played by the real rules, with beacons of a test's own key.

import { createHash } from "node:crypto";
import {
  type BeaconChain,
  type Command,
  createShardState,
  type DrawId,
  decideAndApply,
  type Event,
  gridOpening,
  type Hash,
  type Hex,
  type PoolId,
  roundDueMs,
  type UserId,
  type UserKey,
} from "@wanhui/core";

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const hex = (word: string, bytes: number): Hex =>
  createHash("sha256")
    .update(word)
    .digest("hex")
    .slice(0, bytes * 2);
export const userOf = (n: number): UserId => hex(`user/${n}`, 16) as UserId;
export const keyOf = (n: number): UserKey => hex(`key/${n}`, 32) as UserKey;
export const draw = "night-1/round" as DrawId;

/** A chain whose signatures are anything of the right length: the rules check only their hash. */
export const chain: BeaconChain = {
  chainHash: "ab".repeat(32),
  publicKey: "cd".repeat(96),
  scheme: "bls-unchained-g1-rfc9380",
  genesisMs: 1_700_000_001_000,
  periodMs: 3_000,
};

export type Played = { readonly events: Event[]; readonly firstRound: number };

/** Plays a draw of three windows to its close; the first `entrants` users enter every window, one award is forfeited. */
export function play(options: {
  readonly showKey: Hex;
  readonly entrants: number;
  readonly witnesses?: readonly { readonly name: string; readonly publicKey: Hex }[];
  /** Another chain than the tests' own. */
  readonly beacon?: BeaconChain;
}): Played {
  const { beacon = chain } = options;
  const state = createShardState(0);
  const events: Event[] = [];
  let nowMs = beacon.genesisMs;
  const ask = (command: Command) => {
    const answer = decideAndApply(state, command, { nowMs, newestRoundSeen: 0, sha256 }, (event) => {
      events.push(event);
    });
    // Winners of earlier windows are refused at the door (DR8); that is no accident here.
    if (!answer.ok && answer.code !== "draw.cap_reached") throw new Error(`${command.type}: ${answer.code}`);
  };
  const pool = "night-1/pool" as PoolId;
  ask({ type: "pool.create", pool, units: 50, capPerUser: null, grabClaimTtlMs: null });
  const rules = {
    version: "wanhui/rules/1",
    draw,
    pool,
    title: "摇一摇",
    schedule: [3, 0, 4],
    firstWindowMs: 3_000,
    capPerUser: 1,
    enter: "guest",
    excludedRoles: [],
    leftoversTo: null,
    claimTtlMs: 600_000,
    showKey: options.showKey,
    witnesses: options.witnesses ?? [],
  } as const;
  ask({ type: "draw.plan", rules });
  const opening = gridOpening({ chain: beacon, wishedAtMs: nowMs + 12_000, firstWindowMs: 3_000 });
  ask({ type: "draw.arm", draw, ...opening, beacon });
  for (let window = 0; window < 3; window++) {
    const round = opening.firstRound + window;
    nowMs = roundDueMs(beacon, round) - 2_500;
    for (let n = 0; n < options.entrants; n++)
      ask({ type: "draw.enter", draw, user: userOf(n), userKey: keyOf(n) });
    nowMs = roundDueMs(beacon, round) - 2_000;
    ask({ type: "tick", taps: new Map() });
    nowMs = roundDueMs(beacon, round) + 100;
    const signature = hex(`round/${round}`, 32) + hex(`more/${round}`, 16);
    const randomness = createHash("sha256").update(Buffer.from(signature, "hex")).digest("hex") as Hash;
    ask({ type: "draw.reveal", draw, window, round, randomness, signature });
  }
  ask({ type: "tick", taps: new Map() });
  const won = events.flatMap((event) => (event.type === "window.drawn" ? event.winners : []))[0];
  nowMs += 1_000;
  if (won !== undefined) ask({ type: "award.forfeit", awardId: won.awardId, reason: "works for the host" });
  return { events, firstRound: opening.firstRound };
}

/** Position after the n-th event of a type, counted from 1. */
export function after(events: readonly Event[], type: Event["type"], nth = 1): number {
  let seen = 0;
  return 1 + events.findIndex((event) => event.type === type && ++seen === nth);
}
