// Local times of a named zone, by the zone data the platform brings (ECMA-402). No library: two lookups suffice.

/** A wall clock reading without a zone. Month and day count from 1. */
export type WallTime = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

/** Whether the platform knows an IANA zone, for example `Asia/Shanghai`. */
export function isZone(zone: string): boolean {
  // Offsets such as "+08:00" are accepted by Intl and are no zone: they know nothing of daylight saving.
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/u.test(zone)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** How far the zone's wall clock is ahead of UTC at a moment, in milliseconds. */
export function zoneOffsetMs(zone: string, atMs: number): number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const part = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const at = (name: Intl.DateTimeFormatPartTypes) => part.get(name) ?? 0;
  const wall = Date.UTC(at("year"), at("month") - 1, at("day"), at("hour"), at("minute"), at("second"));
  return wall - Math.floor(atMs / 1_000) * 1_000;
}

const dayMs = 86_400_000;

/** A wall time as if it were UTC, or null for a date the calendar does not have. */
export function wallAsUtcMs(wall: WallTime): number | null {
  const ms = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  const back = new Date(ms);
  const same =
    back.getUTCFullYear() === wall.year &&
    back.getUTCMonth() === wall.month - 1 &&
    back.getUTCDate() === wall.day &&
    wall.hour < 24 &&
    wall.minute < 60 &&
    wall.second < 60;
  return same ? ms : null;
}

/**
 * The moments at which the zone's wall clock shows a time: none where daylight saving skips it, two where it comes
 * twice, else one.
 */
export function momentsOf(zone: string, wallMs: number): number[] {
  // No zone changes its offset twice within two days of real data since 1970; both sides are tried.
  const offsets = new Set([zoneOffsetMs(zone, wallMs - dayMs), zoneOffsetMs(zone, wallMs + dayMs)]);
  const moments = [...offsets].map((offset) => wallMs - offset);
  return moments.filter((ms) => zoneOffsetMs(zone, ms) === wallMs - ms).sort((a, b) => a - b);
}
