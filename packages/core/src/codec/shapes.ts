// The shape of every event, field by field: what decodeEvents accepts, and nothing else.

import type { Event } from "../events.ts";
import {
  type Check,
  isAnyHex,
  isCount,
  isHexOf,
  isId,
  isInteger,
  isListOf,
  isNullOr,
  isOneOf,
  isPositive,
  isRecordOf,
  isText,
  isTime,
} from "./checks.ts";

const hash = isHexOf(32);
const id16 = isHexOf(16);

export const poolParameterFields = {
  pool: isId,
  units: isCount,
  capPerUser: isNullOr(isPositive),
  grabClaimTtlMs: isNullOr(isPositive),
};

/** Shape of the rules (DR1). Whether the schedule can be armed is decided at arming (DR2). */
export const rulesShape: Check = isRecordOf({
  version: isOneOf("wanhui/rules/1"),
  draw: isId,
  pool: isId,
  title: isText,
  schedule: isListOf(isInteger),
  firstWindowMs: isInteger,
  capPerUser: isPositive,
  enter: isOneOf("guest", "contact", "identity"),
  excludedRoles: isListOf(isText),
  leftoversTo: isNullOr(isId),
  claimTtlMs: isNullOr(isPositive),
  showKey: hash,
  witnesses: isListOf(isRecordOf({ name: isText, publicKey: hash })),
});

export const beaconShape: Check = isRecordOf({
  chainHash: isAnyHex,
  publicKey: isAnyHex,
  scheme: isOneOf("bls-unchained-g1-rfc9380"),
  genesisMs: isTime,
  periodMs: isPositive,
});

const armShape = isRecordOf({
  version: isOneOf("wanhui/arm/1"),
  draw: isId,
  rulesHash: hash,
  armedAtMs: isTime,
  opensAtMs: isTime,
  beacon: beaconShape,
  firstRound: isPositive,
  schedule: isListOf(isCount),
});

const sealShape = isRecordOf({
  version: isOneOf("wanhui/seal/1"),
  draw: isId,
  window: isCount,
  armHash: hash,
  previousHash: hash,
  round: isPositive,
  units: isCount,
  parts: isListOf(isRecordOf({ count: isCount, root: hash })),
  sealedAtMs: isTime,
  newestRoundSeen: isCount,
});

const chainFields = { draw: isId, armHash: hash, previousHash: hash, atMs: isTime };

const gapShape = isRecordOf({
  version: isOneOf("wanhui/gap/1"),
  ...chainFields,
  fromWindow: isCount,
  toWindow: isCount,
  newestRoundSeen: isCount,
});

const stopShape = isRecordOf({
  version: isOneOf("wanhui/stop/1"),
  ...chainFields,
  fromWindow: isCount,
  reason: isText,
});

const closeShape = isRecordOf({
  version: isOneOf("wanhui/close/1"),
  ...chainFields,
  leftUnits: isCount,
  leftoversTo: isNullOr(isId),
});

const winnerShape = isRecordOf({ userKey: hash, user: id16, ticket: hash, awardId: id16 });

type JsonEventType = Exclude<Event["type"], "entered" | "granted">;

function event(type: JsonEventType, fields: Readonly<Record<string, Check>>): Check {
  return isRecordOf({ type: isOneOf(type), atMs: isTime, ...fields });
}

/** Events that travel as canonical JSON, by type (BY7); `entered` and `granted` are packed. */
export const eventShapes: Readonly<Record<JsonEventType, Check>> = {
  "pool.created": event("pool.created", { grantTag: isHexOf(10), ...poolParameterFields }),
  "pool.changed": event("pool.changed", { pool: isId, delta: isInteger, commandId: isText }),
  "grab.opened": event("grab.opened", { pool: isId, opensAtMs: isTime, closesAtMs: isTime }),
  "grab.waiting": event("grab.waiting", { pool: isId, user: id16, requestId: id16 }),
  "award.moved": event("award.moved", {
    awardId: id16,
    to: isOneOf("committing", "held", "posted", "expired", "forfeited"),
    orderId: isNullOr(isText),
    claimByMs: isNullOr(isTime),
    reason: isNullOr(isText),
  }),
  "draw.planned": event("draw.planned", { rules: rulesShape, rulesHash: hash }),
  "draw.armed": event("draw.armed", { record: armShape, armHash: hash }),
  "draw.cancelled": event("draw.cancelled", { draw: isId, reason: isText }),
  "window.sealed": event("window.sealed", { header: sealShape, sealHash: hash, taps: isCount }),
  "window.gap": event("window.gap", { record: gapShape, hash }),
  "draw.stopped": event("draw.stopped", { record: stopShape, hash }),
  "window.drawn": event("window.drawn", {
    draw: isId,
    window: isCount,
    round: isPositive,
    randomness: hash,
    signature: isAnyHex,
    units: isCount,
    winners: isListOf(winnerShape),
  }),
  "draw.closed": event("draw.closed", { record: closeShape, hash }),
};
