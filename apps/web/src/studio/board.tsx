import type { CueAction, StudioCueView } from "@wanhui/protocol";
import { useState } from "react";
import { ActDialog } from "./act-dialog.tsx";
import { Acts } from "./acts.tsx";
import { Awards } from "./awards.tsx";
import { useDesk } from "./context.tsx";
import { InviteDialog } from "./invite.tsx";
import { useKeys } from "./keys.ts";
import { Numbers } from "./numbers.tsx";
import { TABS, usePlace } from "./place.ts";
import { Pools } from "./pools.tsx";
import { NowAndNext, Rundown } from "./rundown.tsx";
import { Staff } from "./staff.tsx";
import { Stop, stoppable } from "./stop.tsx";
import { Tabs } from "./tabs.tsx";
import { TopBar } from "./top-bar.tsx";

/** Now, next and stop always in sight; below them one part of the studio at a time, the rundown first. */
export function Board(props: { readonly language: "zh" | "en"; readonly onLanguage: () => void }) {
  const { view, mayAct, maySeeStaff } = useDesk();
  const [place, go] = usePlace();
  const [chosenSlug, setChosenSlug] = useState<string | null>(null);
  const [acting, setActing] = useState<{ cue: StudioCueView; action: CueAction } | null>(null);
  const [stopAsked, setStopAsked] = useState(false);
  const [inviting, setInviting] = useState(false);
  const tabs = TABS.filter((tab) => tab !== "staff" || maySeeStaff);
  const tab = tabs.includes(place.tab) ? place.tab : "rundown";
  const slug = chosenSlug ?? view.nextCue;
  const cues = view.cues;
  const at = cues.findIndex((cue) => cue.cue === slug);
  const isRundown = tab === "rundown";
  const act = (cue: StudioCueView, action: CueAction) => {
    if (mayAct) setActing({ cue, action });
  };
  const choose = (by: number) =>
    setChosenSlug(cues[Math.max(0, Math.min(cues.length - 1, at + by))]?.cue ?? null);
  useKeys({
    chosen: isRundown ? (cues[at] ?? null) : null,
    choose: isRundown ? choose : null,
    act,
    stop: () => {
      if (mayAct && stoppable(view.show.rounds) !== null) setStopAsked(true);
    },
    tabs,
    onTab: (next) => go({ tab: next }),
  });
  return (
    <>
      <TopBar language={props.language} onLanguage={props.onLanguage} onInvite={() => setInviting(true)} />
      <main className="desk">
        <div className={`desk-main at-${tab}`}>
          <div className="now-next">
            <NowAndNext />
            <Stop asked={stopAsked} onAsked={setStopAsked} />
          </div>
          <Tabs tabs={tabs} tab={tab} onTab={(next) => go({ tab: next })}>
            {isRundown && <Rundown chosen={slug} onChoose={setChosenSlug} onAct={act} />}
            {tab === "pools" && <Pools />}
            {tab === "awards" && <Awards place={place} onPlace={go} />}
            {tab === "staff" && <Staff onInvite={() => setInviting(true)} />}
          </Tabs>
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
