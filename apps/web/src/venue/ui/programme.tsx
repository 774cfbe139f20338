import type { CueView } from "@wanhui/protocol";
import { useState } from "preact/hooks";
import { fileStem, saveFile } from "../../shared/download.ts";
import { calendarFile } from "../model/calendar.ts";
import { Icon } from "./icons.tsx";
import { MINUTE_HAND_MS, useNow, usePage } from "./page.tsx";

/** A reminder comes this long before; later than that there is nothing left to remind of. */
const REMIND_BEFORE_MS = 60_000;

/** Over plain http browsers refuse every notification: then only the calendar is offered. */
const canNotify = "Notification" in globalThis && globalThis.isSecureContext;

/** Tonight, in order: what is on stage, what comes, what is over. */
export function Programme({ venue }: { readonly venue: string }) {
  const { words, state } = usePage();
  const nowMs = useNow(MINUTE_HAND_MS);
  const { show } = state;
  if (show === null) return null;
  const main = show.venues.find((each) => each.main)?.slug;
  const cues = show.cues
    .filter((cue) => cue.kind !== "say" && (venue === main || cue.venue === venue))
    .sort((left, right) => left.atMs - right.atMs);
  const next = cues.find((cue) => cue.state === "pending" && cue.atMs > nowMs);
  return (
    <section class="part programme" id="programme" aria-labelledby="programme-title">
      <h2 id="programme-title">{words.programme.title}</h2>
      {cues.length === 0 ? (
        <p class="empty">{words.programme.empty}</p>
      ) : (
        <ol class="cues">
          {cues.map((cue) => (
            <CueRow key={cue.cue} cue={cue} next={cue === next} foreign={cue.venue !== main} nowMs={nowMs} />
          ))}
        </ol>
      )}
      <p class="note">{canNotify ? words.programme.remindMore : words.programme.calendarMore}</p>
    </section>
  );
}

function CueRow(props: {
  readonly cue: CueView;
  readonly next: boolean;
  readonly foreign: boolean;
  readonly nowMs: number;
}) {
  const { words, format, text, state } = usePage();
  const { cue } = props;
  const badges: Partial<Record<CueView["state"], string>> = {
    live: words.programme.now,
    done: words.programme.done,
    skipped: words.programme.skipped,
    missed: words.programme.missed,
    held: words.programme.held,
  };
  const badge = badges[cue.state];
  const venue = state.show?.venues.find((each) => each.slug === cue.venue);
  const remindable =
    (cue.kind === "round" || cue.kind === "rain") &&
    (cue.state === "pending" || cue.state === "armed") &&
    cue.atMs - props.nowMs > REMIND_BEFORE_MS;
  return (
    <li class={`cue ${cue.state} ${cue.kind}`} aria-current={cue.state === "live" ? "true" : undefined}>
      <time class="cue-time" dateTime={new Date(cue.atMs).toISOString()}>
        {format.minute(cue.atMs)}
      </time>
      <div class="cue-text">
        <p class="cue-title">
          {text(cue.title)}
          {badge !== undefined && <span class={`badge ${cue.state}`}>{badge}</span>}
          {badge === undefined && props.next && <span class="badge next">{words.programme.next}</span>}
        </p>
        {cue.detail !== null && <p class="cue-detail">{text(cue.detail)}</p>}
        {props.foreign && venue !== undefined && <p class="cue-detail">{text(venue.title)}</p>}
        {remindable && <Reminders cue={cue} />}
      </div>
    </li>
  );
}

function Reminders({ cue }: { readonly cue: CueView }) {
  const { words, text, store } = usePage();
  const [asked, setAsked] = useState<"no" | "yes" | "denied">("no");
  const title = text(cue.title);
  const remind = async () => {
    const permission = await Notification.requestPermission();
    setAsked(permission === "granted" ? "yes" : "denied");
    if (permission !== "granted") return;
    const waitMs = cue.atMs - REMIND_BEFORE_MS - store.nowMs();
    setTimeout(() => notify(words.programme.soonTitle(title), cue.cue), Math.max(0, waitMs));
  };
  const toCalendar = () => {
    const file = calendarFile({
      id: `${store.state.show?.run ?? "show"}-${cue.cue}`,
      title,
      startsAtMs: cue.atMs,
      endsAtMs: cue.endsAtMs ?? cue.atMs + REMIND_BEFORE_MS,
      url: location.origin,
      madeAtMs: store.nowMs(),
    });
    saveFile(`${fileStem(cue.cue)}.ics`, "text/calendar", file);
  };
  return (
    <p class="cue-acts">
      {canNotify && (
        <button
          type="button"
          class="button small plain"
          disabled={asked === "yes"}
          aria-label={asked === "yes" ? undefined : words.programme.remindOf(title)}
          onClick={remind}
        >
          <Icon name={asked === "yes" ? "check" : "bell"} />
          {asked === "yes" ? words.programme.reminded : words.programme.remind}
        </button>
      )}
      <button
        type="button"
        class="button small plain"
        aria-label={words.programme.calendarOf(title)}
        onClick={toCalendar}
      >
        <Icon name="calendar" />
        {words.programme.calendar}
      </button>
      {asked === "denied" && <span role="status">{words.programme.denied}</span>}
    </p>
  );
}

function notify(title: string, tag: string): void {
  try {
    new Notification(title, { tag });
  } catch {
    // Some phones allow notifications from service workers only; the calendar file is offered beside.
  }
}
