import type { AwardView, OrderView } from "@wanhui/protocol";
import { useEffect, useState } from "preact/hooks";
import { copyText } from "../../shared/copy.ts";
import { fileStem, saveFile } from "../../shared/download.ts";
import { ask } from "../../shared/http.ts";
import { receiptUrl } from "../../shared/links.ts";
import { awardGroup, nextAct, sortAwards } from "../model/awards.ts";
import { stageOf } from "../model/stage.ts";
import { enteredWindows, lookAt, visibleAwards } from "../model/state.ts";
import { Icon } from "./icons.tsx";
import { MINUTE_HAND_MS, useNow, usePage } from "./page.tsx";
import { pictureOf } from "./prize-wall.tsx";

/** What one has won: what to do next, and until when. */
export function Mine() {
  const { words, state } = usePage();
  const nowMs = useNow(MINUTE_HAND_MS);
  const { show } = state;
  if (show === null) return null;
  const awards = sortAwards(visibleAwards(state, nowMs), nowMs);
  const ended = stageOf(lookAt(state, show, nowMs)).kind === "ended";
  return (
    <section class="part mine" id="mine" aria-labelledby="mine-title">
      <h2 id="mine-title">{words.mine.title}</h2>
      {awards.length === 0 ? (
        <div class="empty">
          <p class="empty-title">{words.mine.empty}</p>
          <p>{ended ? words.mine.emptyEnded : words.mine.emptyMore}</p>
        </div>
      ) : (
        <>
          {show.rehearsal && <p class="note">{words.mine.rehearsal}</p>}
          <ul class="awards">
            {awards.map((award) => (
              <AwardCard key={award.awardId} award={award} nowMs={nowMs} />
            ))}
          </ul>
        </>
      )}
      <Receipts />
    </section>
  );
}

function AwardCard({ award, nowMs }: { readonly award: AwardView; readonly nowMs: number }) {
  const { words, format, text } = usePage();
  const group = awardGroup(award, nowMs);
  const title = text(award.prize.title);
  return (
    <li class={`award ${group}`} id={`award-${award.awardId}`} tabIndex={-1}>
      <img src={pictureOf(award.prize)} alt="" width={80} height={80} loading="lazy" />
      <div class="award-text">
        <p class="award-head">
          <strong>{title}</strong>
          <span class={`badge ${group}`}>{words.mine.states[group]}</span>
        </p>
        <p class="award-worth">{words.prizes.worth(format.money(award.prize.worth))}</p>
        <AwardState award={award} nowMs={nowMs} />
      </div>
    </li>
  );
}

function AwardState({ award, nowMs }: { readonly award: AwardView; readonly nowMs: number }) {
  const { words, format, text, claim } = usePage();
  const next = nextAct(award, nowMs);
  if (next.act === "claim") {
    return (
      <>
        {next.byMs !== null && <p>{words.mine.claimBy(when(format, next.byMs, nowMs))}</p>}
        <button
          type="button"
          class="button red"
          aria-label={words.mine.claimOf(text(award.prize.title))}
          onClick={() => claim(award.awardId)}
        >
          {words.mine.claim}
        </button>
      </>
    );
  }
  if (award.state === "forfeited") return <p>{words.mine.forfeited(award.reason ?? "")}</p>;
  const done = award.claim;
  if (done?.type === "order") return <OrderState order={done.order} nowMs={nowMs} />;
  if (done?.type === "coupon") return <Coupon code={done.code} untilMs={done.validUntilMs} />;
  if (done?.type === "credit") {
    return <p>{words.mine.credited(format.money(done.amount), format.minute(done.creditedAtMs))}</p>;
  }
  if (done?.type === "right") {
    return (
      <>
        <p>{words.mine.registered(format.minute(done.registeredAtMs))}</p>
        <p>
          {words.mine.reference} <code>{done.reference}</code>
        </p>
        <p>{words.mine.contactAt(done.contact)}</p>
      </>
    );
  }
  return <p>{words.mine.expired}</p>;
}

/** A deadline of today by its minute, a later one with its day. */
function when(
  format: { minute: (ms: number) => string; moment: (ms: number) => string },
  atMs: number,
  nowMs: number,
) {
  return atMs - nowMs < 12 * 3_600_000 ? format.minute(atMs) : format.moment(atMs);
}

/** How often an unpaid order is asked after, in case its news was lost. */
const ORDER_POLL_MS = 4_000;

