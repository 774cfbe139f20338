// Zod schemas of what travels, for servers and their documentation. The client never imports this door (zod is 26 KB).
// Answers are objects that drop what they do not name; bodies are strict: an unknown field is an error with its name.

import { z } from "zod";
import { TAPS_PER_FRAME_MAX } from "./limits.ts";

// --- words

/** 16 bytes. */
export const hex16Schema = z.string().regex(/^[0-9a-f]{32}$/, "must be 32 lower-case hex characters");
/** 32 bytes. */
export const hex32Schema = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex characters");
/** A pool's or draw's id. */
export const idSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._/-]{0,127}$/,
    "must be 1 to 128 of a-z 0-9 . _ / - and begin with a letter or digit",
  );
/** Words a person typed: trimmed, no control characters. */
export const lineSchema = (charactersMax: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(charactersMax)
    .regex(/^[^\p{Cc}]*$/u, "must be one line without control characters");

const time = z.int();
const count = z.int();
const path = z.string();
const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

export const textSchema = z.object({ zh: z.string(), en: z.string() });
export const moneySchema = z.object({ amountMinor: z.int(), currency: z.string() });
/** How far the host platform vouches for somebody (PE4). */
export const levelSchema = z.enum(["guest", "contact", "identity"]);
/** Roles (PE6); everybody is a viewer. */
export const roleSchema = z.enum(["viewer", "host", "operator", "auditor"]);
/** Roles somebody can be invited to. */
export const staffRoleSchema = z.enum(["host", "operator", "auditor"]);

/** RFC 9457 with our code. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  field: z.string().exactOptional(),
  rule: z.string().exactOptional(),
  retryAfterMs: z.int().exactOptional(),
  detail: z.string().exactOptional(),
});

// --- the show

export const prizeSchema = z.object({
  pool: z.string(),
  slug: z.string(),
  kind: z.enum(["goods", "coupon", "cash", "right"]),
  title: textSchema,
  detail: textSchema,
  picture: path.nullable(),
  worth: moneySchema,
  price: moneySchema,
  value: moneySchema.nullable(),
  sponsor: textSchema.nullable(),
  promised: count,
  left: count,
});

export const roundSchema = z.object({
  draw: z.string(),
  index: z.int(),
  slug: z.string(),
  title: textSchema,
  venue: z.string(),
  pool: z.string(),
  phase: z.enum(["planned", "held", "armed", "open", "drawing", "closed", "stopped", "missed", "skipped"]),
  opensAtMs: time,
  closesAtMs: time,
  firstWindowMs: z.int(),
  windowMs: z.int(),
  schedule: list(z.int()),
  enter: levelSchema,
  capPerUser: z.int(),
  botCheck: z.boolean(),
  rulesHash: z.string(),
  armHash: z.string().nullable(),
  firstRound: z.int().nullable(),
  level: z.enum(["dev", "beacon", "beacon+witness"]).nullable(),
  entries: count,
  winners: count,
  drawnThrough: count,
  reason: z.string().nullable(),
});

export const rainSchema = z.object({
  slug: z.string(),
  pool: z.string(),
  title: textSchema,
  venue: z.string(),
  phase: z.enum(["planned", "open", "closed", "held", "missed", "skipped"]),
  opensAtMs: time,
  closesAtMs: time,
  botCheck: z.boolean(),
});

const cueShape = {
  cue: z.string(),
  kind: z.enum(["segment", "say", "round", "rain"]),
  title: textSchema,
  detail: textSchema.nullable(),
  venue: z.string(),
  atMs: time,
  endsAtMs: time.nullable(),
  state: z.enum(["pending", "held", "armed", "live", "done", "skipped", "missed"]),
  opens: z.string().nullable(),
};
export const cueSchema = z.object(cueShape);

export const countsSchema = z.object({
  viewers: count,
  taps: count,
  entries: count,
  awards: count,
  claims: count,
  left: z.record(z.string(), count),
  open: z.record(z.string(), count),
});

export const showSchema = z.object({
  show: z.string(),
  run: z.string(),
  title: textSchema,
  subtitle: textSchema,
  picture: path.nullable(),
  theme: z.enum(["gala", "club"]),
  rehearsal: z.boolean(),
  startsAtMs: time,
  endsAtMs: time,
  venues: list(z.object({ slug: z.string(), title: textSchema, main: z.boolean() })),
  cues: list(cueSchema),
  rounds: list(roundSchema),
  rains: list(rainSchema),
  prizes: list(prizeSchema),
  beacon: z.object({ level: z.enum(["dev", "beacon"]), name: z.string() }),
  showKey: z.string(),
  stream: z.string(),
  offset: z.int(),
  nowMs: time,
  counts: countsSchema,
});

// --- awards and orders

export const orderSchema = z.object({
  orderId: z.string(),
  awardId: z.string(),
  title: textSchema,
  state: z.enum(["placed", "paid", "expired"]),
  amount: moneySchema,
  placedAtMs: time,
  paidAtMs: time.nullable(),
  payByMs: time,
  payUrl: z.string().nullable(),
  refundDue: z.boolean(),
  shipTo: z.string(),
});

export const awardStateSchema = z.enum(["held", "committing", "posted", "expired", "forfeited"]);
export const awardSchema = z.object({
  awardId: z.string(),
  prize: prizeSchema,
  draw: z.string().nullable(),
  window: z.int().nullable(),
  wonAtMs: time,
  state: awardStateSchema,
  claimByMs: time.nullable(),
  reason: z.string().nullable(),
  claim: z
    .discriminatedUnion("type", [
      z.object({ type: z.literal("order"), order: orderSchema }),
      z.object({ type: z.literal("coupon"), code: z.string(), validUntilMs: time }),
      z.object({ type: z.literal("credit"), amount: moneySchema, creditedAtMs: time }),
      z.object({
        type: z.literal("right"),
        reference: z.string(),
        contact: z.string(),
        registeredAtMs: time,
      }),
    ])
    .nullable(),
});

// --- people

export const sessionSchema = z.object({
  user: z.string(),
  level: levelSchema,
  roles: list(roleSchema),
  synthetic: z.boolean(),
  expiresAtMs: time.exactOptional(),
  token: z.string().exactOptional(),
});

export const socketTicketSchema = z.object({
  ticket: z.string(),
  expiresAtMs: time,
  pseudonyms: z.record(z.string(), z.string()),
});

/** A signed token of ours in a body: an entry pass has some 250 characters. */
const signedSchema = z.string().max(1_024);
export const checkChallengeSchema = z.strictObject({
  parameters: z.strictObject({
    algorithm: z.string().max(32),
    nonce: hex16Schema,
    salt: hex16Schema,
    cost: z.int().min(1),
    keyLength: z.int().min(1).max(64),
    keyPrefix: z.string().regex(/^(?:[0-9a-f]{2}){1,64}$/, "must be lower-case hex"),
    keySignature: hex32Schema,
    expiresAt: z.int(),
    data: z.record(z.string().max(16), z.string().max(128)),
  }),
  signature: hex32Schema,
});
export const entryPassSchema = z.object({ pass: z.string(), for: z.string(), expiresAtMs: time });

/** `POST /api/bot-check`: a draw's id, or the id of a rain's pool (AB2). */
export const checkBodySchema = z.strictObject({ for: idSchema });
/** `POST /api/bot-check/pass`: the challenge as it came, and what solves it (AB3). */
export const checkAnswerBodySchema = z.strictObject({
  challenge: checkChallengeSchema,
  solution: z.strictObject({
    counter: z.int().min(0).max(4_294_967_295),
    derivedKey: z.string().regex(/^(?:[0-9a-f]{2}){1,64}$/, "must be lower-case hex"),
  }),
});

export const receiptSchema = z.object({
  version: z.literal("wanhui/receipt/1"),
  leaf: z.object({ draw: z.string(), window: z.int(), userKey: z.string() }),
  index: z.int(),
  path: list(z.string()),
  tick: z.object({
    version: z.literal("wanhui/tick/1"),
    shard: z.int(),
    seq: z.int(),
    atMs: time,
    count,
    root: z.string(),
  }),
  signature: z.string(),
});

/** A word a rehearsal names its people, devices and addresses with. */
const syntheticName = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, "must be 1 to 64 of A-Z a-z 0-9 . _ : -");

