import type { RoundView } from "@wanhui/protocol";
import type { ComponentChildren } from "preact";
import { lacksLevel } from "../model/state.ts";
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

/** What a round gives, and to whom. */
export function RoundFacts({ round }: { readonly round: RoundView }) {
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
    </>
  );
}
