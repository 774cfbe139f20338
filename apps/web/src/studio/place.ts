// Where the studio stands, in the address: every view can be linked to, and Back goes back.

import type { AwardState } from "@wanhui/protocol";
import { useCallback, useEffect, useState } from "react";

export const TABS = ["rundown", "pools", "awards", "staff"] as const;
export type Tab = (typeof TABS)[number];

export const AWARD_STATES: readonly AwardState[] = ["held", "committing", "posted", "expired", "forfeited"];
const AWARD_ID = /^[0-9a-f]{32}$/;

/** One view of the studio. */
export type Place = {
  readonly tab: Tab;
  /** Of which awards; null is all of them. */
  readonly state: AwardState | null;
  /** The one award looked for. */
  readonly award: string | null;
};

/** Whether a text is an award's id. */
export const isAwardId = (text: string) => AWARD_ID.test(text);

/** Reads the part of an address behind its `#`; whatever is not known is the rundown. */
export function readPlace(hash: string): Place {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const tab = TABS.find((each) => each === words.get("tab")) ?? "rundown";
  const state = AWARD_STATES.find((each) => each === words.get("state")) ?? null;
  const award = words.get("award") ?? "";
  return { tab, state, award: isAwardId(award) ? award : null };
}

/** The address of a place. */
export function hashOf(place: Partial<Place>): string {
  const { tab = "rundown", state = null, award = null } = place;
  const words = new URLSearchParams({ tab });
  if (tab === "awards" && state !== null) words.set("state", state);
  if (tab === "awards" && award !== null) words.set("award", award);
  return `#${words}`;
}

/** The place, and a way to another one. */
export function usePlace(): readonly [Place, (place: Partial<Place>) => void] {
  const [place, setPlace] = useState(() => readPlace(location.hash));
  useEffect(() => {
    const onChange = () => setPlace(readPlace(location.hash));
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  const go = useCallback((next: Partial<Place>) => {
    const hash = hashOf(next);
    location.hash = hash;
    // The address tells of its change only later; who pressed sees it now.
    setPlace(readPlace(hash));
  }, []);
  return [place, go];
}
