import type { FieldFault } from "../model/address.ts";
import { usePage } from "./page.tsx";

/** One field with its label above and its fault below, tied together for a screen reader. */
export function Field(props: {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly autoComplete: string;
  readonly fault: FieldFault | null;
  readonly optional?: boolean;
  readonly inputMode?: "tel" | "text";
  readonly onValue: (value: string) => void;
}) {
  const { words } = usePage();
  const id = `field-${props.name}`;
  return (
    <div class={props.fault === null ? "field" : "field wrong"}>
      <label for={id}>
        {props.label}
        {props.optional === true && <span class="optional"> ({words.claim.optional})</span>}
      </label>
      <input
        id={id}
        name={props.name}
        value={props.value}
        autoComplete={props.autoComplete}
        inputMode={props.inputMode ?? "text"}
        required={props.optional !== true}
        aria-invalid={props.fault !== null}
        aria-describedby={props.fault === null ? undefined : `${id}-fault`}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
      {props.fault !== null && (
        <p class="fault" id={`${id}-fault`}>
          {words.claim[props.fault]}
        </p>
      )}
    </div>
  );
}
