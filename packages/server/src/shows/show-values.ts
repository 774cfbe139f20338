import type { Text } from "@wanhui/protocol";
import { SHOW_LIMITS } from "./definition.ts";
import { momentsOf, wallAsUtcMs } from "./local-time.ts";
import type { Field, FieldMap, FieldReader } from "./yaml-fields.ts";

// The small values of a show file: durations, times, texts, slugs.

const durationPattern = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/u;
const unitsMs = [86_400_000, 3_600_000, 60_000, 1_000, 1];

/** Milliseconds of `1m30s`, `48h`, `7d`, `250ms`; null for anything else, an empty text included. */
export function parseDuration(text: string): number | null {
  const match = durationPattern.exec(text);
  if (match === null || text === "") return null;
  return unitsMs.reduce((sum, unitMs, index) => sum + Number(match[index + 1] ?? 0) * unitMs, 0);
}

/** The shortest text `parseDuration` reads back to the same number; `0s` for zero. */
export function formatDuration(ms: number): string {
  const names = ["d", "h", "m", "s", "ms"];
  let rest = ms;
  let text = "";
  for (const [index, unitMs] of unitsMs.entries()) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) text += `${count}${names[index]}`;
  }
  return text === "" ? "0s" : text;
}

const absolutePattern =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:(Z)|([+-])(\d{2}):(\d{2}))?$/u;

/** A time as the file writes it. */
export type WrittenTime =
  | { readonly kind: "relative"; readonly offsetMs: number }
  | { readonly kind: "absolute"; readonly atMs: number };

/**
 * Reads `+1m30s`, or a local time of the zone, or a time with its own offset [SH5].
 *
 * @returns the time, or a sentence that says what is wrong
 */
export function parseTime(text: string, zone: string): WrittenTime | string {
  if (text.startsWith("+")) {
    const offsetMs = parseDuration(text.slice(1));
    return offsetMs === null ? timeHelp(text) : { kind: "relative", offsetMs };
  }
  const match = absolutePattern.exec(text);
  if (match === null) return timeHelp(text);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const wallMs = wallAsUtcMs({
    year: year ?? 0,
    month: month ?? 0,
    day: day ?? 0,
    hour: hour ?? 0,
    minute: minute ?? 0,
    second: second ?? 0,
  });
  if (wallMs === null) return `\`${text}\` is not a date and time of the calendar`;
  const [, , , , , , , utc, sign, offsetHours, offsetMinutes] = match;
  if (utc !== undefined) return { kind: "absolute", atMs: wallMs };
  if (sign !== undefined) {
    const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
    return { kind: "absolute", atMs: sign === "+" ? wallMs - offsetMs : wallMs + offsetMs };
  }
  const moments = momentsOf(zone, wallMs);
  const [first] = moments;
  if (first === undefined) {
    return `${zone} skips \`${text}\` (daylight saving); write another time`;
  }
  if (moments.length > 1) {
    return `${zone} has \`${text}\` twice (daylight saving); write it with its offset, such as +01:00`;
  }
  return { kind: "absolute", atMs: first };
}

function timeHelp(text: string): string {
  return `\`${text}\` is not a time; write +1m30s from the start, or 2027-02-05T20:01:30`;
}

/** Reads a duration between two bounds; `rule` is broken when it is out of them. */
export function readDuration(
  reader: FieldReader,
  at: Field,
  options: { rule: string; minMs: number; maxMs: number },
): number | undefined {
  const text = reader.text(at);
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === null) {
    reader.problem(at, "SH6", `\`${text}\` is not a duration; write 90s, 1m30s, 48h or 7d`);
    return undefined;
  }
  if (ms >= options.minMs && ms <= options.maxMs) return ms;
  const { minMs, maxMs } = options;
  const range =
    minMs === maxMs
      ? `only ${formatDuration(minMs)} is allowed`
      : `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  reader.problem(at, options.rule, `${text} is out of range: ${range}`);
  return undefined;
}

/** Reads a text in both languages [SH4]. */
export function readText(reader: FieldReader, at: Field, charactersMax: number): Text | undefined {
  const both = reader.map(at, ["zh", "en"]);
  if (both === undefined) return undefined;
  const one = (language: "zh" | "en"): string | undefined => {
    const field = both.need(language);
    const text = field === null ? undefined : reader.text(field);
    if (field === null || text === undefined) return undefined;
    const length = [...text].length;
    if (text.trim() !== "" && length <= charactersMax) return text.trim();
    const why = text.trim() === "" ? "the text is empty" : `${length} characters, at most ${charactersMax}`;
    reader.problem(field, "SH4", why);
    return undefined;
  };
  const [zh, en] = [one("zh"), one("en")];
  return zh === undefined || en === undefined ? undefined : { zh, en };
}

/** Reads a title of a mapping. */
export function readTitle(reader: FieldReader, fields: FieldMap, name: string): Text | undefined {
  const at = fields.need(name);
  return at === null ? undefined : readText(reader, at, SHOW_LIMITS.titleCharactersMax);
}

/** Reads a text that may be left out; null when it is. */
export function readOptionalText(
  reader: FieldReader,
  fields: FieldMap,
  name: string,
  charactersMax: number,
): Text | null | undefined {
  const at = fields.get(name);
  return at === null ? null : readText(reader, at, charactersMax);
}

const slugPattern = /^[a-z0-9][a-z0-9-]{0,39}$/u;

/** Reads a slug [SH3]. */
export function readSlug(reader: FieldReader, at: Field | null): string | undefined {
  if (at === null) return undefined;
  const text = reader.text(at);
  if (text === undefined || slugPattern.test(text)) return text;
  reader.problem(at, "SH3", `\`${text}\` is not a slug: a-z, 0-9 and -, at most 40, no - first`);
  return undefined;
}

const picturePattern = /^pictures\/[A-Za-z0-9][A-Za-z0-9._-]{0,119}\.(?:svg|png|jpg|webp|avif)$/u;

/** Whether a path names a picture in the folder `pictures` beside the show file [SH10]. */
export function isPicturePath(path: string): boolean {
  return path.length <= 200 && picturePattern.test(path);
}

/** Reads the path of a picture that may be left out; null when it is. */
export function readPicture(reader: FieldReader, fields: FieldMap): string | null | undefined {
  const at = fields.get("picture");
  if (at === null) return null;
  const path = reader.text(at);
  if (path === undefined || isPicturePath(path)) return path;
  reader.problem(
    at,
    "SH10",
    `\`${path}\` is not a picture; write pictures/<name>.svg (or png, jpg, webp, avif)`,
  );
  return undefined;
}
