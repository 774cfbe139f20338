import { type InputHTMLAttributes, useId } from "react";
import { flushSync } from "react-dom";

type InputProps = Pick<
  InputHTMLAttributes<HTMLInputElement>,
  "type" | "inputMode" | "min" | "max" | "maxLength" | "readOnly" | "autoComplete" | "spellCheck"
>;

/** A labelled input; its fault, when there is one, names the field and the rule and is read with it. */
export function Field(
  props: InputProps & {
    readonly label: string;
    readonly value: string;
    readonly fault: string | null;
    readonly onValue: (value: string) => void;
  },
) {
  const { label, value, fault, onValue, ...input } = props;
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        value={value}
        required
        aria-invalid={fault !== null}
        aria-describedby={fault === null ? undefined : `${id}-fault`}
        onChange={(event) => onValue(event.target.value)}
      />
      {fault !== null && (
        <p className="trouble" id={`${id}-fault`} role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

/** Longest reason kept (CU6), as the server has it. */
export const REASON_CHARACTERS_MAX = 500;

/** A whole number between two bounds, or null. */
export function wholeNumber(text: string, least: number, most: number): number | null {
  const value = Number(text);
  return text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most ? value : null;
}

/**
 * Marks what is at fault in a form and puts the cursor into the first such field, before anything else can happen: a
 * frame later it would take the cursor, and what is being typed, out of another field.
 */
export function showFaults(form: HTMLFormElement, mark: () => void): void {
  flushSync(mark);
  form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
}