/** POST /api/session. Nothing: a guest. */
export const sessionBodySchema = z.strictObject({
  /** Token of the host platform, exchanged once. */
  platformToken: z.string().min(1).max(8_192).optional(),
  /** Rehearsals only, with the header `x-wanhui-rehearsal`. */
  synthetic: z
    .strictObject({ person: syntheticName, device: syntheticName, address: syntheticName })
    .optional(),
  /** For clients without cookies: the answer carries the token. */
  bearer: z.boolean().optional(),
});

/** `POST /api/studio/invites`. */
export const inviteBodySchema = z.strictObject({ role: staffRoleSchema });
/** The one-time link of an invitation, and its end in Unix milliseconds (PE5). */
export const inviteSchema = z.object({ url: z.string(), expiresAtMs: time });
export const staffListSchema = z.object({
  staff: list(
    z.object({
      staff: z.string(),
      role: staffRoleSchema,
      invitedBy: z.string().nullable(),
      createdAtMs: time,
      endsAtMs: time,
      revokedAtMs: time.nullable(),
    }),
  ),
  you: z.string().nullable(),
});

// --- the room over plain HTTP

/** `POST /api/draws/:draw/tap`: what a packed tap frame says, for those without a socket (WR13). */
export const tapBodySchema = z.strictObject({
  /** The phone's random half of its user key, the same all round. */
  nonce: hex16Schema,
  taps: z.int().min(1).max(TAPS_PER_FRAME_MAX),
  pass: signedSchema.exactOptional(),
});
/** The window of a durable entry; `fixedKey` where an earlier key of the same user holds (DR7). */
export const tapAnswerSchema = z.object({ window: z.int(), fixedKey: z.string().exactOptional() });
/** `POST /api/pools/:pool/take`: the same request id is the same wish (WR10). */
export const takeBodySchema = z.strictObject({
  requestId: hex16Schema,
  pass: signedSchema.exactOptional(),
});
/** The award a take was granted. */
export const takeAnswerSchema = z.object({ awardId: z.string() });
/** `GET /api/room/poll`: the place in the stream to go on from; without one the answer says where to begin (WR16). */
export const pollQuerySchema = z.object({
  stream: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be the name of a stream")
    .optional(),
  offset: z.coerce.number<string>().int().min(0).optional(),
});

