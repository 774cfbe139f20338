// What an operator does to one award. Both are safe to ask again: the same deadline or the same reason is the same act.

import type { AwardAction, Problem, StudioAwardView } from "@wanhui/protocol";
import { type FormEvent, useState } from "react";
import { ask } from "../shared/http.ts";
import { shortName, useAwardTitle } from "./award-row.tsx";
import { useDesk } from "./context.tsx";
import { Dialog } from "./dialog.tsx";
import { Field, REASON_CHARACTERS_MAX, showFaults, wholeNumber } from "./field.tsx";
import { type Sending, useSending } from "./sending.ts";
import { Trouble } from "./trouble.tsx";

const HOUR_MS = 3_600_000;
/** No show file gives a winner longer than 366 days (SH9). */
const EXTEND_HOURS_MAX = 366 * 24;
const EXTEND_HOURS_PRESETS = [1, 24, 72, 168] as const;
const EXTEND_HOURS = "24";

type Props = {
  readonly award: StudioAwardView;
  readonly onClose: () => void;
  /** Called with the award as it is now: after the act, and after a refusal that says it changed meanwhile. */
  readonly onAward: (award: StudioAwardView) => void;
  readonly onDone: (words: string) => void;
};

/** Sends an act on an award; a refused one fetches the award anew, because something has changed. */
function useAct({ award, onAward }: Pick<Props, "award" | "onAward">) {
  const { busy, problem, run } = useSending();
  const path = `/api/studio/awards/${award.awardId}`;
  const act = (action: AwardAction, body: object) =>
    run(async (): Promise<Problem | null> => {
      const answer = await ask<StudioAwardView>(`${path}/${action}`, { method: "POST", body });
      if (answer.ok) onAward(answer.value);
      else if (answer.problem.status !== 0) {
        const now = await ask<StudioAwardView>(path);
        if (now.ok) onAward(now.value);
      }
      return answer.ok ? null : answer.problem;
    });
  return { busy, problem, act };
}

function Presets<Value extends string | number>(props: {
  readonly values: readonly Value[];
  readonly say: (value: Value) => string;
  readonly onChoose: (value: Value) => void;
}) {
  return (
    <p className="presets">
      {props.values.map((value) => (
        <button key={value} type="button" className="button small" onClick={() => props.onChoose(value)}>
          {props.say(value)}
        </button>
      ))}
    </p>
  );
}

function Buttons(props: {
  readonly name: string;
  readonly tone: "primary" | "danger";
  readonly sending: Pick<Sending, "busy" | "problem">;
  readonly onClose: () => void;
}) {
  const { words } = useDesk();
  const { busy, problem } = props.sending;
  return (
    <>
      <Trouble problem={problem} />
      <p className="dialog-acts">
        <button type="submit" className={`button ${props.tone}`} disabled={busy}>
          {busy ? words.sending : props.name}
        </button>
        <button type="button" className="button" onClick={props.onClose}>
          {words.cancel}
        </button>
      </p>
    </>
  );
}

/** Gives a winner more time, once (AW5). */
export function ExtendDialog(props: Props & { readonly claimByMs: number }) {
  const { words, format } = useDesk();
  const title = useAwardTitle()(props.award);
  // Counted from the deadline it had when this was opened, so that asking again asks for the same one.
  const [fromMs] = useState(props.claimByMs);
  const [hours, setHours] = useState(EXTEND_HOURS);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, problem, act } = useAct(props);
  const count = wholeNumber(hours, 1, EXTEND_HOURS_MAX);
  const claimByMs = count === null ? null : fromMs + count * HOUR_MS;
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    showFaults(event.currentTarget, () => setTried(true));
    if (claimByMs === null || reason.trim() === "") return;
    const done = await act("extend", { claimByMs, reason: reason.trim() });
    if (done) props.onDone(words.awards.extended(format.moment(claimByMs)));
  };
  return (
    <Dialog
      title={words.awards.of(words.awards.extend, title, shortName(props.award.winner))}
      onClose={props.onClose}
    >
      <form onSubmit={onSubmit} noValidate>
        <p>{words.awards.extendLead(format.moment(fromMs))}</p>
        <Presets
          values={EXTEND_HOURS_PRESETS}
          say={words.awards.preset}
          onChoose={(value) => setHours(String(value))}
        />
        <Field
          label={words.awards.hours}
          type="number"
          inputMode="numeric"
          min={1}
          max={EXTEND_HOURS_MAX}
          value={hours}
          onValue={setHours}
          fault={tried && count === null ? words.awards.hoursRule(EXTEND_HOURS_MAX) : null}
        />
        {claimByMs !== null && <p className="soft">{words.awards.newDeadline(format.moment(claimByMs))}</p>}
        <Field
          label={words.field.reason}
          maxLength={REASON_CHARACTERS_MAX}
          value={reason}
          onValue={setReason}
          fault={tried && reason.trim() === "" ? words.field.reasonRule : null}
        />
        <Buttons
          name={words.awards.extend}
          tone="primary"
          sending={{ busy, problem }}
          onClose={props.onClose}
        />
      </form>
    </Dialog>
  );
}

/** Takes an award back, with a reason everybody can read (AW4). */
export function ForfeitDialog(props: Props) {
  const { words } = useDesk();
  const title = useAwardTitle()(props.award);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, problem, act } = useAct(props);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    showFaults(event.currentTarget, () => setTried(true));
    if (reason.trim() === "") return;
    if (await act("forfeit", { reason: reason.trim() })) props.onDone(words.awards.forfeited(title));
  };
  return (
    <Dialog
      title={words.awards.of(words.awards.forfeit, title, shortName(props.award.winner))}
      onClose={props.onClose}
    >
      <form onSubmit={onSubmit} noValidate>
        <p>{words.awards.forfeitLead}</p>
        <Presets values={words.awards.presets} say={(preset) => preset} onChoose={setReason} />
        <Field
          label={words.awards.forfeitReason}
          maxLength={REASON_CHARACTERS_MAX}
          value={reason}
          onValue={setReason}
          fault={tried && reason.trim() === "" ? words.field.reasonRule : null}
        />
        <Buttons
          name={words.awards.forfeit}
          tone="danger"
          sending={{ busy, problem }}
          onClose={props.onClose}
        />
      </form>
    </Dialog>
  );
}
