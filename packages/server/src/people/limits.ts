import type { Session } from "./session.ts";

// Limits per user and per device refuse; limits per address only slow down (LM1 to LM6). Each number is here with its
// reason. A household shares a device at most, a stadium shares an address.

type Rate = { readonly perSecond: number; readonly burst: number };
/** What is limited. `tap`: one packed frame. `take`: one grab. `write`: one changing HTTP request. `read`: one reading of one's own things. `poll`: one poll of the room. */
export type LimitKind = "tap" | "taps" | "take" | "write" | "read" | "poll";

/** Honest pages send two tap frames a second; somebody's five tabs and a retry storm still pass. */
const USER: Record<LimitKind, Rate> = {
  tap: { perSecond: 20, burst: 80 },
  // A shaken phone makes 20 gestures a second, a whole round of it stays below this.
  taps: { perSecond: 25, burst: 250 },
  // A grab is one wish, retried every second or two while in line.
  take: { perSecond: 4, burst: 20 },
  // A form, a claim, a payment: nobody sends four a second for long.
  write: { perSecond: 4, burst: 40 },
  // One's awards, orders and receipts cost a query each: a page reads them after a result, a few tabs at once.
  read: { perSecond: 5, burst: 20 },
  // A page without a socket polls every 3 s; five tabs and a few reloads still pass.
  poll: { perSecond: 2, burst: 20 },
};
/** Two people on one phone or computer at the same time are twice as much as one. */
const DEVICE_FACTOR = 2;

/** A browser whose person signs out, or opens a private window on one profile; twenty at once are a class with one tablet. */
const NEWCOMER: Rate = { perSecond: 2 / 60, burst: 20 };

/**
 * What is slowed down per address. `connect`: one socket. `frame`: one tap or take. `request`: one HTTP request.
 * `poll`: one poll of the room. `session`: one person nobody knew before.
 */
export type AddressKind = "connect" | "frame" | "request" | "poll" | "session";
/** A stadium or a school behind one address: 10,000 phones reconnect over 20 s, and send a frame or two a second. */
const ADDRESS: Record<AddressKind, Rate> = {
  connect: { perSecond: 500, burst: 2_000 },
  frame: { perSecond: 20_000, burst: 40_000 },
  request: { perSecond: 500, burst: 2_000 },
  // 3,000 phones that get no socket poll every 3 s at five times this: theirs come a moment later, all of them.
  poll: { perSecond: 200, burst: 1_000 },
  // A stadium's doors open over minutes; whoever makes people by the thousand waits longest.
  session: { perSecond: 100, burst: 2_000 },
};
/** Never longer than this, so that honest people behind a busy address still get in: a window lasts 3 s. */
const ADDRESS_DELAY_MS_MAX: Record<AddressKind, number> = {
  connect: 2_000,
  frame: 250,
  request: 1_000,
  poll: 2_000,
  session: 3_000,
};
/** Answers waiting for their delay; beyond it nothing is delayed, because waiting itself costs memory (1 KB each). */
const DELAYED_MAX = 10_000;
/** Buckets remembered, 100 bytes each: 30 MB. The one untouched for longest goes first and would be full again soon. */
const BUCKETS_MAX = 300_000;

/** A bucket is moved to the end of the line at most this often: a phone that taps all night moves its four once a second. */
const MOVE_EVERY_MS = 1_000;

type Bucket = {
  tokens: number;
  atMs: number;
  movedAtMs: number;
  /** Forgotten to make room: whoever still holds it asks for the one that stands in its place. */
  isGone: boolean;
};

/** Token buckets by key in bounded memory. */
class Buckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #bucketsMax: number;

  constructor(bucketsMax: number) {
    this.#bucketsMax = bucketsMax;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** The bucket as it stands at `nowMs`, now among the most recently used ones. */
  at(key: string, rate: Rate, nowMs: number): Bucket {
    const known = this.#buckets.get(key);
    if (known === undefined) {
      const bucket = { tokens: rate.burst, atMs: nowMs, movedAtMs: nowMs, isGone: false };
      this.#buckets.set(key, bucket);
      if (this.#buckets.size > this.#bucketsMax) this.#forgetOldest();
      return bucket;
    }
    return this.#refilled(known, key, rate, nowMs);
  }

  /** The same for whoever held it since he asked last, without looking for it. */
  still(held: Bucket | null, key: string, rate: Rate, nowMs: number): Bucket {
    return held === null || held.isGone ? this.at(key, rate, nowMs) : this.#refilled(held, key, rate, nowMs);
  }

  #forgetOldest(): void {
    const [key, bucket] = this.#buckets.entries().next().value ?? [];
    if (key === undefined || bucket === undefined) return;
    bucket.isGone = true;
    this.#buckets.delete(key);
  }

  #refilled(known: Bucket, key: string, rate: Rate, nowMs: number): Bucket {
    // A clock set back refills nothing, and takes nothing away.
    const elapsedMs = Math.max(0, nowMs - known.atMs);
    known.tokens = Math.min(rate.burst, known.tokens + (elapsedMs * rate.perSecond) / 1_000);
    known.atMs = nowMs;
    if (Math.abs(nowMs - known.movedAtMs) >= MOVE_EVERY_MS) {
      known.movedAtMs = nowMs;
      this.#buckets.delete(key);
      this.#buckets.set(key, known);
    }
    return known;
  }
}

