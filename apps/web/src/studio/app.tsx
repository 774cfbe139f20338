// The studio: one screen, everything a director decides on.

import type { SessionView } from "@wanhui/protocol";
import { useEffect, useMemo, useState } from "react";
import { makeFormat } from "../shared/format.ts";
import { ask } from "../shared/http.ts";
import { localeOf, rememberLanguage, textIn } from "../shared/language.ts";
import { Board } from "./board.tsx";
import { type Desk, DeskContext } from "./context.tsx";
import { Door } from "./door.tsx";
import { type Feed, useFeed } from "./feed.ts";
import { HealthBar } from "./health-bar.tsx";
import { wordsIn } from "./words.ts";

type Language = "zh" | "en";

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
    isOperator: roles.includes("operator"),
    maySeeStaff: roles.includes("operator") || roles.includes("auditor"),
  };
  return (
    <DeskContext.Provider value={desk}>
      <HealthBar />
      <Board language={language} onLanguage={toggle} />
    </DeskContext.Provider>
  );
}
