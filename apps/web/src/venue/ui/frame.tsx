// What stands around the stage: the bar at the top, the notices, the bar at the bottom, the settings.

import { useEffect, useState } from "preact/hooks";
import type { Language } from "../../shared/language.ts";
import { awardGroup } from "../model/awards.ts";
import { isOpen } from "../model/stage.ts";
import { visibleAwards } from "../model/state.ts";
import { Icon, type IconName } from "./icons.tsx";
import { Modal } from "./modal.tsx";
import { MINUTE_HAND_MS, SECOND_HAND_MS, useNow, usePage } from "./page.tsx";

/** Show, day, language, settings. */
export function TopBar() {
  const { words, format, text, state, openSettings, language, setLanguage } = usePage();
  const { show } = state;
  return (
    <header class="top">
      <div class="top-name">
        <h1>{show === null ? "万汇 Wanhui" : text(show.title)}</h1>
        {show !== null && (
          <p>
            {format.day(show.startsAtMs)}
            {show.theme === "gala" && language === "zh" && (
              <> · {words.page.lunar(format.lunarDay(show.startsAtMs))}</>
            )}
            {show.counts.viewers > 0 && <> · {words.page.viewers(show.counts.viewers)}</>}
          </p>
        )}
      </div>
      <nav class="top-nav" aria-label={words.page.sections}>
        <Sections proofs />
      </nav>
      <button
        type="button"
        class="top-button"
        lang={language === "zh" ? "en" : "zh-CN"}
        onClick={(event) => {
          setLanguage(language === "zh" ? "en" : "zh");
          // Pressed by a pointer it must not keep the space bar; by a key (no clicks counted) the focus stays.
          if (event.detail > 0) event.currentTarget.blur();
        }}
      >
        {language === "zh" ? "English" : "中文"}
      </button>
      <button type="button" class="top-button" aria-label={words.page.settings} onClick={openSettings}>
        <Icon name="settings" />
      </button>
    </header>
  );
}

function Sections({ proofs = false }: { readonly proofs?: boolean }) {
  const { words, state } = usePage();
  const nowMs = useNow(MINUTE_HAND_MS);
  const todo = visibleAwards(state, nowMs).filter((award) =>
    ["todo", "pay"].includes(awardGroup(award, nowMs)),
  ).length;
  const items: readonly (readonly [IconName, string])[] = [
    ["live", words.page.live],
    ["prizes", words.page.prizes],
    ["mine", words.page.mine],
    ["programme", words.page.programme],
    // A thumb's bar has room for four; proofs are linked from every prize.
    ...(proofs ? [["proofs", words.page.proofs] as const] : []),
  ];
  return (
    <ul>
      {items.map(([name, label]) => (
        <li key={name}>
          <a
            href={`#${name}`}
            aria-label={name === "mine" && todo > 0 ? words.page.mineCount(todo) : undefined}
          >
            <Icon name={name} />
            <span>{label}</span>
            {name === "mine" && todo > 0 && <b class="count">{todo}</b>}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The thumb's bar on a phone. */
export function BottomBar() {
  const { words } = usePage();
  return (
    <nav class="bottom" aria-label={words.page.sections}>
      <Sections />
    </nav>
  );
}

/** Quiet lines under the top: the connection, a rehearsal, an unsafe beacon. */
export function Notices() {
  const { words, state } = usePage();
  const { link, uncounted, show } = state;
  const offline =
    link === "lost" ? words.notice.lost : link === "connecting" ? words.notice.connecting : null;
  return (
    <div class="notices">
      <div role="status" class={offline === null && uncounted === 0 ? "unseen" : "notice link"}>
        {offline !== null && <p>{offline}</p>}
        {offline === null && uncounted > 0 && <p>{words.notice.back}</p>}
        {uncounted > 0 && <p>{words.notice.uncounted(uncounted)}</p>}
      </div>
      {show?.rehearsal === true && (
        <Explained name={words.notice.rehearsal} more={words.notice.rehearsalMore} />
      )}
      {show?.beacon.level === "dev" && <Explained name={words.notice.dev} more={words.notice.devMore} />}
    </div>
  );
}

function Explained({ name, more }: { readonly name: string; readonly more: string }) {
  const { words } = usePage();
  return (
    <details class="notice explained">
      <summary>
        <strong>{name}</strong> <span>{words.page.more}</span>
      </summary>
      <p>{more}</p>
    </details>
  );
}

/** When the stage is scrolled away and a round is open: a way back to it. */
export function StageAway() {
  const { words, text, state } = usePage();
  const nowMs = useNow(SECOND_HAND_MS);
  const [away, setAway] = useState(false);
  useEffect(() => {
    const stage = document.getElementById("live");
    if (stage === null) return;
    const observer = new IntersectionObserver(([entry]) => setAway(entry?.isIntersecting === false));
    observer.observe(stage);
    return () => observer.disconnect();
  }, []);
  const round = state.show?.rounds.find((each) => isOpen(each, nowMs));
  if (!away || round === undefined) return null;
  return (
    <a class="stage-away" href="#live">
      <span>{words.hero.openElsewhere(text(round.title))}</span>
      <strong>{words.hero.toStage}</strong>
    </a>
  );
}

/** Shaking, motion, language. */
export function Settings({ onClose }: { readonly onClose: () => void }) {
  const { words, wishes, setWishes, language, setLanguage } = usePage();
  const languages: readonly (readonly [Language, string])[] = [
    ["zh", "中文"],
    ["en", "English"],
  ];
  return (
    <Modal title={words.settings.title} kind="sheet" onClose={onClose}>
      <label class="check">
        <input
          type="checkbox"
          checked={wishes.shake}
          onChange={(event) => setWishes({ ...wishes, shake: event.currentTarget.checked })}
        />
        <span>
          {words.settings.shake} <span class="note">{words.settings.shakeMore}</span>
        </span>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={wishes.motion}
          onChange={(event) => setWishes({ ...wishes, motion: event.currentTarget.checked })}
        />
        <span>
          {words.settings.motion} <span class="note">{words.settings.motionMore}</span>
        </span>
      </label>
      <fieldset class="choice">
        <legend>{words.settings.language}</legend>
        {languages.map(([code, name]) => (
          <label key={code} class="check" lang={code === "zh" ? "zh-CN" : "en"}>
            <input
              type="radio"
              name="language"
              checked={language === code}
              onChange={() => setLanguage(code)}
            />
            <span>{name}</span>
          </label>
        ))}
      </fieldset>
    </Modal>
  );
}
