import type { AwardAction, AwardState, StudioAwardView } from "@wanhui/protocol";
import { useState } from "react";
import { ExtendDialog, ForfeitDialog } from "./award-dialogs.tsx";
import { type AwardList, useAwardList } from "./award-list.ts";
import { AwardRow } from "./award-row.tsx";
import { useDesk } from "./context.tsx";
import { FindAward, FoundAward } from "./find-award.tsx";
import { AWARD_STATES, type Place } from "./place.ts";
import { Trouble } from "./trouble.tsx";

type Acting = { readonly award: StudioAwardView; readonly action: AwardAction };

/** Everybody's awards, newest first; operators extend and forfeit. */
export function Awards(props: { readonly place: Place; readonly onPlace: (place: Partial<Place>) => void }) {
  const { words, isOperator } = useDesk();
  const { state, award } = props.place;
  const list = useAwardList(state);
  const [acting, setActing] = useState<Acting | null>(null);
  const [changed, setChanged] = useState<StudioAwardView | null>(null);
  const [said, setSaid] = useState("");
  const onAct = (award: StudioAwardView, action: AwardAction) => setActing({ award, action });
  return (
    <section className="panel awards" aria-labelledby="awards-title">
      <h2 id="awards-title">{words.awards.title}</h2>
      <p className="said" role="status">
        {said}
      </p>
      {!isOperator && <p className="soft">{words.awards.readOnly}</p>}
      <FindAward award={award} onFind={(id) => props.onPlace({ tab: "awards", state, award: id })} />
      {award === null ? (
        <>
          <Filter state={state} onState={(next) => props.onPlace({ tab: "awards", state: next })} />
          <List list={list} state={state} onAct={onAct} />
        </>
      ) : (
        <FoundAward
          award={award}
          changed={changed}
          onAct={onAct}
          onBack={() => props.onPlace({ tab: "awards", state })}
        />
      )}
      {acting !== null && (
        <ActOn
          {...acting}
          onClose={() => setActing(null)}
          onAward={(now) => {
            list.put(now);
            setChanged(now);
          }}
          onDone={(words) => {
            setActing(null);
            setSaid(words);
          }}
        />
      )}
    </section>
  );
}

function ActOn(
  props: Acting & {
    readonly onClose: () => void;
    readonly onAward: (award: StudioAwardView) => void;
    readonly onDone: (words: string) => void;
  },
) {
  const { action, ...rest } = props;
  const { claimByMs } = props.award;
  if (action === "forfeit") return <ForfeitDialog {...rest} />;
  return claimByMs === null ? null : <ExtendDialog {...rest} claimByMs={claimByMs} />;
}

function Filter(props: {
  readonly state: AwardState | null;
  readonly onState: (state: AwardState | null) => void;
}) {
  const { words } = useDesk();
  const chips = [null, ...AWARD_STATES];
  return (
    <>
      <fieldset className="chips">
        <legend className="unseen">{words.awards.filter}</legend>
        {chips.map((state) => (
          <button
            key={state ?? "all"}
            type="button"
            className="chip"
            aria-pressed={state === props.state}
            onClick={() => props.onState(state)}
          >
            {state === null ? words.awards.all : words.awards.states[state]}
          </button>
        ))}
      </fieldset>
      <p className="soft">{words.awards.means[props.state ?? "all"]}</p>
    </>
  );
}

function List(props: {
  readonly list: AwardList;
  readonly state: AwardState | null;
  readonly onAct: (award: StudioAwardView, action: AwardAction) => void;
}) {
  const { words } = useDesk();
  const { shown, problem, fresh, freshMany, showNewest, more } = props.list;
  if (shown === null) {
    return problem === null ? <p className="soft">{words.awards.loading}</p> : <Trouble problem={problem} />;
  }
  const isEmpty = shown.awards.length === 0 && shown.next === null;
  const sayFresh = freshMany ? words.awards.freshMany : words.awards.fresh;
  return (
    <>
      {isEmpty && <p>{props.state === null ? words.awards.empty : words.awards.emptyState}</p>}
      {fresh > 0 && (
        <button type="button" className="button small primary" onClick={showNewest}>
          {sayFresh(fresh)}
        </button>
      )}
      <ul className="award-list">
        {shown.awards.map((award) => (
          <AwardRow key={award.awardId} award={award} onAct={props.onAct} />
        ))}
      </ul>
      <Trouble problem={problem} />
      {shown.next !== null && (
        <button type="button" className="button small" onClick={more}>
          {words.awards.more}
        </button>
      )}
    </>
  );
}
