// What pages are shown: plain JSON shapes, the same on HTTP and in the room's lanes. Hex strings are lower case,
// times are Unix milliseconds of the server's clock, money is in minor units (fen, cents).

/** A text in both languages of the house. */
export type Text = { readonly zh: string; readonly en: string };
/**
 * An amount in minor units (fen, cents), a whole number, never a float, with its currency as ISO 4217 has it
 * (`CNY`).
 */
export type Money = { readonly amountMinor: number; readonly currency: string };

/** What a win is: goods that are shipped, a coupon code, credited cash, or a right of use that is registered. */
export type AwardKind = "goods" | "coupon" | "cash" | "right";

/** What a unit of a pool is. */
export type PrizeView = {
  readonly pool: string;
  readonly slug: string;
  readonly kind: AwardKind;
  readonly title: Text;
  readonly detail: Text;
  /** Path of a picture the server serves, or null. */
  readonly picture: string | null;
  readonly worth: Money;
  /** What the winner pays; a one-cent prize is 1. Zero for coupon, cash and right. */
  readonly price: Money;
  /** Coupon or cash value, null for goods and rights. */
  readonly value: Money | null;
  readonly sponsor: Text | null;
  readonly promised: number;
  readonly left: number;
};

/**
 * What everybody sees of a round: announced (`planned`, or `held`, `missed`, `skipped` by the director), `armed`
 * and irrevocable, `open` for entries, `drawing` behind the last close, then `closed`, or `stopped` where a stop
 * cut its schedule.
 */
export type RoundPhase =
  | "planned"
  | "held"
  | "armed"
  | "open"
  | "drawing"
  | "closed"
  | "stopped"
  | "missed"
  | "skipped";

/** A shake round: one draw over one pool. */
export type RoundView = {
  readonly draw: string;
  /** Stands for `draw` in packed frames; fixed for the run. */
  readonly index: number;
  readonly slug: string;
  readonly title: Text;
  readonly venue: string;
  readonly pool: string;
  readonly phase: RoundPhase;
  /** Announced opening; exact once armed. */
  readonly opensAtMs: number;
  readonly closesAtMs: number;
  readonly firstWindowMs: number;
  readonly windowMs: number;
  /** Units of each window. */
  readonly schedule: readonly number[];
  readonly enter: "guest" | "contact" | "identity";
  readonly capPerUser: number;
  /** Whether a tap needs the pass of a bot check (AB1). */
  readonly botCheck: boolean;
  readonly rulesHash: string;
  readonly armHash: string | null;
  /** First beacon round; window w is decided by firstRound + w. Null until armed. */
  readonly firstRound: number | null;
  readonly level: "dev" | "beacon" | "beacon+witness" | null;
  readonly entries: number;
  readonly winners: number;
  /** Every window below this index is drawn or went into a gap (DR12); from the close on, all that exist. */
  readonly drawnThrough: number;
  /** What a director gave as reason for a stop, for everybody to read; null without a stop (CU14). */
  readonly reason: string | null;
};

/** A grab of a whole room at a stated minute (coupon rain). */
export type RainView = {
  readonly slug: string;
  readonly pool: string;
  readonly title: Text;
  readonly venue: string;
  readonly phase: "planned" | "open" | "closed" | "held" | "missed" | "skipped";
  readonly opensAtMs: number;
  readonly closesAtMs: number;
  /** Whether a take needs the pass of a bot check (AB1). */
  readonly botCheck: boolean;
};

/** What a cue is: a part of the programme (`segment`), words (`say`), a shake round, or a rain of coupons. */
export type CueKind = "segment" | "say" | "round" | "rain";
/**
 * Where a cue is in its life (CU1): from `pending` by way of `armed` (round and rain) and `live` to `done`, or
 * aside by an act or its lateness.
 */
export type CueState = "pending" | "held" | "armed" | "live" | "done" | "skipped" | "missed";
/** One item of the rundown; times are Unix milliseconds of the server. */
export type CueView = {
  readonly cue: string;
  readonly kind: CueKind;
  readonly title: Text;
  readonly detail: Text | null;
  readonly venue: string;
  readonly atMs: number;
  readonly endsAtMs: number | null;
  readonly state: CueState;
  /** Slug of the round or rain it opens. */
  readonly opens: string | null;
};

/** A page of the show: the main venue or a sub-venue. */
export type VenueView = { readonly slug: string; readonly title: Text; readonly main: boolean };

/**
 * `GET /api/show`: everything a page begins with, at most a second old; what comes later is folded into it from the
 * ctl lane.
 */
export type ShowView = {
  readonly show: string;
  readonly run: string;
  readonly title: Text;
  readonly subtitle: Text;
  /** Path of the hero's backdrop the server serves, or null. */
  readonly picture: string | null;
  readonly theme: "gala" | "club";
  readonly rehearsal: boolean;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly venues: readonly VenueView[];
  readonly cues: readonly CueView[];
  readonly rounds: readonly RoundView[];
  readonly rains: readonly RainView[];
  readonly prizes: readonly PrizeView[];
  readonly beacon: { readonly level: "dev" | "beacon"; readonly name: string };
  readonly showKey: string;
  /** Where the ctl lane stood when this was made: connect with it to miss nothing. */
  readonly stream: string;
  readonly offset: number;
  readonly nowMs: number;
  readonly counts: Counts;
};

