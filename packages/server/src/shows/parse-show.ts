import {
  type CueDefinition,
  type PoolDefinition,
  SHOW_LIMITS,
  type ShowDefinition,
  type ShowProblem,
  type VenueDefinition,
  type WitnessDefinition,
} from "./definition.ts";
import { isZone } from "./local-time.ts";
import { checkPools, checkRounds, checkRundown, type Located, spareUnits } from "./show-checks.ts";
import { type ReadCue, readCue } from "./show-cues.ts";
import { poolFields, readCurrency, readPool } from "./show-pools.ts";
import { parseTime, readPicture, readSlug, readTitle, type WrittenTime } from "./show-values.ts";
import { didYouMean, type Field, type FieldMap, type FieldReader, readYaml } from "./yaml-fields.ts";

const showFields = [
  "version",
  "show",
  "title",
  "subtitle",
  "picture",
  "theme",
  "zone",
  "currency",
  "starts",
  "ends",
  "expectedAudience",
  "venues",
  "pools",
  "witnesses",
  "rundown",
];

/** The people `wanhui check` prints odds for when the file names no number. */
const EXPECTED_AUDIENCE_DEFAULT = 1_000;

/** What reading a show file comes to. `notes` are worth a look and stop nothing. */
export type ParsedShow =
  | { readonly ok: true; readonly show: ShowDefinition; readonly notes: readonly ShowProblem[] }
  | { readonly ok: false; readonly problems: readonly ShowProblem[] };

/**
 * Reads a show file: every problem at once, each with line, column, field and rule, or the checked definition
 * (docs/spec/show-file.md SH1 to SH20). Pure: it looks at no file, so pictures are not looked for (`loadShow` does).
 *
 * @param text the YAML, at most 1 MiB
 */
export function parseShow(text: string): ParsedShow {
  const { reader, root } = readYaml(text);
  const show = root === null ? undefined : readShow(reader, root);
  const problems = [...reader.problems].sort((a, b) => a.line - b.line || a.column - b.column);
  if (problems.length > 0 || show === undefined) return { ok: false, problems };
  return { ok: true, show: show.definition, notes: show.notes };
}

type Header = Pick<ShowDefinition, "show" | "title" | "subtitle" | "picture" | "theme" | "expectedAudience">;

function readHeader(reader: FieldReader, fields: FieldMap): Header | undefined {
  const version = fields.need("version");
  if (version !== null) reader.word(version, "SH1", ["wanhui/show/1"]);
  const show = readSlug(reader, fields.need("show"));
  const title = readTitle(reader, fields, "title");
  const subtitle = readTitle(reader, fields, "subtitle");
  const picture = readPicture(reader, fields);
  const themeField = fields.get("theme");
  const theme = themeField === null ? "gala" : reader.word(themeField, "SH2", ["gala", "club"]);
  const audienceField = fields.get("expectedAudience");
  const expectedAudience =
    audienceField === null
      ? EXPECTED_AUDIENCE_DEFAULT
      : reader.integer(audienceField, "SH2", 1, SHOW_LIMITS.unitsMax);
  if (show === undefined || title === undefined || subtitle === undefined) return undefined;
  if (picture === undefined || theme === undefined || expectedAudience === undefined) return undefined;
  return { show, title, subtitle, picture, theme, expectedAudience };
}

type Times = { zone: string; startsAtMs: number | null | undefined; lengthMs: number | undefined };

function readTimes(reader: FieldReader, fields: FieldMap): Times {
  const zoneField = fields.need("zone");
  const zoneText = zoneField === null ? undefined : reader.text(zoneField);
  if (zoneField !== null && zoneText !== undefined && !isZone(zoneText)) {
    const near = didYouMean(zoneText, Intl.supportedValuesOf("timeZone"));
    reader.problem(zoneField, "SH5", `\`${zoneText}\` is not an IANA zone such as Asia/Shanghai${near}`);
  }
  const zone = zoneText !== undefined && isZone(zoneText) ? zoneText : "UTC";
  const timeOf = (at: Field) => {
    const text = reader.text(at);
    const time = text === undefined ? undefined : parseTime(text, zone);
    if (typeof time === "string") reader.problem(at, "SH5", time);
    return typeof time === "string" ? undefined : time;
  };
  const startsField = fields.get("starts");
  let startsAtMs: number | null | undefined = null;
  if (startsField !== null) {
    const time = timeOf(startsField);
    startsAtMs = time?.kind === "absolute" ? time.atMs : undefined;
    if (time?.kind === "relative") {
      reader.problem(startsField, "SH5", "`starts` is absolute; leave it out to start when the run is made");
    }
  }
  return { zone, startsAtMs, lengthMs: readLengthMs(reader, fields, startsAtMs, timeOf) };
}

