import type { ActView } from "@wanhui/protocol";
import { useState } from "react";
import { ask } from "../shared/http.ts";
import { actWords, repeatedActs } from "./act-words.ts";
import { useDesk } from "./context.tsx";
import { hashOf } from "./place.ts";

/** Who did what, when and why; newest first, never edited. */
export function Acts() {
  const { words, view } = useDesk();
  const [older, setOlder] = useState<readonly ActView[]>([]);
  const [ended, setEnded] = useState(false);
  const newest = view.acts[0]?.act ?? 0;
  const all = [...view.acts, ...older.filter((act) => !view.acts.some((each) => each.act === act.act))]
    .sort((left, right) => right.act - left.act)
    .filter((act) => act.act <= newest);
  const last = all.at(-1)?.act;
  const repeated = repeatedActs(all);
  const more = async () => {
    const answer = await ask<{ acts: readonly ActView[] }>(`/api/studio/acts?before=${last ?? 0}`);
    if (!answer.ok) return;
    setOlder([...older, ...answer.value.acts]);
    setEnded(answer.value.acts.length === 0);
  };
  return (
    <section className="panel acts" aria-labelledby="acts-title">
      <h2 id="acts-title">{words.acts.title}</h2>
      {all.length === 0 && <p className="soft">{words.acts.empty}</p>}
      <ol>
        {all.map((act) => (
          <Act key={act.act} act={act} isAgain={repeated.has(act.act)} />
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

function Act({ act, isAgain }: { readonly act: ActView; readonly isAgain: boolean }) {
  const desk = useDesk();
  const { words, format } = desk;
  const { name, target, award, reason } = actWords(act, desk);
  return (
    <li>
      <time dateTime={new Date(act.atMs).toISOString()}>{format.clock(act.atMs)}</time>{" "}
      <strong>{name}</strong>{" "}
      {award === null ? target : <a href={hashOf({ tab: "awards", award })}>{target}</a>}
      <span className="soft">
        {" "}
        · {words.acts.roles[act.role] ?? act.role} {shortWho(act)}
        {reason !== null && ` · ${reason}`}
        {isAgain && ` · ${words.acts.again}`}
      </span>
    </li>
  );
}

/** A member of staff without the role his name begins with; a user id, which is long, by its beginning. */
function shortWho({ who, role }: ActView): string {
  if (who.startsWith(`${role}-`)) return who.slice(role.length + 1);
  return who.length === 32 ? who.slice(0, 8) : who;
}