export type LimitsStats = {
  readonly buckets: number;
  readonly refused: number;
  readonly slowed: number;
  readonly delayed: number;
  readonly undelayed: number;
};

export type Limits = {
  /**
   * Takes from the user's and the device's bucket, or from neither.
   *
   * @param taps gestures in the frame, for `tap`
   * @returns 0 when it may pass, else milliseconds until it may (LM1, LM2)
   */
  take(kind: Exclude<LimitKind, "taps">, session: Pick<Session, "userId" | "device">, taps: number): number;
  /** One more person whom nobody knew, on a device that is known (AB11). @returns 0, or milliseconds until there may be one */
  takeNewcomer(device: string): number;
  /** Runs `next`, at once or after the delay the address has earned; it always runs (LM3). */
  slow(kind: AddressKind, address: string, next: () => void): void;
  stats(): LimitsStats;
};

/** @param options.after a timer; `options.bucketsMax` and `options.delayedMax` for tests of the bounds */
export function createLimits(options: {
  nowMs: () => number;
  after?: (delayMs: number, run: () => void) => void;
  bucketsMax?: number;
  delayedMax?: number;
}): Limits {
  const after = options.after ?? ((delayMs, run) => void setTimeout(run, delayMs));
  const delayedMax = options.delayedMax ?? DELAYED_MAX;
  const buckets = new Buckets(options.bucketsMax ?? BUCKETS_MAX);
  const charges = new Charges();
  let refused = 0;
  let slowed = 0;
  let undelayed = 0;
  let delayed = 0;
  const waitMs = (bucket: Bucket, cost: number, rate: Rate) =>
    bucket.tokens >= cost ? 0 : Math.ceil(((cost - bucket.tokens) * 1_000) / rate.perSecond);
  return {
    take(kind, session, taps) {
      const nowMs = options.nowMs();
      const charged = charges.of(kind, session);
      let longestMs = 0;
      for (const charge of charged) {
        charge.bucket = buckets.still(charge.bucket, charge.key, charge.rate, nowMs);
        longestMs = Math.max(longestMs, waitMs(charge.bucket, charge.perTap ? taps : 1, charge.rate));
      }
      if (longestMs > 0) refused += 1;
      else for (const { bucket, perTap } of charged) if (bucket !== null) bucket.tokens -= perTap ? taps : 1;
      return longestMs;
    },
    takeNewcomer(device) {
      const bucket = buckets.at(`d:newcomer:${device}`, NEWCOMER, options.nowMs());
      const longestMs = waitMs(bucket, 1, NEWCOMER);
      if (longestMs > 0) refused += 1;
      else bucket.tokens -= 1;
      return longestMs;
    },
    slow(kind, address, next) {
      const rate = ADDRESS[kind];
      const bucket = buckets.at(`a:${kind}:${address}`, rate, options.nowMs());
      // Debt is what makes later ones wait; it is bounded, so a flood is forgiven soon after it ends.
      const debtMax = (ADDRESS_DELAY_MS_MAX[kind] * rate.perSecond) / 1_000;
      bucket.tokens = Math.max(-debtMax, bucket.tokens - 1);
      if (bucket.tokens >= 0) return next();
      if (delayed >= delayedMax) {
        undelayed += 1;
        return next();
      }
      slowed += 1;
      delayed += 1;
      after(Math.ceil((-bucket.tokens * 1_000) / rate.perSecond), () => {
        delayed -= 1;
        next();
      });
    },
    stats: () => ({ buckets: buckets.size, refused, slowed, delayed, undelayed }),
  };
}

/** One bucket that is asked: which one, and whether a frame costs one or as many as it has gestures. */
type Charge = {
  readonly key: string;
  readonly rate: Rate;
  readonly perTap: boolean;
  /** The bucket as it was asked last. */
  bucket: Bucket | null;
};
type Charged = Pick<Session, "userId" | "device">;

/** What each kind charges a session, worked out once: a session lives as long as its socket, its keys are long strings. */
class Charges {
  readonly #known = new WeakMap<Charged, Map<string, readonly Charge[]>>();

  of(kind: Exclude<LimitKind, "taps">, session: Charged): readonly Charge[] {
    const kinds = this.#known.get(session) ?? new Map<string, readonly Charge[]>();
    const known = kinds.get(kind);
    if (known !== undefined) return known;
    const made = chargesOf(kind, session);
    this.#known.set(session, kinds.set(kind, made));
    return made;
  }
}

function chargesOf(kind: Exclude<LimitKind, "taps">, session: Charged): Charge[] {
  const kinds: readonly LimitKind[] = kind === "tap" ? ["tap", "taps"] : [kind];
  return kinds.flatMap((each) => [
    { key: `u:${each}:${session.userId}`, rate: USER[each], perTap: each === "taps", bucket: null },
    {
      key: `d:${each}:${session.device}`,
      rate: timesDevice(USER[each]),
      perTap: each === "taps",
      bucket: null,
    },
  ]);
}

function timesDevice(rate: Rate): Rate {
  return { perSecond: rate.perSecond * DEVICE_FACTOR, burst: rate.burst * DEVICE_FACTOR };
}

/**
 * Bucket of an address: an IPv4 address, or the /64 of an IPv6 one, because one home has that many.
 * Anything else (a socket path, nothing) is one bucket of its own.
 */
export function addressBucketOf(address: string | undefined): string {
  if (address === undefined || address === "") return "unknown";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
