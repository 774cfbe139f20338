import type { AwardAction, StudioAwardView } from "@wanhui/protocol";
import { countdown } from "../shared/format.ts";
import { useDesk } from "./context.tsx";

/** Characters of a pseudonym that tell people apart on a screen; the whole one is its title. */
const NAME_CHARACTERS = 8;
/** Older than this an award is told by its day, else by its second. */
const TODAY_MS = 20 * 3_600_000;

/** From here on days say more than hours. */
const DAYS_FROM_MS = 48 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

/** A winner's short name. */
export const shortName = (winner: string) => winner.slice(0, NAME_CHARACTERS);

/** What was won, in the page's language. */
export function useAwardTitle(): (award: StudioAwardView) => string {
  const { text } = useDesk();
  return (award) => (award.title === null ? award.pool : text(award.title));
}

/** One award: what, who, when, until when, and what can be done to it. */
export function AwardRow(props: {
  readonly award: StudioAwardView;
  readonly onAct: (award: StudioAwardView, action: AwardAction) => void;
}) {
  const { words, isOperator } = useDesk();
  const { award } = props;
  const title = useAwardTitle()(award);
  const actions = isOperator ? award.actions : [];
  return (
    <li className="award">
      <div className="award-head">
        <h3>{title}</h3>
        <span className={`state award-${award.state}`}>{words.awards.states[award.state]}</span>
      </div>
      <AwardFacts award={award} />
      {award.reason !== null && <p className="soft award-reason">{award.reason}</p>}
      {actions.length > 0 && (
        <p className="award-acts">
          {actions.map((action) => (
            <button
              key={action}
              type="button"
              className="button small"
              aria-label={words.awards.of(words.awards[action], title, shortName(award.winner))}
              onClick={() => props.onAct(award, action)}
            >
              {words.awards[action]}
            </button>
          ))}
        </p>
      )}
    </li>
  );
}

function AwardFacts({ award }: { readonly award: StudioAwardView }) {
  const { words, format, text, view } = useDesk();
  const { nowMs, rounds } = view.show;
  const round = rounds.find(({ draw }) => draw === award.draw);
  const source = round === undefined ? (award.draw ?? words.awards.grabbed) : text(round.title);
  const window = award.window === null ? "" : ` · ${words.awards.window(award.window)}`;
  const said = nowMs - award.wonAtMs < TODAY_MS ? format.clock : format.moment;
  return (
    <dl className="award-facts">
      <div>
        <dt>{words.awards.winner}</dt>
        <dd>
          <code title={award.winner}>{shortName(award.winner)}</code>
        </dd>
      </div>
      <div>
        <dt>{words.awards.wonAt}</dt>
        <dd>
          {said(award.wonAtMs)}
          <span className="soft">
            {" "}
            {source}
            {window}
          </span>
        </dd>
      </div>
      {award.claimByMs !== null && <Deadline award={award} claimByMs={award.claimByMs} nowMs={nowMs} />}
      <div className="award-id">
        <dt>{words.awards.id}</dt>
        <dd>
          <code>{award.awardId}</code>
        </dd>
      </div>
    </dl>
  );
}

function Deadline(props: {
  readonly award: StudioAwardView;
  readonly claimByMs: number;
  readonly nowMs: number;
}) {
  const { words, format } = useDesk();
  const { award, claimByMs, nowMs } = props;
  const isOpen = award.state === "held";
  const leftMs = claimByMs - nowMs;
  const span = leftMs < DAYS_FROM_MS ? countdown(leftMs) : words.awards.days(Math.floor(leftMs / DAY_MS));
  return (
    <div>
      <dt>{words.awards.claimBy}</dt>
      <dd>
        {format.moment(claimByMs)}
        {isOpen && <span className="soft"> {words.in(span)}</span>}
        {isOpen && !award.actions.includes("extend") && (
          <span className="soft"> · {words.awards.extendedBefore}</span>
        )}
      </dd>
    </div>
  );
}
