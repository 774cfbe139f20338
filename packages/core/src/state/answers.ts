// Answers as values, and the hands that decisions write events with.

import type { Accepted, Refusal, RefusalCode } from "../commands.ts";
import type { Event } from "../events.ts";

/**
 * Takes a decision's events in order. Handlers decide on the state as it was before their command: some callers
 * apply each event at once, so a handler reads nothing that an event it has pushed may change.
 */
export type Push = (event: Event) => void;

export const DONE: Accepted = Object.freeze({ ok: true, type: "done" });

export function refuse(
  code: RefusalCode,
  more?: { readonly field?: string; readonly detail?: Readonly<Record<string, string | number | null>> },
): Refusal {
  return { ok: false, code, ...more };
}
