// An act as people read it. The record keeps the server's words; numbers, times and codes in them are said in the page's
// language, everything else as it was typed.

import type { ActView, StudioView, Text } from "@wanhui/protocol";
import type { Format } from "../shared/format.ts";
import { isAwardId } from "./place.ts";
import { troubleOf } from "./words/troubles.ts";
import type { Words } from "./words.ts";

type Reader = {
  readonly words: Words;
  readonly format: Format;
  readonly text: (text: Text) => string;
  readonly view: Pick<StudioView, "cues" | "show">;
};

export type ActWords = {
  readonly name: string;
  readonly target: string;
  /** The award it was about, to be looked at. */
  readonly award: string | null;
  readonly reason: string | null;
};

const REFUSED = / refused$/;
/** `3 units, command 0a1b2c3d: broken`, as the server writes a restock or a withdrawal. */
const UNITS = /^(\d+) units, command ([0-9a-f]{8}): (.*)$/s;
/** `until 2027-01-15T09:00:00.000Z: the parcel shop is closed`, as it writes an extension. */
const UNTIL = /^until (\d{4}-\d\d-\d\dT[\d:.]+Z): (.*)$/s;

/** The command a restock or withdrawal was sent with: the same again is the same change (PL3). Else null. */
export function commandOf({ reason }: ActView): string | null {
  return UNITS.exec(reason ?? "")?.[2] ?? null;
}

/** Acts that only repeat an earlier one of the list, whose answer was lost. */
export function repeatedActs(acts: readonly ActView[]): ReadonlySet<number> {
  const seen = new Set<string>();
  const repeated = new Set<number>();
  for (const act of [...acts].sort((left, right) => left.act - right.act)) {
    const command = commandOf(act);
    if (command === null) continue;
    const change = `${act.target} ${command}`;
    if (seen.has(change)) repeated.add(act.act);
    seen.add(change);
  }
  return repeated;
}

/** Says an act in the page's language. */
export function actWords(act: ActView, reader: Reader): ActWords {
  const { words } = reader;
  const isRefused = REFUSED.test(act.action);
  const action = act.action.replace(REFUSED, "");
  const known = words.acts.names[action] ?? action;
  return {
    name: isRefused ? words.acts.refused(known) : known,
    target: targetOf(act, action, reader),
    award: isAwardId(act.target) ? act.target : null,
    reason: act.reason === null ? null : reasonOf(act.reason, isRefused, reader),
  };
}

function targetOf({ target }: ActView, action: string, { words, text, view }: Reader): string {
  const cue = view.cues.find((each) => each.cue === target);
  const round = view.show.rounds.find((each) => each.draw === target);
  const prize = view.show.prizes.find((each) => each.pool === target);
  const title = cue?.title ?? round?.title ?? prize?.title;
  if (action === "invite") return (words.staff.roles as Readonly<Record<string, string>>)[target] ?? target;
  if (title !== undefined) return text(title);
  return isAwardId(target) ? words.acts.award(target.slice(0, 8)) : target;
}

function reasonOf(reason: string, isRefused: boolean, { words, format }: Reader): string {
  if (isRefused) return troubleOf(words.trouble, reason);
  const [, units, , why] = UNITS.exec(reason) ?? [];
  if (units !== undefined && why !== undefined) return words.acts.units(Number(units), why);
  const [, until, cause] = UNTIL.exec(reason) ?? [];
  if (until !== undefined && cause !== undefined)
    return words.acts.until(format.moment(Date.parse(until)), cause);
  return reason;
}
