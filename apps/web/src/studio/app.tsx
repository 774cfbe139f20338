// The studio: one screen, everything a director decides on.

import type { CueAction, SessionView, StudioCueView } from "@wanhui/protocol";
import { useEffect, useMemo, useState } from "react";
import { makeFormat } from "../shared/format.ts";
import { ask } from "../shared/http.ts";
import { localeOf, rememberLanguage, textIn } from "../shared/language.ts";
import { ActDialog } from "./act-dialog.tsx";
import { Acts } from "./acts.tsx";
import { type Desk, DeskContext, useDesk, useServerNow } from "./context.tsx";
import { type Feed, useFeed } from "./feed.ts";
import { HealthBar } from "./health-bar.tsx";
import { InviteDialog } from "./invite.tsx";
import { Numbers } from "./numbers.tsx";
import { NowAndNext, Rundown } from "./rundown.tsx";
import { Stop, stoppable } from "./stop.tsx";
import { type Words, wordsIn } from "./words.ts";

type Language = "zh" | "en";
const KEYS: Readonly<Record<string, CueAction>> = {
  a: "arm",
  h: "hold",
  l: "release",
  s: "skip",
  r: "rearm",
  c: "cancel",
};

function useRoles(state: Feed["state"]): readonly string[] {
  const [roles, setRoles] = useState<readonly string[]>([]);
  useEffect(() => {
    if (state !== "in") return;
    void ask<SessionView>("/api/session").then((answer) => {
      if (answer.ok) setRoles(answer.value.roles);
    });
  }, [state]);
  return roles;
}

/** The whole studio page. */
export function App({ first }: { readonly first: Language }) {
  const [language, setLanguage] = useState(first);
  const feed = useFeed();
  const roles = useRoles(feed.state);
  const format = useMemo(() => makeFormat(localeOf(language)), [language]);
  const words = useMemo(() => wordsIn(language, format), [language, format]);
  useEffect(() => {
    document.documentElement.lang = localeOf(language);
    document.title = `${words.title} · Wanhui`;
  }, [language, words]);
  const toggle = () => {
    const next = language === "zh" ? "en" : "zh";
    rememberLanguage(next);
    setLanguage(next);
  };
  if (feed.state !== "in" || feed.view === null) {
    return <Door feed={feed} words={words} language={language} onLanguage={toggle} />;
  }
  const desk: Desk = {
    words,
    format,
    text: (text) => textIn(language, text),
    feed,
    view: feed.view,
    mayAct: roles.includes("host") || roles.includes("operator"),
    mayInvite: roles.includes("operator"),
  };
  return (
    <DeskContext.Provider value={desk}>
      <HealthBar />
      <Board language={language} onLanguage={toggle} />
    </DeskContext.Provider>
  );
}

function Door(props: {
  readonly feed: Feed;
  readonly words: Words;
  readonly language: Language;
  readonly onLanguage: () => void;
}) {
  const { feed, words } = props;
  const closed = feed.state === "out" || feed.state === "forbidden";
  return (
    <main className="door">
      <h1>{closed ? words.door.title : words.title}</h1>
      {feed.state === "forbidden" && <p role="alert">{words.door.forbidden}</p>}
      <p role="status">
        {closed ? words.door.body : feed.state === "loading" ? words.door.loading : words.door.unreachable}
      </p>
      <p className="dialog-acts">
        {closed && (
          <button type="button" className="button primary" onClick={feed.again}>
            {words.door.retry}
          </button>
        )}
        <button
          type="button"
          className="button"
          lang={props.language === "zh" ? "en" : "zh-CN"}
          onClick={props.onLanguage}
        >
          {words.language}
        </button>
      </p>
    </main>
  );
}

/** Keys of a director. Nothing is done while something is being typed or a dialog is open. */
function useKeys(options: {
  readonly chosen: StudioCueView | null;
  readonly choose: (by: number) => void;
  readonly act: (cue: StudioCueView, action: CueAction) => void;
  readonly stop: () => void;
}) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const at = event.target;
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (at instanceof Element && at.closest("input, textarea, select, dialog, [role=alertdialog]") !== null)
        return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        options.choose(event.key === "ArrowDown" ? 1 : -1);
        return;
      }
      const key = event.key.toLowerCase();
      if (key === "x") options.stop();
      const action = KEYS[key];
      if (action === undefined || options.chosen === null) return;
      if (options.chosen.actions.includes(action)) options.act(options.chosen, action);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}

function Board(props: { readonly language: Language; readonly onLanguage: () => void }) {
  const { view, mayAct } = useDesk();
  const [chosenSlug, setChosenSlug] = useState<string | null>(null);
  const [acting, setActing] = useState<{ cue: StudioCueView; action: CueAction } | null>(null);
  const [stopAsked, setStopAsked] = useState(false);
  const [inviting, setInviting] = useState(false);
  const slug = chosenSlug ?? view.nextCue;
  const place = view.cues.findIndex((cue) => cue.cue === slug);
  const act = (cue: StudioCueView, action: CueAction) => {
    if (mayAct) setActing({ cue, action });
  };
  useKeys({
    chosen: view.cues[place] ?? null,
    choose: (by) =>
      setChosenSlug(view.cues[Math.max(0, Math.min(view.cues.length - 1, place + by))]?.cue ?? null),
    act,
    stop: () => {
      if (mayAct && stoppable(view.show.rounds) !== null) setStopAsked(true);
    },
  });
  return (
    <>
      <TopBar language={props.language} onLanguage={props.onLanguage} onInvite={() => setInviting(true)} />
      <main className="desk">
        <div className="desk-main">
          <div className="now-next">
            <NowAndNext />
            <Stop asked={stopAsked} onAsked={setStopAsked} />
          </div>
          <Rundown chosen={slug} onChoose={setChosenSlug} onAct={act} />
        </div>
        <div className="desk-side">
          <Numbers />
          <Acts />
        </div>
      </main>
      {acting !== null && <ActDialog {...acting} onClose={() => setActing(null)} />}
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
    </>
  );
}

function TopBar(props: {
  readonly language: Language;
  readonly onLanguage: () => void;
  readonly onInvite: () => void;
}) {
  const { words, format, text, view, feed, mayAct, mayInvite } = useDesk();
  const nowMs = useServerNow();
  return (
    <header className="bar">
      <div className="bar-name">
        <h1>
          {words.title} · {text(view.show.title)}
        </h1>
        <p className="soft">
          {view.show.run}
          {view.show.rehearsal && <span className="tag">{words.rehearsal}</span>}
          {view.show.beacon.level === "dev" && <span className="tag">{words.dev}</span>}
          {!mayAct && <span className="tag">{words.readOnly}</span>}
        </p>
      </div>
      <p className="bar-clock">
        <span className="unseen">{words.clock}</span>
        {format.clock(nowMs)}
      </p>
      <p className={feed.live ? "link-state" : "link-state lost"} role="status">
        {feed.live ? words.live : words.lost}
      </p>
      <p className="bar-acts">
        {mayInvite && (
          <button type="button" className="button small" onClick={props.onInvite}>
            {words.invite.button}
          </button>
        )}
        <a className="button small" href="/">
          {words.venue}
        </a>
        <button
          type="button"
          className="button small"
          lang={props.language === "zh" ? "en" : "zh-CN"}
          onClick={props.onLanguage}
        >
          {words.language}
        </button>
      </p>
    </header>
  );
}
