import type { CueAction, StudioCueView } from "@wanhui/protocol";
import { useEffect, useRef } from "react";
import { countdown } from "../shared/format.ts";
import { useDesk, useServerNow } from "./context.tsx";

/** Current and next cue, always in sight. */
export function NowAndNext() {
  const { words, text, view, format } = useDesk();
  const nowMs = useServerNow();
  const find = (slug: string | null) => view.cues.find((cue) => cue.cue === slug) ?? null;
  const rows = [
    { name: words.now, cue: find(view.currentCue), tone: "now" },
    { name: words.next, cue: find(view.nextCue), tone: "next" },
  ];
  return (
    <>
      {rows.map(({ name, cue, tone }) => (
        <div key={tone} className={`panel cue-big ${tone}`}>
          <p className="soft">{name}</p>
          <p className="cue-name">{cue === null ? words.nothing : text(cue.title)}</p>
          {cue !== null && (
            <p className="cue-when">
              {words.kinds[cue.kind]} · {format.clock(cue.atMs)} ·{" "}
              <strong>
                {cue.atMs > nowMs
                  ? words.in(countdown(cue.atMs - nowMs))
                  : words.late(countdown(nowMs - cue.atMs))}
              </strong>{" "}
              <span className={`state ${cue.state}`}>{words.states[cue.state]}</span>
            </p>
          )}
        </div>
      ))}
    </>
  );
}

/** Every cue in order with what can be done to it. */
export function Rundown(props: {
  readonly chosen: string | null;
  readonly onChoose: (cue: string) => void;
  readonly onAct: (cue: StudioCueView, action: CueAction) => void;
}) {
  const { words, view } = useDesk();
  return (
    <section className="panel rundown" aria-labelledby="rundown-title">
      <h2 id="rundown-title">{words.rundown}</h2>
      <p className="soft keys">{words.keys}</p>
      <ol>
        {view.cues.map((cue) => (
          <CueRow key={cue.cue} cue={cue} {...props} />
        ))}
      </ol>
    </section>
  );
}

function CueRow(props: {
  readonly cue: StudioCueView;
  readonly chosen: string | null;
  readonly onChoose: (cue: string) => void;
  readonly onAct: (cue: StudioCueView, action: CueAction) => void;
}) {
  const { words, text, view, format, mayAct } = useDesk();
  const { cue } = props;
  const row = useRef<HTMLLIElement>(null);
  const chosen = props.chosen === cue.cue;
  useEffect(() => {
    if (chosen) row.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const isNow = view.currentCue === cue.cue;
  const isNext = view.nextCue === cue.cue;
  const title = text(cue.title);
  const marks = `${chosen ? " chosen" : ""}${isNow ? " now" : ""}${isNext ? " next" : ""}`;
  return (
    <li
      ref={row}
      className={`cue ${cue.state} ${cue.kind}${marks}`}
      aria-current={chosen ? "true" : undefined}
    >
      <button type="button" className="cue-choose" onClick={() => props.onChoose(cue.cue)}>
        <span className="cue-time">{format.clock(cue.atMs)}</span>
        <span className="cue-kind">{words.kinds[cue.kind]}</span>
        <span className="cue-title">
          {title}
          {cue.reason !== null && <span className="soft"> · {cue.reason}</span>}
        </span>
        <span className={`state ${cue.state}`}>{words.states[cue.state]}</span>
      </button>
      {mayAct && cue.actions.length > 0 && (
        <span className="cue-acts">
          {cue.actions.map((action) => (
            <button
              key={action}
              type="button"
              className={action === "arm" ? "button small primary" : "button small"}
              aria-label={words.actionOf(words.actions[action], title)}
              onClick={() => props.onAct(cue, action)}
            >
              {words.actions[action]}
            </button>
          ))}
        </span>
      )}
    </li>
  );
}