const chainShape = { draw: z.string(), hash: z.string(), signature: z.string() };
export const ctlMessageSchema = z.discriminatedUnion("t", [
  z.object({ t: z.literal("round"), round: roundSchema }),
  z.object({ t: z.literal("cue"), cue: cueSchema }),
  z.object({ t: z.literal("rain"), rain: rainSchema }),
  z.object({
    t: z.literal("seal"),
    ...chainShape,
    window: z.int(),
    header: z.unknown(),
    entries: count,
    resultAtMs: time,
  }),
  z.object({ t: z.literal("chain"), ...chainShape, record: z.unknown() }),
  z.object({
    t: z.literal("drawn"),
    draw: z.string(),
    window: z.int(),
    entries: count,
    units: count,
    winners: count,
    round: z.int(),
    resultAtMs: time,
  }),
]);
/** What a poll is answered: at most `POLL_MESSAGES_MAX` messages, the offset after them, the counts (WR16). */
export const pollAnswerSchema = z.object({
  stream: z.string(),
  offset: z.int(),
  resumed: z.boolean(),
  at: time,
  ctl: list(ctlMessageSchema),
  cnt: countsSchema,
});

// --- what a client sends on the socket as JSON; the server reads these by hand, tests and documentation by schema

export const clientMessageSchema = z.discriminatedUnion("t", [
  z.object({
    t: z.literal("hello"),
    v: z.int().min(0),
    resume: z
      .object({ stream: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), offset: z.int().min(0) })
      .exactOptional(),
    me: z.int().min(0).exactOptional(),
  }),
  z.object({ t: z.literal("ping"), c: z.int().min(0) }),
  z.object({ t: z.literal("pass"), pass: signedSchema }),
  z.object({ t: z.literal("take"), pool: idSchema, r: hex16Schema }),
]);

// --- the studio

