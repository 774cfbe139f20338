// Claiming in three taps: open, confirm the address, pay. Every kind of award has its own form.

import { newRequestId } from "@wanhui/client";
import type { AwardView } from "@wanhui/protocol";
import { useState } from "preact/hooks";
import { ask } from "../../shared/http.ts";
import { recall, remember } from "../../shared/memory.ts";
import { isContact } from "../model/address.ts";
import { AddressForm } from "./address-form.tsx";
import { Field } from "./field.tsx";
import { Modal } from "./modal.tsx";
import { usePage } from "./page.tsx";
import { pictureOf } from "./prize-wall.tsx";
import { refused, type SendClaim, Trouble, useFaultFocus, useSending } from "./sending.tsx";

/** A short mark of a text (FNV-1a, 32 bits), so that the address itself is not kept: the server has the last word anyway. */
function fingerprint(text: string): number {
  let mark = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) mark = Math.imul(mark ^ text.charCodeAt(at), 0x01000193);
  return mark >>> 0;
}

/**
 * The key under which a wish is sent, the same on every try: a lost answer never claims twice. Another address, or an
 * order after one that expired, is another wish.
 */
function claimKey(award: AwardView, body: unknown): string {
  const name = `wanhui.claim.${award.awardId}`;
  const before = award.claim?.type === "order" ? award.claim.order.orderId : null;
  const wish = fingerprint(JSON.stringify([before, body]));
  const known = recall<{ readonly wish: number; readonly key: string }>(name);
  if (known?.wish === wish) return known.key;
  // Not `crypto.randomUUID`: pages over plain http, as phones on the same network open them, have none.
  const key = newRequestId();
  remember(name, { wish, key });
  return key;
}

/** Problems that mean: what was sent first stands, look at it. */
const REFRESHING = new Set(["award.wrong_state", "award.committed_elsewhere", "idempotency.conflict"]);

/** The claim form of one award. */
export function Claim({ award, onClose }: { readonly award: AwardView; readonly onClose: () => void }) {
  const { words, format, text, store } = usePage();
  const [payUrl, setPayUrl] = useState<string | null>(null);
  const title = words.claim.title(text(award.prize.title));
  const send: SendClaim = async (body) => {
    const path = `/api/awards/${encodeURIComponent(award.awardId)}/claim`;
    const answer = await ask<AwardView>(path, {
      method: "POST",
      body,
      key: claimKey(award, body),
      token: store.token,
    });
    if (!answer.ok) {
      if (REFRESHING.has(answer.problem.code)) await store.refreshAwards();
      return answer.problem;
    }
    store.replaceAward(answer.value);
    const { claim } = answer.value;
    if (claim?.type === "order" && claim.order.payUrl !== null) {
      setPayUrl(claim.order.payUrl);
      location.assign(claim.order.payUrl);
    } else {
      onClose();
    }
    return null;
  };
  const { kind } = award.prize;
  const lead = {
    goods: words.claim.goodsLead(format.money(award.prize.price)),
    coupon: words.claim.couponLead,
    cash: words.claim.cashLead(format.money(award.prize.value ?? award.prize.worth)),
    right: words.claim.rightLead,
  }[kind];
  return (
    <Modal title={title} kind="sheet" onClose={onClose}>
      <div class="claim-head">
        <img src={pictureOf(award.prize)} alt="" width={80} height={80} />
        <p>{lead}</p>
      </div>
      {payUrl !== null ? (
        <p role="status">
          {words.claim.toPay}{" "}
          <a class="link" href={payUrl}>
            {words.claim.payHere}
          </a>
        </p>
      ) : kind === "goods" ? (
        <AddressForm award={award} send={send} />
      ) : kind === "right" ? (
        <RightForm send={send} />
      ) : (
        <OnePress kind={kind} send={send} />
      )}
    </Modal>
  );
}

function OnePress({ kind, send }: { readonly kind: "coupon" | "cash"; readonly send: SendClaim }) {
  const { words } = usePage();
  const { busy, problem, submit } = useSending(send);
  return (
    <>
      {problem !== null && <Trouble problem={problem} />}
      <button type="button" class="button red wide" disabled={busy} onClick={() => submit({ kind })}>
        {busy ? words.claim.sending : kind === "coupon" ? words.claim.getCoupon : words.claim.getCash}
      </button>
    </>
  );
}

function RightForm({ send }: { readonly send: SendClaim }) {
  const { words } = usePage();
  const { busy, problem, submit } = useSending(send);
  const [name, setName] = useState("");
  const [contact, setContact] = useState("");
  const [tries, setTries] = useState(0);
  const tried = tries > 0;
  const form = useFaultFocus(tries, problem);
  const faults = {
    name: name.trim() === "" ? ("required" as const) : refused(problem, "name"),
    contact:
      contact.trim() === ""
        ? ("required" as const)
        : isContact(contact.trim())
          ? refused(problem, "contact")
          : ("badContact" as const),
  };
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTries(tries + 1);
        if (name.trim() !== "" && isContact(contact.trim()))
          void submit({ kind: "right", name: name.trim(), contact: contact.trim() });
      }}
    >
      {problem !== null && <Trouble problem={problem} />}
      <Field
        name="name"
        label={words.claim.name}
        value={name}
        autoComplete="name"
        fault={tried ? faults.name : null}
        onValue={setName}
      />
      <Field
        name="contact"
        label={words.claim.contact}
        value={contact}
        autoComplete="tel"
        fault={tried ? faults.contact : null}
        onValue={setContact}
      />
      <button type="submit" class="button red wide" disabled={busy}>
        {busy ? words.claim.sending : words.claim.register}
      </button>
    </form>
  );
}
