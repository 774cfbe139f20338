import type { Money } from "@wanhui/protocol";
import {
  type CueDefinition,
  cueLengthMs,
  type RoundCue,
  type ShowDefinition,
  type ShowProblem,
  scheduledUnits,
} from "./definition.ts";
import { formatDuration } from "./show-values.ts";

/** `show.yaml:12:5 rundown[3].schedule [SH12] ...`: one line an editor can jump to. */
export function formatProblem(path: string, { line, column, field, rule, message }: ShowProblem): string {
  return `${path}:${line}:${column} ${field === "" ? "(file)" : field} [${rule}] ${message}`;
}

/**
 * The night on one page, for people: what can be won, when, and how likely.
 *
 * @returns lines in English with both titles; odds assume the file's `expectedAudience`
 */
export function summaryOf(show: ShowDefinition): string[] {
  const lines = [
    `${show.title.zh} / ${show.title.en}`,
    `${show.show}, ${startOf(show)}, ${formatDuration(show.lengthMs)}, ${show.venues.length} venues`,
    "",
    "Prizes",
  ];
  for (const pool of show.pools) {
    const worth = money(pool.worth);
    const price = pool.price.amountMinor > 0 ? `, for ${money(pool.price)}` : "";
    const cap = pool.capPerUser === null ? "no cap" : `${pool.capPerUser} each`;
    lines.push(
      `  ${pad(pool.pool, 20)} ${pad(`${pool.units} units`, 12)} ${pool.kind}, worth ${worth}${price}, ${cap}`,
    );
  }
  lines.push("", "Rundown");
  for (const cue of show.cues)
    lines.push(`  ${pad(`+${formatDuration(cue.offsetMs)}`, 10)} ${cueLine(show, cue)}`);
  const units = show.cues.reduce((sum, cue) => sum + (cue.kind === "round" ? scheduledUnits(cue) : 0), 0);
  const rounds = show.cues.filter(({ kind }) => kind === "round").length;
  lines.push(
    "",
    `${rounds} rounds give out ${units} units; odds assume ${show.expectedAudience} people enter each window.`,
  );
  return lines;
}

function startOf(show: ShowDefinition): string {
  if (show.startsAtMs === null) return "starts when its run is made";
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: show.zone,
    dateStyle: "short",
    timeStyle: "medium",
    hourCycle: "h23",
  });
  return `starts ${format.format(show.startsAtMs)} ${show.zone}`;
}

function cueLine(show: ShowDefinition, cue: CueDefinition): string {
  const main = show.venues.find((venue) => venue.main)?.venue;
  const where = cue.venue === main ? "" : ` (${cue.venue})`;
  const what = `${pad(cue.kind, 8)} ${cue.cue}${where}: ${cue.title.en}`;
  if (cue.kind === "round") return `${what}\n${" ".repeat(22)}${roundLine(show, cue)}`;
  if (cue.kind !== "rain") return what;
  const units = show.pools.find(({ pool }) => pool === cue.pool)?.units ?? 0;
  return `${what}\n${" ".repeat(22)}${units} of ${cue.pool}, first come, first served, ${formatDuration(cue.lengthMs)}`;
}

function roundLine(show: ShowDefinition, round: RoundCue): string {
  const [fewest, most] = [Math.min(...round.schedule), Math.max(...round.schedule)];
  const perWindow = fewest === most ? `${most}` : `${fewest} to ${most}`;
  const odds =
    show.expectedAudience <= most ? "everybody" : `1 in ${Math.ceil(show.expectedAudience / most)}`;
  const left = round.leftoversTo === null ? "" : `; leftovers to ${round.leftoversTo}`;
  return (
    `${scheduledUnits(round)} of ${round.pool} in ${round.schedule.length} windows over ` +
    `${formatDuration(cueLengthMs(round))} (${perWindow} each, at best ${odds})${left}`
  );
}

function money({ amountMinor, currency }: Money): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** digits);
}

function pad(text: string, width: number): string {
  return text.padEnd(width);
}
