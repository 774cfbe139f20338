import { type KeyboardEvent, type ReactNode, useRef } from "react";
import { useDesk } from "./context.tsx";
import type { Tab } from "./place.ts";

/** Where each key leads from one tab of several; undefined for any other key. */
function stepOf(key: string, place: number, count: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: (place + 1) % count,
    ArrowLeft: (place + count - 1) % count,
    Home: 0,
    End: count - 1,
  };
  return steps[key];
}

/** The parts of the studio, one shown at a time; arrows, Home and End move along them. */
export function Tabs(props: {
  readonly tabs: readonly Tab[];
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  readonly children: ReactNode;
}) {
  const { words } = useDesk();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const place = props.tabs.indexOf(props.tab);
    const step = stepOf(event.key, place, props.tabs.length);
    const next = step === undefined ? undefined : props.tabs[step];
    if (next === undefined) return;
    event.preventDefault();
    props.onTab(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div className="tabbed">
      <div
        ref={list}
        className="tabs"
        role="tablist"
        aria-label={words.tabs.label}
        tabIndex={-1}
        onKeyDown={onKeyDown}
      >
        {props.tabs.map((tab) => (
          <button
            key={tab}
            type="button"
            id={`tab-${tab}`}
            className="tab"
            role="tab"
            aria-selected={tab === props.tab}
            aria-controls={tab === props.tab ? "tab-panel" : undefined}
            tabIndex={tab === props.tab ? 0 : -1}
            onClick={() => props.onTab(tab)}
          >
            {words.tabs.names[tab]}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${props.tab}`} tabIndex={-1}>
        {props.children}
      </div>
    </div>
  );
}
