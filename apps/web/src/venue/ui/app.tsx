// The venue: state in, page out.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { makeFormat } from "../../shared/format.ts";
import { type Language, localeOf, rememberLanguage, textIn } from "../../shared/language.ts";
import { recall, remember } from "../../shared/memory.ts";
import { pseudo, pseudoWords } from "../../shared/pseudo.ts";
import { askForShake, listenForShakes, noticeMotion, shakeAccess } from "../input/shake.ts";
import { listenForSpace } from "../input/space-bar.ts";
import { type VenueState, visibleAwards } from "../model/state.ts";
import type { VenueStore } from "../model/store.ts";
import { en } from "../words/en.ts";
import { zh } from "../words/zh.ts";
import { Announcer } from "./announcer.tsx";
import { BootFace } from "./boot.tsx";
import { Claim } from "./claim.tsx";
import { BottomBar, Notices, Settings, StageAway, TopBar } from "./frame.tsx";
import { Hero } from "./hero.tsx";
import { Mine } from "./mine.tsx";
import { type Page, PageContext, type Wishes } from "./page.tsx";
import { PrizeWall, Proofs } from "./prize-wall.tsx";
import { Programme } from "./programme.tsx";
import { Win } from "./win.tsx";

const WISHES_KEY = "wanhui.wishes";
const ALL_ON: Wishes = { shake: true, motion: true };

function useStoreState(store: VenueStore) {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    // What happened between the first render and now must not be missed.
    setState(store.state);
    return store.subscribe(() => setState(store.state));
  }, [store]);
  return state;
}

function useWords(language: Language) {
  return useMemo(() => {
    const format = makeFormat(localeOf(language));
    const english = language === "zh" ? null : en(format);
    const words = english === null ? zh(format) : language === "xx" ? pseudoWords(english) : english;
    return { format, words };
  }, [language]);
}

/** Back from paying: the order's card is what the person looks for. What went wrong there is said beside it. */
function useReturn(awards: VenueState["awards"]): string | null {
  const [back] = useState(() => new URLSearchParams(location.search));
  const award = awards.find(
    (each) => each.claim?.type === "order" && each.claim.order.orderId === back.get("order"),
  );
  const awardId = award?.awardId;
  useEffect(() => {
    if (awardId === undefined) return;
    history.replaceState(null, "", location.pathname);
    const card = document.getElementById(`award-${awardId}`);
    card?.scrollIntoView({ block: "center" });
    card?.focus({ preventScroll: true });
  }, [awardId]);
  return back.get("problem");
}

/** The whole page. */
export function App({ store, first }: { readonly store: VenueStore; readonly first: Language }) {
  const state = useStoreState(store);
  const [language, setLanguageState] = useState(first);
  const [wishes, setWishesState] = useState<Wishes>(() => ({ ...ALL_ON, ...recall<Wishes>(WISHES_KEY) }));
  const [shake, setShake] = useState(shakeAccess);
  const [claiming, setClaiming] = useState<string | null>(null);
  const [settings, setSettings] = useState(false);
  const { format, words } = useWords(language);
  useEffect(() => listenForSpace(store), [store]);
  const title = state.show?.title;
  useEffect(() => {
    document.documentElement.lang = localeOf(language);
    if (title !== undefined) document.title = textIn(language, title);
  }, [language, title]);
  // Layout effects: what the page says (calm, ready to be shaken) is true by the time it is seen.
  useLayoutEffect(() => {
    document.documentElement.classList.toggle("still", !wishes.motion);
  }, [wishes.motion]);
  useEffect(() => {
    document.documentElement.dataset.theme = state.show?.theme ?? "gala";
  }, [state.show?.theme]);
  const shaking = wishes.shake && shake === "ready";
  useLayoutEffect(() => (shaking ? listenForShakes(() => store.tap()) : undefined), [store, shaking]);
  useEffect(() => (shake === "ask" ? noticeMotion(() => setShake("ready")) : undefined), [shake]);
  const payProblem = useReturn(state.awards);
  const claim = useCallback((awardId: string) => setClaiming(awardId), []);
  const page: Page = {
    store,
    state,
    words,
    format,
    language,
    text: (text) => (language === "xx" ? pseudo(text.en) : textIn(language, text)),
    wishes,
    shake,
    askShake: () => void askForShake().then(setShake),
    setWishes: (wanted) => {
      remember(WISHES_KEY, wanted);
      setWishesState(wanted);
    },
    setLanguage: (wanted) => {
      rememberLanguage(wanted);
      setLanguageState(wanted);
    },
    claim,
    payProblem,
    openSettings: () => setSettings(true),
  };
  const claimed = state.awards.find((award) => award.awardId === claiming);
  return (
    <PageContext.Provider value={page}>
      <a class="skip" href="#main">
        {words.page.skip}
      </a>
      <TopBar />
      <main id="main" tabIndex={-1}>
        {state.show === null ? (
          <BootFace />
        ) : (
          <VenueParts hasAwards={visibleAwards(state, store.nowMs()).length > 0} store={store} />
        )}
      </main>
      {state.show !== null && <BottomBar />}
      <Announcer />
      {settings && <Settings onClose={() => setSettings(false)} />}
      {claimed !== undefined && <Claim award={claimed} onClose={() => setClaiming(null)} />}
      {state.celebrate !== null && claimed === undefined && <Win award={state.celebrate} />}
    </PageContext.Provider>
  );
}

function VenueParts({ hasAwards, store }: { readonly hasAwards: boolean; readonly store: VenueStore }) {
  const venues = store.state.show?.venues ?? [];
  const [venue, setVenue] = useState(venues.find((each) => each.main)?.slug ?? venues[0]?.slug ?? "main");
  const wide = useWide();
  return (
    <>
      <Notices />
      <Hero />
      <StageAway />
      <Layout
        wide={wide}
        prizes={<PrizeWall venue={venue} onVenue={setVenue} />}
        mine={<Mine />}
        programme={<Programme venue={venue} />}
        proofs={<Proofs />}
        mineFirst={hasAwards}
      />
    </>
  );
}

/** Whether there is room for two columns. */
function useWide(): boolean {
  const [wide, setWide] = useState(() => matchMedia("(min-width: 900px)").matches);
  useEffect(() => {
    const query = matchMedia("(min-width: 900px)");
    const changed = () => setWide(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return wide;
}

/** The parts in reading order: two columns where there is room, else what is to be done first. */
function Layout(props: {
  readonly wide: boolean;
  readonly mineFirst: boolean;
  readonly prizes: ComponentChildren;
  readonly mine: ComponentChildren;
  readonly programme: ComponentChildren;
  readonly proofs: ComponentChildren;
}) {
  const { prizes, mine, programme, proofs } = props;
  if (props.wide) {
    return (
      <div class="parts two">
        <div>
          {prizes}
          {proofs}
        </div>
        <div>
          {mine}
          {programme}
        </div>
      </div>
    );
  }
  return (
    <div class="parts">
      {props.mineFirst && mine}
      {prizes}
      {!props.mineFirst && mine}
      {programme}
      {proofs}
    </div>
  );
}
