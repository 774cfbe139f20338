import type { ActView } from "@wanhui/protocol";
import { useState } from "react";
import { ask } from "../shared/http.ts";
import { useDesk } from "./context.tsx";

/** Who did what, when and why; newest first, never edited. */
export function Acts() {
  const { words, format, text, view } = useDesk();
  const [older, setOlder] = useState<readonly ActView[]>([]);
  const [ended, setEnded] = useState(false);
  const newest = view.acts[0]?.act ?? 0;
  const all = [...view.acts, ...older.filter((act) => !view.acts.some((each) => each.act === act.act))]
    .sort((left, right) => right.act - left.act)
    .filter((act) => act.act <= newest);
  const last = all.at(-1)?.act;
  const more = async () => {
    const answer = await ask<{ acts: readonly ActView[] }>(`/api/studio/acts?before=${last ?? 0}`);
    if (!answer.ok) return;
    setOlder([...older, ...answer.value.acts]);
    setEnded(answer.value.acts.length === 0);
  };
  const target = (act: ActView) => {
    const cue = view.cues.find((each) => each.cue === act.target);
    const round = view.show.rounds.find((each) => each.draw === act.target);
    return cue !== undefined ? text(cue.title) : round !== undefined ? text(round.title) : act.target;
  };
  return (
    <section className="panel acts" aria-labelledby="acts-title">
      <h2 id="acts-title">{words.acts.title}</h2>
      {all.length === 0 && <p className="soft">{words.acts.empty}</p>}
      <ol>
        {all.map((act) => (
          <li key={act.act}>
            <time dateTime={new Date(act.atMs).toISOString()}>{format.clock(act.atMs)}</time>{" "}
            <strong>{words.acts.names[act.action] ?? act.action}</strong> {target(act)}
            <span className="soft">
              {" "}
              · {words.acts.roles[act.role] ?? act.role} {act.who.slice(0, 8)}
              {act.reason !== null && ` · ${act.reason}`}
            </span>
          </li>
        ))}
      </ol>
      {all.length > 0 && !ended && last !== undefined && last > 1 && (
        <button type="button" className="button small" onClick={more}>
          {words.acts.more}
        </button>
      )}
    </section>
  );
}
