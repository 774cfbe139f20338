// The space bar as the big button, and as nothing else.

import { canTake, rainFace } from "../model/rain.ts";
import { stageOf } from "../model/stage.ts";
import { lookAt } from "../model/state.ts";
import type { VenueStore } from "../model/store.ts";

/** Where space means something of its own. A link is not among them: enter follows it. */
const TAKEN = "button, input, select, textarea, summary, dialog";

/** What the big button would do now; null when nothing can be entered, and space may scroll. */
export function bigButton(store: VenueStore): (() => void) | null {
  const { show, rains } = store.state;
  if (show === null) return null;
  const stage = stageOf(lookAt(store.state, show, store.nowMs()));
  if (stage.kind === "open") return () => store.tap();
  if (stage.kind !== "rain" || !canTake(rainFace(rains[stage.rain.pool], show.counts, stage.rain.pool)))
    return null;
  return () => store.take(stage.rain.pool);
}

/** Presses the big button with the space bar until the returned function is called. */
export function listenForSpace(store: VenueStore): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest(TAKEN) !== null) return;
    const press = bigButton(store);
    if (press === null) return;
    // A key held down neither enters again nor scrolls the button away.
    event.preventDefault();
    if (!event.repeat) press();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
