import type { PrizeView } from "@wanhui/protocol";
import { proofUrl, verifyPageUrl } from "../../shared/links.ts";
import { inVenue, prizeFacts } from "../model/prizes.ts";
import { MINUTE_HAND_MS, useNow, usePage } from "./page.tsx";

/** Pictures stand in for prizes that bring none. */
export function pictureOf(prize: PrizeView): string {
  return prize.picture ?? `/art/${prize.kind}.svg`;
}

/** Tonight's prizes of one venue. */
export function PrizeWall(props: { readonly venue: string; readonly onVenue: (venue: string) => void }) {
  const { words, state } = usePage();
  const { show } = state;
  if (show === null) return null;
  const prizes = show.prizes.filter((prize) => inVenue(show, prize, props.venue));
  return (
    <section class="part prizes" id="prizes" aria-labelledby="prizes-title">
      <h2 id="prizes-title">{words.prizes.title}</h2>
      {show.venues.length > 1 && <VenueTabs {...props} />}
      <div
        {...(show.venues.length > 1
          ? { role: "tabpanel", id: "venue-panel", "aria-labelledby": `venue-${props.venue}` }
          : {})}
      >
        {prizes.length === 0 ? (
          <p class="empty">{words.prizes.empty}</p>
        ) : (
          <ul class="wall">
            {prizes.map((prize) => (
              <PrizeCard key={prize.pool} prize={prize} />
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function VenueTabs(props: { readonly venue: string; readonly onVenue: (venue: string) => void }) {
  const { words, state, text } = usePage();
  const venues = state.show?.venues ?? [];
  const step = (by: number) => {
    const at = venues.findIndex((venue) => venue.slug === props.venue);
    const next = venues[(at + by + venues.length) % venues.length];
    if (next === undefined) return;
    props.onVenue(next.slug);
    document.getElementById(`venue-${next.slug}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={words.prizes.venues}>
      {venues.map((venue) => {
        const chosen = venue.slug === props.venue;
        return (
          <button
            key={venue.slug}
            type="button"
            role="tab"
            id={`venue-${venue.slug}`}
            aria-selected={chosen}
            aria-controls="venue-panel"
            tabIndex={chosen ? 0 : -1}
            onClick={() => props.onVenue(venue.slug)}
            onKeyDown={(event) => {
              if (event.key === "ArrowRight") step(1);
              if (event.key === "ArrowLeft") step(-1);
            }}
          >
            {text(venue.title)}
          </button>
        );
      })}
    </div>
  );
}

function PrizeCard({ prize }: { readonly prize: PrizeView }) {
  const { words, format, text, state } = usePage();
  const nowMs = useNow(MINUTE_HAND_MS);
  const { show } = state;
  if (show === null) return null;
  const facts = prizeFacts(show, prize, (draw) => state.lastDrawn[draw] ?? null, nowMs);
  const share = prize.promised === 0 ? 0 : facts.left / prize.promised;
  const title = text(prize.title);
  return (
    <li class={facts.left === 0 ? "prize gone" : "prize"}>
      <div class="prize-picture">
        <img src={pictureOf(prize)} alt="" width={320} height={320} loading="lazy" decoding="async" />
        <span class={`chip ${prize.kind}`}>{words.prizes.kinds[prize.kind]}</span>
      </div>
      <div class="prize-text">
        <h3>{title}</h3>
        <p class="prize-price">
          {prize.price.amountMinor > 0 ? words.prizes.payOnly(format.money(prize.price)) : words.prizes.free}
        </p>
        <p class="prize-worth">
          {words.prizes.worth(format.money(prize.worth))}
          {prize.sponsor !== null && ` · ${words.prizes.sponsor(text(prize.sponsor))}`}
        </p>
        <div class="left">
          <span class="left-bar" aria-hidden="true">
            <span style={{ inlineSize: `${Math.round(share * 100)}%` }} />
          </span>
          <span>{facts.left === 0 ? words.prizes.gone : words.prizes.left(facts.left, prize.promised)}</span>
        </div>
        <ul class="prize-odds">
          <Odds facts={facts} />
        </ul>
        {facts.round !== null && (
          <a
            class="link"
            href={
              facts.round.drawnThrough > 0 ? verifyPageUrl(facts.round.draw) : `#proof-${facts.round.slug}`
            }
            aria-label={words.prizes.proofOf(title)}
          >
            {words.prizes.proof}
          </a>
        )}
      </div>
    </li>
  );
}

function Odds({ facts }: { readonly facts: ReturnType<typeof prizeFacts> }) {
  const { words } = usePage();
  if (facts.round === null) return facts.grabbed ? <li>{words.prizes.grabbed}</li> : null;
  return (
    <>
      {facts.nextUnits !== null && <li>{words.prizes.nextWindow(facts.nextUnits)}</li>}
      <li>
        {facts.last !== null
          ? words.prizes.lastOdds(facts.last.entries, facts.last.units)
          : facts.round.drawnThrough > 0
            ? words.hero.watchedMore(facts.round.entries, facts.round.winners)
            : words.prizes.noOdds}
      </li>
    </>
  );
}

/** Every round's proof: progress, check, download. */
export function Proofs() {
  const { words, state, text, format } = usePage();
  const { show } = state;
  if (show === null) return null;
  return (
    <section class="part proofs" id="proofs" aria-labelledby="proofs-title">
      <h2 id="proofs-title">{words.proofs.title}</h2>
      <p class="lead">{show.beacon.level === "dev" ? words.proofs.leadDev : words.proofs.lead}</p>
      <ul class="proof-list">
        {show.rounds.map((round) => {
          const title = text(round.title);
          const drawn = round.drawnThrough > 0;
          return (
            <li key={round.draw} id={`proof-${round.slug}`}>
              <div>
                <p class="proof-title">{title}</p>
                <p class="proof-state">
                  {format.minute(round.opensAtMs)} ·{" "}
                  {drawn
                    ? words.proofs.progress(
                        Math.min(round.drawnThrough, round.schedule.length),
                        round.schedule.length,
                      )
                    : words.proofs.notYet}
                  {round.level !== null && ` · ${words.proofs.levels[round.level]}`}
                </p>
                {round.reason !== null && <p class="proof-state">{words.hero.reason(round.reason)}</p>}
              </div>
              {drawn && (
                <p class="proof-links">
                  <a
                    class="button small"
                    href={verifyPageUrl(round.draw)}
                    aria-label={words.proofs.openOf(title)}
                  >
                    {words.proofs.open}
                  </a>
                  <a
                    class="button small plain"
                    href={proofUrl(round.draw)}
                    download
                    aria-label={words.proofs.downloadOf(title)}
                  >
                    {words.proofs.download}
                  </a>
                </p>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
