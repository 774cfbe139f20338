import type { CueAction, Problem, StudioCueView } from "@wanhui/protocol";
import { type FormEvent, useState } from "react";
import { useDesk } from "./context.tsx";
import { Dialog } from "./dialog.tsx";
import { Trouble } from "./trouble.tsx";

/** A rearmed round starts this long from now unless another time is given; 15 s is the least. */
const REARM_SECONDS = 30;
const REARM_SECONDS_MIN = 15;

/** Asks once before an act on a cue: what it means, why, and for `rearm` when. */
export function ActDialog(props: {
  readonly cue: StudioCueView;
  readonly action: CueAction;
  readonly onClose: () => void;
}) {
  const { words, text, feed } = useDesk();
  const { cue, action } = props;
  const [reason, setReason] = useState("");
  const [seconds, setSeconds] = useState(REARM_SECONDS);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const trouble = await feed.act(`/api/studio/cues/${encodeURIComponent(cue.cue)}/${action}`, {
      ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
      ...(action === "rearm" ? { opensAtMs: Date.now() + feed.skewMs + seconds * 1_000 } : {}),
    });
    setBusy(false);
    setProblem(trouble);
    if (trouble === null) props.onClose();
  };
  return (
    <Dialog title={words.actionOf(words.actions[action], text(cue.title))} onClose={props.onClose}>
      <form onSubmit={onSubmit}>
        <p>{words.asks[action]}</p>
        {action === "rearm" && (
          <label className="field">
            {words.opensIn}
            <input
              type="number"
              min={REARM_SECONDS_MIN}
              max={86_400}
              required
              value={seconds}
              onChange={(event) => setSeconds(event.target.valueAsNumber)}
            />
          </label>
        )}
        <label className="field">
          {words.reasonOptional}
          <input value={reason} maxLength={200} onChange={(event) => setReason(event.target.value)} />
        </label>
        <Trouble problem={problem} />
        <p className="dialog-acts">
          <button type="submit" className="button primary" disabled={busy}>
            {busy ? words.sending : words.actions[action]}
          </button>
          <button type="button" className="button" onClick={props.onClose}>
            {words.cancel}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
