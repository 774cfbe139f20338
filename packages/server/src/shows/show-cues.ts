import {
  type CueDefinition,
  excludableRoles,
  FIRST_WINDOW_MS_DEFAULT,
  type PoolDefinition,
  type RainCue,
  type RoundCue,
  SHOW_LIMITS,
  WINDOW_MS,
} from "./definition.ts";
import { isNone, readCap, readClaimTtl } from "./show-pools.ts";
import {
  formatDuration,
  parseTime,
  readDuration,
  readOptionalText,
  readSlug,
  readTitle,
} from "./show-values.ts";
import type { Field, FieldMap, FieldReader } from "./yaml-fields.ts";

/** What a cue needs to know of the rest of the file. */
export type CueSurroundings = {
  readonly zone: string;
  /** Absolute start, null when relative, undefined when the header could not be read. */
  readonly startsAtMs: number | null | undefined;
  readonly mainVenue: string;
  pool(slug: string): PoolDefinition | undefined;
};

/** A cue with the places later checks point to. `lengthMs` is null for a segment that lasts until the next one. */
export type ReadCue = {
  readonly cue: CueDefinition;
  readonly fields: FieldMap;
  readonly openEnded: boolean;
};

const kinds = ["say", "segment", "round", "rain"] as const;
type Kind = (typeof kinds)[number];
const common = ["at", "title", "detail", "venue", "lateMax"];
const fieldsOf: Readonly<Record<Kind, readonly string[]>> = {
  say: [...common, "say", "lasts"],
  segment: [...common, "segment", "lasts"],
  round: [
    ...common,
    "round",
    "pool",
    "schedule",
    "firstWindow",
    "perUser",
    "enter",
    "excludedRoles",
    "botCheck",
    "leftovers",
    "claimWithin",
  ],
  rain: [...common, "rain", "pool", "lasts", "enter", "excludedRoles", "botCheck"],
};
const scheduleFields = ["windows", "lasts", "units", "unitsPerWindow"];

/** SH20. A line read long after its moment confuses; so does a rain nobody was told of. */
const LATE_MAX_MS_DEFAULT = 10_000;
/** A spoken line stays readable about this long. */
const SAY_LENGTH_MS_DEFAULT = 20_000;
const RAIN_LENGTH_MS_MIN = 5_000;
const DAY_MS = 86_400_000;

/** Reads one entry of the rundown; undefined when something in it is wrong. */
export function readCue(reader: FieldReader, at: Field, around: CueSurroundings): ReadCue | undefined {
  const kind = readKind(reader, at);
  if (kind === undefined) return undefined;
  const fields = reader.map(at, fieldsOf[kind]);
  if (fields === undefined) return undefined;
  const base = readBase(reader, fields, kind, around);
  if (kind === "round") {
    const round = readRound(reader, fields, around);
    if (base === undefined || round === undefined) return undefined;
    return { cue: { ...base, ...round, kind, lateMaxMs: 0 }, fields, openEnded: false };
  }
  const rain = kind === "rain" ? readRain(reader, fields) : undefined;
  const lasts = fields.get("lasts");
  const length = readLength(reader, fields, kind);
  if (base === undefined || length === undefined) return undefined;
  const lateMaxMs = base.lateMaxMs ?? (kind === "segment" ? length : LATE_MAX_MS_DEFAULT);
  const cue = { ...base, lengthMs: length, lateMaxMs };
  if (kind === "rain") {
    return rain === undefined ? undefined : { cue: { ...cue, ...rain, kind }, fields, openEnded: false };
  }
  // An open segment's length, and with it its lateness, are known once the rundown is in order.
  return { cue: { ...cue, kind }, fields, openEnded: kind === "segment" && lasts === null };
}

function readKind(reader: FieldReader, at: Field): Kind | undefined {
  const everything = [...new Set(kinds.flatMap((kind) => fieldsOf[kind]))];
  // Which fields are known depends on the kind: look without judging first.
  const looked = reader.shape(at) === "mapping" ? reader.map(at, anything) : reader.map(at, everything);
  if (looked === undefined) return undefined;
  const found = kinds.filter((kind) => looked.get(kind) !== null);
  const [kind] = found;
  if (kind !== undefined && found.length === 1) return kind;
  reader.map(at, everything);
  const which = found.length === 0 ? "none" : found.join(" and ");
  reader.problem(at, "SH2", `an entry of the rundown is one of say, segment, round, rain; this has ${which}`);
  return undefined;
}

