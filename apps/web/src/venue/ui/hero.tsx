// The stage: whatever matters most at this second, in one place and one frame.

import { countdown, spanParts } from "../../shared/format.ts";
import { type Coming, isRaining, opensAtMs, SOON_MS, type Stage, stageOf, titleOf } from "../model/stage.ts";
import { lookAt } from "../model/state.ts";
import { Between, Drawing, Ended, Result } from "./after.tsx";
import { CheckLine } from "./check-line.tsx";
import { Gate } from "./gate.tsx";
import { Icon } from "./icons.tsx";
import { OpenRound } from "./open-round.tsx";
import { SECOND_HAND_MS, useNow, usePage } from "./page.tsx";
import { pictureOf } from "./prize-wall.tsx";
import { RainStage, RainStrip } from "./rain.tsx";
import { ShakeOffer } from "./shake-offer.tsx";
import { RoundFacts, StageMore, StageText } from "./stage-text.tsx";

/** The stage, and what can be grabbed beside an open round. */
export function Hero() {
  const { state } = usePage();
  const nowMs = useNow(SECOND_HAND_MS);
  const { show } = state;
  if (show === null) return null;
  const input = lookAt(state, show, nowMs);
  const stage = stageOf(input);
  return (
    <section
      class={show.picture === null ? `hero ${stage.kind}` : `hero pictured ${stage.kind}`}
      id="live"
      aria-labelledby="stage-title"
    >
      {show.picture !== null && (
        <img class="hero-picture" src={show.picture} alt="" decoding="async" fetchpriority="low" />
      )}
      <div class="hero-frame">
        <StageView stage={stage} nowMs={nowMs} />
      </div>
      {show.rains
        .filter((rain) => isRaining(rain, nowMs) && stage.kind !== "rain")
        .map((rain) => (
          <RainStrip key={rain.slug} rain={rain} nowMs={nowMs} />
        ))}
    </section>
  );
}

function StageView({ stage, nowMs }: { readonly stage: Stage; readonly nowMs: number }) {
  switch (stage.kind) {
    case "waiting":
      return <Waiting stage={stage} nowMs={nowMs} />;
    case "held":
      return <Held coming={stage.coming} />;
    case "open":
      return <OpenRound stage={stage} nowMs={nowMs} />;
    case "rain":
      return <RainStage rain={stage.rain} nowMs={nowMs} />;
    case "drawing":
      return <Drawing stage={stage} nowMs={nowMs} />;
    case "result":
      return <Result stage={stage} nowMs={nowMs} />;
    case "between":
      return <Between stage={stage} />;
    case "ended":
      return <Ended />;
  }
}

function Waiting({ stage, nowMs }: { readonly stage: Stage & { kind: "waiting" }; readonly nowMs: number }) {
  const { words, format, text } = usePage();
  const { coming, soon, first } = stage;
  const atMs = opensAtMs(coming);
  const leftMs = atMs - nowMs;
  const parts = spanParts(leftMs);
  const eyebrow = soon ? words.hero.soon : first ? words.hero.first : words.hero.next;
  const digits =
    parts.days > 0
      ? new Intl.NumberFormat(format.locale, { style: "unit", unit: "day", unitDisplay: "long" }).format(
          parts.days,
        )
      : countdown(leftMs);
  return (
    <>
      <StageText eyebrow={eyebrow} title={text(titleOf(coming))}>
        <p class="stage-fact strong">
          {words.hero.opensAt(parts.days > 0 ? format.moment(atMs) : format.clock(atMs))}
        </p>
        {coming.type === "round" ? (
          <RoundFacts round={coming.round} open={false} />
        ) : (
          <>
            <p class="stage-fact">{words.rain.each}</p>
            <CheckLine what={coming.rain.pool} asked={coming.rain.botCheck} open={false} />
          </>
        )}
      </StageText>
      <Gate progress={soon ? 1 - leftMs / SOON_MS : 0} tone={soon ? "open" : "calm"}>
        <p class="gate-small">{words.hero.untilOpen}</p>
        <p class={digits.length > 5 ? "digits long" : "digits"} role="timer">
          {digits}
        </p>
      </Gate>
      <StageMore>
        <ComingPrize pool={coming.type === "round" ? coming.round.pool : coming.rain.pool} />
        {coming.type === "round" && <ShakeOffer />}
      </StageMore>
    </>
  );
}

/** What can be won next: picture, name, worth. */
function ComingPrize({ pool }: { readonly pool: string }) {
  const { words, format, text, state } = usePage();
  const prize = state.show?.prizes.find((each) => each.pool === pool);
  if (prize === undefined) return null;
  return (
    <div class="coming">
      <img src={pictureOf(prize)} alt="" width={80} height={80} />
      <div>
        <p class="coming-title">{text(prize.title)}</p>
        <p class="stage-fact">
          {words.prizes.worth(format.money(prize.worth))}
          <span class="coming-price">
            {" · "}
            {prize.price.amountMinor > 0
              ? words.prizes.payOnly(format.money(prize.price))
              : words.prizes.free}
          </span>
        </p>
      </div>
    </div>
  );
}

function Held({ coming }: { readonly coming: Coming }) {
  const { words, text } = usePage();
  return (
    <>
      <StageText eyebrow={words.hero.held} title={text(titleOf(coming))}>
        <p class="stage-fact">{words.hero.heldMore}</p>
      </StageText>
      <Gate progress={0} tone="calm">
        <span class="gate-sign">
          <Icon name="clock" />
        </span>
      </Gate>
      <StageMore />
    </>
  );
}
