// Awards as the studio lists them: the newest page is asked for again and again, but rows never move under a pointer.
// Rows on the screen follow their state; new awards wait until somebody asks for them.

import type { AwardState, Problem, StudioAwardsView, StudioAwardView } from "@wanhui/protocol";
import { useCallback, useEffect, useRef, useState } from "react";
import { ask } from "../shared/http.ts";

/** Often enough to see a win within the moment it is spoken of; a page costs the server one short query. */
const ASK_EVERY_MS = 3_000;

type Told = {
  /** What is on the screen; null before the first answer. */
  readonly shown: StudioAwardsView | null;
  /** The newest page. */
  readonly newest: StudioAwardsView | null;
  readonly problem: Problem | null;
};
const FIRST: Told = { shown: null, newest: null, problem: null };

/** Takes the newest page in: an empty screen shows it, a full one only follows what it shows already. */
export function takeNewest(before: Told, newest: StudioAwardsView): Told {
  const { shown } = before;
  if (shown === null || shown.awards.length === 0) return { shown: newest, newest, problem: null };
  const known = new Map(newest.awards.map((award) => [award.awardId, award]));
  const awards = shown.awards.map((award) => known.get(award.awardId) ?? award);
  return { shown: { ...shown, awards }, newest, problem: null };
}

/** Awards of the newest page that were won after everything on the screen. */
export function freshOf({ shown, newest }: Told): number {
  const top = shown?.awards[0];
  if (top === undefined || newest === null) return 0;
  const isLater = (award: StudioAwardView) =>
    award.wonAtMs > top.wonAtMs || (award.wonAtMs === top.wonAtMs && award.awardId > top.awardId);
  return newest.awards.filter(isLater).length;
}

function pathOf(state: AwardState | null, before: string | null): string {
  const query = new URLSearchParams();
  if (state !== null) query.set("state", state);
  if (before !== null) query.set("before", before);
  const text = query.toString();
  return text === "" ? "/api/studio/awards" : `/api/studio/awards?${text}`;
}

export type AwardList = Told & {
  /** Awards that wait to be shown. */
  readonly fresh: number;
  /** Whether there may be more new ones than one page holds. */
  readonly freshMany: boolean;
  readonly showNewest: () => void;
  readonly more: () => Promise<void>;
  /** Shows an award as an act left it. */
  readonly put: (award: StudioAwardView) => void;
};

/** The list of awards of one state, or of all. */
export function useAwardList(state: AwardState | null): AwardList {
  const [told, setTold] = useState<Told>(FIRST);
  const turn = useRef(0);
  useEffect(() => {
    turn.current += 1;
    const mine = turn.current;
    setTold(FIRST);
    const once = async () => {
      const answer = await ask<StudioAwardsView>(pathOf(state, null));
      if (turn.current !== mine) return;
      setTold((before) =>
        answer.ok ? takeNewest(before, answer.value) : { ...before, problem: answer.problem },
      );
    };
    void once();
    const timer = setInterval(once, ASK_EVERY_MS);
    return () => {
      turn.current += 1;
      clearInterval(timer);
    };
  }, [state]);
  const next = told.shown?.next ?? null;
  const more = useCallback(async () => {
    const mine = turn.current;
    const answer = await ask<StudioAwardsView>(pathOf(state, next));
    if (turn.current !== mine) return;
    setTold((before) => {
      if (!answer.ok) return { ...before, problem: answer.problem };
      const { shown } = before;
      if (shown === null || shown.next !== next) return before;
      const awards = [...shown.awards, ...answer.value.awards];
      return { ...before, shown: { awards, next: answer.value.next }, problem: null };
    });
  }, [state, next]);
  const put = useCallback((award: StudioAwardView) => {
    setTold((before) => {
      if (before.shown === null) return before;
      const awards = before.shown.awards.map((each) => (each.awardId === award.awardId ? award : each));
      return { ...before, shown: { ...before.shown, awards } };
    });
  }, []);
  const fresh = freshOf(told);
  return {
    ...told,
    fresh,
    freshMany: fresh > 0 && fresh === told.newest?.awards.length && told.newest.next !== null,
    showNewest: () => setTold((before) => ({ ...before, shown: before.newest })),
    more,
    put,
  };
}