function OrderState({ order, nowMs }: { readonly order: OrderView; readonly nowMs: number }) {
  const { words, format, store, payProblem } = usePage();
  const { orderId, state } = order;
  useEffect(() => {
    if (state !== "placed") return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void store.refreshAwards();
    }, ORDER_POLL_MS);
    return () => clearInterval(timer);
  }, [store, state]);
  return (
    <>
      {state === "placed" && order.payUrl !== null && (
        <>
          {payProblem !== null && (
            <p class="trouble" role="alert">
              {words.refusal[payProblem] ?? words.refusal.other}
            </p>
          )}
          <p>{words.mine.payBy(when(format, order.payByMs, nowMs))}</p>
          {/* Pages that take money stand in no frame. */}
          <a
            class="button red"
            href={order.payUrl}
            {...(parent === window ? {} : { target: "_blank", rel: "noopener" })}
          >
            {words.mine.pay(format.money(order.amount))}
          </a>
        </>
      )}
      {state === "paid" && (
        <p class="paid">
          <Icon name="check" /> {words.mine.paid(format.minute(order.paidAtMs ?? nowMs))}
        </p>
      )}
      {state === "expired" && <p>{words.mine.orderExpired}</p>}
      {order.refundDue && <p>{words.mine.refundDue}</p>}
      <p class="note">{words.mine.shipTo(order.shipTo)}</p>
      <p class="note">
        {words.mine.orderNo} <code>{orderId.slice(0, 12)}</code>
      </p>
    </>
  );
}

function Coupon({ code, untilMs }: { readonly code: string; readonly untilMs: number }) {
  const { words, format } = usePage();
  const [copied, setCopied] = useState(false);
  // Where nothing can be copied the code is still selectable text.
  const copy = async () => setCopied(await copyText(code));
  return (
    <>
      <p class="coupon">
        <span class="unseen">{words.mine.coupon}</span>
        <code>{code}</code>
        <button type="button" class="button small plain" onClick={copy}>
          <Icon name={copied ? "check" : "copy"} />
          <span aria-live="polite">{copied ? words.mine.copied : words.mine.copy}</span>
        </button>
      </p>
      <p class="note">{words.mine.validUntil(format.moment(untilMs))}</p>
    </>
  );
}

function Receipts() {
  const { words, state, text, store } = usePage();
  const [failed, setFailed] = useState(false);
  const rounds = (state.show?.rounds ?? [])
    .map((round) => ({ round, windows: enteredWindows(state, round.draw) }))
    .filter(({ windows }) => windows.length > 0);
  const seals = state.heard.count;
  if (rounds.length === 0 && seals === 0) return null;
  const fetchReceipt = async (draw: string, window: number) => {
    const answer = await ask<unknown>(receiptUrl(draw, window), { token: store.token });
    setFailed(!answer.ok);
    if (answer.ok) {
      const name = `receipt-${fileStem(draw)}-${window + 1}.json`;
      saveFile(name, "application/json", JSON.stringify(answer.value));
    }
  };
  return (
    <details class="receipts">
      <summary>{words.mine.receipts}</summary>
      <p class="note">{words.mine.receiptsMore}</p>
      {rounds.map(({ round, windows }) => (
        <div key={round.draw} class="receipt-row">
          <p>{text(round.title)}</p>
          <p class="receipt-links">
            {windows.map((window) => (
              <button
                key={window}
                type="button"
                class="button small plain"
                aria-label={words.mine.receiptOf(text(round.title), window + 1)}
                onClick={() => fetchReceipt(round.draw, window)}
              >
                <Icon name="down" />
                {words.mine.receipt(window + 1)}
              </button>
            ))}
          </p>
        </div>
      ))}
      {failed && <p role="alert">{words.mine.receiptNotYet}</p>}
      {seals > 0 && <HeardSeals count={seals} />}
    </details>
  );
}

function HeardSeals({ count }: { readonly count: number }) {
  const { words, state, store } = usePage();
  const save = () =>
    saveFile(`heard-${state.show?.run ?? "show"}.ndjson`, "application/x-ndjson", store.heard());
  return (
    <>
      <p class="note">
        {state.show?.beacon.level === "dev" ? words.proofs.heardDev(count) : words.proofs.heardMore(count)}
      </p>
      {!state.heard.lasting && <p role="status">{words.proofs.heardNotKept}</p>}
      <button type="button" class="button small plain" onClick={save}>
        <Icon name="down" />
        {words.proofs.heard}
      </button>
    </>
  );
}