/** Stands for a list of known fields that has every word. */
const anything: readonly string[] = Object.assign([], { includes: () => true });

type Base = {
  readonly cue: string;
  readonly offsetMs: number;
  readonly title: CueDefinition["title"];
  readonly detail: CueDefinition["detail"];
  readonly venue: string;
  readonly lateMaxMs: number | null;
};

function readBase(
  reader: FieldReader,
  fields: FieldMap,
  kind: Kind,
  around: CueSurroundings,
): Base | undefined {
  const cue = readSlug(reader, fields.need(kind));
  const atField = fields.need("at");
  const offsetMs = atField === null ? undefined : readOffset(reader, atField, around);
  const title = readTitle(reader, fields, "title");
  const detail = readOptionalText(reader, fields, "detail", SHOW_LIMITS.detailCharactersMax);
  const venueField = fields.get("venue");
  const venue = venueField === null ? around.mainVenue : readSlug(reader, venueField);
  const lateField = fields.get("lateMax");
  const maxMs = kind === "round" ? 0 : DAY_MS;
  const lateMaxMs =
    lateField === null ? null : readDuration(reader, lateField, { rule: "SH20", minMs: 0, maxMs });
  if (cue === undefined || offsetMs === undefined || title === undefined) return undefined;
  if (detail === undefined || venue === undefined || lateMaxMs === undefined) return undefined;
  return { cue, offsetMs, title, detail, venue, lateMaxMs };
}

function readOffset(reader: FieldReader, at: Field, around: CueSurroundings): number | undefined {
  const text = reader.text(at);
  if (text === undefined) return undefined;
  const time = parseTime(text, around.zone);
  if (typeof time === "string") {
    reader.problem(at, "SH5", time);
    return undefined;
  }
  if (time.kind === "relative") return time.offsetMs;
  if (typeof around.startsAtMs === "number") return time.atMs - around.startsAtMs;
  if (around.startsAtMs === null) {
    reader.problem(at, "SH5", "an absolute time needs `starts` to be absolute too; or write it as +1m30s");
  }
  return undefined;
}

function readLength(reader: FieldReader, fields: FieldMap, kind: "say" | "segment" | "rain") {
  const at = kind === "rain" ? fields.need("lasts") : fields.get("lasts");
  if (at === null) return kind === "rain" ? undefined : kind === "say" ? SAY_LENGTH_MS_DEFAULT : 0;
  const bounds =
    kind === "rain"
      ? { rule: "SH16", minMs: RAIN_LENGTH_MS_MIN, maxMs: DAY_MS }
      : { rule: "SH6", minMs: 1, maxMs: SHOW_LIMITS.lengthMsMax };
  return readDuration(reader, at, bounds);
}

function readEnter(reader: FieldReader, fields: FieldMap) {
  const levels = ["guest", "contact", "identity"] as const;
  const enterField = fields.get("enter");
  const enter = enterField === null ? "guest" : reader.word(enterField, "SH17", levels);
  const rolesField = fields.get("excludedRoles");
  if (rolesField === null) return enter === undefined ? undefined : { enter, excludedRoles: excludableRoles };
  const items = reader.list(rolesField, excludableRoles.length);
  const roles = items?.map((item) => reader.word(item, "SH17", excludableRoles));
  const excludedRoles = roles?.filter((role) => role !== undefined);
  if (enter === undefined || excludedRoles === undefined || excludedRoles.length !== roles?.length) {
    return undefined;
  }
  return { enter, excludedRoles: [...new Set(excludedRoles)] };
}

/** `true`, or left out of the definition (AB1). */
function readBotCheck(reader: FieldReader, fields: FieldMap): { botCheck?: true } | undefined {
  const at = fields.get("botCheck");
  const isOn = at === null ? false : reader.flag(at);
  if (isOn === undefined) return undefined;
  return isOn ? { botCheck: true } : {};
}

function readRain(
  reader: FieldReader,
  fields: FieldMap,
): Pick<RainCue, "pool" | "enter" | "excludedRoles" | "botCheck"> | undefined {
  const pool = readSlug(reader, fields.need("pool"));
  const who = readEnter(reader, fields);
  const check = readBotCheck(reader, fields);
  if (pool === undefined || who === undefined || check === undefined) return undefined;
  return { pool, ...who, ...check };
}

type RoundOnly = Omit<RoundCue, keyof Base | "kind" | "lateMaxMs">;

