import { between, oneOf, type Random } from "./random.ts";

// How a television audience behaves, as numbers: when people are there, and what kinds of people there are.

/** Share of the audience that is there between the rounds, once it has found the page. */
const AT_REST = 0.45;
/** How long the first ones take to come. */
const ARRIVAL_MS = 20_000;
/** The presenter says "phones in hand": from here on people come back for a round... */
const WAVE_BEFORE_MS = 30_000;
/** ... and stay this long after its close, for the last results. */
const STAY_AFTER_MS = 10_000;
/** Time in which those leave again who only came for the round. */
const DROP_MS = 30_000;

export type RoundTimes = { readonly opensAtMs: number; readonly closesAtMs: number };

function smooth(share: number): number {
  const x = Math.min(1, Math.max(0, share));
  return x * x * (3 - 2 * x);
}

/** How far a round pulls people in at a moment: 0 far away, 1 from its opening to its last result. */
function pull(round: RoundTimes, atMs: number): number {
  if (atMs < round.opensAtMs) return smooth(1 - (round.opensAtMs - atMs) / WAVE_BEFORE_MS);
  const left = atMs - round.closesAtMs - STAY_AFTER_MS;
  return left <= 0 ? 1 : smooth(1 - left / DROP_MS);
}

/**
 * Share of the audience that is there at a moment (CR3): it arrives within 20 s, swells in the half minute before each
 * opening, is whole until the last result, and thins out again.
 *
 * @param sinceMs time since the crowd began
 * @returns 0 to 1
 */
export function audienceShare(rounds: readonly RoundTimes[], atMs: number, sinceMs: number): number {
  const arrived = smooth(sinceMs / ARRIVAL_MS);
  const wave = Math.max(0, ...rounds.map((round) => pull(round, atMs)));
  return Math.max(0.01, arrived * (AT_REST + (1 - AT_REST) * wave));
}

/** What kinds of people there are. `double` taps and takes everything twice, `flaky` loses its socket, `slow` does not read. */
export const KINDS = ["casual", "eager", "double", "flaky", "slow", "cheat"] as const;
export type Kind = (typeof KINDS)[number];

export const CHEATS = ["replay", "early", "many", "forger", "garbage", "flood", "thief"] as const;
/**
 * `replay` sends frames again, `early` taps before the opening, `many` uses 20 sockets, `forger` changes its nonce and
 * uses another's, `garbage` sends nonsense, `flood` sends more than anybody may, `thief` claims others' prizes.
 */
export type Cheat = (typeof CHEATS)[number];

/** One synthetic person. */
export type Cast = {
  readonly person: string;
  readonly device: string;
  readonly address: string;
  readonly kind: Kind;
  readonly cheat: Cheat | null;
  /** Gestures a second while a window is open. */
  readonly tapsPerSecond: number;
  /** Chance to take part in a round or rain at all. */
  readonly takesPart: number;
};

const SHARES: Readonly<Record<Kind, number>> = {
  casual: 0.45,
  eager: 0.3,
  double: 0.1,
  flaky: 0.07,
  slow: 0.04,
  cheat: 0.04,
};

/** A fifth of the audience sits in one stadium, behind one address; the others are households of up to three. */
const STADIUM_SHARE = 0.2;
const HOUSEHOLD_MAX = 3;

function kindOf(place: number): Kind {
  let upTo = 0;
  for (const kind of KINDS) {
    upTo += SHARES[kind];
    if (place < upTo) return kind;
  }
  return "casual";
}

/**
 * Casts the audience: kinds by their shares, every sort of cheat in turn, devices of their own, addresses shared as in
 * life (CR2). The first person is an ordinary one who never leaves.
 */
export function castAudience(viewers: number, random: Random): Cast[] {
  let household = 0;
  let room = 0;
  let cheats = 0;
  return Array.from({ length: viewers }, (_, n) => {
    // Spread evenly instead of drawn, so that a small crowd has every kind as well.
    const kind = n === 0 ? "casual" : kindOf(((n * 0.618_033_988_75) % 1) * 1);
    if (room === 0) {
      household += 1;
      room = 1 + Math.floor(random() * HOUSEHOLD_MAX);
    }
    room -= 1;
    const home = `10.${(household >> 16) & 255}.${(household >> 8) & 255}.${household & 255}`;
    const [low, high] = kind === "eager" ? [5, 14] : kind === "casual" ? [0.4, 2] : [1, 6];
    return {
      person: `viewer-${n}`,
      device: `phone-${n}`,
      address: random() < STADIUM_SHARE ? "172.16.0.1" : home,
      kind,
      cheat: kind === "cheat" ? (CHEATS[cheats++ % CHEATS.length] ?? "replay") : null,
      tapsPerSecond: between(random, low, high),
      takesPart: kind === "casual" ? 0.7 : 0.95,
    };
  });
}

/** How somebody pays: mostly as one should, sometimes as the sandbox lets testers want it. */
export type PayStyle = { readonly action: "pay" | "decline" | "leave"; readonly delivery: string };

/** @returns one style; one in ten declines, one in ten never pays */
export function payStyle(random: Random): PayStyle {
  const chance = random();
  if (chance < 0.1) return { action: "decline", delivery: "at once" };
  if (chance < 0.2) return { action: "leave", delivery: "at once" };
  const delivery = oneOf(random, ["at once", "at once", "at once", "twice", "reordered", "late", "never"]);
  return { action: "pay", delivery };
}
