// What every part of the page is handed: the state, the words, and a clock.

import type { Text } from "@wanhui/protocol";
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Format } from "../../shared/format.ts";
import type { Language } from "../../shared/language.ts";
import type { ShakeAccess } from "../input/shake.ts";
import type { VenueState } from "../model/state.ts";
import type { VenueStore } from "../model/store.ts";
import type { Words } from "../words/zh.ts";

/** What the person has switched off or on; remembered by the browser. */
export type Wishes = { readonly shake: boolean; readonly motion: boolean };

export type Page = {
  readonly store: VenueStore;
  readonly state: VenueState;
  readonly words: Words;
  readonly format: Format;
  readonly language: Language;
  readonly text: (text: Text) => string;
  readonly wishes: Wishes;
  readonly shake: ShakeAccess;
  readonly askShake: () => void;
  readonly setWishes: (wishes: Wishes) => void;
  readonly setLanguage: (language: Language) => void;
  /** Opens the claim form of an award. */
  readonly claim: (awardId: string) => void;
  /** What went wrong on the way to the payment page, as a code. */
  readonly payProblem: string | null;
  readonly openSettings: () => void;
};

export const PageContext = createContext<Page | null>(null);

/** The page a component stands in. */
export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === null) throw new Error("A part of the page was rendered outside of it.");
  return page;
}

/** The server's clock, looked at again and again. */
export function useNow(everyMs: number): number {
  const { store } = usePage();
  const [nowMs, setNowMs] = useState(() => store.nowMs());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(store.nowMs()), everyMs);
    return () => clearInterval(timer);
  }, [store, everyMs]);
  // A change of the state renders too: then the clock must not be older than the news.
  return Math.max(nowMs, everyMs <= 250 ? store.nowMs() : nowMs);
}

/** How often what counts seconds looks at the clock. */
export const SECOND_HAND_MS = 200;
/** How often the rest of the page does. */
export const MINUTE_HAND_MS = 1_000;
