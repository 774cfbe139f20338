import type { Address, AwardView } from "@wanhui/protocol";
import { useState } from "preact/hooks";
import { forget, recall, remember } from "../../shared/memory.ts";
import {
  addressFaults,
  addressStyle,
  COUNTRIES,
  emptyAddress,
  fieldOrder,
  isOptional,
  trimmed,
} from "../model/address.ts";
import { Field } from "./field.tsx";
import { usePage } from "./page.tsx";
import { refused, type SendClaim, Trouble, useFaultFocus, useSending } from "./sending.tsx";

const KEY = "wanhui.address";

const AUTOCOMPLETE: Readonly<Record<keyof Address, string>> = {
  name: "name",
  phone: "tel",
  country: "country",
  region: "address-level1",
  city: "address-level2",
  line1: "address-line1",
  line2: "address-line2",
  postcode: "postal-code",
};

/** The delivery address; sent once, remembered on this device only when asked. */
export function AddressForm({ award, send }: { readonly award: AwardView; readonly send: SendClaim }) {
  const { words, format } = usePage();
  const [address, setAddress] = useState<Address>(() => recall<Address>(KEY) ?? emptyAddress("CN"));
  const [keep, setKeep] = useState(() => recall(KEY) !== null);
  const [tries, setTries] = useState(0);
  const tried = tries > 0;
  const { busy, problem, submit } = useSending(send);
  const form = useFaultFocus(tries, problem);
  const faults = addressFaults(address);
  const order = fieldOrder(address.country);
  const labels = {
    ...words.address[addressStyle(address.country)],
    name: words.claim.name,
    phone: words.claim.phone,
  };
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    setTries(tries + 1);
    if (order.some((field) => faults[field] !== undefined)) return;
    if (keep) remember(KEY, trimmed(address));
    else forget(KEY);
    await submit({ kind: "goods", address: trimmed(address) });
  };
  return (
    <form ref={form} noValidate onSubmit={onSubmit}>
      {problem !== null && <Trouble problem={problem} />}
      {tried && Object.keys(faults).length > 0 && (
        <p class="trouble" role="alert">
          {words.claim.fix(Object.keys(faults).length)}
        </p>
      )}
      <CountryField address={address} onChange={setAddress} />
      {order.map((field) => (
        <Field
          key={field}
          name={field}
          label={labels[field as keyof typeof labels]}
          value={address[field]}
          autoComplete={AUTOCOMPLETE[field]}
          inputMode={field === "phone" ? "tel" : "text"}
          optional={isOptional(address.country, field)}
          fault={tried ? (faults[field] ?? refused(problem, field)) : null}
          onValue={(value) => setAddress({ ...address, [field]: value })}
        />
      ))}
      <label class="check">
        <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
        <span>
          {words.claim.remember} <span class="note">{words.claim.rememberMore}</span>
        </span>
      </label>
      <button type="submit" class="button red wide" disabled={busy}>
        {busy ? words.claim.sending : words.claim.goPay(format.money(award.prize.price))}
      </button>
    </form>
  );
}

function CountryField(props: { readonly address: Address; readonly onChange: (address: Address) => void }) {
  const { words, format } = usePage();
  const names = new Intl.DisplayNames([format.locale], { type: "region" });
  return (
    <div class="field">
      <label for="field-country">{words.claim.country}</label>
      <select
        id="field-country"
        name="country"
        autoComplete="country"
        value={props.address.country}
        onChange={(event) => props.onChange({ ...props.address, country: event.currentTarget.value })}
      >
        {COUNTRIES.map((code) => (
          <option key={code} value={code}>
            {names.of(code) ?? code}
          </option>
        ))}
      </select>
    </div>
  );
}
