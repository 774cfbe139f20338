import type { PrizeView, StudioPoolView } from "@wanhui/protocol";
import { useState } from "react";
import { useDesk } from "./context.tsx";
import { pendingChange } from "./pending-change.ts";
import { POOL_PARTS, PoolBar } from "./pool-bar.tsx";
import type { PoolAction } from "./pool-change.ts";
import { PoolDialog } from "./pool-dialog.tsx";

type Asked = { readonly pool: StudioPoolView; readonly title: string; readonly action: PoolAction };

/** Every pool with where its units are; operators restock and withdraw. */
export function Pools() {
  const { words, text, view, isOperator } = useDesk();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [said, setSaid] = useState("");
  const prizes = new Map(view.show.prizes.map((prize) => [prize.pool, prize]));
  return (
    <section className="panel pools" aria-labelledby="pools-title">
      <h2 id="pools-title">{words.pools.title}</h2>
      <p className="said" role="status">
        {said}
      </p>
      {view.pools.length === 0 && <p className="soft">{words.pools.empty}</p>}
      {view.pools.length > 0 && !isOperator && <p className="soft">{words.pools.readOnly}</p>}
      <ul className="pool-list">
        {view.pools.map((pool) => {
          const prize = prizes.get(pool.pool);
          const title = prize === undefined ? pool.pool : text(prize.title);
          const ask = (action: PoolAction) => setAsked({ pool, title, action });
          return <PoolCard key={pool.pool} pool={pool} title={title} prize={prize} onAsk={ask} />;
        })}
      </ul>
      {asked !== null && (
        <PoolDialog
          {...asked}
          // The numbers of now, not of when it was opened.
          pool={view.pools.find(({ pool }) => pool === asked.pool.pool) ?? asked.pool}
          onClose={() => setAsked(null)}
          onDone={(words) => {
            setAsked(null);
            setSaid(words);
          }}
        />
      )}
    </section>
  );
}

function PoolCard(props: {
  readonly pool: StudioPoolView;
  readonly title: string;
  readonly prize: PrizeView | undefined;
  readonly onAsk: (action: PoolAction) => void;
}) {
  const { words, isOperator } = useDesk();
  const { pool, title, prize } = props;
  const picture = prize?.picture ?? null;
  return (
    <li className="pool">
      <div className="pool-head">
        {picture !== null && <img className="pool-picture" src={picture} alt="" loading="lazy" />}
        <div>
          <h3>{title}</h3>
          <p className="soft">{pool.pool}</p>
        </div>
      </div>
      <PoolBar pool={pool} title={title} />
      <PoolNumbers pool={pool} />
      {isOperator && <PoolActs pool={pool} title={title} onAsk={props.onAsk} />}
      {isOperator && pendingChange(pool.pool) !== null && <p className="trouble">{words.pools.pending}</p>}
    </li>
  );
}

function PoolNumbers({ pool }: { readonly pool: StudioPoolView }) {
  const { words, format } = useDesk();
  const { parts, openAwards, heldByDraw, promised } = words.pools;
  const held = [
    ...(pool.openAwards > 0 ? [openAwards(pool.openAwards)] : []),
    ...(pool.heldByDraw > 0 ? [heldByDraw(pool.heldByDraw)] : []),
    ...(pool.promised > 0 ? [promised(pool.promised)] : []),
  ];
  return (
    <>
      <dl className="pool-numbers">
        {(["units", ...POOL_PARTS] as const).map((part) => (
          <div key={part}>
            <dt>
              {part !== "units" && <span className={`swatch part-${part}`} aria-hidden="true" />}
              {parts[part]}
            </dt>
            <dd>{format.number(pool[part])}</dd>
          </div>
        ))}
      </dl>
      {held.length > 0 && <p className="soft">{words.pools.of(parts.held, format.list(held))}</p>}
    </>
  );
}

function PoolActs(props: {
  readonly pool: StudioPoolView;
  readonly title: string;
  readonly onAsk: (action: PoolAction) => void;
}) {
  const { words } = useDesk();
  const { pool, title } = props;
  const pending = pendingChange(pool.pool);
  // While a change is unanswered only that one can be asked again.
  const mayRestock = pending === null || pending.delta > 0;
  const mayWithdraw = pending === null ? pool.free > 0 : pending.delta < 0;
  return (
    <p className="pool-acts">
      <button
        type="button"
        className="button small"
        aria-label={words.pools.of(words.pools.restock, title)}
        disabled={!mayRestock}
        onClick={() => props.onAsk("restock")}
      >
        {words.pools.restock}
      </button>
      <button
        type="button"
        className="button small"
        aria-label={words.pools.of(words.pools.withdraw, title)}
        disabled={!mayWithdraw}
        title={pool.free === 0 ? words.pools.nothingFree : undefined}
        onClick={() => props.onAsk("withdraw")}
      >
        {words.pools.withdraw}
      </button>
    </p>
  );
}
