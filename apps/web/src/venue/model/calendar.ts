// A reminder that outlives the page: one calendar event as an .ics file (RFC 5545).

export type CalendarEvent = {
  readonly id: string;
  readonly title: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly url: string;
  readonly madeAtMs: number;
};

function stamp(atMs: number): string {
  return new Date(atMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(";", "\\;").replaceAll(",", "\\,").replaceAll("\n", "\\n");
}

/** Lines are at most 75 octets, continued by a line that begins with a space; characters are never cut. */
function folded(line: string): string {
  const encoder = new TextEncoder();
  let out = "";
  let octets = 0;
  for (const letter of line) {
    const size = encoder.encode(letter).length;
    if (octets + size > 74) {
      out += "\r\n ";
      octets = 1;
    }
    out += letter;
    octets += size;
  }
  return out;
}

/** The text of an .ics file with one event and an alarm a minute before. */
export function calendarFile(event: CalendarEvent): string {
  return [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Wanhui//Venue//EN",
    "BEGIN:VEVENT",
    `UID:${escaped(event.id)}@wanhui`,
    `DTSTAMP:${stamp(event.madeAtMs)}`,
    `DTSTART:${stamp(event.startsAtMs)}`,
    `DTEND:${stamp(event.endsAtMs)}`,
    `SUMMARY:${escaped(event.title)}`,
    `URL:${event.url}`,
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    `DESCRIPTION:${escaped(event.title)}`,
    "TRIGGER:-PT1M",
    "END:VALARM",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ]
    .map(folded)
    .join("\r\n");
}