function readRound(reader: FieldReader, fields: FieldMap, around: CueSurroundings): RoundOnly | undefined {
  const pool = readSlug(reader, fields.need("pool"));
  const prize = pool === undefined ? undefined : around.pool(pool);
  const firstField = fields.get("firstWindow");
  const firstWindowMs =
    firstField === null
      ? FIRST_WINDOW_MS_DEFAULT
      : readDuration(reader, firstField, { rule: "SH11", minMs: 1, maxMs: SHOW_LIMITS.firstWindowMsMax });
  const scheduleField = fields.need("schedule");
  const schedule =
    scheduleField === null
      ? undefined
      : readSchedule(reader, scheduleField, firstWindowMs ?? FIRST_WINDOW_MS_DEFAULT);
  const capPerUser = readCap(reader, fields, { rule: "SH17", noneAllowed: false });
  const who = readEnter(reader, fields);
  const check = readBotCheck(reader, fields);
  const leftoversField = fields.get("leftovers");
  const leftoversTo =
    leftoversField === null || isNone(leftoversField) ? null : readSlug(reader, leftoversField);
  const claimField = fields.get("claimWithin");
  const claimTtlMs =
    claimField === null ? (prize?.claim.ttlMs ?? null) : readClaimTtl(reader, claimField, prize?.kind);
  if (pool === undefined || firstWindowMs === undefined || schedule === undefined) return undefined;
  if (typeof capPerUser !== "number" || who === undefined) return undefined;
  if (leftoversTo === undefined || claimTtlMs === undefined || check === undefined) return undefined;
  return { pool, schedule, firstWindowMs, capPerUser, ...who, ...check, leftoversTo, claimTtlMs };
}

/** Units of each window, from a list or from a sum to spread [SH11]. */
function readSchedule(reader: FieldReader, at: Field, firstWindowMs: number): number[] | undefined {
  if (reader.shape(at) === "list") return readWindowList(reader, at);
  const fields = reader.map(at, scheduleFields);
  if (fields === undefined) return undefined;
  const windows = readWindowCount(reader, fields, firstWindowMs);
  const total = fields.get("units");
  const each = fields.get("unitsPerWindow");
  if ((total === null) === (each === null)) {
    reader.problem(at, "SH11", "a schedule has either `units` in all or `unitsPerWindow`");
    return undefined;
  }
  const units =
    total !== null
      ? reader.integer(total, "SH11", 1, SHOW_LIMITS.unitsMax)
      : each !== null
        ? reader.integer(each, "SH11", 1, SHOW_LIMITS.unitsMax)
        : undefined;
  if (windows === undefined || units === undefined) return undefined;
  return Array.from({ length: windows }, (_, window) =>
    each !== null ? units : Math.floor(units / windows) + (window < units % windows ? 1 : 0),
  );
}

function readWindowList(reader: FieldReader, at: Field): number[] | undefined {
  const items = reader.list(at, SHOW_LIMITS.windowsMax);
  if (items === undefined) return undefined;
  if (items.length === 0) {
    reader.problem(at, "SH11", "a round needs at least one window; this schedule has none");
    return undefined;
  }
  const units = items.map((item) => reader.integer(item, "SH11", 0, SHOW_LIMITS.unitsMax));
  const whole = units.filter((count) => count !== undefined);
  if (whole.length !== units.length) return undefined;
  if (whole.some((count) => count > 0)) return whole;
  reader.problem(at, "SH11", "a round must give out at least one unit; every window of this one has 0");
  return undefined;
}

function readWindowCount(reader: FieldReader, fields: FieldMap, firstWindowMs: number): number | undefined {
  const [count, lasts] = [fields.get("windows"), fields.get("lasts")];
  if (count !== null && lasts === null) return reader.integer(count, "SH11", 1, SHOW_LIMITS.windowsMax);
  if (lasts === null || count !== null) {
    const why = "a round needs at least one window: say how many `windows`, or how long it `lasts`";
    reader.problem(fields.at, "SH11", why);
    return undefined;
  }
  const maxMs = firstWindowMs + (SHOW_LIMITS.windowsMax - 1) * WINDOW_MS;
  const lengthMs = readDuration(reader, lasts, { rule: "SH11", minMs: firstWindowMs, maxMs });
  if (lengthMs === undefined) return undefined;
  const later = (lengthMs - firstWindowMs) / WINDOW_MS;
  if (Number.isInteger(later)) return later + 1;
  const first = formatDuration(firstWindowMs);
  reader.problem(lasts, "SH11", `a round lasts ${first} and a whole number of ${formatDuration(WINDOW_MS)}`);
  return undefined;
}
