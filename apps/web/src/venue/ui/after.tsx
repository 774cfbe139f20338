// The stage after a close: drawing, result, between, ended.

import { countdown } from "../../shared/format.ts";
import { opensAtMs, roundStates, type Stage, titleOf } from "../model/stage.ts";
import { enteredWindows, lookAt } from "../model/state.ts";
import { Gate } from "./gate.tsx";
import { Icon } from "./icons.tsx";
import { usePage } from "./page.tsx";
import { StageMore, StageText } from "./stage-text.tsx";
import { WindowStrip } from "./strip.tsx";

/** The list is sealed: received, and the stated time of the result. Never a spinner. */
export function Drawing({
  stage,
  nowMs,
}: {
  readonly stage: Stage & { kind: "drawing" };
  readonly nowMs: number;
}) {
  const { words, format, text, state } = usePage();
  const { show } = state;
  if (show === null) return null;
  const { round } = stage;
  const states = roundStates(lookAt(state, show, nowMs), round);
  const entered = enteredWindows(state, round.draw).length;
  return (
    <>
      <StageText eyebrow={words.hero.drawing} title={text(round.title)}>
        <p class="stage-fact strong">
          {stage.entered ? words.hero.received(format.clock(stage.resultAtMs)) : words.hero.nothingEntered}
        </p>
        {entered > 0 && <p class="stage-fact">{words.hero.entered(entered)}</p>}
      </StageText>
      <Gate progress={1 - (stage.resultAtMs - nowMs) / 4_000} tone="calm">
        <p class="gate-small">{words.hero.resultAt}</p>
        <p class="digits long">{format.clock(stage.resultAtMs)}</p>
        {stage.entered && (
          <p class="gate-small">
            <Icon name="check" /> {words.hero.receivedShort}
          </p>
        )}
      </Gate>
      <StageMore>
        {states.length > 1 && <WindowStrip round={round} states={states} current={null} />}
        {stage.late && <p class="stage-fact">{words.hero.late}</p>}
        {round.phase === "stopped" && round.reason !== null && (
          <p class="stage-fact">{words.hero.stoppedMore(round.reason)}</p>
        )}
      </StageMore>
    </>
  );
}

/** What came of a round, for the one who looks and for all. */
export function Result({
  stage,
  nowMs,
}: {
  readonly stage: Stage & { kind: "result" };
  readonly nowMs: number;
}) {
  const { words, format, text, state, claim } = usePage();
  const { round, outcome, next } = stage;
  const { show } = state;
  if (show === null) return null;
  const award = state.awards.find((each) => each.draw === round.draw) ?? null;
  const states = roundStates(lookAt(state, show, nowMs), round);
  const title = { won: words.hero.won, lost: words.hero.lost, watched: words.hero.watched }[outcome];
  return (
    <>
      <StageText eyebrow={text(round.title)} title={title}>
        {outcome === "won" && award !== null ? (
          <p class="stage-fact strong">{words.hero.wonMore(text(award.prize.title))}</p>
        ) : (
          <p class="stage-fact">
            {outcome === "lost"
              ? words.hero.lostMore(round.entries, round.winners)
              : words.hero.watchedMore(round.entries, round.winners)}
          </p>
        )}
        {round.phase === "stopped" && (
          <p class="stage-fact">
            {words.hero.stopped}
            {round.reason !== null && ` · ${words.hero.reason(round.reason)}`}
          </p>
        )}
        {next !== null && (
          <p class="stage-fact">{words.hero.nextUp(text(titleOf(next)), format.minute(opensAtMs(next)))}</p>
        )}
      </StageText>
      <Gate progress={outcome === "won" ? 1 : 0} tone={outcome === "won" ? "won" : "calm"}>
        {outcome !== "won" && next !== null ? (
          <>
            <p class="gate-small">{words.hero.next}</p>
            <p class="digits" role="timer">
              {countdown(opensAtMs(next) - nowMs)}
            </p>
          </>
        ) : (
          <span class="gate-sign">
            <Icon name={outcome === "won" ? "star" : "check"} filled={outcome === "won"} />
          </span>
        )}
      </Gate>
      <StageMore>
        {states.length > 1 && <WindowStrip round={round} states={states} current={null} />}
        {outcome === "won" && award !== null && award.claim === null && (
          <button type="button" class="button gold" onClick={() => claim(award.awardId)}>
            {words.win.claimNow}
          </button>
        )}
      </StageMore>
    </>
  );
}

/** No more rounds, but the show goes on. */
export function Between({ stage }: { readonly stage: Stage & { kind: "between" } }) {
  const { words, text } = usePage();
  const { cue } = stage;
  return (
    <>
      <StageText
        eyebrow={cue === null ? words.hero.between : words.hero.onStage}
        title={cue === null ? words.hero.between : text(cue.title)}
        live={cue !== null}
      >
        {cue?.detail !== null && cue !== null && <p class="stage-fact">{text(cue.detail)}</p>}
        <p class="stage-fact">{words.hero.betweenMore}</p>
      </StageText>
      <Gate progress={0} tone="calm">
        <span class="gate-sign">
          <Icon name="live" />
        </span>
      </Gate>
      <StageMore />
    </>
  );
}

/** The night is over; its proofs stay. */
export function Ended() {
  const { words, state } = usePage();
  const counts = state.show?.counts;
  return (
    <>
      <StageText eyebrow={words.page.proofs} title={words.hero.ended}>
        <p class="stage-fact">{words.hero.endedMore}</p>
        {counts !== undefined && (
          <p class="stage-fact">{words.hero.endedCounts(counts.taps, counts.awards)}</p>
        )}
      </StageText>
      <Gate progress={1} tone="calm">
        <span class="gate-sign">
          <Icon name="proofs" />
        </span>
      </Gate>
      <StageMore>
        <a class="button gold" href="#proofs">
          {words.proofs.title}
        </a>
      </StageMore>
    </>
  );
}
