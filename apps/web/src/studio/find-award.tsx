import type { AwardAction, Problem, StudioAwardView } from "@wanhui/protocol";
import { type FormEvent, useEffect, useState } from "react";
import { ask } from "../shared/http.ts";
import { AwardRow } from "./award-row.tsx";
import { useDesk } from "./context.tsx";
import { Field, showFaults } from "./field.tsx";
import { isAwardId } from "./place.ts";
import { Trouble } from "./trouble.tsx";

/** Asks for an award's id. */
export function FindAward(props: {
  readonly award: string | null;
  readonly onFind: (award: string) => void;
}) {
  const { words } = useDesk();
  const [id, setId] = useState(props.award ?? "");
  const [tried, setTried] = useState(false);
  useEffect(() => setId(props.award ?? ""), [props.award]);
  const wanted = id.trim().toLowerCase();
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    showFaults(event.currentTarget, () => setTried(true));
    if (!isAwardId(wanted)) return;
    setTried(false);
    props.onFind(wanted);
  };
  return (
    <search>
      <form className="find" onSubmit={onSubmit} noValidate>
        <Field
          label={words.awards.findLabel}
          value={id}
          onValue={setId}
          autoComplete="off"
          spellCheck={false}
          fault={tried && !isAwardId(wanted) ? words.awards.findRule : null}
        />
        <button type="submit" className="button">
          {words.awards.find}
        </button>
      </form>
    </search>
  );
}

/** The one award that was looked for. `changed` is what an act made of it meanwhile. */
export function FoundAward(props: {
  readonly award: string;
  readonly changed: StudioAwardView | null;
  readonly onAct: (award: StudioAwardView, action: AwardAction) => void;
  readonly onBack: () => void;
}) {
  const { words } = useDesk();
  const [found, setFound] = useState<StudioAwardView | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { award: id, changed } = props;
  useEffect(() => {
    let ended = false;
    setFound(null);
    setProblem(null);
    void ask<StudioAwardView>(`/api/studio/awards/${id}`).then((answer) => {
      if (ended) return;
      setFound(answer.ok ? answer.value : null);
      setProblem(answer.ok ? null : answer.problem);
    });
    return () => {
      ended = true;
    };
  }, [id]);
  const award = changed?.awardId === id ? changed : found;
  return (
    <div className="found">
      <h3>{words.awards.found}</h3>
      {award === null && problem === null && <p className="soft">{words.awards.loading}</p>}
      <Trouble problem={problem} />
      {award !== null && (
        <ul>
          <AwardRow award={award} onAct={props.onAct} />
        </ul>
      )}
      <button type="button" className="button small" onClick={props.onBack}>
        {words.awards.back}
      </button>
    </div>
  );
}
