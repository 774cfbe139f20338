import type { StudioPoolView } from "@wanhui/protocol";
import { type FormEvent, useState } from "react";
import { useDesk } from "./context.tsx";
import { Dialog } from "./dialog.tsx";
import { Field, REASON_CHARACTERS_MAX, showFaults } from "./field.tsx";
import { type PoolAction, useChange } from "./pool-change.ts";
import { Trouble } from "./trouble.tsx";

/** Adds units to a pool, or withdraws units nobody has. */
export function PoolDialog(props: {
  readonly pool: StudioPoolView;
  readonly title: string;
  readonly action: PoolAction;
  readonly onClose: () => void;
  readonly onDone: (words: string) => void;
}) {
  const { words } = useDesk();
  const { pool, title, action } = props;
  const change = useChange(pool, action);
  const [tried, setTried] = useState(false);
  const locked = change.pending !== null;
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    showFaults(event.currentTarget, () => setTried(true));
    const done = await change.submit();
    const say = action === "restock" ? words.pools.restocked : words.pools.withdrew;
    if (done !== null) props.onDone(say(done, title));
  };
  const isRestock = action === "restock";
  const unitsRule = change.most === 0 ? words.pools.nothingFree : words.pools.unitsRule(change.most);
  const after = change.count === null ? null : pool.free + (isRestock ? change.count : -change.count);
  return (
    <Dialog title={words.pools.of(words.pools[action], title)} onClose={props.onClose}>
      <form onSubmit={onSubmit} noValidate>
        <p>{words.pools[`${action}Lead`]}</p>
        <Field
          label={words.pools.units}
          type="number"
          inputMode="numeric"
          min={1}
          max={change.most}
          readOnly={locked}
          value={change.units}
          onValue={change.setUnits}
          fault={tried && change.count === null ? unitsRule : null}
        />
        {after !== null && !locked && <p className="soft">{words.pools.after(after)}</p>}
        <Field
          label={words.field.reason}
          maxLength={REASON_CHARACTERS_MAX}
          readOnly={locked}
          value={change.reason}
          onValue={change.setReason}
          fault={tried && change.reason.trim() === "" ? words.field.reasonRule : null}
        />
        <Buttons change={change} action={action} onClose={props.onClose} />
      </form>
    </Dialog>
  );
}

function Buttons(props: {
  readonly change: ReturnType<typeof useChange>;
  readonly action: PoolAction;
  readonly onClose: () => void;
}) {
  const { words } = useDesk();
  const { pending, problem, busy, discard } = props.change;
  const locked = pending !== null;
  const name = locked ? words.pools.again : words.pools[props.action];
  return (
    <>
      {locked ? (
        <p className="trouble" role="alert">
          {words.pools.unanswered}
        </p>
      ) : (
        <Trouble problem={problem} />
      )}
      <p className="dialog-acts">
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? words.sending : name}
        </button>
        {locked && (
          <button type="button" className="button" disabled={busy} onClick={discard}>
            {words.pools.discard}
          </button>
        )}
        <button type="button" className="button" onClick={props.onClose}>
          {words.cancel}
        </button>
      </p>
    </>
  );
}
