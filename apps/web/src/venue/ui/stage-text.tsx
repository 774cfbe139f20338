import type { RoundView } from "@wanhui/protocol";
import type { ComponentChildren } from "preact";
import { spoken } from "../model/stage.ts";
import { lacksLevel } from "../model/state.ts";
import { CheckLine } from "./check-line.tsx";
import { Icon } from "./icons.tsx";
import { usePage } from "./page.tsx";

/** Eyebrow, title and facts: the left half on a wide screen. */
export function StageText(props: {
  readonly eyebrow: string;
  readonly title: string;
  readonly live?: boolean;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="stage-text">
      <p class={props.live === true ? "eyebrow live" : "eyebrow"}>{props.eyebrow}</p>
      <h2 id="stage-title" class="stage-title">
        {props.title}
      </h2>
      {props.children}
    </div>
  );
}

/** Below the gate, or under the text on a wide screen. Its room is the same in every state, so that nothing jumps. */
export function StageMore({ children }: { readonly children?: ComponentChildren }) {
  return (
    <div class="stage-more">
      {children}
      <Presenter />
    </div>
  );
}

function Presenter() {
  const { words, text, state } = usePage();
  const said = state.show === null ? null : spoken(state.show);
  if (said === null) return null;
  return (
    <div class="presenter">
      <p class="presenter-who">
        <Icon name="voice" /> <span>{words.hero.presenter}</span>
      </p>
      <p class="presenter-words">{text(said.title)}</p>
      {said.detail !== null && <p class="presenter-detail">{text(said.detail)}</p>}
    </div>
  );
}

/** What a round gives, and to whom; and its bot check. @param open whether it takes entries now */
export function RoundFacts({ round, open }: { readonly round: RoundView; readonly open: boolean }) {
  const { words, state } = usePage();
  const units = round.schedule.reduce((sum, each) => sum + each, 0);
  return (
    <>
      <p class="stage-fact">
        {words.hero.facts(units, round.schedule.length)} · {words.hero.cap(round.capPerUser)}
      </p>
      {round.enter !== "guest" && (
        <p class="stage-fact strong entry-level">
          {words.hero.enterLevel[round.enter]}
          {lacksLevel(state, round) && ` ${words.hero.signInFirst}`}
        </p>
      )}
      <CheckLine what={round.draw} asked={round.botCheck} open={open} />
    </>
  );
}
