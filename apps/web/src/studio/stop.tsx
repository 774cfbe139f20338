// The big button. A stop is said, counted down, and can be taken back until it is sent.

import type { Problem, RoundView } from "@wanhui/protocol";
import { type FormEvent, useEffect, useState } from "react";
import { useDesk } from "./context.tsx";
import { Dialog } from "./dialog.tsx";
import { Trouble } from "./trouble.tsx";

/** Long enough to see a mistake, short enough that a real stop is not late by more than two windows. */
const UNDO_SECONDS = 5;
const STOPPABLE = new Set(["armed", "open"]);

type Sending = { readonly round: RoundView; readonly reason: string; readonly dueMs: number };

/** The round a stop would hit now: the open one, else the armed one. */
export function stoppable(rounds: readonly RoundView[]): RoundView | null {
  return (
    rounds.find((round) => round.phase === "open") ??
    rounds.find((round) => STOPPABLE.has(round.phase)) ??
    null
  );
}

/** The stop button, its dialog and its undo. */
export function Stop(props: { readonly asked: boolean; readonly onAsked: (asked: boolean) => void }) {
  const { words, text, view, mayAct } = useDesk();
  const [sending, setSending] = useState<Sending | null>(null);
  const round = stoppable(view.show.rounds);
  return (
    <div className="stop">
      <button
        type="button"
        className="stop-button"
        disabled={round === null || !mayAct || sending !== null}
        onClick={() => props.onAsked(true)}
      >
        {words.stop.button}
      </button>
      <p className="soft">{round === null ? words.stop.none : text(round.title)}</p>
      {props.asked && round !== null && mayAct && (
        <StopDialog
          round={round}
          onClose={() => props.onAsked(false)}
          onReason={(reason) => {
            props.onAsked(false);
            setSending({ round, reason, dueMs: Date.now() + UNDO_SECONDS * 1_000 });
          }}
        />
      )}
      {sending !== null && <Countdown sending={sending} onEnd={() => setSending(null)} />}
    </div>
  );
}

function StopDialog(props: {
  readonly round: RoundView;
  readonly onClose: () => void;
  readonly onReason: (reason: string) => void;
}) {
  const { words, text } = useDesk();
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const empty = reason.trim() === "";
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!empty) props.onReason(reason.trim());
  };
  return (
    <Dialog title={words.stop.title(text(props.round.title))} onClose={props.onClose}>
      <form onSubmit={onSubmit} noValidate>
        <p>{words.stop.lead}</p>
        <p className="presets">
          {words.stop.presets.map((preset) => (
            <button key={preset} type="button" className="button" onClick={() => setReason(preset)}>
              {preset}
            </button>
          ))}
        </p>
        <label className="field">
          {words.reason}
          <input
            value={reason}
            maxLength={200}
            required
            aria-invalid={tried && empty}
            aria-describedby={tried && empty ? "stop-fault" : undefined}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
        {tried && empty && (
          <p className="trouble" id="stop-fault" role="alert">
            {words.stop.needReason}
          </p>
        )}
        <p className="dialog-acts">
          <button type="submit" className="button danger">
            {words.stop.confirm}
          </button>
          <button type="button" className="button" onClick={props.onClose}>
            {words.cancel}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function Countdown({ sending, onEnd }: { readonly sending: Sending; readonly onEnd: () => void }) {
  const { words, text, feed } = useDesk();
  const [nowMs, setNowMs] = useState(() => Date.now());
  const [problem, setProblem] = useState<Problem | null>(null);
  const [step, setStep] = useState<"counting" | "sending" | "sent" | "failed">("counting");
  const { act } = feed;
  useEffect(() => {
    const clock = setInterval(() => setNowMs(Date.now()), 200);
    const path = `/api/studio/draws/${encodeURIComponent(sending.round.draw)}/stop`;
    const due = setTimeout(async () => {
      setStep("sending");
      const trouble = await act(path, { reason: sending.reason });
      setProblem(trouble);
      setStep(trouble === null ? "sent" : "failed");
    }, sending.dueMs - Date.now());
    return () => {
      clearInterval(clock);
      clearTimeout(due);
    };
  }, [sending, act]);
  const seconds = Math.max(0, Math.ceil((sending.dueMs - nowMs) / 1_000));
  const said = {
    counting: words.stop.counting(seconds, text(sending.round.title)),
    sending: words.sending,
    sent: words.stop.sent,
    failed: words.stop.failed,
  };
  return (
    <div className="undo" role="alertdialog" aria-label={words.stop.button}>
      <p role="status">{said[step]}</p>
      <Trouble problem={problem} />
      {step !== "sending" && (
        // biome-ignore lint/a11y/noAutofocus: the one thing to do here has five seconds
        <button type="button" className="button primary" autoFocus onClick={onEnd}>
          {step === "counting" ? words.stop.undo : words.stop.close}
        </button>
      )}
    </div>
  );
}
