import type { Problem, StaffListView, StaffView } from "@wanhui/protocol";
import { type FormEvent, useCallback, useEffect, useState } from "react";
import { ask } from "../shared/http.ts";
import { useDesk } from "./context.tsx";
import { Dialog } from "./dialog.tsx";
import { useSending } from "./sending.ts";
import { Trouble } from "./trouble.tsx";

/** Somebody who opens a link is seen here soon; the list is some dozens of rows. */
const ASK_EVERY_MS = 5_000;

function useStaff() {
  const [list, setList] = useState<StaffListView | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = useCallback(async () => {
    const answer = await ask<StaffListView>("/api/studio/staff");
    setProblem(answer.ok ? null : answer.problem);
    if (answer.ok) setList(answer.value);
  }, []);
  useEffect(() => {
    void load();
    const timer = setInterval(load, ASK_EVERY_MS);
    return () => clearInterval(timer);
  }, [load]);
  return { list, problem, load };
}

/** Who has which role and since when; operators end roles. */
export function Staff({ onInvite }: { readonly onInvite: () => void }) {
  const { words, view, isOperator } = useDesk();
  const { list, problem, load } = useStaff();
  const [ending, setEnding] = useState<StaffView | null>(null);
  const [said, setSaid] = useState("");
  const { nowMs } = view.show;
  const mayEnter = (member: StaffView) => member.revokedAtMs === null && member.endsAtMs > nowMs;
  const here = (list?.staff ?? []).filter(mayEnter);
  // The newest of those who were here stand first: they are the ones somebody asks about.
  const past = (list?.staff ?? []).filter((member) => !mayEnter(member)).reverse();
  const rowOf = (member: StaffView) => (
    <Member key={member.staff} member={member} you={list?.you ?? null} onEnd={() => setEnding(member)} />
  );
  return (
    <section className="panel staff" aria-labelledby="staff-title">
      <h2 id="staff-title">{words.staff.title}</h2>
      <p className="said" role="status">
        {said}
      </p>
      {list === null && problem === null && <p className="soft">{words.awards.loading}</p>}
      <Trouble problem={problem} />
      {here.length === 1 && <p>{words.staff.alone}</p>}
      <ul>{here.map(rowOf)}</ul>
      {list !== null && isOperator && (
        <button type="button" className="button small" onClick={onInvite}>
          {words.invite.button}
        </button>
      )}
      {past.length > 0 && (
        <details className="past">
          <summary>{words.staff.past}</summary>
          <ul>{past.map(rowOf)}</ul>
        </details>
      )}
      {ending !== null && (
        <EndDialog
          member={ending}
          isSelf={ending.staff === list?.you}
          onClose={() => setEnding(null)}
          onDone={() => {
            setSaid(words.staff.done(ending.staff));
            setEnding(null);
            void load();
          }}
        />
      )}
    </section>
  );
}

function Member(props: {
  readonly member: StaffView;
  readonly you: string | null;
  readonly onEnd: () => void;
}) {
  const { words, format, view, isOperator } = useDesk();
  const { staff, role, invitedBy, createdAtMs, endsAtMs, revokedAtMs } = props.member;
  const isOver = endsAtMs <= view.show.nowMs;
  const end = isOver
    ? words.staff.lapsed(format.moment(endsAtMs))
    : words.staff.until(format.moment(endsAtMs));
  const facts = [
    words.staff.since(format.moment(createdAtMs)),
    revokedAtMs === null ? end : words.staff.ended(format.moment(revokedAtMs)),
    invitedBy === null ? words.staff.firstLink : words.staff.invitedBy(invitedBy),
  ];
  return (
    <li className="member">
      <div>
        <h3>
          {words.staff.roles[role]} <code>{staff}</code>
          {staff === props.you && <span className="tag">{words.staff.you}</span>}
        </h3>
        <p className="soft">{facts.join(" · ")}</p>
      </div>
      {isOperator && revokedAtMs === null && !isOver && (
        <button
          type="button"
          className="button small"
          aria-label={words.staff.endRoleOf(words.staff.roles[role], staff)}
          onClick={props.onEnd}
        >
          {words.staff.endRole}
        </button>
      )}
    </li>
  );
}

function EndDialog(props: {
  readonly member: StaffView;
  readonly isSelf: boolean;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const { words } = useDesk();
  const { staff, role } = props.member;
  const { busy, problem, run } = useSending();
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    const path = `/api/studio/staff/${encodeURIComponent(staff)}`;
    const done = await run(async () => {
      const answer = await ask<null>(path, { method: "DELETE" });
      return answer.ok ? null : answer.problem;
    });
    if (done) props.onDone();
  };
  return (
    <Dialog title={words.staff.endRoleOf(words.staff.roles[role], staff)} onClose={props.onClose}>
      <form onSubmit={onSubmit}>
        <p>{words.staff.endLead}</p>
        {props.isSelf && (
          <p>
            <strong>{words.staff.endSelf}</strong>
          </p>
        )}
        <Trouble problem={problem} />
        <p className="dialog-acts">
          <button type="submit" className="button danger" disabled={busy}>
            {busy ? words.sending : words.staff.endRole}
          </button>
          <button type="button" className="button" onClick={props.onClose}>
            {words.cancel}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
