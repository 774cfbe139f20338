import type { RoundView } from "@wanhui/protocol";
import type { WindowState } from "../model/windows.ts";
import { Icon, type IconName } from "./icons.tsx";
import { usePage } from "./page.tsx";

const SIGNS: Partial<Record<WindowState, IconName>> = {
  received: "check",
  late: "clock",
  won: "star",
  lost: "dash",
};

/** Windows shown before and after the open one: more would not fit a phone. */
const STRIP_SPAN = 9;

/** The round's windows in a row; each state has its own sign, never colour alone. */
export function WindowStrip(props: {
  readonly round: RoundView;
  readonly states: readonly WindowState[];
  readonly current: number | null;
}) {
  const { words } = usePage();
  const { states } = props;
  const middle = props.current ?? states.length - 1;
  const from = Math.max(0, Math.min(middle - Math.floor(STRIP_SPAN / 2), states.length - STRIP_SPAN));
  const shown = states.slice(from, from + STRIP_SPAN);
  return (
    <ol class="strip" aria-label={words.strip.label}>
      {shown.map((state, place) => {
        const window = from + place;
        const sign = SIGNS[state];
        return (
          <li
            key={window}
            class={`strip-item ${state}`}
            aria-current={window === props.current ? "step" : undefined}
          >
            <span class="unseen">{words.strip.item(window + 1, words.strip[state])}</span>
            {sign === undefined ? (
              <span aria-hidden="true">{window + 1}</span>
            ) : (
              <Icon name={sign} filled={state === "won"} />
            )}
          </li>
        );
      })}
    </ol>
  );
}