function readLengthMs(
  reader: FieldReader,
  fields: FieldMap,
  startsAtMs: number | null | undefined,
  timeOf: (at: Field) => WrittenTime | undefined,
): number | undefined {
  const at = fields.need("ends");
  const time = at === null ? undefined : timeOf(at);
  if (at === null || time === undefined) return undefined;
  if (time.kind === "absolute" && startsAtMs === null) {
    reader.problem(at, "SH5", "an absolute end needs `starts` to be absolute too; or write it as +30m");
  }
  if (time.kind === "absolute" && typeof startsAtMs !== "number") return undefined;
  const lengthMs = time.kind === "relative" ? time.offsetMs : time.atMs - (startsAtMs ?? 0);
  if (lengthMs > 0 && lengthMs <= SHOW_LIMITS.lengthMsMax) return lengthMs;
  reader.problem(
    at,
    "SH6",
    lengthMs <= 0 ? "the show ends before it starts" : "a show lasts at most 14 days",
  );
  return undefined;
}

/** Reads a list of mappings; items with a problem are left out, their slugs are still known. */
function readList<Value>(
  reader: FieldReader,
  at: Field | null,
  options: { max: number; slug: string; known: readonly string[]; unique: string },
  read: (fields: FieldMap) => Value | undefined,
): { items: Located<Value>[]; slugs: Set<string> } {
  const items: Located<Value>[] = [];
  const slugs = new Set<string>();
  const list = at === null ? undefined : reader.list(at, options.max);
  for (const item of list ?? []) {
    const fields = reader.map(item, options.known);
    if (fields === undefined) continue;
    const value = read(fields);
    const slugField = fields.get(options.slug);
    const slug = slugField?.node !== null && slugField !== null ? slugText(slugField) : undefined;
    if (slugField !== null && slug !== undefined) {
      if (slugs.has(slug)) reader.problem(slugField, options.unique, `\`${slug}\` is used twice`);
      slugs.add(slug);
    }
    if (value !== undefined) items.push({ value, fields });
  }
  return { items, slugs };
}

function slugText(at: Field): string | undefined {
  return at.node !== null && "value" in at.node && typeof at.node.value === "string"
    ? at.node.value
    : undefined;
}

function readVenues(reader: FieldReader, fields: FieldMap) {
  const at = fields.need("venues");
  const known = ["venue", "title", "main"];
  const options = { max: SHOW_LIMITS.venuesMax, slug: "venue", known, unique: "SH3" };
  const venues = readList<VenueDefinition>(reader, at, options, (item) => {
    const venue = readSlug(reader, item.need("venue"));
    const title = readTitle(reader, item, "title");
    const mainField = item.get("main");
    const main = mainField === null ? false : reader.flag(mainField);
    if (venue === undefined || title === undefined || main === undefined) return undefined;
    return { venue, title, main };
  });
  const mains = venues.items.filter(({ value }) => value.main);
  if (at !== null && mains.length === 0 && reader.shape(at) === "list") {
    reader.problem(at, "SH7", "one venue must be the main one: give it `main: true`");
  }
  for (const { fields: item, value } of mains.slice(1)) {
    reader.problem(
      item.get("main") ?? item.at,
      "SH7",
      `only one venue is the main one; \`${value.venue}\` is another`,
    );
  }
  return { ...venues, main: mains[0]?.value.venue ?? "" };
}