/** Numbers of the run so far, from durable events alone (CU11), but `viewers`, the people connected now. */
export type Counts = {
  readonly viewers: number;
  readonly taps: number;
  readonly entries: number;
  readonly awards: number;
  readonly claims: number;
  /** Units left by pool. */
  readonly left: Readonly<Record<string, number>>;
  /** Units won and neither claimed nor given up, by pool: they may come back. Pools with none are left out. */
  readonly open: Readonly<Record<string, number>>;
};

/**
 * Where an award is in its life (AW1): `held` until it is claimed, `committing` while an order is paid, `posted`
 * for good, `expired` by time, `forfeited` by an operator.
 */
export type AwardState = "held" | "committing" | "posted" | "expired" | "forfeited";
/** One unit somebody won or grabbed, as its owner and the studio see it. */
export type AwardView = {
  readonly awardId: string;
  readonly prize: PrizeView;
  /** The draw it was won in, null when grabbed. */
  readonly draw: string | null;
  readonly window: number | null;
  readonly wonAtMs: number;
  readonly state: AwardState;
  readonly claimByMs: number | null;
  readonly reason: string | null;
  /** What the claim turned it into. */
  readonly claim:
    | null
    | { readonly type: "order"; readonly order: OrderView }
    | { readonly type: "coupon"; readonly code: string; readonly validUntilMs: number }
    | { readonly type: "credit"; readonly amount: Money; readonly creditedAtMs: number }
    | {
        readonly type: "right";
        readonly reference: string;
        readonly contact: string;
        readonly registeredAtMs: number;
      };
};

/**
 * Where an order is: `placed` and to be paid by `payByMs`, `paid`, or `expired` unpaid, its award free to be
 * claimed again.
 */
export type OrderState = "placed" | "paid" | "expired";
/** An order as its owner sees it; the address stands only as a hint. */
export type OrderView = {
  readonly orderId: string;
  readonly awardId: string;
  readonly title: Text;
  readonly state: OrderState;
  readonly amount: Money;
  readonly placedAtMs: number;
  readonly paidAtMs: number | null;
  readonly payByMs: number;
  /** Where to pay, while placed: a path of this server that leads to the provider's page. */
  readonly payUrl: string | null;
  /** Money arrived that the order could not use any more; it is to be given back. */
  readonly refundDue: boolean;
  /** First line and city, shortened for the screen. */
  readonly shipTo: string;
};

/** Where goods go: as entered, each part at most a line; `country` is an ISO 3166 code of two letters. */
export type Address = {
  readonly name: string;
  readonly phone: string;
  readonly country: string;
  readonly region: string;
  readonly city: string;
  readonly line1: string;
  readonly line2: string;
  readonly postcode: string;
};

/** Who asks, as `POST` and `GET /api/session` answer (docs/spec/people.md). */
export type SessionView = {
  /** Own user id, 32 hex characters. */
  readonly user: string;
  readonly level: "guest" | "contact" | "identity";
  readonly roles: readonly ("viewer" | "host" | "operator" | "auditor")[];
  readonly synthetic: boolean;
  /** When this sign-in ends; left out for staff who have none of a viewer's. */
  readonly expiresAtMs?: number;
  /** Only when asked for (`bearer`) and for synthetic people: send it as `Authorization: Bearer`. */
  readonly token?: string;
};

/** POST /api/socket-ticket. */
export type SocketTicketView = {
  readonly ticket: string;
  readonly expiresAtMs: number;
  /** Own pseudonym per draw (hex 16 bytes), so that the phone can compute its own user key (BY2). */
  readonly pseudonyms: Readonly<Record<string, string>>;
};

/**
 * A proof of work in ALTCHA's format, version 2 (AB2): find the counter whose derived key begins with `keyPrefix`.
 * `parameters` and `signature` go back as they came.
 */
export type CheckChallenge = {
  readonly parameters: {
    readonly algorithm: string;
    /** Hex; the password is these bytes and the counter, 32 bits big-endian. */
    readonly nonce: string;
    readonly salt: string;
    readonly cost: number;
    readonly keyLength: number;
    readonly keyPrefix: string;
    readonly keySignature: string;
    /** Unix seconds of the server. */
    readonly expiresAt: number;
    readonly data: Readonly<Record<string, string>>;
  };
  readonly signature: string;
};
/** What solves a challenge: the counter, and the key it gives in hex. */
export type CheckSolution = { readonly counter: number; readonly derivedKey: string };
/** A solved check's entry pass (AB4); keep it and show it on each socket. */
export type EntryPassView = { readonly pass: string; readonly for: string; readonly expiresAtMs: number };

/**
 * A signed statement that one entry was acknowledged (RC1): the leaf, its Merkle path to the root of its journal
 * tick, and the signature of the show key over the tick.
 */
export type ReceiptView = {
  readonly version: "wanhui/receipt/1";
  readonly leaf: { readonly draw: string; readonly window: number; readonly userKey: string };
  readonly index: number;
  readonly path: readonly string[];
  readonly tick: {
    readonly version: "wanhui/tick/1";
    readonly shard: number;
    readonly seq: number;
    readonly atMs: number;
    readonly count: number;
    readonly root: string;
  };
  readonly signature: string;
};

/** Every refusal and fault on HTTP: RFC 9457 problem details with our code. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly field?: string;
  readonly rule?: string;
  readonly retryAfterMs?: number;
  readonly detail?: string;
};
