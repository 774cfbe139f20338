import { isHeldBack } from "../model/state.ts";
import { usePage } from "./page.tsx";

/**
 * How the bot check of a draw or a rain goes, in one line that keeps its place (AB8). Nothing where none is asked for.
 */
export function CheckLine(props: {
  readonly what: string;
  readonly asked: boolean;
  /** Whether gestures are being made now that wait for it. */
  readonly open: boolean;
}) {
  const { words, state } = usePage();
  if (!props.asked) return null;
  const check = state.checks[props.what];
  const percent = Math.round((check?.progress ?? 0) * 100);
  const word = () => {
    if (check === undefined) return words.check.ahead;
    if (check.phase === "passed") return words.check.passed;
    if (check.phase === "failed") return words.check.failed;
    return props.open ? words.check.held(percent) : words.check.working(percent);
  };
  const late = props.open && isHeldBack(state, props.what);
  return (
    <p class={late ? "stage-fact strong check-line" : "stage-fact check-line"} role="status">
      {word()}
    </p>
  );
}