function readWitnesses(reader: FieldReader, fields: FieldMap): WitnessDefinition[] {
  const options = {
    max: SHOW_LIMITS.witnessesMax,
    slug: "name",
    known: ["name", "publicKey"],
    unique: "SH18",
  };
  const witnesses = readList<WitnessDefinition>(reader, fields.get("witnesses"), options, (item) => {
    const nameField = item.need("name");
    const name = nameField === null ? undefined : reader.text(nameField);
    const keyField = item.need("publicKey");
    const publicKey = keyField === null ? undefined : reader.text(keyField);
    if (nameField !== null && name !== undefined && !/^.{1,80}$/u.test(name)) {
      reader.problem(nameField, "SH18", "a witness has a name of 1 to 80 characters");
    }
    if (keyField !== null && publicKey !== undefined && !/^[0-9a-f]{64}$/u.test(publicKey)) {
      reader.problem(keyField, "SH18", "a public key is 64 lower-case hex characters (Ed25519)");
    }
    return name === undefined || publicKey === undefined ? undefined : { name, publicKey };
  });
  return witnesses.items.map(({ value }) => value);
}

/** Puts the rundown in order of time and lets open segments last until the next one of their venue. */
function orderCues(
  cues: readonly ReadCue[],
  lengthMs: number,
): (ReadCue & { readonly cue: CueDefinition })[] {
  const ordered = [...cues].sort((a, b) => a.cue.offsetMs - b.cue.offsetMs);
  return ordered.map((read, index) => {
    if (!read.openEnded || read.cue.kind !== "segment") return read;
    const { venue, offsetMs } = read.cue;
    const next = ordered
      .slice(index + 1)
      .find(({ cue }) => cue.kind === "segment" && cue.venue === venue && cue.offsetMs > offsetMs);
    const length = Math.max(1, (next?.cue.offsetMs ?? lengthMs) - offsetMs);
    const lateMaxMs = read.fields.get("lateMax") === null ? length : read.cue.lateMaxMs;
    return { ...read, cue: { ...read.cue, lengthMs: length, lateMaxMs } };
  });
}

function readShow(reader: FieldReader, root: Field) {
  const fields = reader.map(root, showFields);
  if (fields === undefined) return undefined;
  const header = readHeader(reader, fields);
  const times = readTimes(reader, fields);
  const currencyField = fields.get("currency");
  const currency = currencyField === null ? undefined : readCurrency(reader, currencyField);
  const venues = readVenues(reader, fields);
  const witnesses = readWitnesses(reader, fields);
  const poolOptions = { max: SHOW_LIMITS.poolsMax, slug: "pool", known: poolFields, unique: "SH3" };
  const pools = readList<PoolDefinition>(reader, fields.need("pools"), poolOptions, (item) =>
    readPool(reader, item, currency ?? (currencyField === null ? undefined : "XXX")),
  );
  const poolOf = new Map(pools.items.map(({ value }) => [value.pool, value]));
  const around = { ...times, mainVenue: venues.main, pool: (slug: string) => poolOf.get(slug) };
  const rundownField = fields.need("rundown");
  const listed = rundownField === null ? undefined : reader.list(rundownField, SHOW_LIMITS.cuesMax);
  const read = (listed ?? []).flatMap((item) => readCue(reader, item, around) ?? []);
  const cues = orderCues(read, times.lengthMs ?? SHOW_LIMITS.lengthMsMax);
  const located = cues.map(({ cue, fields: item }) => ({ value: cue, fields: item }));
  checkRundown(reader, located, { ...venues, lengthMs: times.lengthMs, pools: pools.slugs });
  checkRounds(reader, located, poolOf);
  checkPools(reader, located, poolOf);
  const notes = spareUnits(pools.items, located);
  if (header === undefined || times.startsAtMs === undefined || times.lengthMs === undefined)
    return undefined;
  const definition: ShowDefinition = {
    version: "wanhui/show/1",
    ...header,
    zone: times.zone,
    startsAtMs: times.startsAtMs,
    lengthMs: times.lengthMs,
    venues: venues.items.map(({ value }) => value),
    pools: pools.items.map(({ value }) => value),
    witnesses,
    cues: located.map(({ value }) => value),
  };
  return { definition, notes: notes(reader) };
}
