// What the studio is told: the view once a second, and two minutes of history for the charts.

import type { Problem, StudioNumbers, StudioView } from "@wanhui/protocol";
import { useCallback, useEffect, useRef, useState } from "react";
import { ask, NO_ANSWER } from "../shared/http.ts";

/** Once a second: a director decides in seconds, and one screen costs the server next to nothing. */
const ASK_EVERY_MS = 1_000;
/** Two minutes of seconds. */
export const HISTORY_MAX = 120;

export type Feed = {
  readonly state: "loading" | "in" | "out" | "forbidden" | "unreachable";
  readonly view: StudioView | null;
  /** False while the last question went unanswered. */
  readonly live: boolean;
  readonly history: readonly StudioNumbers[];
  /** Server's clock minus ours. */
  readonly skewMs: number;
  /** Does an act and shows the view it answers with; resolves to what went wrong. */
  readonly act: (path: string, body: object) => Promise<Problem | null>;
  readonly again: () => void;
};

type Told = Pick<Feed, "state" | "view" | "live" | "history" | "skewMs">;
const FIRST: Told = { state: "loading", view: null, live: false, history: [], skewMs: 0 };

function told(before: Told, view: StudioView, count: boolean): Told {
  const history = count ? [...before.history, view.numbers].slice(-HISTORY_MAX) : before.history;
  return { state: "in", view, live: true, history, skewMs: view.show.nowMs - Date.now() };
}

function refused(before: Told, problem: Problem): Told {
  if (problem.code === "auth.missing" || problem.code === "auth.expired" || problem.code === "auth.invalid")
    return { ...before, state: "out", live: false };
  if (problem.code === "auth.forbidden") return { ...before, state: "forbidden", live: false };
  return { ...before, state: before.view === null ? "unreachable" : "in", live: false };
}

/** Asks for the studio's view again and again. */
export function useFeed(): Feed {
  const [state, setState] = useState<Told>(FIRST);
  const [turn, setTurn] = useState(0);
  const busy = useRef(false);
  // `turn` rises when the person asks to try again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new turn restarts the asking
  useEffect(() => {
    let ended = false;
    const once = async () => {
      if (busy.current) return;
      busy.current = true;
      const answer = await ask<StudioView>("/api/studio");
      busy.current = false;
      if (ended) return;
      setState((before) => (answer.ok ? told(before, answer.value, true) : refused(before, answer.problem)));
    };
    void once();
    const timer = setInterval(once, ASK_EVERY_MS);
    return () => {
      ended = true;
      clearInterval(timer);
    };
  }, [turn]);
  const act = useCallback(async (path: string, body: object): Promise<Problem | null> => {
    const answer = await ask<StudioView>(path, { method: "POST", body });
    if (answer.ok) {
      setState((before) => told(before, answer.value, false));
      return null;
    }
    if (answer.problem.code !== NO_ANSWER) setState((before) => ({ ...before }));
    return answer.problem;
  }, []);
  return { ...state, act, again: () => setTurn((value) => value + 1) };
}