export const cueActionSchema = z.enum(["arm", "hold", "release", "skip", "rearm", "cancel"]);
export const studioCueSchema = z.object({
  ...cueShape,
  actions: list(cueActionSchema),
  reason: z.string().nullable(),
  lateMaxMs: z.int(),
});
export const actSchema = z.object({
  act: z.int(),
  atMs: time,
  who: z.string(),
  role: z.string(),
  action: z.string(),
  target: z.string(),
  reason: z.string().nullable(),
});
export const studioNumbersSchema = countsSchema.extend({
  tapsPerSecond: z.number(),
  entriesPerSecond: z.number(),
  orders: count,
  paid: count,
  journalAppendMs: z.number(),
  materialiserLagBatches: z.number(),
});
export const studioPoolSchema = z.object({
  pool: z.string(),
  units: count,
  free: count,
  held: count,
  openAwards: count,
  heldByDraw: count,
  promised: count,
  posted: count,
  withdrawn: count,
});
export const healthSchema = z.object({
  ok: z.boolean(),
  parts: list(
    z.object({
      name: z.enum(["engine", "materialiser", "database", "beacon", "bus"]),
      ok: z.boolean(),
      reason: z.string().nullable(),
    }),
  ),
});
export const studioSchema = z.object({
  show: showSchema,
  cues: list(studioCueSchema),
  currentCue: z.string().nullable(),
  nextCue: z.string().nullable(),
  numbers: studioNumbersSchema,
  pools: list(studioPoolSchema),
  acts: list(actSchema),
  health: healthSchema,
});
export const actsSchema = z.object({ acts: list(actSchema) });
export const studioAwardSchema = z.object({
  awardId: z.string(),
  pool: z.string(),
  title: textSchema.nullable(),
  draw: z.string().nullable(),
  window: z.int().nullable(),
  winner: z.string(),
  wonAtMs: time,
  state: awardStateSchema,
  claimByMs: time.nullable(),
  reason: z.string().nullable(),
  actions: list(z.enum(["extend", "forfeit"])),
});
/** Where a page of awards ends: when its last one was won, and that award's id. */
export const awardCursorSchema = z
  .string()
  .regex(/^\d{1,15}-[0-9a-f]{32}$/, "must be the `next` of an earlier page");
export const studioAwardsQuerySchema = z.object({
  state: awardStateSchema.optional(),
  before: awardCursorSchema.optional(),
});
export const studioAwardsSchema = z.object({ awards: list(studioAwardSchema), next: z.string().nullable() });
/** Why somebody did what cannot be undone. */
export const reasonSchema = lineSchema(500);
export const cueActionBodySchema = z.strictObject({
  reason: reasonSchema.optional(),
  opensAtMs: time.optional(),
});
export const reasonBodySchema = z.strictObject({ reason: reasonSchema });
/** The journal keeps times in 48 bits. */
const JOURNAL_MS_MAX = 2 ** 48 - 1;
/** A later end of the time to claim, by the server's clock. */
export const extendBodySchema = z.strictObject({
  claimByMs: z.int().min(0).max(JOURNAL_MS_MAX),
  reason: reasonSchema,
});
/** As many units as a show file may give a pool. */
const POOL_CHANGE_UNITS_MAX = 1_000_000_000;
/** Units added (positive) or withdrawn (negative); sent again with the same id it happens once. */
export const poolChangeBodySchema = z.strictObject({
  delta: z
    .int()
    .min(-POOL_CHANGE_UNITS_MAX)
    .max(POOL_CHANGE_UNITS_MAX)
    .refine((units) => units !== 0, "must not be 0"),
  reason: reasonSchema,
  commandId: hex16Schema,
});

// --- claims

export const addressSchema = z.strictObject({
  name: lineSchema(100),
  phone: z
    .string()
    .trim()
    .regex(/^\+?[0-9][0-9 ()-]{4,24}$/, "must be a phone number"),
  country: z.string().regex(/^[A-Z]{2}$/, "must be two capital letters (ISO 3166)"),
  region: z.string().trim().max(100),
  city: lineSchema(100),
  line1: lineSchema(200),
  line2: z.string().trim().max(200),
  postcode: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9 -]{0,16}$/, "must be a postcode"),
});
