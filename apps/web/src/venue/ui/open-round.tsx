import { countdown } from "../../shared/format.ts";
import { roundStates, type Stage } from "../model/stage.ts";
import { factsIn, lacksLevel, lookAt } from "../model/state.ts";
import { REFUSAL_SHOWN_MS } from "../model/store.ts";
import { closeOfMs, openOfMs, resultAtMs } from "../model/windows.ts";
import { Gate } from "./gate.tsx";
import { Icon } from "./icons.tsx";
import { usePage } from "./page.tsx";
import { ShakeOffer } from "./shake-offer.tsx";
import { RoundFacts, StageMore, StageText } from "./stage-text.tsx";
import { WindowStrip } from "./strip.tsx";

/** A round that takes entries: the big button, what became of the last press, and the windows. */
export function OpenRound({
  stage,
  nowMs,
}: {
  readonly stage: Stage & { kind: "open" };
  readonly nowMs: number;
}) {
  const { words, format, text, state, store, wishes, shake } = usePage();
  const { show } = state;
  if (show === null) return null;
  const { round, window } = stage;
  const openMs = openOfMs(round, window);
  const closeMs = closeOfMs(round, window);
  const factsOf = factsIn(state);
  const states = roundStates(lookAt(state, show, nowMs), round);
  const taps = state.taps[round.draw] ?? 0;
  // Nobody is asked to shake for a refusal.
  const lacks = lacksLevel(state, round);
  const shaking = wishes.shake && shake === "ready";
  return (
    <>
      <StageText eyebrow={words.hero.open} title={text(round.title)} live>
        <p class="stage-fact strong">
          {round.schedule.length > 1 && `${words.hero.windowOf(window + 1, round.schedule.length)} · `}
          {words.hero.windowUnits(round.schedule[window] ?? 0)} ·{" "}
          {words.hero.closesIn(countdown(closeMs - nowMs))}
        </p>
        <RoundFacts round={round} open />
      </StageText>
      <Gate progress={(nowMs - openMs) / (closeMs - openMs)} tone="open">
        <button
          type="button"
          class="shake"
          // The same node for the whole round: a press at the change of a window is never lost.
          key={round.draw}
          aria-label={words.hero.shakeName}
          disabled={lacks}
          onClick={() => store.tap()}
        >
          <span class="shake-word" aria-hidden="true">
            {words.hero.shake}
          </span>
        </button>
      </Gate>
      <StageMore>
        {lacks ? (
          <p class="own-word refused">{words.refusal["auth.level"]}</p>
        ) : (
          <OwnWord
            state={stage.state}
            resultMs={resultAtMs(round, window, factsOf(round.draw, window))}
            nowMs={nowMs}
            draw={round.draw}
          />
        )}
        {states.length > 1 && <WindowStrip round={round} states={states} current={window} />}
        {!lacks && (
          <p class="stage-hint">
            {taps > 0 ? words.hero.taps(taps) : shaking ? words.hero.howAll : words.hero.howButton}
          </p>
        )}
        {!lacks && <ShakeOffer />}
        <span class="unseen">{format.clock(closeMs)}</span>
      </StageMore>
    </>
  );
}

function OwnWord(props: {
  readonly state: string;
  readonly resultMs: number;
  readonly nowMs: number;
  readonly draw: string;
}) {
  const { words, format, state } = usePage();
  const { refusal } = state;
  if (refusal !== null && props.nowMs - refusal.atMs < REFUSAL_SHOWN_MS) {
    return <p class="own-word refused">{words.refusal[refusal.code] ?? words.refusal.other}</p>;
  }
  if (props.state === "received") {
    return (
      <p class="own-word received">
        <Icon name="check" /> {words.hero.received(format.clock(props.resultMs))}
      </p>
    );
  }
  if (state.sending === props.draw) return <p class="own-word">{words.hero.sending}</p>;
  if (state.carried.includes(props.draw)) return <p class="own-word">{words.hero.carried}</p>;
  return <p class="own-word">{words.hero.notYet}</p>;
}
