import type { CueAction, StudioCueView } from "@wanhui/protocol";
import { useEffect } from "react";
import type { Tab } from "./place.ts";

const CUE_KEYS: Readonly<Record<string, CueAction>> = {
  a: "arm",
  h: "hold",
  l: "release",
  s: "skip",
  r: "rearm",
};

export type KeyOptions = {
  /** The cue that keys act on; null while the rundown is not shown. */
  readonly chosen: StudioCueView | null;
  /** Null while the rundown is not shown: the arrows then scroll the page. */
  readonly choose: ((by: number) => void) | null;
  readonly act: (cue: StudioCueView, action: CueAction) => void;
  readonly stop: () => void;
  /** 1 is the first. */
  readonly tabs: readonly Tab[];
  readonly onTab: (tab: Tab) => void;
};

/** Whether a key belongs to a field, a dialog or the browser. */
function isElsewhere(event: KeyboardEvent): boolean {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return true;
  return at instanceof Element && at.closest("input, textarea, select, dialog, [role=alertdialog]") !== null;
}

/** Keys of a director. Nothing is done while something is being typed or a dialog is open. */
export function useKeys(options: KeyOptions): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isElsewhere(event)) return;
      const { chosen, choose } = options;
      if (choose !== null && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        choose(event.key === "ArrowDown" ? 1 : -1);
        return;
      }
      const key = event.key.toLowerCase();
      if (key === "x") options.stop();
      const tab = /^[1-9]$/.test(key) ? options.tabs[Number(key) - 1] : undefined;
      if (tab !== undefined) options.onTab(tab);
      const action = CUE_KEYS[key];
      if (action === undefined || chosen === null) return;
      if (chosen.actions.includes(action)) options.act(chosen, action);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}
